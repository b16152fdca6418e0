"""A macro is defined inside a section and expanded outside it, so that the section stays empty.

## What it does

Reports a section that receives nothing but macro *definitions*, when one of those macros is
expanded while another section is current (or none was chosen).

## Why is this bad?

The section line looks as if it decided where the code goes. It does not: a macro's body goes
where the macro is expanded. The section stays empty, and the code is in a section that nobody
chose for it.

## Example

```asm
.section .text.isr,"ax",@progbits
.macro isr number
    push $\\number
    jmp  isr_common
.endm
.section .rodata
isr 32
```

## Fix

Choose the section where the macro is expanded, or inside the macro:

```asm
.macro isr number
    push $\\number
    jmp  isr_common
.endm
.section .text.isr,"ax",@progbits
isr 32
```

## Source

GNU as manual §7.66 `.macro`: a definition generates no assembly output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Note
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.events import SectionUse
    from orobuild.lint.source.model import AssemblyModel


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a section."""
    if not model.is_certain:
        return
    chosen = {d.use for d in model.reading.declarations} | {
        e.section for e in model.events if e.kind is Kind.SECTION
    }
    filled = {e.section for e in model.events if e.kind is not Kind.SECTION}
    for section in model.reading.sections:
        if section in chosen and section not in filled and section.macros:
            finding = _check(model, section)
            if finding is not None:
                yield finding


def _check(model: AssemblyModel, section: SectionUse) -> Finding | None:
    defined = {name.lower(): (name, place) for name, place in section.macros}
    for expansion in model.reading.expansions:
        if expansion.name.lower() not in defined or expansion.section in (section, None):
            continue
        outside = expansion.section
        assert outside is not None
        if not _emits(model, expansion.place.line, outside):
            continue
        name, place = defined[expansion.name.lower()]
        where = f"in section '{outside.name}'" if expansion.chosen else "before any section line"
        return model.finding(
            f"section '{section.name}' stays empty: macro '{name}' is defined in it, but expanded "
            f"{where}",
            section.first,
            hint=f"put the section line where '{name}' is expanded, or into its body",
            notes=[
                Note(f"'{name}' is defined here", place.span),
                Note(f"and expanded here, {where}", expansion.place.span),
            ],
            symbol=name,
            section=section,
        )
    return None


def _emits(model: AssemblyModel, line: int, section: SectionUse) -> bool:
    """Whether the expansion at `line` put anything into the section that was current there."""
    return any(
        e.place.line == line and not e.place.direct and e.section is section
        for e in model.events
        if e.kind in (Kind.INSTRUCTION, Kind.DATA)
    )


RULE = Rule("ASM004", "macro-defined-in-section", __doc__, check, scope=Scope.SOURCE)
