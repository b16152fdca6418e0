"""The GUID partition table: protective MBR, primary and backup table, and reading them again.

Identifiers follow from what the caller says of the contents, never from a clock or chance.
Source: UEFI Specification 2.10, section 5.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
import zlib
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image import partition
from orobuild.image.partition import SECTOR_SIZE
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.image.extents import Extents

TYPE_ESP: Final = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
TYPE_BIOS_BOOT: Final = uuid.UUID("21686148-6449-6e6f-744e-656564454649")
TYPE_NAMES: Final = {
    TYPE_ESP: "EFI system partition",
    TYPE_BIOS_BOOT: "BIOS boot partition",
    uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"): "basic data",
    uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4"): "Linux filesystem",
    uuid.UUID("e3c9e316-0b5c-4db8-817d-f92df00215ae"): "Microsoft reserved",
    uuid.UUID("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"): "Linux swap",
    uuid.UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709"): "Linux root (x86-64)",
}

ENTRIES: Final = 128
_ENTRY: Final = struct.Struct("<16s16sQQQ72s")
_HEADER: Final = struct.Struct("<8sIIIIQQQQ16sQIII")
_SIGNATURE: Final = b"EFI PART"
_REVISION: Final = 0x00010000
TABLE_SECTORS: Final = ENTRIES * _ENTRY.size // SECTOR_SIZE
FIRST_USABLE: Final = 2 + TABLE_SECTORS
BACKUP_SECTORS: Final = 1 + TABLE_SECTORS
TYPE_PROTECTIVE: Final = 0xEE


@dataclass(frozen=True, slots=True)
class Partition:
    """An entry: `first` and `last` in sectors of 512 bytes, `last` included."""

    type: uuid.UUID
    guid: uuid.UUID
    first: int
    last: int
    name: str
    attributes: int = 0

    @property
    def offset(self) -> int:
        """Where it starts, in bytes."""
        return self.first * SECTOR_SIZE

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return (self.last - self.first + 1) * SECTOR_SIZE


@dataclass(frozen=True, slots=True)
class Table:
    """A disk's table; `sectors` is the size of the disk that it was made for."""

    guid: uuid.UUID
    sectors: int
    partitions: tuple[Partition, ...]


def derived_guid(identity: bytes, purpose: str) -> uuid.UUID:
    """A GUID that follows from `identity`: of version 8, "custom" (RFC 9562, section 5.8)."""
    raw = bytearray(hashlib.sha256(purpose.encode() + b"\0" + identity).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(raw))


def protective_table(sectors: int, signature: int) -> bytes:
    """Bytes 440 to 511 of sector 0: one partition of type EE over the whole disk.

    Some BIOSes start no disk without an active partition, some UEFI firmware ignores a disk whose
    protective partition is active. So an entry of its own is active, one of type 0, which every
    reader of a GPT skips (as `xorriso -boot_image any mbr_force_bootable=on` makes it).
    """
    count = min(sectors - 1, partition.MAX_SECTORS)
    entry = partition.Partition(TYPE_PROTECTIVE, 1, count)
    dummy = partition.Partition(0, 0, 1, active=True)
    return partition.PartitionTable(signature, (entry, dummy)).pack()


def pack(table: Table) -> tuple[bytes, bytes]:
    """The primary table (from LBA 1 on) and the backup (which ends with the disk).

    Raises `InputError` where partitions overlap or leave the usable sectors.
    """
    last_usable = table.sectors - BACKUP_SECTORS - 1
    following = FIRST_USABLE
    for entry in sorted(table.partitions, key=lambda p: p.first):
        if not following <= entry.first <= entry.last <= last_usable:
            raise InputError(
                error(f"partition '{entry.name}' does not fit: sectors {entry.first}..{entry.last}")
            )
        following = entry.last + 1
    entries = b"".join(
        _ENTRY.pack(
            p.type.bytes_le,
            p.guid.bytes_le,
            p.first,
            p.last,
            p.attributes,
            p.name.encode("utf-16-le").ljust(72, b"\0"),
        )
        for p in table.partitions
    ).ljust(ENTRIES * _ENTRY.size, b"\0")
    check = zlib.crc32(entries)

    def header(here: int, other: int, table_at: int) -> bytes:
        def packed(crc32: int) -> bytes:
            fields = (_SIGNATURE, _REVISION, _HEADER.size, crc32, 0, here, other)
            usable = (FIRST_USABLE, last_usable)
            tail = (table.guid.bytes_le, table_at, ENTRIES, _ENTRY.size, check)
            return _HEADER.pack(*fields, *usable, *tail)

        return packed(zlib.crc32(packed(0))).ljust(SECTOR_SIZE, b"\0")

    end = table.sectors - 1
    return header(1, end, 2) + entries, entries + header(end, 1, end - TABLE_SECTORS)


