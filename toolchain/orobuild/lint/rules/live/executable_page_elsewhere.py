"""The running kernel can execute pages that are no code of its image.

## What it does

Reports pages of the running machine that the kernel may execute (not a user's) and that belong to no
executable segment and to no region that `live-regions` declares executable; and pages that are
writable and executable.

## Why is this bad?

What can be written and executed is where an attacker puts code. A leftover identity map of the boot
code keeps all of low memory executable.

## Example

```c
/* boot page tables: 1 GiB at 0, present, writable, executable; never removed */
```

## Fix

Switch to tables of the kernel's own, and map nothing executable but the segments with `E`.

## Source

Intel SDM Vol. 3A §4.6 (XD); NIST SP 800-53 SI-16 (memory protection).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.live import joined
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.live import LiveModel


def check(live: LiveModel) -> Iterator[Finding]:
    """One finding for each stretch of such pages."""
    code = [(s.start, s.end) for s in live.program.loads if s.is_executable]
    size = live.config.page_size
    wrong = []
    for page in live.pages:
        if not page.executable or page.user:
            continue
        end = page.virtual + page.size
        inside = any(
            start & -size <= page.virtual and end <= -(-stop // size) * size for start, stop in code
        )
        declared = live.declared_at(page.virtual)
        if page.writable and not (declared and "w" in declared and "x" in declared):
            wrong.append((page.virtual, end, ("writable and executable", page.level)))
        elif not inside and not (declared and "x" in declared):
            wrong.append((page.virtual, end, ("executable, and no code of the image", page.level)))
    for start, end, (what, level) in joined(wrong):
        yield live.finding(
            f"{start:#x} to {end:#x} is {what} (by {level}): the kernel can be made to run what lies there",
            start,
            hint="set XD on everything but the segments with E",
        )


RULE = Rule("LIVE002", "executable-page-elsewhere", __doc__, check, scope=Scope.LIVE)
