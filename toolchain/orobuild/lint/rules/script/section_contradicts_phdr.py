"""A section's name promises permissions that its program header does not give, or too many.

## What it does

Compares each output section, and the input patterns inside it, with the `FLAGS` of the PT_LOAD
header that it goes to (also when it inherits the header of the section before it): `.text` needs
X and must not have W, `.data` and `.bss` need W and must not have X, `.rodata` has neither. Names
that say nothing are passed.

## Why is this bad?

Code in a segment without X faults when it is run, data in one without W when it is written; both
work until page tables are built from the program headers. A section that names no header gets
the previous one's, which is how interrupt stubs come to lie behind `.rodata`.

## Example

```ld
.rodata : { *(.rodata .rodata.*) } :rodata
.isr    : { *(.text.isr) }              /* still :rodata */
```

## Fix

```ld
.isr    : { *(.text.isr) } :text
```

## Source

GNU ld manual §3.8 PHDRS; gABI, Sections, special sections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.elf.constants import PF_W, PF_X
from orobuild.elf.descriptions import segment_flags
from orobuild.linker.script.nodes import InputStatement
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.script import usual_permissions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.diagnostics import Span
    from orobuild.lint.finding import Finding
    from orobuild.lint.script import PlacedSection, ScriptModel


def check(model: ScriptModel) -> Iterator[Finding]:
    """One finding a name; the output section's own name first, then its patterns."""
    for placed in model.sections:
        if placed.load is None or placed.load.flags is None:
            continue
        for name, span in _names(placed):
            expected = usual_permissions(name)
            if expected is None:
                continue
            wrong = (placed.load.flags ^ expected) & (PF_W | PF_X)
            if wrong:
                inherited = "" if placed.section.phdrs is not None else ", inherited"
                yield model.finding(
                    f"{name} goes to {placed.load}{inherited}, but its name promises "
                    f"{segment_flags(expected)}: {_consequence(wrong, placed.load.flags)}",
                    span,
                    hint=f"place it in a header with FLAGS({expected})",
                    symbol=name,
                )
                break


def _names(placed: PlacedSection) -> Iterator[tuple[str, Span]]:
    yield placed.section.name, placed.section.span
    for statement in placed.section.body:
        if isinstance(statement, InputStatement):
            for pattern in statement.sections:
                yield pattern.pattern, pattern.span


def _consequence(wrong: int, flags: int) -> str:
    if wrong & PF_X and not flags & PF_X:
        return "running it is a page fault"
    if wrong & PF_W and not flags & PF_W:
        return "writing it is a page fault"
    return (
        "what is written there can run"
        if flags & PF_W and flags & PF_X
        else ("constants can be written" if flags & PF_W else "data can run")
    )


RULE = Rule("LDS003", "section-contradicts-phdr", __doc__, check, scope=Scope.SCRIPT)
