"""An object defines a function in a section that is not executable.

## What it does

Reports each symbol of type STT_FUNC that is defined in a section without SHF_EXECINSTR.

## Why is this bad?

The symbol says code, the section says data, and the linker believes the section: whoever calls
the function takes an instruction-fetch page fault. See `SEG017`.

## Example

```gas
    .section .isr           # no flags
    .type timer, @function
timer: iretq
```

## Fix

```gas
    .section .isr, "ax", @progbits
    .type timer, @function
timer: iretq
```

## Source

gABI, Symbol Table, STT_FUNC, and Sections, SHF_EXECINSTR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.elf.constants import SHN_LORESERVE, STT_FUNC, STT_GNU_IFUNC
from orobuild.lint.program.segments import describe_section
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.relocatable import RelocatableModel


def check(model: RelocatableModel) -> Iterator[Finding]:
    """One finding a section, naming its first function and how many there are."""
    by_section: dict[int, list[str]] = {}
    for symbol in model.elf.symbols:
        index = symbol.st_shndx
        is_function = symbol.type in (STT_FUNC, STT_GNU_IFUNC)
        if not is_function or not 0 < index < min(len(model.elf.sections), SHN_LORESERVE):
            continue
        if not model.elf.sections[index].is_executable:
            by_section.setdefault(index, []).append(symbol.name)
    for index, names in by_section.items():
        section = model.elf.sections[index]
        more = f" and {len(names) - 1} more are" if names[1:] else " is"
        yield model.finding(
            f"function {names[0]}{more} in section {describe_section(section)}, which is not "
            "executable: calling it is a page fault",
            hint=f'write `.section {section.name}, "ax"`, or say `.type NAME, @object` of data',
            symbol=names[0],
            section=section,
        )


RULE = Rule("OBJ002", "function-in-data-section", __doc__, check, scope=Scope.OBJECT)
