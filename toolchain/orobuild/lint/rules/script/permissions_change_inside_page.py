"""The permissions change between two output sections with nothing that starts a new page.

## What it does

Reports an output section that goes to a PT_LOAD header with other `FLAGS` than the section
before it, when neither its address, its `ALIGN`, nor an assignment to `.` in between moves it to
a page of its own. What depends on an expression that is not constant is passed.

## Why is this bad?

The two segments share a page, and a page has one set of permissions. See `SEG008`.

## Example

```ld
.text : { *(.text) } :text
.data : { *(.data) } :data
```

## Fix

```ld
.text : { *(.text) } :text
.data : ALIGN(CONSTANT(MAXPAGESIZE)) { *(.data) } :data
```

## Source

GNU ld manual §3.6.2 and §3.8; gABI, Program Loading.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from orobuild.linker.script.nodes import Assignment
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.script import constant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.script import PlacedSection, ScriptModel


def check(model: ScriptModel) -> Iterator[Finding]:
    """One finding a section."""
    placed = [p for p in model.sections if p.load is not None]
    for before, after in itertools.pairwise(placed):
        if before.load is None or after.load is None:
            continue
        flags = (before.load.flags, after.load.flags)
        if None in flags or flags[0] == flags[1]:
            continue
        if not _may_start_page(after, model.config.page_size):
            yield model.finding(
                f"{after.section.name} goes to {after.load} and starts where "
                f"{before.section.name} in {before.load} ends: one page would need both "
                "permissions",
                after.section.span,
                hint=f"write {after.section.name} : ALIGN(CONSTANT(MAXPAGESIZE))",
                symbol=after.section.name,
            )


def _may_start_page(placed: PlacedSection, page_size: int) -> bool:
    section = placed.section
    if section.region is not None or section.overlay is not None:
        return True
    if any(isinstance(s, Assignment) and s.name == "." for s in placed.between):
        return True
    for expression in (section.address, section.align):
        if expression is not None:
            value = constant(expression)
            if value is None or value % page_size == 0:
                return True
    return False


RULE = Rule("LDS004", "permissions-change-inside-page", __doc__, check, scope=Scope.SCRIPT)
