"""`.oro.code`: which ranges of the object are code of which width (docs/design.md).

Owns the 24-byte entries and their relocations. The linker carries the section along; analyses
read it to know 16- and 32-bit code from 64-bit code.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c
from orobuild.elf.relocatable import OutputSection

if TYPE_CHECKING:
    from orobuild.assembler.section import Section

NAME: Final = ".oro.code"
_ENTRY: Final = struct.Struct("<QQII")


def section(
    sections: list[Section], *, wide: bool
) -> tuple[OutputSection, list[tuple[Section, int]]]:
    """The section's bytes, and for each entry the section and offset that it is about.

    The addresses are 0 in ELF64, where the relocations carry addends, and the offsets in ELF32.
    """
    data = bytearray()
    places: list[tuple[Section, int]] = []
    for owner in sections:
        for start, end, width in ranges(owner):
            data += _ENTRY.pack(0 if wide else start, end - start, width, 0)
            places.append((owner, start))
    made = OutputSection(NAME, c.SHT_PROGBITS, 0, bytes(data), len(data), 8, 0)
    return made, places


def ranges(section: Section) -> list[tuple[int, int, int]]:
    """(start, end, width) of the section's code after relaxation, in bytes, adjacent ones joined."""
    found: list[tuple[int, int, int]] = []
    runs = sorted(
        (
            run.start_fragment.address + run.start_offset,
            run.end_fragment.address + run.end_offset,
            run.width,
        )
        for run in section.code_runs
    )
    for start, end, width in runs:
        if start == end:
            continue
        if found and found[-1][1] == start and found[-1][2] == width:
            found[-1] = (found[-1][0], end, width)
        else:
            found.append((start, end, width))
    return found
