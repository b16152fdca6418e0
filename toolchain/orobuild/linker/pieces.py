"""Mergeable sections, taken apart: the strings and constants that they hold.

Owns the splitting rules of bfd/merge.c (binutils 2.40) and nothing of what is merged with what.
What a section holds is worked out once for its object and kept there.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.names import Names


@dataclass(frozen=True, slots=True)
class Pieces:
    """The elements of one section, by position: where each starts (bytes), which literal it is
    (a number of `Names`; strings are without their terminator), and how it must be aligned."""

    starts: NDArray[np.int64]
    numbers: NDArray[np.int64]
    aligns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kind:
    """What sections must have in common to be merged: bytes of an element or of a character,
    whether they hold strings, and their alignment."""

    entsize: int
    strings: bool
    align: int


def pieces_of(inputs: Inputs, rows: Sequence[int], kind: Kind, literals: Names) -> list[Pieces]:
    """The pieces of section rows of one kind."""
    owners = inputs.sections["object"][list(rows)].tolist()
    places = []
    new: list[tuple[int, int]] = []
    for at, (row, owner) in enumerate(zip(rows, owners, strict=True)):
        item = inputs.objects[owner]
        places.append((item.file.pieces, row - item.first_section))
        if row - item.first_section not in item.file.pieces:
            new.append((at, row))
    if new:
        data = [inputs.section_data(row) for _, row in new]
        found = _take_apart(data, kind, literals)
        for (at, _), pieces in zip(new, found, strict=True):
            known, index = places[at]
            known[index] = pieces
    return [known[index] for known, index in places]


def _take_apart(data: list[memoryview], kind: Kind, literals: Names) -> list[Pieces]:
    if kind.strings and kind.entsize == 1:
        return _split_strings(data, kind.align, literals)
    split = _split_wide_strings if kind.strings else _split_constants
    return [split(bytes(one), kind, literals) for one in data]


def _split_constants(data: bytes, kind: Kind, literals: Names) -> Pieces:
    size = kind.entsize
    starts = np.arange(0, len(data), size)
    numbers = literals.numbers([data[at : at + size] for at in range(0, len(data), size)])
    return Pieces(starts, np.array(numbers, "i8"), np.full(len(starts), kind.align))


def _split_wide_strings(data: bytes, kind: Kind, literals: Names) -> Pieces:
    starts, contents = [], []
    start, zero = 0, bytes(kind.entsize)
    for at in range(0, len(data), kind.entsize):
        if data[at : at + kind.entsize] == zero:
            starts.append(start)
            contents.append(data[start:at])
            start = at + kind.entsize
    if start < len(data):
        starts.append(start)
        contents.append(data[start:])
    whole = np.array(starts, "i8")
    numbers = np.array(literals.numbers(contents), "i8")
    lengths = literals.lengths[numbers]
    keep, aligns = _alignment(whole, lengths, np.zeros(len(whole), "i8"), kind.align)
    return Pieces(whole[keep], numbers[keep], aligns[keep])


def _split_strings(data: list[memoryview], align: int, literals: Names) -> list[Pieces]:
    """The strings of many sections at once."""
    ends_open = [bool(one) and one[-1] != 0 for one in data]
    whole = b"".join(
        part
        for one, is_open in zip(data, ends_open, strict=True)
        for part in (one, b"\0"[:is_open])
    )
    sizes = np.array([len(one) for one in data], "i8") + np.array(ends_open, "i8")
    bases = np.cumsum(sizes) - sizes
    contents = whole.split(b"\0")
    contents.pop()  # what follows the last terminator
    numbers = np.array(literals.numbers(contents), "i8")
    lengths = literals.lengths[numbers]
    starts = np.cumsum(lengths + 1) - lengths - 1
    owner = np.searchsorted(bases + sizes, starts, "right")
    starts -= bases[owner]
    keep, aligns = _alignment(starts, lengths, owner, align)
    if not keep.all():
        starts, numbers, aligns, owner = starts[keep], numbers[keep], aligns[keep], owner[keep]
    bounds = np.searchsorted(owner, np.arange(len(data) + 1)).tolist()
    return [Pieces(starts[a:b], numbers[a:b], aligns[a:b]) for a, b in itertools.pairwise(bounds)]


def _alignment(
    starts: NDArray[np.int64], lengths: NDArray[np.int64], owner: NDArray[np.int64], align: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which strings count, and the alignment of each, in sections of alignment `align`.

    Empty strings are padding between others; only the first aligned one of a section counts.
    """
    keep = np.ones(len(starts), bool)
    if align == 1:
        return keep, np.ones(len(starts), "i8")
    padding = (lengths == 0) & (starts > 0)
    keep &= ~padding
    aligned = np.flatnonzero(padding & (starts % align == 0))
    _, first = np.unique(owner[aligned], return_index=True)
    keep[aligned[first]] = True
    lowest = starts & -starts
    aligns = np.where(padding | (lowest == 0) | (lowest > align), align, lowest)
    return keep, aligns


__all__ = ["Kind", "Pieces", "pieces_of"]
