"""The container of a bundle: a zip file in one exact form, so that no byte of it can mean two things.

Owns the bytes of the archive and knows nothing of what is in it. Every header is what `_local` and
`_central` make of a member's name, sizes, checksum and date, members lie end to end from the first
byte, and the directory ends the file; any zip reader opens it, and this one takes nothing else. What
readers of zip disagree about (two names of a member, gaps, comments, data descriptors, a second
directory) is therefore refused, and with it symbolic links and encryption.

Source: PKWARE's APPNOTE 6.3.10. Zip64 is not used: an archive has less than 4 GiB.
"""

from __future__ import annotations

import hashlib
import struct
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError, UsageError
from orobuild.image import deflate
from orobuild.image.extents import Extents, is_zero
from orobuild.rig import member_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.image.extents import Buffer

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_STORED: Final = 0
_DEFLATED: Final = 8
_VERSION: Final = 20  # 2.0: deflate and folders
_MADE_ON_UNIX: Final = 3 << 8 | _VERSION
_UTF8: Final = 1 << 11
_ENCRYPTED: Final = 1 << 0 | 1 << 6
_DESCRIPTOR: Final = 1 << 3
_REGULAR: Final = 0o100644 << 16
_FILE_TYPE: Final = 0o170000
_SYMBOLIC_LINK: Final = 0o120000
_LIMIT: Final = (1 << 32) - 1  # what the fields hold; the value itself means Zip64
_MOST_MEMBERS: Final = (1 << 16) - 1
_MOST_UNPACKED: Final = 8 << 30
"""Bytes of all members together; a disk image of that size is mostly a hole."""
_EARLIEST: Final = 315532800  # 1980-01-01, the first date that a zip file can say
_LATEST: Final = 4354819199  # 2107-12-31
_CHUNK: Final = 1 << 20
_PAGE: Final = 4096


@dataclass(frozen=True, slots=True)
class Member:
    """A member: bytes unpacked and packed, CRC-32, and where its header and contents begin."""

    name: str
    size: int
    packed: int
    crc: int
    method: int
    date: int
    """DOS time in the low half, DOS date in the high one."""
    offset: int

    @property
    def start(self) -> int:
        """Where its packed contents begin."""
        return self.offset + _LOCAL.size + len(self.name.encode())

    @property
    def end(self) -> int:
        """Where the next member begins."""
        return self.start + self.packed


def _local(member: Member) -> bytes:
    name = member.name.encode()
    return (
        _LOCAL.pack(
            b"PK\3\4",
            *(_VERSION, _UTF8, member.method, member.date & 0xFFFF, member.date >> 16),
            *(member.crc, member.packed, member.size, len(name), 0),
        )
        + name
    )


def _central(member: Member) -> bytes:
    name = member.name.encode()
    return (
        _CENTRAL.pack(
            b"PK\1\2",
            *(_MADE_ON_UNIX, _VERSION, _UTF8, member.method),
            *(member.date & 0xFFFF, member.date >> 16),
            *(member.crc, member.packed, member.size, len(name), 0, 0, 0, 0),
            *(_REGULAR, member.offset),
        )
        + name
    )


def _end(count: int, size: int, offset: int) -> bytes:
    return _END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)


