"""Byte strings by number: every distinct name is kept once, and tables hold its number.

Numbers count from 0 in the order of first appearance; 0 is the empty string. They mean something
only together with the `Names` that gave them out. Nothing is ever forgotten.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class _Numbers(dict[bytes, int]):
    """A dictionary that gives a missing key the next number, at the speed of a look-up."""

    def __missing__(self, name: bytes) -> int:
        number = self[name] = len(self)
        return number


class Names:
    """The strings and their numbers."""

    def __init__(self) -> None:
        self._numbers = _Numbers({b"": 0})
        self._raw: list[bytes] = []
        self._text: list[str] = []
        self._backwards: list[bytes] = []
        self._lengths: NDArray[np.int64] = np.zeros(0, "i8")

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, name: bytes) -> int:
        """The number of `name`."""
        return self._numbers[name]

    def numbers(self, names: Iterable[bytes]) -> list[int]:
        """The numbers of many."""
        return list(map(self._numbers.__getitem__, names))

    @property
    def raw(self) -> list[bytes]:
        """Every string, by number."""
        known = len(self._raw)
        if known < len(self._numbers):
            self._raw.extend(islice(self._numbers, known, None))
        return self._raw

    @property
    def backwards(self) -> list[bytes]:
        """Every string with its last byte first, by number."""
        known = len(self._backwards)
        if known < len(self._numbers):
            self._backwards.extend(name[::-1] for name in self.raw[known:])
        return self._backwards

    @property
    def text(self) -> list[str]:
        """Every string as text, by number; bytes that are not UTF-8 become surrogates.

        The strings must hold no NUL, as names in ELF do not.
        """
        known = len(self._text)
        if known < len(self._numbers):
            new = b"\0".join(self.raw[known:])
            self._text.extend(new.decode("utf-8", "surrogateescape").split("\0"))
        return self._text

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The length of every string in bytes, by number."""
        known = len(self._lengths)
        if known < len(self._numbers):
            new = np.fromiter(map(len, self.raw[known:]), "i8", len(self._numbers) - known)
            self._lengths = np.concatenate([self._lengths, new])
        return self._lengths


def first_appearances(
    names: NDArray[Any], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers for `names` (which are below `size`) in the order in which they first appear: the
    number of each, and the name of each number."""
    first = np.full(size, -1, "i8")
    # Written backwards, the first appearance is written last.
    first[names[::-1]] = np.arange(len(names) - 1, -1, -1)
    used = np.flatnonzero(first >= 0)
    order = used[np.argsort(first[used])]
    first[order] = np.arange(len(order))
    return first[names], order
