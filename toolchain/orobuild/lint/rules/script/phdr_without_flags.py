"""A loadable program header has no FLAGS.

## What it does

Reports each PT_LOAD line of PHDRS without a `FLAGS` clause.

## Why is this bad?

Without FLAGS the linker computes the permissions from whatever sections end up there: one
object that brings an `"awx"` section makes the whole segment writable and executable, and one
section without flags takes execution away. The script should be the promise, not the outcome.

## Example

```ld
PHDRS { text PT_LOAD; }
```

## Fix

```ld
PHDRS { text PT_LOAD FLAGS(5); }    /* R E */
```

## Source

GNU ld manual §3.8 PHDRS: FLAGS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.script import ScriptModel


def check(model: ScriptModel) -> Iterator[Finding]:
    """One finding a line."""
    for header in model.program_headers.values():
        if header.is_load and not header.has_flags:
            yield model.finding(
                f"PT_LOAD '{header.name}' has no FLAGS: its permissions are whatever its input "
                "sections add up to",
                header.span,
                hint="write them: FLAGS(5) for code, FLAGS(4) for constants, FLAGS(6) for data",
                symbol=header.name,
            )


RULE = Rule(
    "LDS001",
    "phdr-without-flags",
    __doc__,
    check,
    severity=Severity.WARNING,
    scope=Scope.SCRIPT,
)
