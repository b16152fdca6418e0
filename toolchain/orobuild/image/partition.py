"""The MBR partition table, as every PC's firmware has read it since 1983.

Owns the bytes 440 to 511 of a disk's first sector: disk signature, four entries, boot signature.
Knows nothing of the code in front of them.
"""

from __future__ import annotations

import struct
from typing import Final

from orobuild.records import dataclass

SECTOR_SIZE: Final = 512

# 64 heads of 32 sectors make a cylinder of exactly 1 MiB, so that partitions can be aligned to
# both. Firmware that guesses a drive's geometry from this table (USB sticks) guesses this one.
HEADS: Final = 64
SECTORS_PER_TRACK: Final = 32
CYLINDER_SECTORS: Final = HEADS * SECTORS_PER_TRACK
CYLINDER_SIZE: Final = CYLINDER_SECTORS * SECTOR_SIZE
MAX_SECTORS: Final = 0xFFFFFFFF

TYPE_NON_FS_DATA: Final = 0xDA
"""Partition type "Non-FS data": no operating system tries to mount it."""

TABLE_OFFSET: Final = 440
_ENTRY: Final = struct.Struct("<B3sB3sII")
_ACTIVE: Final = 0x80
_BOOT_SIGNATURE: Final = b"\x55\xaa"


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry. `first` and `count` in sectors of 512 bytes; `type` is the type byte."""

    type: int
    first: int
    count: int
    active: bool = False


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """The table: the disk's 32-bit signature and at most four partitions."""

    signature: int
    partitions: tuple[Partition, ...]

    def pack(self) -> bytes:
        """The 72 bytes from `TABLE_OFFSET` to the end of the sector."""
        entries = b"".join(_pack_entry(p) for p in self.partitions)
        return (
            struct.pack("<IH", self.signature, 0)
            + entries.ljust(4 * _ENTRY.size, b"\0")
            + _BOOT_SIGNATURE
        )


def unpack(sector: bytes) -> PartitionTable | None:
    """The table in a disk's first sector, empty entries left out; None without 0x55 0xAA."""
    if len(sector) < SECTOR_SIZE or sector[510:512] != _BOOT_SIGNATURE:
        return None
    (signature,) = struct.unpack_from("<I", sector, TABLE_OFFSET)
    partitions = []
    for flag, _, kind, _, first, count in _ENTRY.iter_unpack(sector[446:510]):
        if kind:
            partitions.append(Partition(kind, first, count, active=flag == _ACTIVE))
    return PartitionTable(signature, tuple(partitions))


def chs(sector: int) -> bytes:
    """The three bytes of a CHS address: head, sector and cylinder bits 8..9, cylinder.

    Beyond cylinder 1023 the agreed answer is the last address there can be, 1023/254/63.
    """
    cylinder, rest = divmod(sector, CYLINDER_SECTORS)
    if cylinder > 1023:
        return b"\xfe\xff\xff"
    head, index = divmod(rest, SECTORS_PER_TRACK)
    return bytes((head, (index + 1) | (cylinder >> 8) << 6, cylinder & 0xFF))


def _pack_entry(partition: Partition) -> bytes:
    return _ENTRY.pack(
        _ACTIVE if partition.active else 0,
        chs(partition.first),
        partition.type,
        chs(partition.first + partition.count - 1),
        partition.first,
        partition.count,
    )
