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
    widths = _complete(program)
    starts = [start for start, _ in widths]
    cuts = sorted(section_cuts.union(starts))
    regions: list[Region] = []
    for first, last, index in in_file.pieces():
        header = executable[index].header
        low, high = bisect_right(cuts, first), bisect_right(cuts, last - 1)
        edges = [first, *cuts[low:high], last]
        for start, end in itertools.pairwise(edges):
            offset = header.p_offset + start - header.p_vaddr
            regions.append(
                Region(
                    start=start,
                    data=bytes(program.elf.data[offset : offset + end - start]),
                    width=widths[bisect_right(starts, start) - 1][1],
                    declared=bool(program.widths),
                    continues=end != last and end not in section_cuts,
                )
            )
    return tuple(regions)


def _complete(program: Program) -> list[tuple[int, int]]:
    """(start, width) of all addresses, a new entry only where the width changes.

    Where somebody declares which code is of which width, the rest is a compiler's, of the
    machine's width, and as certain.
    """
    result = [(0, program.default_width)]
    for start, end, width in program.widths:
        if width != result[-1][1]:
            if result[-1][0] == start:
                result.pop()
            result.append((start, width))
        if width != program.default_width:
            result.append((end, program.default_width))
    return result
