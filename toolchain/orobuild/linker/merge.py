"""Merging of SHF_MERGE sections: equal strings and constants are kept once.

Follows bfd/merge.c of binutils 2.40, so that the merged bytes are those of GNU ld: sections of one
output section with the same entry size and alignment share a pool; an entry stays in the section
that had it first; a string that is the tail of another is dropped. Symbols and relocations that
pointed into merged sections are moved along.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.errors import InputError
from orobuild.linker.inputs import SYMBOL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.placement import Placement
    from orobuild.linker.symbols import Symbols

_MERGE: Final = np.uint64(c.SHF_MERGE)


@dataclass(slots=True)
class _Entry:
    """One string (without its terminator) or constant of a pool."""

    data: bytes
    align: int
    row: int
    index: int = 0
    suffix_of: _Entry | None = None


@dataclass(slots=True)
class _Pool:
    """Entries that are merged with one another, in the order of their first appearance."""

    entsize: int
    strings: bool
    rows: list[int] = field(default_factory=list)
    entries: list[_Entry] = field(default_factory=list)
    known: dict[bytes, _Entry] = field(default_factory=dict)

    def add(self, data: bytes, align: int, row: int) -> _Entry:
        """The entry for `data`; a new one if none is aligned enough."""
        entry = self.known.get(data)
        if entry is None or entry.align < align:
            if entry is not None:
                entry.align = 0  # the less aligned copy is not used
            entry = self.known[data] = _Entry(data, align, row)
            self.entries.append(entry)
        return entry


@dataclass(slots=True)
class _Pieces:
    """The elements of one section: their offsets and contents."""

    starts: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)


def merge_sections(
    inputs: Inputs, symbols: Symbols, placement: Placement, relocations: NDArray[Any]
) -> NDArray[Any]:
    """Merge what can be merged; the relocations as they are afterwards.

    Changes section sizes and contents in `inputs`, symbol places, and the runs of `placement`.
    """
    pools = _pools(inputs, placement, relocations)
    if not pools:
        return relocations
    pieces: dict[int, _Pieces] = {}
    for pool in pools:
        for row in pool.rows:
            pieces[row] = _record(inputs, pool, row)
        if pool.strings:
            _merge_suffixes(pool)
        _lay_out(inputs, pool)
    _drop_empty(inputs, placement, list(pieces))
    owner = {row: pool for pool in pools for row in pool.rows}
    _move_symbols(inputs, owner, pieces)
    return _move_relocations(inputs, symbols, owner, pieces, relocations)


def _pools(inputs: Inputs, placement: Placement, relocations: NDArray[Any]) -> list[_Pool]:
    sections = inputs.sections
    usable = (sections["flags"] & _MERGE != 0) & (placement.output_of >= 0)
    usable &= (sections["size"] > 0) & (sections["entsize"] > 0)
    usable &= sections["type"] != c.SHT_NOBITS
    usable[np.unique(relocations["section"])] = False
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(sections["object"][rows], kind="stable")]
    pools: dict[tuple[int, int, bool, int], _Pool] = {}
    for row in rows.tolist():
        section = sections[row]
        entsize, align, size = (int(section[key]) for key in ("entsize", "align", "size"))
        strings = bool(int(section["flags"]) & c.SHF_STRINGS)
        if size % entsize or not _is_sane(entsize, align, strings=strings):
            continue
        key = (int(placement.output_of[row]), entsize, strings, align)
        pools.setdefault(key, _Pool(entsize, strings)).rows.append(row)
    return list(pools.values())


def _is_sane(entsize: int, align: int, *, strings: bool) -> bool:
    """_bfd_add_merge_section: combinations of entry size and alignment that can be merged."""
    if entsize < align:
        return strings and not entsize & (entsize - 1)
    return not entsize & (align - 1)


# -- taking sections apart -------------------------------------------------------------------


def _record(inputs: Inputs, pool: _Pool, row: int) -> _Pieces:
    data = bytes(inputs.section_data(row))
    align = int(inputs.sections["align"][row])
    if not pool.strings:
        size = pool.entsize
        pieces = _Pieces(
            list(range(0, len(data), size)),
            [data[at : at + size] for at in range(0, len(data), size)],
        )
        for piece in pieces.contents:
            pool.add(piece, align, row)
        return pieces
    wide = pool.entsize > 1
    pieces = _split_wide_strings(data, pool.entsize) if wide else _split_strings(data)
    if align == 1 and pool.entsize == 1:
        known, entries = pool.known, pool.entries
        for piece in pieces.contents:
            if piece not in known:
                known[piece] = entry = _Entry(piece, 1, row)
                entries.append(entry)
        return pieces
    seen_nul = False
    kept = _Pieces()
    for start, piece in zip(pieces.starts, pieces.contents, strict=True):
        if not piece and start:
            # Padding between strings; only the first aligned NUL is a string by itself.
            if seen_nul or start % align:
                continue
            seen_nul = True
            pool.add(piece, align, row)
        else:
            lowest = start & -start
            pool.add(piece, lowest if 0 < lowest <= align else align, row)
        kept.starts.append(start)
        kept.contents.append(piece)
    return kept


def _split_strings(data: bytes) -> _Pieces:
    contents = data.split(b"\0")
    if not contents[-1]:
        contents.pop()
    lengths = np.fromiter(map(len, contents), "i8", len(contents)) + 1
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(lengths) else lengths
    return _Pieces(starts.tolist(), contents)


def _split_wide_strings(data: bytes, entsize: int) -> _Pieces:
    pieces = _Pieces()
    start, zero = 0, bytes(entsize)
    for at in range(0, len(data), entsize):
        if data[at : at + entsize] == zero:
            pieces.starts.append(start)
            pieces.contents.append(data[start:at])
            start = at + entsize
    if start < len(data):
        pieces.starts.append(start)
        pieces.contents.append(data[start:])
    return pieces


# -- putting them together -------------------------------------------------------------------


def _merge_suffixes(pool: _Pool) -> None:
    """Find strings that are tails of others: neighbours when sorted by their reverse."""
    pool.entries = [entry for entry in pool.entries if entry.align]
    if not pool.entries:
        return
    aligns = {entry.align for entry in pool.entries}
    # Where all strings are aligned alike, only tails at aligned distances can be shared.
    mask = max(aligns) - 1 if len(aligns) == 1 and max(aligns) > pool.entsize else 0
    ordered = sorted(
        pool.entries, key=lambda entry: (len(entry.data) & mask, entry.data[::-1]), reverse=True
    )
    longest = ordered[0]
    for entry in ordered[1:]:
        if (
            longest.align >= entry.align
            and len(longest.data) > len(entry.data)
            and longest.data.endswith(entry.data)
            and not (len(longest.data) - len(entry.data)) % entry.align
            and not (len(longest.data) - len(entry.data)) % pool.entsize
        ):
            entry.suffix_of = longest
        else:
            longest = entry


def _lay_out(inputs: Inputs, pool: _Pool) -> None:
    """Give every kept entry its offset in the section that had it first."""
    terminator = bytes(pool.entsize) if pool.strings else b""
    built: dict[int, bytearray] = {row: bytearray() for row in pool.rows}
    for entry in pool.entries:
        if entry.suffix_of is not None or not entry.align:
            continue
        out = built[entry.row]
        out += bytes(-len(out) % entry.align)
        entry.index = len(out)
        out += entry.data + terminator
    for row, out in built.items():
        inputs.contents[row] = bytes(out)
        inputs.sections["size"][row] = len(out)


def _drop_empty(inputs: Inputs, placement: Placement, rows: list[int]) -> None:
    """Sections of which nothing is left do not even align what follows."""
    placement.leave_out({row for row in rows if not inputs.contents[row]})


# -- moving what pointed there ---------------------------------------------------------------


def _new_place(
    inputs: Inputs, pool: _Pool, pieces: _Pieces, row: int, offset: int
) -> tuple[int, int]:
    """Where byte `offset` of the section was put: a row and an offset."""
    at = bisect.bisect_right(pieces.starts, offset) - 1
    if offset < 0 or at < 0:
        raise InputError(
            error(
                f"a reference points {-offset} bytes before the merged section "
                f"'{inputs.names[row]}'",
                Span(inputs.owner(row).label),
                rule="merge",
            )
        )
    data = pieces.contents[at]
    inside = offset - pieces.starts[at]
    if inside > len(data) and b"" in pool.known:
        data, inside = b"", 0  # padding after a terminator: an empty string
    entry = pool.known[data]
    inside = min(inside, len(data))
    target = entry
    while target.suffix_of is not None:
        target = target.suffix_of
    return target.row, target.index + len(target.data) - len(data) + inside


def _new_places(
    inputs: Inputs, pool: _Pool, pieces: _Pieces, row: int, offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`_new_place` for many offsets of one section."""
    starts = np.array(pieces.starts, "i8")
    at = np.searchsorted(starts, offsets, "right") - 1
    # Whatever is not inside a piece is rare, and `_new_place` knows what it means.
    lengths = np.fromiter(map(len, pieces.contents), "i8", len(pieces.contents))
    odd = (at < 0) | (offsets < 0) | (offsets - starts[at] > lengths[at])
    wanted = np.unique(at[~odd])
    rows = np.zeros(len(starts), "i8")
    bases = np.zeros(len(starts), "i8")
    known = pool.known
    for number in wanted.tolist():
        data = pieces.contents[number]
        entry = target = known[data]
        while target.suffix_of is not None:
            target = target.suffix_of
        rows[number] = target.row
        bases[number] = target.index + len(target.data) - len(entry.data)
    new_rows, new_offsets = rows[at], bases[at] + offsets - starts[at]
    for index in np.flatnonzero(odd).tolist():
        place = _new_place(inputs, pool, pieces, row, int(offsets[index]))
        new_rows[index], new_offsets[index] = place
    return new_rows, new_offsets


