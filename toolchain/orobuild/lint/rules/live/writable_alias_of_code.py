"""Code or read-only data of the running kernel is writable under another address.

## What it does

Looks for pages of the running machine that map the same physical memory as a segment without `W`, at another
virtual address, writable by the kernel or by a program.

## Why is this bad?

The permissions of one address protect nothing if another one, in the direct map for example, lets the
same bytes be written: kernel code is changed through it.

## Example

```c
for (p = 0; p < top_of_memory; p += 2M) map(DIRECT + p, p, PRESENT | WRITE | NX);
```

## Fix

Leave the image's read-only segments out of the direct map, or map them read-only there too.

## Source

Linux `set_memory_ro()` on the direct map ("alias mapping"), `arch/x86/mm/pat/set_memory.c`.
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
    """One finding for each segment and stretch of aliases."""
    size = live.config.page_size
    for segment in live.program.loads:
        page = live.page_at(segment.start)
        if segment.is_writable or page is None:
            continue
        physical = page.physical + segment.start - page.virtual
        first, last = physical & -size, physical + segment.end - segment.start
        aliases = []
        for other in live.pages:
            low, high = max(other.physical, first), min(other.physical + other.size, last)
            start = other.virtual + low - other.physical
            same = segment.start & -size <= start < segment.end
            if low < high and other.writable and not same:
                aliases.append((start, start + high - low, other.level))
        for start, end, level in joined(aliases):
            yield live.finding(
                f"{start:#x} to {end:#x} is a writable alias (by {level}) of {segment}",
                segment.start,
                hint="map the image's read-only segments read-only wherever they are mapped",
            )


RULE = Rule("LIVE003", "writable-alias-of-code", __doc__, check, scope=Scope.LIVE)
