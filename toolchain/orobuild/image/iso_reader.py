"""Reading an ISO 9660 file system, ours or anybody's: its files, and what El Torito starts.

Only the names of ISO 9660 itself are read; Rock Ridge and Joliet, which say them again, are not.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image.iso import SECTOR
from orobuild.image.partition import SECTOR_SIZE
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.image.extents import Extents

_IDENTIFIER: Final = b"CD001"
_FIRST_DESCRIPTOR: Final = 16
_MAX_DEPTH: Final = 64
_MAX_DESCRIPTORS: Final = 64
_EL_TORITO: Final = b"EL TORITO SPECIFICATION"


@dataclass(frozen=True, slots=True)
class IsoFile:
    """A file: its path without version numbers, and where it lies, in bytes."""

    path: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class BootImage:
    """An entry of the boot catalog. `offset` in bytes; `size` as the catalog says it, in bytes."""

    platform: int
    bootable: bool
    media: int
    offset: int
    size: int


@dataclass(frozen=True)
class Iso:
    """A file system that has been read; `size` is what its descriptor says, in bytes."""

    label: str
    size: int
    files: tuple[IsoFile, ...]
    boot_images: tuple[BootImage, ...]


def is_iso(extents: Extents) -> bool:
    """Whether sector 16 is a volume descriptor."""
    return extents.read(_FIRST_DESCRIPTOR * SECTOR + 1, 5) == _IDENTIFIER


def read_iso(extents: Extents, path: str) -> Iso:
    """The file system in `extents`. Raises `InputError` naming what is wrong."""
    return _Reader(extents, path).iso()


class _Reader:
    def __init__(self, extents: Extents, path: str) -> None:
        self.extents, self.path = extents, path
        self.seen: set[int] = set()

    def fail(self, message: str) -> NoReturn:
        raise InputError(error(f"ISO 9660: {message}", Span(self.path)))

    def sector(self, number: int) -> bytes:
        data = self.extents.read(number * SECTOR, SECTOR)
        if len(data) < SECTOR:
            self.fail(f"truncated: sector {number} lies outside the file")
        return data

    def iso(self) -> Iso:
        primary: bytes | None = None
        boot_images: tuple[BootImage, ...] = ()
        for number in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + _MAX_DESCRIPTORS):
            descriptor = self.sector(number)
            if descriptor[1:6] != _IDENTIFIER:
                self.fail(f"sector {number} is no volume descriptor, and none ended the list")
            if descriptor[0] == 0xFF:
                break
            if descriptor[0] == 1 and primary is None:
                primary = descriptor
            if descriptor[0] == 0 and descriptor[7:39].rstrip(b"\0") == _EL_TORITO:
                (catalog,) = struct.unpack_from("<I", descriptor, 71)
                boot_images = tuple(self._catalog(catalog))
        if primary is None:
            self.fail("there is no primary volume descriptor")
        (block,) = struct.unpack_from("<H", primary, 128)
        if block != SECTOR:
            self.fail(f"logical blocks of {block} bytes are not known here")
        (sectors,) = struct.unpack_from("<I", primary, 80)
        first, size = self._place(primary[156:190])
        files = tuple(self._walk("", first, size, 0))
        return Iso(
            primary[40:72].decode("ascii", "replace").rstrip(), sectors * SECTOR, files, boot_images
        )

    def _place(self, record: bytes) -> tuple[int, int]:
        sector, size = struct.unpack_from("<I4xI", record, 2)
        return sector * SECTOR, size

    def _walk(self, folder: str, offset: int, size: int, depth: int) -> Iterator[IsoFile]:
        if depth > _MAX_DEPTH or offset in self.seen:
            self.fail(f"the directory '{folder}' contains itself, or lies too deep")
        self.seen.add(offset)
        data = self.extents.read(offset, size)
        if len(data) < size:
            self.fail(f"truncated: the directory '{folder or '/'}' lies outside the file")
        at = 0
        while at < len(data):
            length = data[at]
            if not length:  # the rest of the sector is empty
                at = (at // SECTOR + 1) * SECTOR
                continue
            record = data[at : at + length]
            if length < 34 or len(record) < length or length < 33 + record[32]:
                self.fail(f"the directory '{folder or '/'}' has a broken record at byte {at}")
            name = record[33 : 33 + record[32]]
            at += length
            if name in (b"\0", b"\1"):
                continue
            text = name.decode("ascii", "replace").partition(";")[0].rstrip(".")
            path = f"{folder}/{text}" if folder else text
            place, extent = self._place(record)
            if record[25] & 2:
                yield from self._walk(path, place, extent, depth + 1)
                continue
            if place + extent > self.extents.size:
                self.fail(f"truncated: '{path}' lies outside the file")
            yield IsoFile(path, place, extent)

    def _catalog(self, sector: int) -> Iterator[BootImage]:
        data = self.sector(sector)
        if (
            data[:1] != b"\1"
            or data[30:32] != b"\x55\xaa"
            or sum(struct.unpack("<16H", data[:32])) & 0xFFFF
        ):
            self.fail("the boot catalog's validation entry does not match its checksum")
        yield self._boot_image(data[1], data[32:64])
        at = 64
        while at + 32 <= SECTOR and data[at] in (0x90, 0x91):
            header, platform = data[at], data[at + 1]
            (count,) = struct.unpack_from("<H", data, at + 2)
            at += 32
            for _ in range(count):
                if at + 32 > SECTOR:
                    self.fail("the boot catalog has more entries than fit in its sector")
                yield self._boot_image(platform, data[at : at + 32])
                at += 32
            if header == 0x91:
                return

    def _boot_image(self, platform: int, entry: bytes) -> BootImage:
        bootable, media, _, _, _, count, sector = struct.unpack_from("<BBHBBHI", entry)
        if sector * SECTOR >= self.extents.size:
            self.fail(f"the boot image at sector {sector} lies outside the file")
        return BootImage(
            platform, bootable == 0x88, media & 0x0F, sector * SECTOR, count * SECTOR_SIZE
        )
