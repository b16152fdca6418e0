"""A medium's contents as extents: what is there, with everything else known to be zero.

A disk image is mostly holes. `Extents` keeps the parts that have contents and the total size, so
that making, converting and writing an image cost what its contents cost. A part may be a view of
bytes that somebody else owns: nothing is copied before it is written.
"""

from __future__ import annotations

import bisect
import hashlib
from typing import TYPE_CHECKING, Final, TypeAlias

from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Buffer: TypeAlias = "bytes | bytearray | memoryview"

_ZEROS: Final = bytes(1 << 16)


@dataclass(frozen=True)
class Extents:
    """`size` bytes; `parts` are (offset, contents), ascending, apart from each other, not empty."""

    size: int
    parts: tuple[tuple[int, Buffer], ...]

    def __post_init__(self) -> None:
        end = 0
        for offset, data in self.parts:
            if offset < end or not len(data):
                raise ValueError(f"the part at {offset} is empty or overlaps the one before")
            end = offset + len(data)
        if end > self.size:
            raise ValueError(f"a part ends at {end}, the size is {self.size}")

    @classmethod
    def of(cls, data: Buffer) -> Extents:
        """All of `data` as one part."""
        return cls(len(data), ((0, data),) if len(data) else ())

    @classmethod
    def collect(cls, size: int, parts: Iterable[tuple[int, Buffer]]) -> Extents:
        """Parts in any order; empty ones are left out."""
        kept = [(offset, data) for offset, data in parts if len(data)]
        return cls(size, tuple(sorted(kept, key=_offset)))

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset` on, fewer where the medium ends first."""
        end = min(offset + size, self.size)
        if offset >= end:
            return b""
        first = max(bisect.bisect_right(self.parts, offset, key=_offset) - 1, 0)
        found = []
        for start, data in self.parts[first:]:
            if start >= end:
                break
            low, high = max(offset - start, 0), min(end - start, len(data))
            if low < high:
                if start + low == offset and start + high == end:
                    return bytes(data[low:high])
                found.append((start + low - offset, data[low:high]))
        image = bytearray(end - offset)
        for at, piece in found:
            image[at : at + len(piece)] = piece
        return bytes(image)

    def section(self, offset: int, size: int) -> Extents:
        """The range as a medium of its own, without copying."""
        size = max(min(size, self.size - offset), 0)
        parts = []
        for start, data in self.parts:
            low, high = max(offset - start, 0), min(offset + size - start, len(data))
            if low < high:
                parts.append((start + low - offset, memoryview(data)[low:high]))
        return Extents(size, tuple(parts))

    def placed(self, offset: int) -> Iterator[tuple[int, Buffer]]:
        """The parts, as they lie in a medium that holds this one at `offset`."""
        for start, data in self.parts:
            yield offset + start, data

    def resized(self, size: int) -> Extents:
        """The same contents in a medium of another size, which must hold them."""
        return Extents(size, self.parts)

    def blocks(self, size: int) -> Iterator[tuple[int, bytes]]:
        """(index, contents) of each `size`-byte block with a byte that is not zero, ascending.

        The last block is filled up with zeros.
        """
        done = -1
        for start, data in self.parts:
            first, last = start // size, (start + len(data) - 1) // size
            for index in range(max(first, done + 1), last + 1):
                block = self.read(index * size, size).ljust(size, b"\0")
                if not is_zero(block):
                    yield index, block
            done = max(done, last)

    def differing(self, other: Extents, size: int = 4096) -> Iterator[tuple[int, bytes, bytes]]:
        """(offset, bytes, bytes) of each `size`-byte block that differs; the shorter medium ends in
        zeros."""
        mine, yours = self.blocks(size), other.blocks(size)
        left, right = next(mine, None), next(yours, None)
        empty = bytes(size)
        while left or right:
            index = min(pair[0] for pair in (left, right) if pair)
            first = left[1] if left and left[0] == index else empty
            second = right[1] if right and right[0] == index else empty
            if first != second:
                yield index * size, first, second
            if left and left[0] == index:
                left = next(mine, None)
            if right and right[0] == index:
                right = next(yours, None)

    def same_bytes(self, other: Extents) -> bool:
        """Whether size and all bytes are the same, however they are divided into parts."""
        if self.size != other.size:
            return False
        return self.parts == other.parts or not any(True for _ in self.differing(other, 1 << 16))

    def to_bytes(self) -> bytes:
        """Everything, holes included."""
        if len(self.parts) == 1 and len(self.parts[0][1]) == self.size:
            return bytes(self.parts[0][1])
        image = bytearray(self.size)
        for offset, data in self.parts:
            image[offset : offset + len(data)] = data
        return bytes(image)

    def pieces(self) -> Iterator[Buffer]:
        """Everything in order, in pieces of bounded size where it is a hole."""
        at = 0
        for offset, data in (*self.parts, (self.size, b"")):
            while at < offset:
                length = min(offset - at, len(_ZEROS))
                yield _ZEROS if length == len(_ZEROS) else bytes(length)
                at += length
            yield data
            at += len(data)

    def sha256(self) -> str:
        """The SHA-256 of all bytes, in hexadecimal."""
        sha = hashlib.sha256()
        for piece in self.pieces():
            sha.update(piece)
        return sha.hexdigest()

    def identity(self) -> bytes:
        """32 bytes that follow from the contents: SHA-256 of the parts and where they lie.

        Cheaper than `sha256`, since holes are not hashed. Trailing and leading zeros within a
        part count, so two `Extents` of equal bytes may differ: derive identifiers from it, but
        compare media by their bytes.
        """
        sha = hashlib.sha256(self.size.to_bytes(8, "little"))
        for offset, data in self.parts:
            sha.update(offset.to_bytes(8, "little") + len(data).to_bytes(8, "little"))
            sha.update(data)
        return sha.digest()


def is_zero(block: bytes) -> bool:
    """Whether all bytes are zero."""
    return not block.strip(b"\0") if len(block) > len(_ZEROS) else block == _ZEROS[: len(block)]


def _offset(part: tuple[int, Buffer]) -> int:
    return part[0]
