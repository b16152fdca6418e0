"""The order in which GNU ld walks its symbols: that of the buckets of its hash table.

It allocates common symbols, GOT entries and PLT entries as it walks. The order means nothing, but
programs that both link then have the same addresses (bfd/hash.c of binutils 2.40).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# The sizes that the table takes, from its default up.
_SIZES: Final = (4051, 4091, 8191, 16381, 32749, 65537, 131071, 262139, 524287, 1048573)
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


def walk(names: Sequence[str], numbers: Iterable[int]) -> list[int]:
    """`numbers`, places in `names` (all symbols in the order in which they became known), as GNU
    ld would meet them."""
    hashes = {number: _hash(names[number]) for number in sorted(numbers)}
    buckets: dict[int, list[int]] = {}
    size = _SIZES[0]
    pending = iter(hashes)
    following = next(pending, None)
    # Each time that the table is three quarters full it grows, and chains turn round.
    for larger in (*_SIZES[1:], 0):
        full = size * 3 // 4 if larger else len(names)
        while following is not None and following <= full:
            buckets.setdefault(hashes[following] % size, []).insert(0, following)
            following = next(pending, None)
        if full >= len(names):
            break
        grown: dict[int, list[int]] = {}
        for bucket in sorted(buckets):
            for number in buckets[bucket]:
                grown.setdefault(hashes[number] % larger, []).insert(0, number)
        buckets, size = grown, larger
    return [number for bucket in sorted(buckets) for number in buckets[bucket]]


def _hash(name: str) -> int:
    """bfd_hash_hash."""
    value = 0
    raw = name.encode("utf-8", "surrogateescape")
    for byte in (*raw, len(raw)):
        value = value + byte + (byte << 17) & _MASK
        value ^= value >> 2
    return value
