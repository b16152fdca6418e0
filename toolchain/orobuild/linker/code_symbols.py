"""`.oro.symbols`: a compact table of the code's names in the image itself, for a kernel's backtraces.

`docs/code-symbols.md` describes the bytes. The section is placed by the script like any other; a
linker that does not make it leaves the place empty.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.inputs import UNDEFINED
from orobuild.linker.symtab import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.placement import Placement
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.symbols import Symbols

NAME: Final = ".oro.symbols"
MAGIC: Final = b"OSY1"
NAMES_PER_BLOCK: Final = 16
_HEADER: Final = struct.Struct("<4sIII")  # magic, entries, names, offset of the blocks
_ENTRY: Final = np.dtype([("address", "<i4"), ("size", "<u4"), ("name", "<u4")])
_CODE_TYPES: Final = (c.STT_NOTYPE, c.STT_FUNC, c.STT_GNU_IFUNC)
_LONGEST_SHARED: Final = 255
_REACH: Final = 1 << 31  # bytes on either side of the table
# Which of several names of one address comes first.
_BINDING_RANK: Final = {c.STB_GLOBAL: 0, c.STB_WEAK: 1, c.STB_LOCAL: 2}


class CodeSymbols:
    """The section: added before placement, sized when it is known what stays, filled at the end.

    Its size depends on the names alone, so that layout need not be run again for it.
    """

    def __init__(self, inputs: Inputs, symbols: Symbols) -> None:
        self._inputs = inputs
        self._symbols = symbols
        self.row = inputs.add_section(
            0, NAME, type=c.SHT_PROGBITS, flags=c.SHF_ALLOC, size=_HEADER.size, align=8
        )
        inputs.contents[self.row] = bytes(_HEADER.size)
        symbols.dropped = np.append(symbols.dropped, False)
        self._rows = np.zeros(0, "i8")
        self._numbers = np.zeros(0, "i8")
        self._names = b""
        self._name_count = 0

    def measure(self, placed: Placement) -> None:
        """Choose the symbols, as soon as no section will be left out any more."""
        inputs = self._inputs
        self._rows = _code_rows(inputs, self._symbols, placed)
        names = inputs.symbols["name"][self._rows]
        distinct = sorted({inputs.strings.raw[number] for number in names.tolist()})
        number_of = {name: number for number, name in enumerate(distinct)}
        raw = inputs.strings.raw
        self._numbers = np.array([number_of[raw[name]] for name in names.tolist()], "i8")
        self._name_count = len(distinct)
        blocks = _HEADER.size + _ENTRY.itemsize * len(self._rows)
        self._names = pack_names(distinct, blocks)
        size = blocks + len(self._names)
        inputs.sections["size"][self.row] = size
        inputs.contents[self.row] = bytes(size)

    def fill(
        self,
        resolution: Resolution,
        image: NDArray[np.uint8],
        file_offset: NDArray[np.uint64],
    ) -> None:
        """Write the table into `image`. What lies more than 2 GiB away is left out of it."""
        if not resolution.live[self.row]:
            return
        base = int(resolution.section_address[self.row])
        found = []
        for index, row in enumerate(self._rows.tolist()):
            distance = int(resolution.symbol_value[row]) - base
            distance = (distance + (1 << 63)) % (1 << 64) - (1 << 63)
            if -_REACH <= distance < _REACH:
                size = min(int(resolution.symbol_size[row]), (1 << 32) - 1)
                key = (distance, *self._rank(row), int(self._numbers[index]))
                found.append((key, (distance, size, int(self._numbers[index]))))
        entries = np.zeros(len(self._rows), _ENTRY)
        entries[: len(found)] = np.array([entry for _, entry in sorted(found)], _ENTRY)
        blocks = _HEADER.size + entries.nbytes
        data = _HEADER.pack(MAGIC, len(found), self._name_count, blocks)
        data += entries.tobytes() + self._names
        start = int(file_offset[self.row])
        image[start : start + len(data)] = np.frombuffer(data, "u1")

    def _rank(self, row: int) -> tuple[bool, int]:
        info = int(self._inputs.symbols["info"][row])
        return info & 0xF == c.STT_NOTYPE, _BINDING_RANK.get(info >> 4, 0)


def _code_rows(inputs: Inputs, symbols: Symbols, placed: Placement) -> NDArray[np.int64]:
    """The symbol rows of everything that has a name and lies in code of the image."""
    table: NDArray[Any] = inputs.symbols
    section = np.maximum(table["section"], 0)
    wanted = c.SHF_ALLOC | c.SHF_EXECINSTR
    code = (inputs.sections["flags"] & np.uint64(wanted)) == wanted
    code &= placed.output_of[: len(code)] >= 0
    keep = (table["section"] > UNDEFINED) & code[section] & (table["name"] != 0)
    keep &= np.isin(table["info"] & 0xF, _CODE_TYPES)
    rows = np.flatnonzero(keep)
    # Of a global, the row that defines it.
    rows = rows[symbols.meaning()[rows] == rows]
    text = inputs.strings.text
    named = [not text[name].startswith(TEMPORARY) for name in table["name"][rows].tolist()]
    kept: NDArray[np.int64] = rows[np.array(named, bool)]
    return kept


def pack_names(names: Sequence[bytes], start: int) -> bytes:
    """Sorted names, each without what it shares with the one before, in blocks of
    `NAMES_PER_BLOCK`, behind the offset of each block; `start` is where that begins in the table."""
    offsets: list[int] = []
    coded = bytearray()
    first = start + 4 * -(-len(names) // NAMES_PER_BLOCK)
    for index, (before, name) in enumerate(pairwise([b"", *names])):
        shared = 0
        if index % NAMES_PER_BLOCK == 0:
            offsets.append(first + len(coded))
        else:
            shared = _shared(before, name)
        coded += bytes([shared]) + name[shared:] + b"\0"
    return struct.pack(f"<{len(offsets)}I", *offsets) + bytes(coded)


def _shared(left: bytes, right: bytes) -> int:
    limit = min(len(left), len(right), _LONGEST_SHARED)
    return next((at for at in range(limit) if left[at] != right[at]), limit)


__all__ = ["MAGIC", "NAME", "NAMES_PER_BLOCK", "CodeSymbols", "pack_names"]