class Writer:
    """Makes an archive: `add` each member, then `finish`.

    `timestamp` (seconds since 1970) dates all members; dates that zip cannot say are moved to its
    first or last one.
    """

    def __init__(self, timestamp: int = 0) -> None:
        self._date = _dos_date(timestamp)
        self._members: list[Member] = []
        self._parts: list[tuple[int, Buffer]] = []
        self._size = 0
        self._sha = hashlib.sha256()

    @property
    def written(self) -> tuple[int, str]:
        """How many bytes there are so far, and their SHA-256."""
        return self._size, self._sha.hexdigest()

    def add(self, name: str, contents: Extents) -> None:
        """Add a file. Raises `UsageError` for a name or a size that a bundle cannot have."""
        if reason := member_names.complaint(name):
            raise UsageError(f"'{name}' cannot be in a bundle: {reason}")
        if reason := member_names.collision([*(m.name for m in self._members), name]):
            raise UsageError(f"a bundle cannot hold these files: {reason}")
        if contents.size >= _LIMIT:
            raise UsageError(f"'{name}' has {contents.size:,} bytes; a bundle takes up to 4 GiB")
        crc = 0
        for piece in contents.pieces():
            crc = zlib.crc32(piece, crc)
        pages = tuple(deflate.pages(contents))
        is_whole = sum(len(data) for _, data in pages) == contents.size
        packed = [data for _, data in pages] if is_whole else list(deflate.sparse(contents))
        size = sum(map(len, packed))
        method = _STORED if is_whole else _DEFLATED
        member = Member(name, contents.size, size, crc, method, self._date, self._size)
        if member.end >= _LIMIT or len(self._members) + 1 >= _MOST_MEMBERS:
            raise UsageError(
                "a bundle takes less than 4 GiB and 65535 files",
                hint="fewer image formats make it smaller",
            )
        self._members.append(member)
        for part in (_local(member), *packed):
            self._append(part)

    def _append(self, part: Buffer) -> None:
        if len(part):
            self._parts.append((self._size, part))
        self._sha.update(part)
        self._size += len(part)

    def finish(self) -> Extents:
        """The whole archive."""
        directory = b"".join(map(_central, self._members))
        end = _end(len(self._members), len(directory), self._size)
        self._append(directory)
        self._append(end)
        return Extents(self._size, tuple(self._parts))


def _dos_date(timestamp: int) -> int:
    t = time.gmtime(min(max(timestamp, _EARLIEST), _LATEST))
    day = (t.tm_year - 1980) << 9 | t.tm_mon << 5 | t.tm_mday
    return day << 16 | t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec // 2


class Archive:
    """An archive whose every header has been checked. `path` is what messages call it."""

    def __init__(self, data: Extents, path: str) -> None:
        self._data = data
        self.path = path
        self.members = {member.name: member for member in _read(data, path)}

    def complain(self, message: str, hint: str | None = None) -> InputError:
        """The error that says `message` of this archive."""
        return InputError(error(message, Span(self.path), hint=hint))

    def digest_before(self, member: Member) -> tuple[int, str]:
        """How many bytes lie before a member, and their SHA-256."""
        return member.offset, self._data.section(0, member.offset).sha256()

    def pieces(self, member: Member) -> Iterator[bytes]:
        """The contents, in pieces of bounded size; never more than the member's size.

        Raises `InputError` at the end if they are not what the header says.
        """
        crc = size = 0
        for piece in self._unpacked(member):
            crc = zlib.crc32(piece, crc)
            size += len(piece)
            yield piece
        if size != member.size or crc != member.crc:
            raise self.complain(f"'{member.name}' is damaged: its checksum")

    def _packed(self, member: Member) -> Iterator[bytes]:
        for at in range(member.start, member.end, _CHUNK):
            yield self._data.read(at, min(_CHUNK, member.end - at))

    def _unpacked(self, member: Member) -> Iterator[bytes]:
        if member.method == _STORED:
            yield from self._packed(member)
            return
        inflate, left = zlib.decompressobj(-15), member.size
        damaged = f"'{member.name}' is damaged: "
        try:
            for packed in self._packed(member):
                if inflate.eof:
                    raise self.complain(f"{damaged}there is something behind its contents")
                rest = packed
                while rest and not inflate.eof:
                    piece = inflate.decompress(rest, min(left + 1, _CHUNK))
                    left -= len(piece)
                    if left < 0:
                        told = f"it unpacks to more than the {member.size:,} bytes that it declares"
                        raise self.complain(f"{damaged}{told}")
                    yield piece
                    rest = inflate.unconsumed_tail
        except zlib.error:
            raise self.complain(f"{damaged}it cannot be unpacked") from None
        if not inflate.eof or inflate.unused_data:
            raise self.complain(f"{damaged}its compressed contents end elsewhere")

    def contents(self, member: Member) -> Extents:
        """The contents, without what is zero for a page on end."""
        parts: list[tuple[int, Buffer]] = []
        at = 0
        for piece in self.pieces(member):
            parts += _not_zero(at, piece)
            at += len(piece)
        return Extents(member.size, tuple(parts))


def _not_zero(start: int, piece: bytes) -> Iterator[tuple[int, bytes]]:
    if not is_zero(piece[:_PAGE]) and not is_zero(piece[-_PAGE:]) and b"\0" * _PAGE not in piece:
        yield start, piece
        return
    for at in range(0, len(piece), _PAGE):
        page = piece[at : at + _PAGE]
        if not is_zero(page):
            yield start + at, page


