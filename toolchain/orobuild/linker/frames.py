"""Unwind information: `.eh_frame` sections edited as they are joined.

Equal CIEs are kept once, FDEs of code that is not in the image are dropped, and only the last
terminator stays, as in bfd/elf-eh-frame.c of binutils 2.40 (DWARF 5, 6.4.1; LSB 5.0, 10.6.1). A
section that is not well-formed is left as it is.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.frame_instructions import pointer_width, used_cie_size, used_size
from orobuild.linker.tables import select

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.placement import Placement
    from orobuild.linker.symbols import Symbols

NAME: Final = ".eh_frame"
_EXTENDED: Final = 0xFFFFFFFF  # a 64-bit length follows; nobody emits it


@dataclass(slots=True)
class _Record:
    """A CIE or FDE of a section: `start` and `size` in bytes, its length field included."""

    start: int
    size: int
    cie: _Record | None = None
    relocations: list[int] = field(default_factory=list)
    kept: bool = False
    merged: tuple[int, _Record] | None = None  # the equal CIE of another section
    new_start: int = 0


@dataclass(frozen=True, slots=True)
class FrameLink:
    """An FDE's CIE pointer, to be written once the two sections have addresses."""

    row: int
    offset: int
    cie_row: int
    cie_offset: int


def edit_frames(
    inputs: Inputs,
    symbols: Symbols,
    placement: Placement,
    relocations: NDArray[Any],
    *,
    joined: bool = False,
) -> tuple[NDArray[Any], list[FrameLink]]:
    """Edit every placed `.eh_frame`: the relocations as they are then, and the links to write.

    `joined`: for a relocatable file, in which every section keeps its own CIEs.
    """
    called = inputs.rows_called(NAME)
    placed = (placement.output_of[called] >= 0) & (inputs.sections["size"][called] > 0)
    rows: list[int] = called[placed].tolist()
    if not rows:
        return relocations, []
    references = _References(inputs, symbols, placement, relocations, rows)
    parsed = {row: _parse(inputs, row, references) for row in rows}
    if any(records is None for records in parsed.values()):
        return relocations, []
    known: dict[Any, tuple[int, _Record]] = {}
    for row in rows:
        place = -1 - row if joined else int(placement.output_of[row])
        _choose(inputs, row, parsed[row] or [], references, known, place)
    dropped: list[int] = []
    ending: dict[int, int] = {}
    last: dict[int, int] = {}
    align: dict[int, int] = {}
    for row in rows:
        output = int(placement.output_of[row])
        align[output] = max(align.get(output, 1), int(inputs.sections["align"][row]))
        # A terminator alone counts too: it stands at the end of the list.
        if any(record.kept or record.size == 4 for record in parsed[row] or []):
            ending[output] = row
        if any(record.kept for record in parsed[row] or []):
            last[output] = row
    for row in rows:
        output = int(placement.output_of[row])
        ends = ending.get(output) == row
        dropped += _rewrite(inputs, row, parsed[row] or [], references, terminated=ends)
        if last.get(output) != row and not ends:
            _pad(inputs, row, parsed[row] or [], align[output])
    links = _links(rows, parsed)
    placement.leave_out({row for row in rows if not inputs.sections["size"][row]})
    return references.moved(relocations, dropped), links


class _References:
    """The relocations of the sections `rows`, numbered by themselves.

    `of_row[row]` are the numbers of a section's. `offset` may be changed. `is_dead`: whether one
    refers to a section that is not in the image.
    """

    def __init__(
        self,
        inputs: Inputs,
        symbols: Symbols,
        placement: Placement,
        relocations: NDArray[Any],
        rows: list[int],
    ) -> None:
        framed = np.zeros(len(inputs.sections), bool)
        framed[rows] = True
        self._indices = np.flatnonzero(framed[relocations["section"]])
        entries = relocations[self._indices]
        section = inputs.symbols["section"][entries["symbol"]]
        dead = (section >= 0) & (placement.output_of[np.maximum(section, 0)] < 0)
        number = symbols.of_row[entries["symbol"]]
        self._symbol = np.where(number >= 0, -1 - number, entries["symbol"]).tolist()
        self._type: list[int] = entries["type"].tolist()
        self._addend: list[int] = entries["addend"].tolist()
        self.offset: list[int] = entries["offset"].tolist()
        self.is_dead: list[bool] = dead.tolist()
        self.of_row: dict[int, list[int]] = {row: [] for row in rows}
        for place, row in enumerate(entries["section"].tolist()):
            self.of_row[row].append(place)

    def key(self, place: int) -> tuple[int, int, int]:
        """(type, symbol, addend), where equal symbols are the same number."""
        return self._type[place], self._symbol[place], self._addend[place]

    def moved(self, relocations: NDArray[Any], gone: list[int]) -> NDArray[Any]:
        """All relocations, these with their offsets as they are now, without those `gone`."""
        relocations = relocations.copy()
        relocations["offset"][self._indices] = self.offset
        keep = np.ones(len(relocations), bool)
        keep[self._indices[gone]] = False
        return select(relocations, keep)


