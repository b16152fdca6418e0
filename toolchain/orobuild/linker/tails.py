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


def tails(texts: Sequence[bytes], aligns: NDArray[np.int64], entsize: int) -> NDArray[np.int64]:
    """For each of different `texts` the one that it is the end of; itself if there is none."""
    backwards = [text[::-1] for text in texts]
    if entsize == 1 and (aligns == 1).all():
        return _unaligned(backwards)
    return _aligned(texts, backwards, aligns, entsize)


def _unaligned(backwards: list[bytes]) -> NDArray[np.int64]:
    """Sorted by their reverse, longest first, all ends of a string follow it."""
    if not backwards:
        return np.zeros(0, "i8")
    order = sorted(range(len(backwards)), key=backwards.__getitem__, reverse=True)
    ordered = [backwards[index] for index in order]
    is_tail = np.zeros(len(order), bool)
    is_tail[1:] = list(map(bytes.startswith, ordered[:-1], ordered[1:]))
    # An end of a string is an end of whatever that one is the end of.
    whole = np.maximum.accumulate(np.where(is_tail, 0, np.arange(len(order))))
    places = np.array(order, "i8")
    result = np.empty(len(order), "i8")
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


__all__ = ["tails"]
