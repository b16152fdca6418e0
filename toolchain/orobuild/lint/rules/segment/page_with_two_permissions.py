"""Two segments with different permissions share a page.

## What it does

Rounds each PT_LOAD segment's virtual range out to whole pages (4 KiB unless `page-size` says
otherwise) and reports a page that belongs to two segments whose permissions differ.

## Why is this bad?

A page has one set of permissions. Whoever maps the image gives the shared page the union, so
that constants become writable or data executable, or those of the segment mapped last, so that
the other segment's first or last bytes fault.

## Example

```ld
.text : { *(.text) } :text
.data : { *(.data) } :data             /* starts in .text's last page */
```

## Fix

```ld
.data : ALIGN(CONSTANT(MAXPAGESIZE)) { *(.data) } :data
```

## Source

gABI, Program Loading: segments are mapped in whole pages; Intel SDM Vol. 3A §4.6.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from orobuild.lint.finding import Evidence
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding a pair of neighbours."""
    size = program.config.page_size
    ordered = sorted(program.loads, key=lambda s: (s.start, s.end))
    for first, second in itertools.pairwise(ordered):
        page = (first.end - 1) // size * size
        shared = second.start // size * size == page and second.start >= first.end
        if shared and first.flags != second.flags:
            yield program.finding(
                f"the page {page:#x} belongs to {first} and to {second}: it cannot have both "
                "permissions",
                hint="start each segment's first section with ALIGN(CONSTANT(MAXPAGESIZE))",
                evidence=Evidence(
                    address=page,
                    segment=str(first),
                    facts=(("page size", f"{size:#x}"), ("other segment", str(second))),
                ),
            )


RULE = Rule("SEG008", "page-with-two-permissions", __doc__, check)
