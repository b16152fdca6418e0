"""A well-known section is declared with flags that contradict its name.

## What it does

Reports `.section` with a name that the assembler and linkers know (`.text`, `.data`, `.rodata`,
`.bss` and their dotted descendants, `.init_array` and so on) and permissions other than the ones
the name stands for. `.note.GNU-stack` with `x`, and notes that are allocated, are what they say.

## Why is this bad?

Linker scripts place sections by name. A `.rodata` with `x` goes to the segment of constants and
either makes it executable or is not executable; a `.text` with `w` makes the whole code segment
writable.

## Example

```asm
.section .rodata,"ax",@progbits
```

## Fix

```asm
.section .rodata,"a",@progbits
```

or a name of its own for the section.

## Source

gABI, *Special Sections*; GNU as 2.40, which warns about "setting incorrect section attributes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.model import AssemblyModel

_PERMISSIONS = "awxT"


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a line."""
    from orobuild.assembler.section import defaults
    from orobuild.lint.source.reader import letters

    for declaration in model.reading.declarations:
        usual_section = defaults(declaration.name, 64)
        if declaration.flags is None or usual_section is None:
            continue
        usual = letters(usual_section.sh_flags)
        given = "".join(f for f in _PERMISSIONS if f in declaration.flags)
        if given == usual or "?" in declaration.flags:
            continue
        if not usual and (given == "a" or not given or declaration.name == ".note.GNU-stack"):
            continue
        yield model.finding(
            f"section '{declaration.name}' with flags \"{declaration.flags}\" contradicts its name, "
            f'which means "{usual}"',
            declaration.place,
            hint=f'write "{usual}", or choose a name of your own for the section',
            section=declaration.use,
            symbol=declaration.name,
        )


RULE = Rule(
    "ASM009",
    "contradicting-flags",
    __doc__,
    check,
    severity=Severity.WARNING,
    scope=Scope.SOURCE,
)
