"""Two segments share virtual addresses.

## What it does

Reports each pair of neighbouring PT_LOAD segments of which the second starts before the first
ends, counted by `p_memsz`.

## Why is this bad?

Which bytes are there at run time depends on the order in which a loader copies: one segment's
code or data overwrites the other's, and the permissions are those of whichever was mapped last.

## Example

```ld
.text   0x100000 : { *(.text) } :text
.rodata 0x100800 : { *(.rodata) } :rodata   /* .text has grown past 0x100800 */
```

## Fix

Let the location counter place sections, and assert what must hold:

```ld
.rodata : ALIGN(4096) { *(.rodata) } :rodata
```

## Source

gABI, Program Header: PT_LOAD entries appear in ascending order of `p_vaddr`, each its own range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.finding import Evidence
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.segments import Segment


def check(program: Program) -> Iterator[Finding]:
    """One finding for each segment that starts inside an earlier one."""
    widest: Segment | None = None
    for segment in sorted(program.loads, key=lambda s: (s.start, s.end)):
        if widest is not None and segment.start < widest.end:
            end = min(segment.end, widest.end)
            yield program.finding(
                f"{segment} overlaps {widest} in memory: {segment.start:#x}-{end:#x} holds the "
                "bytes of whichever is loaded last",
                hint="give each segment addresses of its own; let ALIGN place the next section",
                evidence=Evidence(
                    address=segment.start,
                    segment=str(segment),
                    facts=(("other segment", str(widest)),),
                ),
            )
        if widest is None or segment.end > widest.end:
            widest = segment


RULE = Rule("SEG009", "overlapping-segments", __doc__, check)
