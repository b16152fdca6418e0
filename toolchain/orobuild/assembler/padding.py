"""No-operations for code alignment: the sequences of GNU as 2.40 (gas/config/tc-i386.c).

Owns `i386_generate_nops`: which patterns a code width uses, how many of them run in a row, and
when a jump over the padding is cheaper.
"""

from __future__ import annotations

from functools import cache
from typing import Final

# f16_patt: lea 0(%si),%si and its longer forms
_PATTERNS_16: Final = tuple(
    bytes.fromhex(text) for text in ("90", "6690", "8d7400", "8db40000")
)  # fmt: skip
# f32_patt: lea with displacements, for processors without the long nop
_PATTERNS_32: Final = tuple(
    bytes.fromhex(text)
    for text in ("90", "6690", "8d7600", "8d742600", "8d74260090", "8db600000000", "8db42600000000")
)
# alt_patt: the long nop
_PATTERNS_LONG: Final = tuple(
    bytes.fromhex(text)
    for text in (
        "90",
        "6690",
        "0f1f00",
        "0f1f4000",
        "0f1f440000",
        "660f1f440000",
        "0f1f8000000000",
        "0f1f840000000000",
        "660f1f840000000000",
        "662e0f1f840000000000",
        "66662e0f1f840000000000",
    )
)


@cache
def nops(count: int, width: int, *, long: bool, limit: int = 0) -> bytes:
    """`count` bytes of no-operations for `width`-bit code; `long` when the processor has ``0f 1f``.

    `limit` is the largest single no-operation, 0 for the mode's own largest (`.nops`).
    """
    if width == 16:
        patterns, run = _PATTERNS_16, 2
    elif long:
        patterns, run = _PATTERNS_LONG, 7
    else:
        patterns, run = _PATTERNS_32, 2
    largest = min(len(patterns), limit or len(patterns))
    if patterns is _PATTERNS_32 and largest == 5:
        largest = 4  # the one of 5 bytes is two instructions (f32_patt)
    if count // len(patterns) > run:
        return _jump(count, width, patterns, largest)
    return _sequence(count, patterns, largest)


def largest_nop(width: int, *, long: bool) -> int:
    """The largest single no-operation in bytes."""
    if width == 16:
        return len(_PATTERNS_16)
    return len(_PATTERNS_LONG if long else _PATTERNS_32)


def _sequence(count: int, patterns: tuple[bytes, ...], largest: int) -> bytes:
    out = patterns[largest - 1] * (count // largest)
    rest = count % largest
    return out + (patterns[rest - 1] if rest else b"")


def _jump(count: int, width: int, patterns: tuple[bytes, ...], largest: int) -> bytes:
    """A jump over the padding, and the padding."""
    rest = count - 2
    if rest <= 127:
        return b"\xeb" + bytes((rest,)) + _sequence(rest, patterns, largest)
    opcode = b"\x66\xe9" if width == 16 else b"\xe9"
    rest = count - len(opcode) - 4
    return opcode + rest.to_bytes(4, "little") + _sequence(rest, patterns, largest)
