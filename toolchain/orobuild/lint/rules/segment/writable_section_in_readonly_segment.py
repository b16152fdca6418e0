"""A section that is written at run time is in a read-only segment.

## What it does

Reports each allocated section with SHF_WRITE whose PT_LOAD segment lacks PF_W.

## Why is this bad?

The first write faults once the segment's permissions are enforced (with CR0.WP set, in ring 0
too). As long as a loader maps everything writable it works, which hides the mistake until the
kernel builds its own page tables.

## Example

```ld
.rodata : { *(.rodata .rodata.*) } :rodata
.data   : { *(.data .data.*) }         /* still :rodata */
```

## Fix

```ld
.data   : ALIGN(4096) { *(.data .data.*) } :data
```

## Source

gABI, Sections, SHF_WRITE; Intel SDM Vol. 3A §4.6.1 (CR0.WP).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.segments import describe_section
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding a section."""
    for section in program.sections:
        segment = program.segment_at(section.sh_addr)
        if section.is_writable and segment is not None and not segment.is_writable:
            yield program.finding(
                f"section {describe_section(section)} at {section.sh_addr:#x} is written at run "
                f"time, but {segment} is read-only: the first write is a page fault",
                hint=f"place {section.name} in a writable segment (`:data` in the script)",
                evidence=program.evidence(section.sh_addr),
            )


RULE = Rule("SEG007", "writable-section-in-readonly-segment", __doc__, check)
