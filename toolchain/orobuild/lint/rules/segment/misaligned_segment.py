"""A segment's file offset and address do not agree modulo its alignment.

## What it does

Reports each PT_LOAD segment whose `p_align` is no power of two, or whose `p_offset` and `p_vaddr`
differ modulo `p_align`, or whose `p_filesz` exceeds its `p_memsz`.

## Why is this bad?

Such a segment cannot be mapped from the file page by page; loaders refuse it or place it wrongly.
More bytes in the file than in memory overwrite what follows.

## Example

A program header edited by hand, or a tool that moves sections in the file without moving them in
memory: `p_offset` 0x1010, `p_vaddr` 0x401000, `p_align` 0x1000.

## Fix

Let the linker lay out the file; after changing it, keep `p_offset` ≡ `p_vaddr` modulo `p_align`.

## Source

gABI, Program Header, p_align: "p_vaddr should equal p_offset, modulo p_align", and PT_LOAD: "the
file size may not be larger than the memory size".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.elf import constants as c
from orobuild.lint.finding import Evidence
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.segments import Segment


def check(program: Program) -> Iterator[Finding]:
    """One finding a segment and reason."""
    for segment in program.segments:
        header = segment.header
        if header.p_type == c.PT_LOAD and (header.p_filesz or header.p_memsz):
            for reason in _reasons(segment):
                yield program.finding(
                    f"{segment}: {reason}: a loader cannot map it as it says",
                    hint="link again; do not edit program headers by hand",
                    evidence=Evidence(address=segment.start, segment=str(segment)),
                )


def _reasons(segment: Segment) -> Iterator[str]:
    header = segment.header
    align = header.p_align
    if align & (align - 1):
        yield f"p_align {align:#x} is not a power of two"
    elif align > 1 and header.p_offset % align != header.p_vaddr % align:
        yield (
            f"p_offset {header.p_offset:#x} and p_vaddr {header.p_vaddr:#x} differ modulo p_align "
            f"{align:#x}"
        )
    if header.p_filesz > header.p_memsz:
        yield f"p_filesz {header.p_filesz:#x} is larger than p_memsz {header.p_memsz:#x}"


RULE = Rule("SEG011", "misaligned-segment", __doc__, check)
