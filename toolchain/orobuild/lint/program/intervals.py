"""Half-open intervals of addresses, flattened once so that a look-up is one bisection.

Owns no meaning: what an interval stands for is the index that the caller gave it.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class IntervalMap:
    """From an address to the lowest index among the intervals that contain it.

    `intervals` are (start, end, index), end exclusive; empty ones are ignored. Building takes
    O(n log n) however they overlap, so a file with 65535 segments is no trap.
    """

    def __init__(self, intervals: Iterable[tuple[int, int, int]]) -> None:
        pending = sorted(i for i in intervals if i[0] < i[1])
        self._starts: list[int] = []
        self._pieces: list[tuple[int, int]] = []  # (end, index), beside _starts
        active: list[tuple[int, int]] = []  # heap of (index, end)
        position, address = 0, 0
        while position < len(pending) or active:
            if not active:
                address = max(address, pending[position][0])
            while position < len(pending) and pending[position][0] <= address:
                _, end, index = pending[position]
                heapq.heappush(active, (index, end))
                position += 1
            while active and active[0][1] <= address:
                heapq.heappop(active)
            if not active:
                continue
            index, end = active[0]
            stop = end if position == len(pending) else min(end, pending[position][0])
            if self._pieces and self._pieces[-1] == (address, index):
                self._pieces[-1] = (stop, index)
            else:
                self._starts.append(address)
                self._pieces.append((stop, index))
            address = stop

    def pieces(self) -> Iterator[tuple[int, int, int]]:
        """The disjoint (start, end, index) that cover the same addresses, in order."""
        for start, (end, index) in zip(self._starts, self._pieces, strict=True):
            yield start, end, index

    def find(self, address: int) -> int | None:
        """The index of an interval that contains `address`, or None."""
        piece = bisect_right(self._starts, address) - 1
        if piece < 0:
            return None
        end, index = self._pieces[piece]
        return index if address < end else None
