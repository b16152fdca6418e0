"""Code or data stands before any section directive.

## What it does

Reports the first instruction or data of an assembly file that no section directive precedes.
Directives in macros and in included files count. After a macro from a header that cannot be read,
nothing is reported: it may have chosen a section. A file named `.inc` is a part of others, which
choose the section for it; so is one that an assembly source beside it, or among those that are
checked with it, includes. The defect is then reported for the file that includes it.

## Why is this bad?

Nothing says where the code belongs: GNU as assumes `.text`, but the author did not say so. When
such code is moved into another file or into inline assembly, it goes wherever the assembler
happened to be writing, and interrupt stubs end up in read-only data.

## Example

```asm
.globl isr32
isr32:
    push $32
    jmp  isr_common
```

## Fix

```asm
.section .text,"ax",@progbits
.globl isr32
isr32:
    push $32
    jmp  isr_common
```

## Fix safety

Safe: `.text` is put where the file is in `.text` already, so it assembles to the same bytes.

## Source

GNU as manual §7.92 `.section` and §4 *Sections and Relocation*: `.text` without a directive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.finding import Fix, insertion
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.events import Event
    from orobuild.lint.source.model import AssemblyModel

_TEXT = '.section .text,"ax",@progbits'


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a file, or a block outside functions."""
    if not model.is_embedded:
        findings = list(_check(model, model.events, ""))
        if findings and not model.is_fragment:
            yield from findings
    for block in model.reading.blocks:
        if block.at_file_scope:
            events = model.events[block.events.start : block.events.stop]
            yield from _check(model, events, "; it goes where the compiler happens to be")


def _check(model: AssemblyModel, events: Sequence[Event], more: str) -> Iterator[Finding]:
    first: Event | None = None
    for event in events:
        if event.chosen or event.section is None:
            continue
        if event.kind is Kind.UNKNOWN:
            return
        if event.kind in (Kind.INSTRUCTION, Kind.DATA):
            first = event
            break
    if first is None:
        return
    what = "instruction" if first.kind is Kind.INSTRUCTION else "data"
    of = f" of '{first.label}'" if first.label else ""
    yield model.finding(
        f"{what}{of} before any section directive: nothing says where it belongs{more}",
        first.place,
        hint=f"write '{_TEXT}' (or the section that you mean) above it",
        symbol=first.label,
        fix=_fix(model, first),
    )


def _fix(model: AssemblyModel, first: Event) -> Fix | None:
    """`.text` above the labels of the first instruction, where no preprocessor decides about it."""
    if model.is_embedded or first.kind is not Kind.INSTRUCTION:
        return None
    if first.conditional or not first.place.direct:
        return None
    at = model.events.index(first)
    while at > 0 and model.events[at - 1].kind is Kind.LABEL and _is_plain(model.events[at - 1]):
        at -= 1
    line = model.events[at].place.line
    if line > 1 and model.line(line - 1).rstrip().endswith("\\"):
        return None
    return Fix("put '.text' above it", (insertion(line, ".text\n"),), safe=True)


def _is_plain(event: Event) -> bool:
    return event.place.direct and not event.conditional


RULE = Rule("ASM001", "code-before-section", __doc__, check, scope=Scope.SOURCE, fixable=True)
