"""A section that holds only data is given the flag `x`.

## What it does

Reports a custom section, or one named for data, that is declared with `x` and receives data and
no instruction anywhere in the file. Embedded files (`.incbin`) and `.text*` are left alone: bytes
there may be code. So is a file with `.code16`: real mode knows no permissions, and a boot sector
is one piece.

## Why is this bad?

The linker puts the section into the executable segment. Every byte of it can be executed: tables
of attacker-chosen values are a gift, and a jump that goes wrong does not fault.

## Example

```asm
.section .config,"ax",@progbits
version: .long 3
```

## Fix

```asm
.section .config,"a",@progbits
version: .long 3
```

Bytes that are written as data may be instructions that the assembler does not know; then select
the rule away for the file.

## Fix safety

Unsafe: if code elsewhere jumps into this data after all, that becomes a page fault.

## Source

gABI, *Section Attribute Flags*: SHF_EXECINSTR, "this section contains executable machine
instructions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.finding import Edit, Fix
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.events import Declaration
    from orobuild.lint.source.model import AssemblyModel

_CODE = (".text", ".init", ".fini", ".plt", ".head", ".entry", ".exit", ".code")


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a section."""
    if not model.is_certain or any(e.word == ".code16" for e in model.events):
        return
    told = set()
    for declaration in model.reading.declarations:
        section = declaration.use
        if section in told or "x" not in (section.flags or "") or "text" in section.name:
            continue
        contents = model.contents.get(section, [])
        if section.name.startswith(_CODE) or not contents:
            continue
        if any(e.kind is not Kind.DATA or e.word == ".incbin" for e in contents):
            continue
        if declaration.flags is None:
            continue
        told.add(section)
        flags = declaration.flags
        yield model.finding(
            f"section '{section.name}' is executable (\"{flags}\") and holds only data",
            declaration.place,
            hint=f'declare it with "{flags.replace("x", "")}"',
            section=section,
            symbol=section.name,
            fix=_fix(model, declaration),
        )


def _fix(model: AssemblyModel, declaration: Declaration) -> Fix | None:
    """The flags without `x`, where the line holds them as they are."""
    place, flags = declaration.place, declaration.flags
    line = model.line(place.line)
    at = line.find(f'"{flags}"')
    if flags is None or at < 0 or line.count(f'"{flags}"') != 1 or not place.direct:
        return None
    edit = Edit(place.line, at + 2, place.line, at + 2 + len(flags), flags.replace("x", ""))
    return Fix("take the flag 'x' away", (edit,), safe=False)


RULE = Rule(
    "ASM007",
    "executable-data-section",
    __doc__,
    check,
    severity=Severity.WARNING,
    scope=Scope.SOURCE,
    fixable=True,
)
