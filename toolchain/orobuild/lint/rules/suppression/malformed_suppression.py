"""A suppression names no rule, a rule that is not there, or is misspelled.

## What it does

Reports `orolint: ignore` without codes in brackets, codes that no rule has (prefixes are not
accepted: a suppression is for one finding), and words such as `orolint: disable`.

## Why is this bad?

It suppresses nothing, and looks as if it did.

## Example

```asm
.section .rodata
stub:
    ud2             # orolint: disable-next-line ASM006 never executed
```

## Fix

```asm
.section .rodata
stub:
    ud2             # orolint: ignore[ASM006] never executed
```

## Source

orobuild's own rule; the syntax is described in `docs/lint.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import did_you_mean
from orobuild.lint.registry import knows, rules
from orobuild.lint.rule import CODE, Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.suppressions import Suppressions

_FORM = "write: orolint: ignore[RULE] reason"


def check(model: Suppressions) -> Iterator[Finding]:
    """One finding for each wrong word or code."""
    for mark in model.marks:
        if mark.word not in ("ignore", "ignore-file"):
            yield model.finding(mark, f"'orolint: {mark.word}' is no suppression", _FORM)
            continue
        if not mark.codes:
            yield model.finding(mark, f"'orolint: {mark.word}' names no rule", _FORM)
        for code in mark.codes:
            if not CODE.fullmatch(code) or not knows(code):
                yield model.finding(
                    mark,
                    f"there is no rule {code} to suppress",
                    did_you_mean(code, rules()) or _FORM,
                )


RULE = Rule("SUP003", "malformed-suppression", __doc__, check, scope=Scope.TEXT)
