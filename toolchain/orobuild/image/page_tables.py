"""Page tables made on paper: for a kernel that is entered in long mode, at its own addresses.

Owns the entries of four levels (Intel SDM Vol. 3A §4.5). Where the tables will lie is said to
`Tables`, which gives their bytes; what is mapped how is the caller's decision.
"""

from __future__ import annotations

import struct
from typing import Final

PAGE: Final = 0x1000
LARGE_PAGE: Final = 0x200000

PRESENT: Final = 1 << 0
WRITABLE: Final = 1 << 1
LARGE: Final = 1 << 7
NO_EXECUTE: Final = 1 << 63

_ENTRIES: Final = 512
_ADDRESS: Final = 0x000FFFFFFFFFF000
_TABLE: Final = PRESENT | WRITABLE  # what a page may do is said by its last entry alone


def is_canonical(address: int) -> bool:
    """Whether bits 63 to 47 of a virtual address are equal."""
    return address >> 47 in (0, (1 << 17) - 1)


class Tables:
    """Tables that will lie from the physical address `base` on, a page each, the PML4 first."""

    def __init__(self, base: int) -> None:
        self._base = base
        self._pages: list[list[int]] = [[0] * _ENTRIES]

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self._pages) * PAGE

    def map(self, virtual: int, physical: int, size: int, flags: int) -> None:
        """Map `size` bytes, all three whole pages; replaces what was mapped there.

        `flags` are those of a page's entry; 0 leaves the range unmapped.
        """
        end = virtual + size
        while virtual < end:
            if not (virtual | physical) % LARGE_PAGE and end - virtual >= LARGE_PAGE:
                step, entry = LARGE_PAGE, flags and physical | flags | LARGE
                self._directory(virtual)[virtual >> 21 & 511] = entry
            else:
                step, entry = PAGE, flags and physical | flags
                directory = self._directory(virtual)
                self._below(directory, virtual >> 21 & 511)[virtual >> 12 & 511] = entry
            virtual += step
            physical += step

    def _directory(self, virtual: int) -> list[int]:
        pointers = self._below(self._pages[0], virtual >> 39 & 511)
        return self._below(pointers, virtual >> 30 & 511)

    def _below(self, table: list[int], index: int) -> list[int]:
        """The table that an entry leads to; made if there is none, or a large page is in its place."""
        entry = table[index]
        if entry and not entry & LARGE:
            return self._pages[((entry & _ADDRESS) - self._base) // PAGE]
        made = [0] * _ENTRIES
        if entry:
            small = entry & ~LARGE
            made = [small + number * PAGE for number in range(_ENTRIES)]
        table[index] = self._base + len(self._pages) * PAGE | _TABLE
        self._pages.append(made)
        return made

    def to_bytes(self) -> bytes:
        """The tables, one after another."""
        return b"".join(struct.pack(f"<{_ENTRIES}Q", *page) for page in self._pages)
