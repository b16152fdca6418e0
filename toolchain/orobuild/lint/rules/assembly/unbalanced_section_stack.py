"""`.pushsection` and `.popsection` do not meet, or `.previous` has nothing to go back to.

## What it does

Reports an assembly file that ends with a section still pushed, and a `.previous` before which
no section was ever chosen. (`.popsection` without a push is an error of the assembler itself.)

## Why is this bad?

After a push that is never popped, everything to the end of the file is in a section that was
meant for a line or two: a fix-up table with code in it, or functions in the exception table.

## Example

```asm
.section .text,"ax",@progbits
1:  mov (%rdi), %rax
.pushsection __ex_table,"a"
    .quad 1b, fixup
fixup:
    ret
```

## Fix

```asm
.section .text,"ax",@progbits
1:  mov (%rdi), %rax
.pushsection __ex_table,"a"
    .quad 1b, fixup
.popsection
fixup:
    ret
```

## Source

GNU as manual §7.83 `.pushsection`, §7.79 `.popsection`, §7.80 `.previous`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.model import AssemblyModel


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding for the push, one for each `.previous`."""
    if not model.reading.complete or model.is_embedded:  # of blocks ASM002 speaks
        return
    changes = [e for e in model.events if e.kind is Kind.SECTION]
    # A macro that nobody can see may have chosen a section.
    first = next((e for e in model.events if e.kind in (Kind.SECTION, Kind.UNKNOWN)), None)
    if first is not None and first.word == ".previous" and not model.is_fragment:
        yield model.finding(
            "'.previous' before any other section directive: there is no section to go back to",
            first.place,
            hint="name the section that you mean",
        )
    if not model.reading.pushed:
        return
    open_pushes = []
    for event in changes:
        if event.word == ".pushsection":
            open_pushes.append(event)
        elif event.word == ".popsection" and open_pushes:
            open_pushes.pop()
    if open_pushes:
        name = open_pushes[-1].text.partition(",")[0].strip()
        yield model.finding(
            f"section '{name}' is pushed and never popped: the rest of the file is in it",
            open_pushes[-1].place,
            hint="write '.popsection' where its part ends",
            symbol=name,
        )


RULE = Rule(
    "ASM012",
    "unbalanced-section-stack",
    __doc__,
    check,
    severity=Severity.WARNING,
    scope=Scope.SOURCE,
)
