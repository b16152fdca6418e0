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

## Source

GNU as manual §7.92 `.section`: "If no flags are specified, the default flags depend upon the
section name"; an unrecognised name has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
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
        )


RULE = Rule("ASM008", "section-without-flags", __doc__, check, scope=Scope.SOURCE)
