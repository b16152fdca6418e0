"""A suppression gives no reason.

## What it does

Reports `orolint: ignore[…]` with nothing behind the bracket, or with the `TODO` that
`--add-ignore` puts there. Such a suppression suppresses nothing.

## Why is this bad?

A finding says that code is not executable, or that a stack does not balance. Whoever reads the
suppression later has to know why that is right here, and whether it still is.

## Example

```asm
.section .patch,"aw",@progbits
template:
    jmp *%rax       # orolint: ignore[ASM005]
```

## Fix

```asm
.section .patch,"aw",@progbits
template:
    jmp *%rax       # orolint: ignore[ASM005] copied into executable memory before it runs
```

## Source

orobuild's own rule: a promise that is given up is given up for a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.suppressions import Suppressions


def check(model: Suppressions) -> Iterator[Finding]:
    """One finding a suppression."""
    for mark in model.marks:
        if mark.word in ("ignore", "ignore-file") and mark.codes and not mark.has_reason:
            yield model.finding(
                mark,
                f"the suppression of {', '.join(mark.codes)} has no reason, so it does not count",
                "write behind the bracket why the finding is wrong or harmless here",
            )


RULE = Rule("SUP002", "suppression-without-reason", __doc__, check, scope=Scope.TEXT)
