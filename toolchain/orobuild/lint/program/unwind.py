"""Function extents from the unwind tables, which a stripped image keeps.

PT_GNU_EH_FRAME's binary search table gives each function's start, its FDE gives the length. Only
the encodings that linkers and compilers write for x86 are read; any other table yields nothing.
Source: Linux Standard Base Core 4.1 §10.6.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.structures import ProgramHeader
    from orobuild.lint.program.program import Program

DW_EH_PE_OMIT: Final = 0xFF
DW_EH_PE_UDATA4: Final = 0x03
DW_EH_PE_DATAREL_SDATA4: Final = 0x3B
_POINTER_SIZES: Final = {0x1B: 4, 0x3B: 4, 0x03: 4, 0x0B: 4, 0x04: 8, 0x0C: 8, 0x1C: 8}
_FDE: Final = struct.Struct("<IIiI")  # length, CIE pointer, pc_begin (pcrel sdata4), pc_range


def unwind_functions(program: Program) -> Iterator[tuple[int, int]]:
    """(virtual address, size in bytes) of each function in the search table."""
    for segment in program.elf.segments:
        if segment.p_type == c.PT_GNU_EH_FRAME:
            yield from _table(program, segment)


def _table(program: Program, segment: ProgramHeader) -> Iterator[tuple[int, int]]:
    data = program.elf.segment_data(segment)
    if len(data) < 12 or data[0] != 1:
        return
    pointer, count, table = data[1], data[2], data[3]
    if count != DW_EH_PE_UDATA4 or table != DW_EH_PE_DATAREL_SDATA4:
        return
    at = 4 + (0 if pointer == DW_EH_PE_OMIT else _POINTER_SIZES.get(pointer, len(data)))
    if at + 4 > len(data):
        return
    entries = min(struct.unpack_from("<I", data, at)[0], (len(data) - at - 4) // 8)
    for start, fde in struct.iter_unpack("<ii", data[at + 4 : at + 4 + entries * 8]):
        size = _fde_range(program, segment.p_vaddr + fde, segment.p_vaddr + start)
        if size:
            yield segment.p_vaddr + start, size


def _fde_range(program: Program, address: int, start: int) -> int:
    """The length that the FDE at `address` gives the function at `start`; 0 if it is another's."""
    holder = program.segment_at(address)
    if holder is None:
        return 0
    offset = address - holder.start + holder.header.p_offset
    if not 0 <= offset <= len(program.elf.data) - _FDE.size:
        return 0
    _, _, begin, size = _FDE.unpack_from(program.elf.data, offset)
    return int(size) if address + 8 + begin == start else 0
