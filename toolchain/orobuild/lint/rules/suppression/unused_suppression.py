"""A suppression meets no finding.

## What it does

Reports the codes in `orolint: ignore[…]` that no finding on that line (for `ignore-file`, in that
file) has. Codes of rules that are not selected are left alone, and so are files that other
assembly includes (all named `.inc`), whose findings may show only in the files that include them.

## Why is this bad?

The next real finding on the line would go unseen, and readers believe in a defect that is not
there.

## Example

```asm
.section .text,"ax",@progbits
handler:
    iretq           # orolint: ignore[ASM005] the loader maps this section executable
```

## Fix

```asm
.section .text,"ax",@progbits
handler:
    iretq
```

## Fix safety

Only a comment changes: the file assembles to the same bytes.

## Source

The same rule in other linters: ruff's RUF100 (unused-noqa), ESLint's
`--report-unused-disable-directives`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.registry import knows, rule
from orobuild.lint.rule import CODE, Rule, Scope
from orobuild.lint.suppressions import without

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.suppressions import Suppressions


def check(model: Suppressions) -> Iterator[Finding]:
    """One finding a suppression."""
    for mark in model.marks:
        if not mark.is_valid:
            continue
        unused = [c for c in mark.codes if c in model.ran and c not in mark.used]
        foreign = [c for c in mark.codes if c not in model.ran and _never_here(c)]
        if (unused or foreign) and mark.word == "ignore" and model.is_fragment:
            continue
        if unused:
            yield model.finding(
                mark,
                f"unused suppression: {', '.join(unused)} has no finding "
                + ("in this file" if mark.word == "ignore-file" else "here"),
                "remove it",
                without(mark, unused, model.lines),
            )
        elif foreign:
            looks_at = rule(foreign[0]).scope.value
            yield model.finding(
                mark,
                f"unused suppression: {foreign[0]} looks at a {looks_at}, which no comment reaches",
                "use 'ignore' or 'per-file-ignores' of the configuration, or a baseline",
                without(mark, foreign, model.lines),
            )


def _never_here(code: str) -> bool:
    """Whether `code` is a rule's that looks at something else than text."""
    return (
        CODE.fullmatch(code) is not None
        and knows(code)
        and rule(code).scope not in (Scope.SOURCE, Scope.SCRIPT)
    )


RULE = Rule(
    "SUP001",
    "unused-suppression",
    __doc__,
    check,
    severity=Severity.WARNING,
    scope=Scope.TEXT,
    fixable=True,
)
