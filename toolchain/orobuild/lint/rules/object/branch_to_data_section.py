"""A direct call or jump in an object goes to a section that is not executable.

## What it does

Looks at the relocations of the object's executable sections that are operands of a direct call,
jump or conditional branch, and reports those whose symbol the same object defines in a section
without SHF_EXECINSTR.

## Why is this bad?

No linker objects, and wherever the linker puts that section, it is not with the code: see
`SEG001`, which says the same of the linked image. Here it is found in the object that caused it.

## Example

```gas
    .section .rodata
limits: .quad 0, 0xffff
isr_common:                 # no .section line
    iretq
    .text
isr_32: jmp isr_common
```

## Fix

```gas
    .section .text, "ax"
isr_common:
```

## Source

gABI, Sections, SHF_EXECINSTR; psABI AMD64 §4.4, R_X86_64_PLT32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.elf.constants import STT_SECTION
from orobuild.lint.program.segments import describe_section
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.relocatable import Reference, RelocatableModel


def check(model: RelocatableModel) -> Iterator[Finding]:
    """One finding a target, with the first branch and how many there are."""
    wrong: dict[tuple[int, str], list[Reference]] = {}
    for reference in model.references:
        if reference.is_branch and not reference.target.is_executable:
            wrong.setdefault((reference.target.index, reference.symbol.name), []).append(reference)
    for references in wrong.values():
        first = references[0]
        is_section = first.symbol.type == STT_SECTION
        name = "code" if is_section else first.symbol.name
        more = f", and {len(references) - 1} more," if references[1:] else ""
        place = model.place(first.section, max(0, first.offset - 1))
        fate = "not executable" if first.target.is_alloc else "not even allocated"
        yield model.finding(
            f"the branch at {place}{more} goes to {name} in section "
            f"{describe_section(first.target)}, which is {fate}: running it is a page fault",
            hint=f'write `.section {first.target.name}, "ax"`, or move the code to .text',
            symbol=None if is_section else first.symbol.name,
            section=first.target,
        )


RULE = Rule("OBJ001", "branch-to-data-section", __doc__, check, scope=Scope.OBJECT)
