"""Deflate and zlib streams that are the same bytes with every Python and every zlib.

Compressors change from version to version, so contents are stored as they are; only zeros are
compressed. Source: RFC 1950 and 1951. Anybody's inflate reads the result.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.image.extents import Buffer, Extents

_HEADER: Final = b"\x78\x01"
_MAX_STORED: Final = 0xFFFF
_RUN: Final = 258  # the longest match

# Fixed Huffman codes (RFC 1951, 3.2.6), as (bits in the order in which they are sent, count).
_LITERAL_ZERO: Final = (0b00001100, 8)
_LENGTH_258: Final = (0b10100011, 8)
_DISTANCE_1: Final = (0, 5)
_END: Final = (0, 7)
_MATCH: Final = _LENGTH_258[1] + _DISTANCE_1[1]
# Matches of 13 bits begin at a byte's beginning again after eight of them.
_EIGHT_RUNS: Final = sum(_LENGTH_258[0] << i * _MATCH for i in range(8)).to_bytes(_MATCH, "little")
_PAGE: Final = 4096  # bytes; what is zero for a page on end is compressed


def compress(data: bytes) -> bytes:
    """A zlib stream of `data`, at most 11 + 5 bytes longer for each 65535 that it has."""
    stored = data.rstrip(b"\0")
    zeros = len(data) - len(stored)
    if zeros < 64:
        stored, zeros = data, 0
    parts = [_HEADER, *_stored(stored, last=not zeros)] if stored or not zeros else [_HEADER]
    if zeros:
        parts.append(_zeros(zeros, None))
    return b"".join(parts) + zlib.adler32(data).to_bytes(4, "big")


def sparse(contents: Extents) -> Iterator[Buffer]:
    """A raw deflate stream of `contents`, in pieces: each zero page is compressed, however they are
    divided into parts. What is no hole is not copied twice."""
    runs = tuple(pages(contents))
    at, begun = 0, False  # whether the header of the next stored block has been sent
    for number, (start, data) in enumerate(runs):
        is_last = number == len(runs) - 1 and start + len(data) == contents.size
        if start > at:
            yield _zeros(start - at, int(is_last and len(data) <= _MAX_STORED))
            begun = True
        pieces = _stored(data, last=is_last)
        if begun:
            yield next(pieces)[1:]
        yield from pieces
        at, begun = start + len(data), False
    if at < contents.size:
        yield _zeros(contents.size - at, None)
    elif not runs:
        yield from _stored(b"", last=True)


def pages(contents: Extents) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of each run of pages that are not zero: the same for the same bytes."""
    start = end = 0
    run: list[bytes] = []
    for index, page in contents.blocks(_PAGE):
        if run and index * _PAGE != end:
            yield start, b"".join(run)
            run = []
        if not run:
            start = index * _PAGE
        run.append(page[: contents.size - index * _PAGE])
        end = (index + 1) * _PAGE
    if run:
        yield start, b"".join(run)


def _stored(data: bytes, *, last: bool) -> Iterator[bytes]:
    """`data` as stored blocks, each header and contents in turn. The first block begins a byte."""
    for at in range(0, len(data) or 1, _MAX_STORED):
        piece = data[at : at + _MAX_STORED]
        size = len(piece)
        final = last and at + _MAX_STORED >= len(data)
        yield bytes((final,)) + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")
        yield piece


def _zeros(count: int, following: int | None) -> bytes:
    """A block that inflates to `count` zeros: some as they are, the others by matches.

    It is the last one, or ends with the header of a stored block, whose final bit is `following`.
    """
    runs, single = divmod(count - 1, _RUN)
    value, size = 0b011 if following is None else 0b010, 3  # fixed Huffman codes
    for bits, width in [_LITERAL_ZERO] * (single + 1):
        value |= bits << size
        size += width
    matches = int.from_bytes(_EIGHT_RUNS * -(-runs // 8), "little") & ((1 << runs * _MATCH) - 1)
    value |= matches << size
    size += runs * _MATCH + _END[1]
    if following is not None:
        value |= following << size
        size += 3
    return value.to_bytes(-(-size // 8), "little")