def _read(data: Extents, path: str) -> list[Member]:
    """The members, in order, once everything about them but their contents has been checked."""

    def fail(message: str, hint: str | None = None) -> InputError:
        return InputError(error(message, Span(path), hint=hint))

    cut = fail(
        "the archive's end is missing: it was cut off, or this is no bundle",
        "fetch it again, and compare its size with the original's",
    )
    if data.read(0, 4) != b"PK\3\4":
        raise fail("this is no bundle: a bundle is a zip file that `orobuild rig bundle` made")
    place = data.size - _END.size
    raw = data.read(place, _END.size)
    if place < 0 or raw[:4] != b"PK\5\6":
        raise cut
    _, _, _, _, count, size, offset, _ = _END.unpack(raw)
    if raw != _end(count, size, offset) or offset + size != place:
        raise fail("the archive's directory is damaged, or is not one that a bundle has")
    directory = data.read(offset, size)
    members: list[Member] = []
    entries: list[bytes] = []
    at = 0
    for number in range(count):
        entry = directory[at : at + _CENTRAL.size]
        if len(entry) < _CENTRAL.size or entry[:4] != b"PK\1\2":
            raise fail(f"the archive's directory is damaged at its member {number + 1}")
        length, extra, comment = struct.unpack_from("<3H", entry, 28)
        raw = directory[at : at + _CENTRAL.size + length + extra + comment]
        members.append(_member(raw, length, number, fail))
        entries.append(raw)
        at += len(raw)
    if at != size:
        raise fail("the archive's directory has something behind its members")
    if reason := member_names.collision(member.name for member in members):
        raise fail(f"the archive has names that cannot be in one folder: {reason}")
    for member, raw in zip(members, entries, strict=True):
        if raw != _central(member):
            raise fail(f"the directory's entry of '{member.name}' is not one that a bundle has")
    _check_places(data, members, offset, fail)
    if sum(member.size for member in members) > _MOST_UNPACKED:
        total = sum(member.size for member in members)
        raise fail(f"it would unpack to {total:,} bytes, more than the {_MOST_UNPACKED:,} allowed")
    return members


def _member(raw: bytes, length: int, number: int, fail: _Fail) -> Member:
    """A member by its entry in the directory. Says first what is wrong in a way that has a name."""
    (_, made, _, flags, method, clock, day, crc, packed, size, *_, mode, offset) = _CENTRAL.unpack(
        raw[: _CENTRAL.size]
    )
    try:
        name = raw[_CENTRAL.size : _CENTRAL.size + length].decode()
    except UnicodeDecodeError:
        raise fail(f"the name of the archive's member {number + 1} is not UTF-8") from None
    if reason := member_names.complaint(name):
        raise fail(f"the archive has a member called {name!r}: {reason}")
    kind = mode >> 16 & _FILE_TYPE
    if made >> 8 == _MADE_ON_UNIX >> 8 and kind != _REGULAR >> 16 & _FILE_TYPE:
        what = "a symbolic link" if kind == _SYMBOLIC_LINK else "no regular file"
        raise fail(f"'{name}' is {what}")
    if flags & _ENCRYPTED:
        raise fail(f"'{name}' is encrypted")
    if flags & _DESCRIPTOR or _LIMIT in (packed, size, offset):
        raise fail(f"'{name}' does not say its size where a bundle does")
    if method not in (_STORED, _DEFLATED) or (method == _STORED and size != packed):
        raise fail(f"'{name}' is compressed in a way that a bundle is not (method {method})")
    return Member(name, size, packed, crc, method, day << 16 | clock, offset)


def _check_places(data: Extents, members: list[Member], directory: int, fail: _Fail) -> None:
    """Members must lie end to end, each behind the header that its entry says."""
    at = 0
    for member in members:
        if member.offset != at or member.end > directory:
            raise fail(f"'{member.name}' does not begin where the member before it ends")
        header = _local(member)
        if data.read(at, len(header)) != header:
            raise fail(f"the header of '{member.name}' says something else than the directory")
        at = member.end
    if at != directory:
        raise fail("there is something between the last member and the directory")


if TYPE_CHECKING:
    from typing import Protocol

    class _Fail(Protocol):
        def __call__(self, message: str, hint: str | None = None) -> InputError: ...
