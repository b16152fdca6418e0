"""A page of the running kernel has other permissions than the image says.

## What it does

Compares every page of every PT_LOAD segment with the page tables of the running machine: it must be
mapped, writable exactly if the segment is `W`, executable exactly if it is `E`, and not
accessible to user programs. `live-regions` declares what differs on purpose (`-`: not mapped).

## Why is this bad?

The linker's permissions are a promise, and the page tables are what the processor believes. A code
page without execute permission faults at its first instruction; a writable one is where an attacker
writes.

## Example

```c
map(image_start, image_end, PRESENT | WRITE);       /* one permission for the whole image */
```

## Fix

Map each segment with its own `p_flags`, on pages of its own.

## Source

Intel SDM Vol. 3A §4.6 (access rights are those of all levels together).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.live import UNMAPPED, joined
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.live import LiveModel


def check(live: LiveModel) -> Iterator[Finding]:
    """One finding for each stretch of pages that differ alike."""
    wrong = []
    for address, expected, who in live.expected():
        page = live.page_at(address)
        actual = page.permissions if page is not None else UNMAPPED
        if actual != expected:
            level = page.level if page is not None else "no level"
            what = (expected, actual, who, level)
            wrong.append((address, address + live.config.page_size, what))
    for start, end, (expected, actual, who, level) in joined(wrong):
        pages = (end - start) // live.config.page_size
        yield live.finding(
            f"page {start:#x}{f' and {pages - 1} more' if pages > 1 else ''} "
            f"({live.program.place(start)}) is mapped {actual} by its {level}, and {who} says "
            f"{expected}",
            start,
            hint="map each segment with its own permissions",
        )


RULE = Rule("LIVE001", "page-permission-differs", __doc__, check, scope=Scope.LIVE)
