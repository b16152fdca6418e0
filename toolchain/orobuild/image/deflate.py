"""zlib streams that are the same bytes with every Python and every zlib.

Compressors change from version to version, so contents are stored as they are; only the zeros at
their end are compressed. Source: RFC 1950 and 1951. Anybody's inflate reads the result.
"""

from __future__ import annotations

import zlib
from typing import Final

_HEADER: Final = b"\x78\x01"
_MAX_STORED: Final = 0xFFFF
_RUN: Final = 258  # the longest match

# Fixed Huffman codes (RFC 1951, 3.2.6), as (bits in the order in which they are sent, count).
_LITERAL_ZERO: Final = (0b00001100, 8)
_LENGTH_258: Final = (0b10100011, 8)
_DISTANCE_1: Final = (0, 5)
_END: Final = (0, 7)


def compress(data: bytes) -> bytes:
    """A zlib stream of `data`, at most 11 + 5 bytes longer for each 65535 that it has."""
    stored = data.rstrip(b"\0")
    zeros = len(data) - len(stored)
    if zeros < 64:
        stored, zeros = data, 0
    parts = [_HEADER]
    for at in range(0, len(stored) or (not zeros), _MAX_STORED):
        piece = stored[at : at + _MAX_STORED]
        final = not zeros and at + _MAX_STORED >= len(stored)
        parts.append(bytes((final,)) + len(piece).to_bytes(2, "little"))
        parts.append((len(piece) ^ 0xFFFF).to_bytes(2, "little") + piece)
    if zeros:
        parts.append(_zeros(zeros))
    return b"".join(parts) + zlib.adler32(data).to_bytes(4, "big")


def _zeros(count: int) -> bytes:
    """A last block that inflates to `count` zeros: some as they are, the others by matches."""
    runs, single = divmod(count - 1, _RUN)
    codes = [(0b011, 3)]  # the last block, fixed Huffman codes
    codes += [_LITERAL_ZERO] * (single + 1)
    codes += [_LENGTH_258, _DISTANCE_1] * runs
    value = size = 0
    for bits, width in (*codes, _END):
        value |= bits << size
        size += width
    return value.to_bytes(-(-size // 8), "little")
