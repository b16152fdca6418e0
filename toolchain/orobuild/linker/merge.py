"""Merging of SHF_MERGE sections: equal strings and constants are kept once.

Follows bfd/merge.c of binutils 2.40, so that the merged bytes are those of GNU ld: sections of one
output section with the same entry size and alignment share a pool; an entry stays in the section
that had it first; a string that is the tail of another is dropped. Symbols and relocations that
pointed into merged sections are moved along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.errors import InputError
from orobuild.linker.names import Names
from orobuild.linker.pieces import Kind, pieces_of
from orobuild.linker.tables import SYMBOL
from orobuild.linker.tails import TailOrder, tails

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.pieces import Pieces
    from orobuild.linker.placement import Placement
    from orobuild.linker.symbols import Symbols

_MERGE: Final = np.uint64(c.SHF_MERGE)
# Offsets in a section are below this; `tables` and the checks of `objects` see to it.
_SECTION_SPAN: Final = 1 << 41


@dataclass(slots=True)
class MergeCache:
    """What a later link can use: the literals' numbers, and each pool as it was merged last, with
    the order of its strings."""

    literals: Names = field(default_factory=Names)
    pools: dict[tuple[str, Kind], _Pool] = field(default_factory=dict)
    orders: dict[tuple[str, Kind], TailOrder] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pool:
    """Sections merged with one another; they are numbered in input order.

    By piece, in input order: `section` that has it, `starts`, `numbers`, `aligns` as in `Pieces`;
    `new_section` and `new_start`, where its contents are now. `contents` are the new sections.
    `padding` is the piece to which padding between strings belongs (-1: none).
    """

    section: NDArray[np.int64]
    starts: NDArray[np.int64]
    numbers: NDArray[np.int64]
    aligns: NDArray[np.int64]
    new_section: NDArray[np.int64]
    new_start: NDArray[np.int64]
    contents: list[bytes]
    padding: int

    def is_of(self, section: NDArray[np.int64], pieces: _Gathered) -> bool:
        """Whether it was made from the same pieces."""
        return (
            np.array_equal(self.numbers, pieces.numbers)
            and np.array_equal(self.section, section)
            and np.array_equal(self.starts, pieces.starts)
            and np.array_equal(self.aligns, pieces.aligns)
        )


def merge_sections(
    inputs: Inputs,
    symbols: Symbols,
    placement: Placement,
    relocations: NDArray[Any],
    cache: MergeCache,
) -> NDArray[Any]:
    """Merge what can be merged; the relocations as they are afterwards.

    Changes section sizes and contents in `inputs`, symbol places, the runs of `placement`, and
    `relocations`.
    """
    by_key = _pools(inputs, placement, relocations)
    pools: list[tuple[list[int], _Pool]] = []
    for (output, kind), rows in by_key.items():
        key = (placement.outputs[output].name, kind)
        pieces = pieces_of(inputs, rows, kind, cache.literals)
        pool = _merge(_Gathered.of(pieces), kind, cache, key)
        pools.append((rows, pool))
        cache.pools[key] = pool
        for row, content in zip(rows, pool.contents, strict=True):
            inputs.contents[row] = content
        inputs.sections["size"][rows] = [len(content) for content in pool.contents]
    if not pools:
        return relocations
    # Sections of which nothing is left do not even align what follows.
    placement.leave_out({row for rows, _ in pools for row in rows if not inputs.contents[row]})
    moves = _Moves(inputs, pools, cache.literals)
    _move_symbols(inputs, moves)
    _move_relocations(inputs, symbols, moves, relocations)
    return relocations


def _pools(
    inputs: Inputs, placement: Placement, relocations: NDArray[Any]
) -> dict[tuple[int, Kind], list[int]]:
    """The rows that are merged with one another, by output section and kind."""
    sections = inputs.sections
    usable = (sections["flags"] & _MERGE != 0) & (placement.output_of >= 0)
    usable &= (sections["size"] > 0) & (sections["entsize"] > 0)
    usable &= sections["type"] != c.SHT_NOBITS
    usable[relocations["section"]] = False
    rows = np.flatnonzero(usable)
    rows = rows[sections["size"][rows] % sections["entsize"][rows] == 0]
    rows = rows[np.argsort(sections["object"][rows], kind="stable")]
    if not len(rows):
        return {}
    entsize, align = (sections[key][rows].astype("i8") for key in ("entsize", "align"))
    strings = (sections["flags"][rows] & np.uint64(c.SHF_STRINGS)) != 0
    keys = np.stack([placement.output_of[rows], entsize, strings, align])
    # Equal keys together, in input order; then the groups in the order of their first rows.
    order = np.lexsort(keys)
    keys = keys[:, order]
    starts = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    groups = np.split(order, starts)
    groups.sort(key=lambda group: int(group[0]))
    pools: dict[tuple[int, Kind], list[int]] = {}
    for group in groups:
        at = int(group[0])
        kind = Kind(int(entsize[at]), bool(strings[at]), int(align[at]))
        if _is_sane(kind.entsize, kind.align, strings=kind.strings):
            pools[int(placement.output_of[rows[at]]), kind] = rows[group].tolist()
    return pools


def _is_sane(entsize: int, align: int, *, strings: bool) -> bool:
    """_bfd_add_merge_section: combinations of entry size and alignment that can be merged."""
    if entsize < align:
        return strings and not entsize & (entsize - 1)
    return not entsize & (align - 1)


# -- putting pieces together -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Gathered:
    """The pieces of a pool: `counts[n]` of section n, the columns of `Pieces` for all."""

    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    numbers: NDArray[np.int64]
    aligns: NDArray[np.int64]

    @classmethod
    def of(cls, pieces: list[Pieces]) -> _Gathered:
        return cls(
            np.array([len(one.numbers) for one in pieces], "i8"),
            np.concatenate([one.starts for one in pieces]),
            np.concatenate([one.numbers for one in pieces]),
            np.concatenate([one.aligns for one in pieces]),
        )


def _merge(pieces: _Gathered, kind: Kind, cache: MergeCache, key: tuple[str, Kind]) -> _Pool:
    """Merge the pieces of a pool. If they are those of the last time, so is the result."""
    section = np.repeat(np.arange(len(pieces.counts)), pieces.counts)
    last = cache.pools.get(key)
    if (
        last is not None
        and len(last.contents) == len(pieces.counts)
        and last.is_of(section, pieces)
    ):
        return last
    numbers, literals = pieces.numbers, cache.literals
    entries = _entries(numbers, pieces.aligns, len(literals))
    entry_of = np.full(len(literals), -1, "i8")
    entry_of[numbers[entries]] = np.arange(len(entries))
    texts = list(map(literals.raw.__getitem__, numbers[entries].tolist()))
    aligns = pieces.aligns[entries]
    within = np.arange(len(entries))
    if kind.strings:
        order = cache.orders.setdefault(key, TailOrder())
        within = tails(numbers[entries], literals, aligns, kind.entsize, order)
    kept = np.flatnonzero(within == np.arange(len(entries)))
    lengths = literals.lengths[numbers[entries]]
    terminator = bytes(kind.entsize) if kind.strings else b""
    starts = np.zeros(len(entries), "i8")
    starts[kept], contents = _lay_out(
        [texts[entry] + terminator for entry in kept.tolist()],
        section[entries[kept]],
        aligns[kept],
        len(pieces.counts),
    )
    # A tail ends where the string ends that it is in.
    starts = starts[within] + lengths[within] - lengths
    entry = entry_of[numbers]
    return _Pool(
        section,
        pieces.starts,
        numbers,
        pieces.aligns,
        section[entries[within[entry]]],
        starts[entry],
        contents,
        int(entries[entry_of[0]]) if entry_of[0] >= 0 else -1,
    )


def _entries(numbers: NDArray[np.int64], aligns: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The piece that stands for each literal: the first of those that are aligned most."""
    candidates = np.arange(len(numbers))
    if len(aligns) and (aligns != aligns[0]).any():
        largest = np.zeros(size, "i8")
        np.maximum.at(largest, numbers, aligns)
        candidates = np.flatnonzero(aligns == largest[numbers])
    first = np.full(size, -1, "i8")
    # Written backwards, the first is written last.
    first[numbers[candidates[::-1]]] = candidates[::-1]
    return np.sort(first[first >= 0])


