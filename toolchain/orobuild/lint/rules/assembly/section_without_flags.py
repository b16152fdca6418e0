"""A custom section has no flags.

## What it does

Reports `.section NAME` without a flags string, for a name that the assembler has no defaults for
and that gets no flags elsewhere in the file. Sections for tools (`.debug*`, `.comment`,
`.discard*`, `.stab*`, `.gnu.*`) may be without.

## Why is this bad?

A section without flags is not allocated: nothing in it is in memory when the program runs. GNU ld
links references to it without a word.

## Example

```asm
.section .isr
isr32:
    push $32
```

## Fix

```asm
.section .isr,"ax",@progbits
isr32:
    push $32
```

For data, `"aw"`, or `"a"` if it is constant.

## Fix safety

Unsafe: the section becomes part of the program's memory, which is what is missing; `"ax"` is
chosen if it holds instructions, `"aw"` if not.

## Source

GNU as manual §7.92 `.section`: "If no flags are specified, the default flags depend upon the
section name"; an unrecognised name has none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orobuild.lint.finding import Edit, Fix
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.events import Declaration
    from orobuild.lint.source.model import AssemblyModel

_TOOLS = (".debug", ".comment", ".discard", ".stab", ".gnu.", ".gnu_", ".line", ".ident", ".oro.")


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a section."""
    told = set()
    for declaration in model.reading.declarations:
        section = declaration.use
        if section.declared or section.known or section in told or not declaration.readable:
            continue
        if section.name.startswith(_TOOLS) or section.name.startswith("/"):
            continue
        told.add(section)
        kinds = {e.kind for e in model.contents.get(section, ())}
        code = Kind.INSTRUCTION in kinds
        usual = '"ax"' if code else '"aw" (or "a" for constants)'
        yield model.finding(
            f"section '{section.name}' has no flags: it is not allocated, so nothing in it is in "
            "memory",
            declaration.place,
            hint=f"write .section {section.name},{usual},@progbits",
            section=section,
            symbol=section.name,
            fix=_fix(model, declaration, "ax" if code else "aw"),
        )


def _fix(model: AssemblyModel, declaration: Declaration, flags: str) -> Fix | None:
    """The flags behind the name, where the line says nothing but that."""
    place = declaration.place
    line = model.line(place.line)
    pattern = rf"[ \t]*{re.escape(declaration.word)}[ \t]+{re.escape(declaration.name)}(?=[ \t]*(?:$|[#;/\r]))"
    match = re.match(pattern, line)
    if match is None or not place.direct or declaration.conditional:
        return None
    column = match.end() + 1
    edit = Edit(place.line, column, place.line, column, f',"{flags}",@progbits')
    return Fix(f'give it the flags "{flags}"', (edit,), safe=False)


RULE = Rule("ASM008", "section-without-flags", __doc__, check, scope=Scope.SOURCE, fixable=True)
