"""An allocated section is not, or not wholly, inside a segment.

## What it does

Reports each section with SHF_ALLOC of which a byte's address is in no PT_LOAD segment, and each
whose bytes in the file are not where its segment takes them from.

## Why is this bad?

Nobody loads those bytes. Code that refers to them reads whatever is in memory there. It happens
when a script's PHDRS ends before its SECTIONS do (`:NONE`), when an orphan section follows the
last `:phdr`, or when a tool adds a section after linking.

## Example

```ld
.data  : { *(.data) } :data
.extra : { *(.extra) } :NONE
```

## Fix

```ld
.extra : { *(.extra) } :data
```

A section that is not needed at run time should not have the `a` flag.

## Source

gABI, Sections, SHF_ALLOC: "the section occupies memory during process execution".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.elf import constants as c
from orobuild.lint.program.segments import describe_section
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.structures import SectionHeader
    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding a section. An image without segments is no loadable image: nothing to check."""
    if not program.loads:
        return
    for section in program.sections:
        reason = _reason(program, section)
        if reason:
            yield program.finding(
                f"section {describe_section(section)} at {section.sh_addr:#x} {reason}",
                hint=f"place {section.name} in a segment (`:data` in the script), or drop its `a`",
                evidence=program.evidence(section.sh_addr),
            )


def _reason(program: Program, section: SectionHeader) -> str | None:
    segment = program.segment_at(section.sh_addr)
    if segment is None:
        return "is in no segment: nobody loads it"
    end = section.sh_addr + section.sh_size
    if end > segment.end:
        last = program.segment_at(end - 1)
        if last is None:
            return f"ends {end - segment.end:#x} bytes after {segment}: nobody loads them"
    offset = section.sh_addr - segment.start + segment.header.p_offset
    if section.sh_type != c.SHT_NOBITS and section.sh_offset != offset:
        return (
            f"is at file offset {section.sh_offset:#x}, but {segment} is loaded from {offset:#x} "
            "there: what runs is not what the section shows"
        )
    return None


RULE = Rule("SEG012", "section-outside-segments", __doc__, check)
