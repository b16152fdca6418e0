"""Two segments are loaded to the same physical addresses.

## What it does

Reports PT_LOAD segments whose physical ranges (`p_paddr`, `p_memsz`) overlap. An image that
leaves every `p_paddr` 0 uses none and is passed.

## Why is this bad?

A boot loader copies segments to `p_paddr`. The second copy destroys the first, before the kernel
executes one instruction, and no virtual address shows it.

## Example

```ld
.text : AT(ADDR(.text) - KERNEL_BASE) { *(.text) } :text
.data : AT(0x100000) { *(.data) } :data     /* where .text is loaded */
```

## Fix

```ld
.data : AT(ADDR(.data) - KERNEL_BASE) { *(.data) } :data
```

## Source

gABI, Program Header, p_paddr; Multiboot2 Specification 2.0 §3.1.3.
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
    """One finding for each segment that is loaded into an earlier one."""
    if not any(s.header.p_paddr for s in program.loads):
        return
    widest: Segment | None = None
    for segment in sorted(program.loads, key=lambda s: s.header.p_paddr):
        start = segment.header.p_paddr
        end = start + segment.header.p_memsz
        if widest is not None:
            limit = widest.header.p_paddr + widest.header.p_memsz
            if start < limit:
                yield program.finding(
                    f"{segment} and {widest} are both loaded to "
                    f"{start:#x}-{min(end, limit):#x}: one overwrites the other",
                    hint="derive each load address from the section's own: AT(ADDR(.data) - BASE)",
                    evidence=Evidence(
                        address=segment.start,
                        segment=str(segment),
                        facts=(("load address", f"{start:#x}"), ("other segment", str(widest))),
                    ),
                )
            if end <= limit:
                continue
        widest = segment


RULE = Rule("SEG010", "overlapping-load-addresses", __doc__, check)
