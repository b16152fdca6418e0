"""Words of which each bit is known, is a bit of a pointer that is not known, or is neither.

Descriptors keep an address in pieces, so what matters of a pointer is where each of its bits goes.
A word is an `int` (all bits known), a `Pointer` (all bits of one), or a tuple of 64 bits, the lowest
first: 0, 1, `(pointer, index)`, or None for anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

BITS: Final = 64
MASK: Final = (1 << BITS) - 1


@dataclass(frozen=True, slots=True)
class Pointer:
    """An address `offset` bytes above one that only its name, `base`, is known of."""

    base: str
    offset: int


Bit = int | tuple[Pointer, int] | None
Word = int | Pointer | tuple[Bit, ...] | None


def spread(word: Word) -> tuple[Bit, ...]:
    """The 64 bits of a word."""
    if isinstance(word, tuple):
        return word
    if isinstance(word, int):
        return tuple(word >> i & 1 for i in range(BITS))
    if word is None:
        return (None,) * BITS
    return tuple((word, i) for i in range(BITS))


def joined(bits: Sequence[Bit]) -> Word:
    """The word of at most 64 bits, in its simplest form; the missing upper ones are 0."""
    known = [bit for bit in bits if isinstance(bit, int)]
    if len(known) == len(bits):
        return sum(bit << i for i, bit in enumerate(known))
    if all(bit is None for bit in bits):
        return None
    first = bits[0]
    if isinstance(first, tuple) and len(bits) == BITS:
        pointer = first[0]
        if all(bit == (pointer, i) for i, bit in enumerate(bits)):
            return pointer
    return tuple(bits) + (0,) * (BITS - len(bits))


def truncated(word: Word, size: int) -> Word:
    """The lowest `size` bytes."""
    if isinstance(word, int):
        return word & (1 << 8 * size) - 1
    return word if size >= 8 else joined(spread(word)[: 8 * size])


def added(word: Word, number: int) -> Word:
    """A word plus a known number."""
    if isinstance(word, int):
        return (word + number) & MASK
    if isinstance(word, Pointer):
        signed = number - (1 << BITS) if number >> 63 else number
        return Pointer(word.base, word.offset + signed)
    return word if number == 0 else None


def conjoined(left: Word, right: Word) -> Word:
    """Bitwise and."""
    if isinstance(left, int) and isinstance(right, int):
        return left & right
    return joined(
        [
            0 if 0 in (a, b) else (b if a == 1 else a if b == 1 or a == b else None)
            for a, b in zip(spread(left), spread(right), strict=True)
        ]
    )


def disjoined(left: Word, right: Word) -> Word:
    """Bitwise or."""
    if isinstance(left, int) and isinstance(right, int):
        return left | right
    return joined(
        [
            1 if 1 in (a, b) else (b if a == 0 else a if b == 0 or a == b else None)
            for a, b in zip(spread(left), spread(right), strict=True)
        ]
    )


def shifted(word: Word, count: int, *, size: int = 8) -> Word:
    """Shifted by `count` bits to the left, to the right if it is negative; `size` in bytes."""
    if isinstance(word, int):
        moved = word << count if count >= 0 else (word & (1 << 8 * size) - 1) >> -count
        return moved & (1 << 8 * size) - 1
    bits = spread(word)[: 8 * size]
    if count >= 0:
        return joined(((0,) * min(count, len(bits)) + bits)[: 8 * size])
    return joined(bits[-count:] + (0,) * min(-count, len(bits)))
