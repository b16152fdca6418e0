"""`.eh_frame_hdr` (--eh-frame-hdr): a sorted table of functions and their unwind information.

The layout is that of the LSB 5.0, 10.6.2; entries are relative to the section itself. A frame
section that is not understood makes a header without a table, as in bfd/elf-eh-frame.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.frame_instructions import pointer_encoding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.placement import Placement
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.symbols import Symbols

NAME: Final = ".eh_frame_hdr"
_PCREL_SDATA4, _UDATA4, _DATAREL_SDATA4, _OMIT = 0x1B, 0x03, 0x3B, 0xFF
_FRAMES: Final = ".eh_frame"


class FrameHeader:
    """The section: added before placement, sized once the frames are edited."""

    def __init__(self, inputs: Inputs, symbols: Symbols) -> None:
        self._inputs = inputs
        self.row = inputs.add_section(
            0, NAME, type=c.SHT_PROGBITS, flags=c.SHF_ALLOC, size=8, align=4
        )
        inputs.contents[self.row] = bytes(8)
        symbols.dropped = np.append(symbols.dropped, False)
        self._count = 0
        self._starts: list[tuple[int, int]] = []  # section row, offset of an FDE

    def measure(self, placed: Placement) -> bool:
        """Count the FDEs of the image; False if there is no frame section at all."""
        inputs = self._inputs
        rows = [
            row
            for row in inputs.rows_called(_FRAMES).tolist()
            if placed.output_of[row] >= 0 and inputs.sections["size"][row]
        ]
        self._starts = [(row, at) for row in rows for at in _records(inputs.section_data(row))]
        self._count = len(self._starts)
        size = 12 + 8 * self._count if self._count else 8
        inputs.sections["size"][self.row] = size
        inputs.contents[self.row] = bytes(size)
        return bool(rows)

    def fill(
        self,
        resolution: Resolution,
        image: NDArray[np.uint8],
        file_offset: NDArray[np.uint64],
    ) -> None:
        """Write the header and its table into `image`."""
        if not resolution.live[self.row]:
            return
        here = int(resolution.section_address[self.row])
        frames = resolution.placement.by_name(_FRAMES)
        assert frames is not None
        pointer = frames.vma - (here + 4)
        table = self._table(resolution, image, file_offset, here)
        if table is None:
            data = struct.pack("<4Bi", 1, _PCREL_SDATA4, _OMIT, _OMIT, pointer)
        else:
            head = struct.pack(
                "<4BiI", 1, _PCREL_SDATA4, _UDATA4, _DATAREL_SDATA4, pointer, len(table)
            )
            data = head + np.array(table, "<i4").tobytes()
        start = int(file_offset[self.row])
        image[start : start + len(data)] = np.frombuffer(data, "u1")

    def _table(
        self,
        resolution: Resolution,
        image: NDArray[np.uint8],
        file_offset: NDArray[np.uint64],
        here: int,
    ) -> list[tuple[int, int]] | None:
        """(function, FDE), both relative to the header, sorted; None without a table."""
        if not self._count:
            return None
        found = []
        word = 8 if self._inputs.ei_class == c.ELFCLASS64 else 4
        for row, offset in self._starts:
            place = int(file_offset[row]) + offset
            address = int(resolution.section_address[row]) + offset
            cie = place + 4 - _signed(image, place + 4, 4)
            encoding = pointer_encoding(bytes(image[cie : cie + 64]), word)
            function = _pointer(image, place + 8, address + 8, encoding, word)
            if function is None:
                return None
            found.append((function - here, address - here))
        found.sort()
        low, high = -(1 << 31), 1 << 31
        fits = all(low <= value < high for pair in found for value in pair)
        return found if fits else None


def _records(data: memoryview) -> list[int]:
    """The offset of every FDE in a section."""
    found = []
    position = 0
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "little")
        if length == 0xFFFFFFFF or (length and length < 4):
            return []
        if length and int.from_bytes(data[position + 4 : position + 8], "little"):
            found.append(position)
        position += 4 + length
    return found


def _signed(image: NDArray[np.uint8], at: int, width: int) -> int:
    return int.from_bytes(bytes(image[at : at + width]), "little", signed=True)


def _pointer(
    image: NDArray[np.uint8], at: int, address: int, encoding: int | None, word: int
) -> int | None:
    """An encoded pointer; None for an encoding that nobody uses in static images."""
    widths: dict[int, int] = {0: word, 2: 2, 3: 4, 4: 8, 0xA: 2, 0xB: 4, 0xC: 8}
    width = widths.get(encoding & 0x0F) if encoding is not None else None
    if encoding is None or width is None or encoding & 0xF0 not in (0, 0x10):
        return None
    value = _signed(image, at, width)
    if encoding & 0xF0 == 0x10:
        value += address
    elif width == word and value < 0:
        value += 1 << 8 * word
    return value


__all__ = ["NAME", "FrameHeader"]
