"""A section is declared twice with different flags.

## What it does

Reports a `.section` line whose flags differ from those of an earlier line for the same name in
the same file. The order of letters does not matter; a line without flags repeats the earlier
ones. Sections in groups and with `unique` are told apart by more than their name and are left
alone.

## Why is this bad?

Only the first declaration counts. GNU as keeps its flags and warns or fails depending on
version; the author of the second line thinks that the section is something that it is not.

## Example

```asm
.section .boot,"a",@progbits
.long 1
.section .boot,"ax",@progbits
entry: cli
```

## Fix

Give the sections the same flags, or different names:

```asm
.section .boot.data,"a",@progbits
.long 1
.section .boot.text,"ax",@progbits
entry: cli
```

## Source

GNU as 2.40, gas/config/obj-elf.c: "changed section attributes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Note
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.events import Declaration
    from orobuild.lint.source.model import AssemblyModel


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a name."""
    first: dict[str, Declaration] = {}
    told: set[str] = set()
    for declaration in model.reading.declarations:
        flags = declaration.flags
        if flags is None or set(flags) & {"G", "?", "o"} or declaration.conditional:
            continue
        name = declaration.name
        statement = declaration.place.frame.statements[declaration.place.index]
        if "unique" in statement:
            continue
        earlier = first.setdefault(name, declaration)
        if name in told or set(earlier.flags or "") == set(flags):
            continue
        told.add(name)
        yield model.finding(
            f"section '{name}' is declared again with other flags: \"{flags}\" here, "
            f'"{earlier.flags}" before',
            declaration.place,
            hint="only the first declaration counts: repeat its flags, or choose another name",
            notes=[Note("the first declaration", earlier.place.span)],
            section=declaration.use,
            symbol=name,
        )


RULE = Rule("ASM011", "redeclared-section", __doc__, check, scope=Scope.SOURCE)