def _lay_out(
    texts: list[bytes], section: NDArray[np.int64], aligns: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], list[bytes]]:
    """The offset of every entry in the section that had it first, and the sections' bytes."""
    lengths = np.fromiter(map(len, texts), "i8", len(texts))
    if not (lengths % np.maximum(aligns, 1)).any() and (aligns[1:] == aligns[:-1]).all():
        ends = np.cumsum(lengths)
        sizes = np.bincount(section, lengths, count).astype("i8")
        bases = np.cumsum(sizes) - sizes
        whole = b"".join(texts)
        contents = [
            whole[base : base + size]
            for base, size in zip(bases.tolist(), sizes.tolist(), strict=True)
        ]
        return ends - lengths - bases[section], contents
    built = [bytearray() for _ in range(count)]
    starts = []
    for text, number, align in zip(texts, section.tolist(), aligns.tolist(), strict=True):
        out = built[number]
        out += bytes(-len(out) % align)
        starts.append(len(out))
        out += text
    return np.array(starts, "i8"), [bytes(out) for out in built]


# -- moving what pointed there ---------------------------------------------------------------


class _Moves:
    """Where every byte of the merged sections went. Sections are numbered across all pools."""

    def __init__(
        self, inputs: Inputs, pools: list[tuple[list[int], _Pool]], literals: Names
    ) -> None:
        self._inputs = inputs
        self.rows = np.concatenate([np.array(rows, "i8") for rows, _ in pools])
        self.number = np.full(len(inputs.names), -1, "i8")
        self.number[self.rows] = np.arange(len(self.rows))
        counts = [len(rows) for rows, _ in pools]
        first = np.cumsum(counts) - counts
        merged = [pool for _, pool in pools]
        section = np.concatenate(
            [pool.section + base for pool, base in zip(merged, first.tolist(), strict=True)]
        )
        self._starts = np.concatenate([pool.starts for pool in merged])
        self._keys = section * _SECTION_SPAN + self._starts
        self._lengths = literals.lengths[np.concatenate([pool.numbers for pool in merged])]
        self._section = section
        self._new_number = np.concatenate(
            [pool.new_section + base for pool, base in zip(merged, first.tolist(), strict=True)]
        )
        self._new_start = np.concatenate([pool.new_start for pool in merged])
        pieces = [len(pool.numbers) for pool in merged]
        base = np.cumsum(pieces) - pieces
        padding = [
            pool.padding + at if pool.padding >= 0 else -1
            for pool, at in zip(merged, base.tolist(), strict=True)
        ]
        self._padding = np.repeat(np.array(padding, "i8"), counts)

    def targets(
        self, numbers: NDArray[np.int64], offsets: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The section numbers and offsets at which bytes `offsets` of sections `numbers` are now.

        Raises `InputError` for an offset before the section. What is past the end of a string is
        padding, an empty string, and what is past the section counts as its last string's end.
        """
        wanted = np.clip(offsets, 0, _SECTION_SPAN - 1)
        at = np.searchsorted(self._keys, numbers * _SECTION_SPAN + wanted, "right") - 1
        wrong = (offsets < 0) | (at < 0) | (self._section[at] != numbers)
        if wrong.any():
            index = int(np.argmax(wrong))
            self._refuse(int(self.rows[numbers[index]]), int(offsets[index]))
        inside = offsets - self._starts[at]
        beyond = inside > self._lengths[at]
        if beyond.any():
            padding = self._padding[numbers]
            at = np.where(beyond & (padding >= 0), padding, at)
            inside = np.where(beyond, np.where(padding >= 0, 0, self._lengths[at]), inside)
        return self._new_number[at], self._new_start[at] + inside

    def _refuse(self, row: int, offset: int) -> None:
        raise InputError(
            error(
                f"a reference points {-offset} bytes before the merged section "
                f"'{self._inputs.names[row]}'",
                Span(self._inputs.owner(row).label),
                rule="merge",
            )
        )


def _move_symbols(inputs: Inputs, moves: _Moves) -> None:
    table = inputs.symbols
    number = np.where(table["section"] >= 0, moves.number[table["section"]], -1)
    inside = np.flatnonzero((number >= 0) & ((table["info"] & 0xF) != c.STT_SECTION))
    if len(inside):
        numbers, offsets = moves.targets(number[inside], table["value"][inside].astype("i8"))
        table["section"][inside], table["value"][inside] = moves.rows[numbers], offsets


def _move_relocations(
    inputs: Inputs, symbols: Symbols, moves: _Moves, relocations: NDArray[Any]
) -> None:
    """Relocations against the section symbols of merged sections: their addends are offsets."""
    table = inputs.symbols
    number = np.where(table["section"] >= 0, moves.number[table["section"]], -1)
    number[(table["info"] & 0xF) != c.STT_SECTION] = -1
    affected = np.flatnonzero(number[relocations["symbol"]] >= 0)
    if not len(affected):
        return
    # One symbol for each merged section, since the new place may be in another object.
    first = len(table)
    extra = np.zeros(len(moves.rows), SYMBOL)
    extra["section"] = moves.rows
    extra["object"] = inputs.sections["object"][moves.rows]
    extra["info"] = c.STT_SECTION
    inputs.symbols = np.concatenate([table, extra])
    symbols.of_row = np.concatenate([symbols.of_row, np.full(len(extra), -1, "i8")])
    symbol = relocations["symbol"][affected]
    offsets = table["value"][symbol].astype("i8") + relocations["addend"][affected]
    numbers, offsets = moves.targets(number[symbol], offsets)
    relocations["symbol"][affected] = first + numbers
    relocations["addend"][affected] = offsets


__all__ = ["MergeCache", "merge_sections"]
