"""Pictures over time as one animated PNG, put together from PNG files without decoding their pixels.

Source: the W3C's Portable Network Graphics specification, third edition: acTL, fcTL and fdAT. Pictures
may be of different sizes; the animation is as large as the largest. What a viewer shows that knows no
animation is the last picture of that size.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_RGB8: Final = bytes((8, 2, 0, 0, 0))  # depth, colour type, compression, filter, interlace
_NONE: Final = 0  # dispose: leave the picture for the next to cover
_BACKGROUND: Final = 1  # dispose: clear it first
_SOURCE: Final = 0  # blend: replace what was there
_MILLISECONDS: Final = 1000
_LONGEST: Final = 0xFFFF  # of one frame's delay, in milliseconds


class NotAPictureError(ValueError):
    """The bytes are no PNG of eight bits a channel, red, green and blue, not interlaced."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG taken apart: its size in pixels, and its compressed rows."""

    width: int
    height: int
    data: bytes


def read(png: bytes) -> Picture:
    """Take a PNG apart. Raises `NotAPictureError`."""
    if not png.startswith(SIGNATURE):
        raise NotAPictureError("no PNG")
    size: tuple[int, int] | None = None
    data: list[bytes] = []
    ended = False
    for kind, body in _chunks(png):
        if kind == b"IHDR" and len(body) == 13:
            if body[8:] != _RGB8:
                raise NotAPictureError("not 8-bit RGB")
            size = struct.unpack(">II", body[:8])
        elif kind == b"IDAT":
            data.append(body)
        ended = kind == b"IEND"
    if size is None or not data or not ended:
        raise NotAPictureError("cut off")
    width, height = size
    return Picture(width, height, b"".join(data))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        body = png[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length].ljust(4, b"\0"))
        if zlib.crc32(png[at + 4 : at + 8 + length]) != crc:
            raise NotAPictureError("damaged")
        yield png[at + 4 : at + 8], body
        at += 12 + length


def assemble(frames: Sequence[tuple[Picture, float]]) -> Iterable[bytes]:
    """The parts of a PNG file that shows each picture for its seconds, once. At least one frame."""
    width = max(picture.width for picture, _ in frames)
    height = max(picture.height for picture, _ in frames)
    yield SIGNATURE
    yield _chunk(b"IHDR", struct.pack(">II", width, height) + _RGB8)
    yield _chunk(b"acTL", struct.pack(">II", len(frames), 1))
    yield _chunk(b"IDAT", _still(frames, width, height))
    sequence = 0
    for number, (picture, seconds) in enumerate(frames):
        after = frames[number + 1][0] if number + 1 < len(frames) else picture
        same = (after.width, after.height) == (picture.width, picture.height)
        delay = min(max(round(seconds * _MILLISECONDS), 1), _LONGEST)
        control = struct.pack(
            ">IIIIIHHBB",
            *(sequence, picture.width, picture.height, 0, 0, delay, _MILLISECONDS),
            *(_NONE if same else _BACKGROUND, _SOURCE),
        )
        yield _chunk(b"fcTL", control)
        yield _chunk(b"fdAT", struct.pack(">I", sequence + 1) + picture.data)
        sequence += 2
    yield _chunk(b"IEND", b"")


def _still(frames: Sequence[tuple[Picture, float]], width: int, height: int) -> bytes:
    for picture, _ in reversed(frames):
        if (picture.width, picture.height) == (width, height):
            return picture.data
    black = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    return b"".join(black.compress(row) for _ in range(height)) + black.flush()


def _chunk(kind: bytes, body: bytes) -> bytes:
    checked = kind + body
    return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))
