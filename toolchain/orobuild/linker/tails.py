"""Strings that are the ends of other strings, and so need no place of their own.

The rule is that of merge_strings in bfd/merge.c, binutils 2.40: which strings are compared at all
depends on their order, so the result is not always the smallest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.linker.names import Names


class TailOrder:
    """Literals sorted by their reverse, longest first. Kept from link to link: where few strings
    are new, little is left to sort."""

    def __init__(self) -> None:
        self._numbers: NDArray[np.int64] = np.zeros(0, "i8")

    def sort(self, numbers: NDArray[np.int64], literals: Names) -> list[int]:
        """`numbers`, which are different, in order."""
        wanted, known = np.zeros(len(literals), bool), np.zeros(len(literals), bool)
        wanted[numbers] = True
        known[self._numbers] = True
        order: list[int] = self._numbers[wanted[self._numbers]].tolist()
        new = numbers[~known[numbers]].tolist()
        if new:
            # Two sorted runs, or nearly, are merged in linear time.
            backwards = literals.backwards.__getitem__
            order = sorted(
                order + sorted(new, key=backwards, reverse=True), key=backwards, reverse=True
            )
        self._numbers = np.array(order, "i8")
        return order


def tails(
    numbers: NDArray[np.int64],
    literals: Names,
    aligns: NDArray[np.int64],
    entsize: int,
    order: TailOrder,
) -> NDArray[np.int64]:
    """For each of different literals the place of the one that it is the end of; its own if there
    is none. `order` is that of the same pool in an earlier link, or a new one."""
    if entsize == 1 and (aligns == 1).all():
        return _unaligned(numbers, literals, order)
    texts = [literals.raw[number] for number in numbers.tolist()]
    return _aligned(texts, [text[::-1] for text in texts], aligns, entsize)


def _unaligned(numbers: NDArray[np.int64], literals: Names, order: TailOrder) -> NDArray[np.int64]:
    """All ends of a string follow it in the order."""
    place = np.zeros(len(literals), "i8")
    place[numbers] = np.arange(len(numbers))
    ordered = order.sort(numbers, literals)
    backwards = list(map(literals.backwards.__getitem__, ordered))
    is_tail = np.zeros(len(ordered), bool)
    is_tail[1:] = list(map(bytes.startswith, backwards[:-1], backwards[1:]))
    # An end of a string is an end of whatever that one is the end of.
    whole = np.maximum.accumulate(np.where(is_tail, 0, np.arange(len(ordered))))
    places = place[np.array(ordered, "i8")]
    result = np.empty(len(ordered), "i8")
    result[places] = places[whole]
    return result


def _aligned(
    texts: Sequence[bytes], backwards: list[bytes], aligns: NDArray[np.int64], entsize: int
) -> NDArray[np.int64]:
    align = aligns.tolist()
    # Where all strings are aligned alike, only tails at aligned distances can be shared.
    mask = align[0] - 1 if len(set(align)) == 1 and align[0] > entsize else 0
    order = sorted(
        range(len(texts)), key=lambda i: (len(texts[i]) & mask, backwards[i]), reverse=True
    )
    result = np.arange(len(texts))
    longest = order[0] if order else 0
    for index in order[1:]:
        excess = len(texts[longest]) - len(texts[index])
        if (
            align[longest] >= align[index]
            and excess > 0
            and backwards[longest].startswith(backwards[index])
            and not excess % align[index]
            and not excess % entsize
        ):
            result[index] = longest
        else:
            longest = index
    return result


__all__ = ["TailOrder", "tails"]