def _parse(inputs: Inputs, row: int, references: _References) -> list[_Record] | None:
    """The records of a section; None if it is not well-formed."""
    data = bytes(inputs.section_data(row))
    records: list[_Record] = []
    by_start: dict[int, _Record] = {}
    position = 0
    while position + 4 <= len(data):
        length = int.from_bytes(data[position : position + 4], "little")
        if length == 0:
            records.append(_Record(position, 4))
            position += 4
            continue
        if length == _EXTENDED or length < 4 or position + 4 + length > len(data):
            return None
        record = _Record(position, 4 + length)
        pointer = int.from_bytes(data[position + 4 : position + 8], "little")
        if pointer:
            record.cie = by_start.get(position + 4 - pointer)
            if record.cie is None or record.cie.cie is not None:
                return None
        else:
            by_start[position] = record
        records.append(record)
        position += record.size
    if position != len(data):
        return None
    starts = [record.start for record in records]
    for index in references.of_row[row]:
        offset = references.offset[index]
        at = bisect.bisect_right(starts, offset) - 1
        if at < 0 or offset + 4 > records[at].start + records[at].size:
            return None
        records[at].relocations.append(index)
    return records


def _choose(
    inputs: Inputs,
    row: int,
    records: list[_Record],
    references: _References,
    known: dict[Any, tuple[int, _Record]],
    output: int,
) -> None:
    """Keep the FDEs of living code and, once each, the CIEs that they use."""
    data = bytes(inputs.section_data(row))
    for record in records:
        if record.cie is None:
            continue
        # The first relocation of an FDE is that of pc_begin.
        if record.relocations and references.is_dead[record.relocations[0]]:
            continue
        record.kept = True
        cie = record.cie
        if cie.kept or cie.merged is not None:
            continue
        content = _trimmed_cie(data[cie.start : cie.start + cie.size], inputs.ei_class)
        key = (output, content, tuple(references.key(i) for i in cie.relocations))
        first = known.get(key)
        if first is None:
            known[key] = (row, cie)
            cie.kept = True
        else:
            cie.merged = first


def _rewrite(
    inputs: Inputs,
    row: int,
    records: list[_Record],
    references: _References,
    *,
    terminated: bool,
) -> list[int]:
    """Put the kept records together; the relocations that are gone. Moves the others."""
    data = bytes(inputs.section_data(row))
    out = bytearray()
    gone: list[int] = []
    for record in records:
        terminator = record.size == 4
        if not (record.kept or (terminator and terminated)):
            gone += record.relocations
            continue
        record.new_start = len(out)
        content = data[record.start : record.start + record.size]
        if record.cie is not None:
            cie = data[record.cie.start : record.cie.start + record.cie.size]
            content = _without_padding(content, cie, inputs.ei_class)
        elif not terminator:
            content = _trimmed_cie(content, inputs.ei_class)
        for index in record.relocations:
            references.offset[index] += record.new_start - record.start
        out += content
    inputs.contents[row] = bytes(out)
    inputs.sections["size"][row] = len(out)
    return gone


def _pad(inputs: Inputs, row: int, records: list[_Record], align: int) -> None:
    """Fill a section that others follow up to the alignment of them all.

    Zero padding between sections would end the list, so the last record is lengthened.
    """
    out = bytearray(inputs.contents[row])
    last = next((record for record in reversed(records) if record.kept), None)
    padding = -len(out) % align
    if last is None or not padding:
        return
    length = int.from_bytes(out[last.new_start : last.new_start + 4], "little") + padding
    out[last.new_start : last.new_start + 4] = length.to_bytes(4, "little")
    inputs.contents[row] = bytes(out) + bytes(padding)
    inputs.sections["size"][row] = len(out) + padding


@lru_cache(maxsize=4096)
def _trimmed_cie(cie: bytes, ei_class: int) -> bytes:
    """The CIE with as few DW_CFA_nop at its end as an alignment of 4 allows."""
    width = pointer_width(cie, 8 if ei_class == c.ELFCLASS64 else 4)
    used = used_cie_size(cie, width) if width is not None else None
    if used is None:
        return cie
    size = min(len(cie), -(-used // 4) * 4)
    return (size - 4).to_bytes(4, "little") + cie[4:size]


def _without_padding(fde: bytes, cie: bytes, ei_class: int) -> bytes:
    """The FDE with as few DW_CFA_nop at its end as an alignment of 4 allows."""
    width = pointer_width(cie, 8 if ei_class == c.ELFCLASS64 else 4)
    used = None
    if width is not None:
        used = used_size(fde, width, augmented=cie[9:10] == b"z")
    if used is None:
        return fde
    size = min(len(fde), -(-used // 4) * 4)
    return (size - 4).to_bytes(4, "little") + fde[4:size]


def _links(rows: list[int], parsed: dict[int, list[_Record] | None]) -> list[FrameLink]:
    links = []
    for row in rows:
        for record in parsed[row] or []:
            if record.kept and record.cie is not None:
                cie_row, cie = record.cie.merged or (row, record.cie)
                links.append(FrameLink(row, record.new_start + 4, cie_row, cie.new_start))
    return links


def write_links(
    links: list[FrameLink],
    section_address: NDArray[np.uint64],
    file_offset: NDArray[np.uint64],
    image: NDArray[np.uint8],
) -> None:
    """Write the CIE pointers: the distance from the field back to the CIE."""
    if not links:
        return
    row, offset, cie_row, cie_offset = (
        np.array(column, "i8")
        for column in zip(
            *((one.row, one.offset, one.cie_row, one.cie_offset) for one in links), strict=True
        )
    )
    place = section_address[row] + offset.astype("u8")
    distance = place - (section_address[cie_row] + cie_offset.astype("u8"))
    start = file_offset[row].astype("i8") + offset
    image[start[:, None] + np.arange(4)] = distance.astype("<u4").view("u1").reshape(-1, 4)


__all__ = ["FrameLink", "edit_frames", "write_links"]
