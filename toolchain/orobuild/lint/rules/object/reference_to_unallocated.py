"""Code or data that is loaded refers to a section that is not.

## What it does

Reports each reference from an allocated section to a symbol that the same object defines in a
section without SHF_ALLOC.

## Why is this bad?

A section without the `a` flag has no address: the linker resolves the reference to an offset from
0. A call becomes a call to address 0, a pointer a null pointer. GNU ld and lld link it without a
warning. It is what `.section NAME` without flags makes of a name that the assembler does not know.

## Example

```gas
    .section .isr_table     # no flags: not allocated
table: .quad isr_0
    .text
    mov $table, %rdi
```

## Fix

```gas
    .section .isr_table, "a", @progbits
table: .quad isr_0
```

## Source

gABI, Sections, SHF_ALLOC; GNU as manual §7.99 `.section`: unknown names have no flags.
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
    """One finding a section that is referred to; branches are left to `OBJ001`."""
    wrong: dict[int, list[Reference]] = {}
    for reference in model.references:
        if not reference.target.is_alloc and not reference.is_branch:
            wrong.setdefault(reference.target.index, []).append(reference)
    for references in wrong.values():
        first = references[0]
        name = "it" if first.symbol.type == STT_SECTION else first.symbol.name
        more = f" and {len(references) - 1} more places" if references[1:] else ""
        yield model.finding(
            f"{model.place(first.section, first.offset)}{more} refers to {name} in section "
            f"{describe_section(first.target)}, which is not allocated: its address will be an "
            "offset from 0",
            hint=f'write the flags: .section {first.target.name}, "a" (or "aw", "ax")',
            symbol=None if name == "it" else name,
            section=first.target,
        )


RULE = Rule("OBJ004", "reference-to-unallocated", __doc__, check, scope=Scope.OBJECT)