@dataclass(frozen=True, slots=True)
class Reading:
    """A table that was read, and what is wrong with the disk's copies of it."""

    table: Table
    complaints: tuple[str, ...]


def has_table(disk: Extents) -> bool:
    """Whether the disk claims to have a GPT: by its MBR, or by the table's signature."""
    mbr = partition.unpack(disk.read(0, SECTOR_SIZE))
    protective = mbr is not None and any(p.type == TYPE_PROTECTIVE for p in mbr.partitions)
    return protective or disk.read(SECTOR_SIZE, 8) == _SIGNATURE


def read(disk: Extents, path: str) -> Reading:
    """The disk's table: the primary, or the backup where the primary is damaged.

    What differs or does not match its checksum is a complaint; `InputError` if no copy is whole.
    """
    sectors = disk.size // SECTOR_SIZE
    primary = _read_copy(disk, 1)
    backup = _read_copy(disk, sectors - 1)
    complaints = []
    if isinstance(primary, str):
        complaints.append(f"the primary GPT {primary}")
    if isinstance(backup, str):
        complaints.append(f"the backup GPT {backup}")
    table = backup if isinstance(primary, str) else primary
    if isinstance(table, str):
        raise InputError(error("; ".join(complaints), Span(path)))
    if not complaints and primary != backup:
        complaints.append("the primary and the backup GPT differ")
    complaints += [
        f"partition '{entry.name}' lies outside the disk"
        for entry in table.partitions
        if not entry.first <= entry.last < sectors
    ]
    mbr = partition.unpack(disk.read(0, SECTOR_SIZE))
    if mbr is None or all(p.type != TYPE_PROTECTIVE for p in mbr.partitions):
        complaints.append("the MBR in front of the GPT is not protective")
    return Reading(table, tuple(complaints))


def _read_copy(disk: Extents, lba: int) -> Table | str:
    """The table whose header is in sector `lba`, or what is wrong with it."""
    sector = disk.read(lba * SECTOR_SIZE, SECTOR_SIZE) if lba > 0 else b""
    if len(sector) < _HEADER.size or sector[:8] != _SIGNATURE:
        return "is missing"
    fields = _HEADER.unpack_from(sector)
    _, _, size, crc32, _, here, other, _, _, guid, table_at, count, entry_size, check = fields
    if not _HEADER.size <= size <= SECTOR_SIZE or here != lba:
        return "has an impossible header"
    if zlib.crc32(sector[:16] + bytes(4) + sector[20:size]) != crc32:
        return "does not match its header's checksum"
    if not _ENTRY.size <= entry_size <= 4096 or count > 16384:
        return "has an impossible number or size of entries"
    entries = disk.read(table_at * SECTOR_SIZE, count * entry_size)
    if len(entries) < count * entry_size or zlib.crc32(entries) != check:
        return "does not match its entries' checksum"
    partitions = []
    for index in range(count):
        kind, unique, first, last, attributes, name = _ENTRY.unpack_from(
            entries, index * entry_size
        )
        if any(kind):
            text = name.decode("utf-16-le", "replace").partition("\0")[0]
            ids = (uuid.UUID(bytes_le=kind), uuid.UUID(bytes_le=unique))
            partitions.append(Partition(*ids, first, last, text, attributes))
    return Table(uuid.UUID(bytes_le=guid), max(here, other) + 1, tuple(partitions))
