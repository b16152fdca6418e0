"""A relocation changes a segment that is not writable.

## What it does

Reports dynamic relocations whose place is in a PT_LOAD segment without PF_W, and the dynamic tags
that announce them (DT_TEXTREL, DF_TEXTREL).

## Why is this bad?

Whoever applies them has to make code or constants writable first, for as long as that takes. A
kernel that relocates itself faults on its own text once the page tables are right.

## Example

```
gcc -fno-pic -c start.c && ld -pie start.o      # absolute addresses in .text
```

## Fix

Compile position-independent (`-fpie`), or link at a fixed address without `-pie`.

## Source

gABI, Dynamic Section, DT_TEXTREL and DF_TEXTREL.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from orobuild.elf import constants as c
from orobuild.lint.program.intervals import IntervalMap
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

DT_TEXTREL = 22
DT_FLAGS = 30
DF_TEXTREL = 4


def check(program: Program) -> Iterator[Finding]:
    """One finding an image: the first place and how many there are."""
    places = list(_places(program))
    if places:
        first = places[0]
        segment = program.segment_at(first)
        yield program.finding(
            f"{len(places)} relocations change {segment}, which is not writable, the first at "
            f"{program.place(first)}: applying them is a page fault",
            hint="compile with -fpie, or link without -pie",
            evidence=program.evidence(first),
        )
    elif _announced(program):
        yield program.finding(
            "the dynamic section says DT_TEXTREL: relocations change segments that are not "
            "writable",
            hint="compile with -fpie, or link without -pie",
        )


def _places(program: Program) -> Iterator[int]:
    """The virtual address of each relocation in a segment without PF_W."""
    fixed = IntervalMap(
        (s.start, s.end, i) for i, s in enumerate(program.loads) if not s.is_writable
    )
    narrow = program.elf.ei_class == c.ELFCLASS32
    for section in program.elf.relocation_sections():
        if not section.is_alloc:
            continue  # --emit-relocs: already applied
        shape = struct.Struct(
            {c.SHT_REL: "<I4x", c.SHT_RELA: "<I8x"}[section.sh_type]
            if narrow
            else {c.SHT_REL: "<Q8x", c.SHT_RELA: "<Q16x"}[section.sh_type]
        )
        for (place,) in shape.iter_unpack(program.elf.section_data(section)):
            if fixed.find(place) is not None:
                yield place


def _announced(program: Program) -> bool:
    entry = struct.Struct("<II" if program.elf.ei_class == c.ELFCLASS32 else "<QQ")
    for segment in program.elf.segments:
        if segment.p_type != c.PT_DYNAMIC:
            continue
        data = program.elf.segment_data(segment)
        for tag, value in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
            if tag == DT_TEXTREL or (tag == DT_FLAGS and value & DF_TEXTREL):
                return True
    return False


RULE = Rule("SEG016", "text-relocations", __doc__, check)