def _move_symbols(inputs: Inputs, owner: dict[int, _Pool], pieces: dict[int, _Pieces]) -> None:
    table = inputs.symbols
    rows = np.array(sorted(owner), "i8")
    inside = np.isin(table["section"], rows) & ((table["info"] & 0xF) != c.STT_SECTION)
    for index in np.flatnonzero(inside).tolist():
        row = int(table["section"][index])
        place = _new_place(inputs, owner[row], pieces[row], row, int(table["value"][index]))
        table["section"][index], table["value"][index] = place


def _move_relocations(
    inputs: Inputs,
    symbols: Symbols,
    owner: dict[int, _Pool],
    pieces: dict[int, _Pieces],
    relocations: NDArray[Any],
) -> NDArray[Any]:
    """Relocations against the section symbols of merged sections: their addends are offsets."""
    table = inputs.symbols
    rows = np.array(sorted(owner), "i8")
    is_section = np.isin(table["section"], rows) & ((table["info"] & 0xF) == c.STT_SECTION)
    affected = np.flatnonzero(is_section[relocations["symbol"]])
    if not len(affected):
        return relocations
    # One symbol for each merged section, since the new place may be in another object.
    first = len(table)
    extra = np.zeros(len(rows), SYMBOL)
    extra["section"] = rows
    extra["object"] = inputs.sections["object"][rows]
    extra["info"] = c.STT_SECTION
    inputs.symbols = np.concatenate([table, extra])
    symbols.of_row = np.concatenate([symbols.of_row, np.full(len(rows), -1, "i8")])
    relocations = relocations.copy()
    entries = relocations[affected]
    sections = table["section"][entries["symbol"]]
    offsets = table["value"][entries["symbol"]].astype("i8") + entries["addend"]
    order = np.argsort(sections, kind="stable")
    bounds = [*np.searchsorted(sections[order], rows, "left").tolist(), len(order)]
    for index, row in enumerate(rows.tolist()):
        mine = order[bounds[index] : bounds[index + 1]]
        if len(mine):
            new_rows, new_offsets = _new_places(inputs, owner[row], pieces[row], row, offsets[mine])
            relocations["symbol"][affected[mine]] = first + np.searchsorted(rows, new_rows)
            relocations["addend"][affected[mine]] = new_offsets
    return relocations
