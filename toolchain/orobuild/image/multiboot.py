"""The headers by which a kernel's file says that it is one: Multiboot and Multiboot2.

Owns where they are looked for and what stands in them. Whether our loaders do what they ask is not
known here. Sources: Multiboot Specification 0.6.96, section 3.1; Multiboot2 Specification 2.0,
section 3.1.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC2: Final = 0xE85250D6
TAG_END: Final = 0
TAG_REQUEST: Final = 1
TAG_ADDRESS: Final = 2
TAG_ENTRY: Final = 3
TAG_FRAMEBUFFER: Final = 5
TAG_OPTIONAL: Final = 1
"""In a tag's flags: it may be passed over."""

_SEARCH2: Final = 32768
_HEADER2: Final = struct.Struct("<IIII")
_TAG: Final = struct.Struct("<HHI")
_TAG_SIZES: Final = {TAG_ADDRESS: 24, TAG_ENTRY: 12, TAG_FRAMEBUFFER: 20}

_MAGIC1: Final = 0x1BADB002
_SEARCH1: Final = 8192
_HEADER1: Final = struct.Struct("<III")
_ADDRESSES: Final = struct.Struct("<IIII")
_WORD: Final = struct.Struct("<I")
_VIDEO: Final = struct.Struct("<IIII")
_VIDEO_AT: Final = 32
_HAS_ADDRESSES: Final = 1 << 16
_WANTS_VIDEO: Final = 1 << 2
_UNDERSTOOD: Final = 0b111  # modules on pages, memory information, video mode
_MANDATORY: Final = 0xFFFF
_4GIB: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a Multiboot2 header; `payload` is what follows type, flags and size."""

    kind: int
    flags: int
    payload: bytes

    @property
    def is_optional(self) -> bool:
        """Whether a loader may pass over it."""
        return bool(self.flags & TAG_OPTIONAL)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a file goes in memory that does not say it as ELF: physical addresses.

    `load` 2**32 - 1 is the file's beginning (Multiboot2), `load_end` 0 its end, and `bss_end` 0 says
    that there is nothing behind.
    """

    header: int
    load: int
    load_end: int
    bss_end: int


@dataclass(frozen=True, slots=True)
class Multiboot2Header:
    """A Multiboot2 header at a byte `offset` of the file, and its tags without the end."""

    offset: int
    tags: tuple[Tag, ...]

    @property
    def entry_address(self) -> int | None:
        """The last entry address tag's value, physical."""
        found = (_WORD.unpack_from(t.payload)[0] for t in self._last_first(TAG_ENTRY))
        return next(found, None)

    @property
    def addresses(self) -> Addresses | None:
        """The last address tag's values."""
        found = (_ADDRESSES.unpack_from(t.payload) for t in self._last_first(TAG_ADDRESS))
        return next((Addresses(*values) for values in found), None)

    def _last_first(self, kind: int) -> Iterator[Tag]:
        return (tag for tag in reversed(self.tags) if tag.kind == kind)


@dataclass(frozen=True, slots=True)
class MultibootHeader:
    """A header of the first Multiboot. `video` is a wish: width, height and depth, or None."""

    offset: int
    addresses: Addresses | None
    entry: int
    video: tuple[int, int, int] | None


def find_multiboot2(data: bytes | memoryview, path: str) -> Multiboot2Header | None:
    """The header in a kernel's file, if it has one. Raises `InputError` if it is malformed."""
    area, span = memoryview(data)[:_SEARCH2], Span(path)
    for offset in range(0, len(area) - _HEADER2.size + 1, 8):
        magic, architecture, length, checksum = _HEADER2.unpack_from(area, offset)
        if magic != MAGIC2 or (magic + architecture + length + checksum) % _4GIB:
            continue
        if architecture != 0:
            message = f"the Multiboot2 header is for architecture {architecture}, not 0 (i386)"
            raise InputError(error(message, span))
        if length < _HEADER2.size or offset + length > len(area):
            raise InputError(error("the Multiboot2 header is longer than the file's 32 KiB", span))
        tags = area[offset + _HEADER2.size : offset + length]
        return Multiboot2Header(offset, _read_tags(tags, span))
    return None


def _read_tags(area: memoryview, span: Span) -> tuple[Tag, ...]:
    found: list[Tag] = []
    offset = 0
    while True:
        if offset + _TAG.size > len(area):
            raise InputError(error("the Multiboot2 header has no end tag", span))
        kind, flags, size = _TAG.unpack_from(area, offset)
        if size < _TAG_SIZES.get(kind, _TAG.size) or offset + size > len(area):
            raise InputError(error(f"the Multiboot2 header tag {kind} has size {size}", span))
        if kind == TAG_END:
            return tuple(found)
        found.append(Tag(kind, flags, bytes(area[offset + _TAG.size : offset + size])))
        offset += (size + 7) & ~7


def multiboot2_header(tags: tuple[Tag, ...]) -> bytes:
    """The bytes of a Multiboot2 header with `tags`, to stand at a multiple of 8."""
    body = b""
    for tag in (*tags, Tag(TAG_END, 0, b"")):
        whole = _TAG.pack(tag.kind, tag.flags, _TAG.size + len(tag.payload)) + tag.payload
        body += whole + bytes(-len(whole) % 8)
    length = _HEADER2.size + len(body)
    return _HEADER2.pack(MAGIC2, 0, length, -(MAGIC2 + length) % _4GIB) + body


def entry_tag(address: int) -> Tag:
    """The tag that says where a kernel is entered, physical."""
    return Tag(TAG_ENTRY, 0, _WORD.pack(address))


def framebuffer_tag(width: int, height: int, depth: int) -> Tag:
    """The tag that asks for a framebuffer, and does without."""
    return Tag(TAG_FRAMEBUFFER, TAG_OPTIONAL, struct.pack("<III", width, height, depth))


def find_multiboot(data: bytes | memoryview, path: str) -> MultibootHeader | None:
    """The header of the first Multiboot in a kernel's file, if it has one.

    Raises `InputError` if it is cut off, or demands what the specification does not define.
    """
    area, span = memoryview(data)[:_SEARCH1], Span(path)
    for offset in range(0, len(area) - _HEADER1.size + 1, 4):
        magic, flags, checksum = _HEADER1.unpack_from(area, offset)
        if magic != _MAGIC1 or (magic + flags + checksum) % _4GIB:
            continue
        if unknown := flags & _MANDATORY & ~_UNDERSTOOD:
            message = f"the Multiboot header demands {unknown:#x}, which the loaders do not know"
            raise InputError(error(message, span))
        end = _VIDEO_AT + _VIDEO.size if flags & _WANTS_VIDEO else _VIDEO_AT
        if flags & (_HAS_ADDRESSES | _WANTS_VIDEO) and offset + end > len(area):
            raise InputError(error("the Multiboot header is longer than the file's 8 KiB", span))
        addresses, entry, video = None, 0, None
        if flags & _HAS_ADDRESSES:
            at = offset + _HEADER1.size
            addresses = Addresses(*_ADDRESSES.unpack_from(area, at))
            (entry,) = _WORD.unpack_from(area, at + _ADDRESSES.size)
        if flags & _WANTS_VIDEO:
            text, *wish = _VIDEO.unpack_from(area, offset + _VIDEO_AT)
            video = None if text else (wish[0], wish[1], wish[2])
        return MultibootHeader(offset, addresses, entry, video)
    return None
