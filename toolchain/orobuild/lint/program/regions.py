"""Cutting an image's executable segments into regions that can be decoded at one width.

A region never crosses a section's end: what follows `.text` in its segment may be data.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from typing import TYPE_CHECKING

from orobuild.lint.program.intervals import IntervalMap
from orobuild.lint.program.segments import Region

if TYPE_CHECKING:
    from orobuild.lint.program.program import Program


def code_regions(program: Program) -> tuple[Region, ...]:
    """The executable bytes of the file as regions, sorted by virtual address, disjoint."""
    executable = [s for s in program.loads if s.is_executable]
    in_file = IntervalMap(
        (s.start, s.start + min(s.header.p_filesz, s.header.p_memsz), i)
        for i, s in enumerate(executable)
    )
    section_cuts = {edge for s in program.sections for edge in (s.sh_addr, s.sh_addr + s.sh_size)}
    widths = program.widths
    cuts = sorted(section_cuts.union(*((start, end) for start, end, _ in widths)))
    starts = [start for start, _, _ in widths]
    regions: list[Region] = []
    for first, last, index in in_file.pieces():
        header = executable[index].header
        low, high = bisect_right(cuts, first), bisect_right(cuts, last - 1)
        edges = [first, *cuts[low:high], last]
        for start, end in itertools.pairwise(edges):
            offset = header.p_offset + start - header.p_vaddr
            at = bisect_right(starts, start) - 1
            declared = at >= 0 and start < widths[at][1]
            regions.append(
                Region(
                    start=start,
                    data=bytes(program.elf.data[offset : offset + end - start]),
                    width=widths[at][2] if declared else program.default_width,
                    declared=declared,
                    continues=end != last and end not in section_cuts,
                )
            )
    return tuple(regions)
