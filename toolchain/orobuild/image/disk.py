"""The layout of a raw disk that boots from BIOS and UEFI: where everything lies, and why there.

    LBA 0        boot record and protective MBR
    LBA 1…33     GPT
    LBA 64…      BIOS boot partition: the loader's second stage
    1 MiB…       EFI system partition: the boot volume
    last MiB     backup GPT

Owns places and sizes; knows neither what the boot record does nor what lies on the volume.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import error
from orobuild.errors import InputError
from orobuild.image import gpt
from orobuild.image.extents import Extents
from orobuild.image.partition import CYLINDER_SIZE, SECTOR_SIZE, TABLE_OFFSET
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.image.extents import Buffer

STAGE2_LBA: Final = 64
VOLUME_LBA: Final = CYLINDER_SIZE // SECTOR_SIZE
MIN_VOLUME: Final = 34 << 20
"""The smallest FAT32 volume with 512-byte clusters, in whole MiB: ESPs of disks should be FAT32."""

BIOS_BOOT_NAME: Final = "BIOS boot"
VOLUME_NAME: Final = "EFI system"


@dataclass(frozen=True, slots=True)
class Region:
    """A named range of a medium; `offset` and `size` in bytes."""

    name: str
    offset: int
    size: int


def volume_size(disk_size: int | None, contents: int) -> int:
    """The boot volume's size on a disk of `disk_size` bytes, or on one that fits `contents`.

    A disk has whole MiB, since firmware that guesses a geometry wants whole cylinders. Without a
    size there is a quarter more room than needed. Raises `InputError` for a size that is odd or
    too small.
    """
    if disk_size is None:
        wanted = contents + contents // 4 + (1 << 20)
        return max(-(-wanted // CYLINDER_SIZE) * CYLINDER_SIZE, MIN_VOLUME)
    if disk_size % CYLINDER_SIZE:
        raise InputError(error(f"a disk has whole MiB; {disk_size} bytes are not"))
    smallest = MIN_VOLUME + 2 * CYLINDER_SIZE
    if disk_size < smallest:
        message = f"a disk of {disk_size >> 20} MiB is too small for a FAT32 boot volume"
        raise InputError(error(message, hint=f"it takes at least {smallest >> 20} MiB"))
    return disk_size - 2 * CYLINDER_SIZE


def assemble(volume: Extents, *, boot_record: Buffer, stage2: Buffer) -> Extents:
    """The disk around a boot volume of whole MiB.

    `boot_record` are the first 440 bytes of sector 0, `stage2` is what `STAGE2_LBA` holds.
    """
    if len(boot_record) > TABLE_OFFSET or volume.size % CYLINDER_SIZE:
        raise ValueError("the boot record is too long, or the volume has no whole MiB")
    room = (VOLUME_LBA - STAGE2_LBA) * SECTOR_SIZE
    if len(stage2) > room:
        raise InputError(error(f"the second stage has {len(stage2)} bytes, its place {room}"))
    size = volume.size + 2 * CYLINDER_SIZE
    sectors = size // SECTOR_SIZE
    sha = hashlib.sha256(volume.identity())
    sha.update(boot_record)
    sha.update(stage2)
    identity = sha.digest()
    table = gpt.Table(
        gpt.derived_guid(identity, "disk"),
        sectors,
        (
            gpt.Partition(
                gpt.TYPE_BIOS_BOOT,
                gpt.derived_guid(identity, "partition 1"),
                STAGE2_LBA,
                VOLUME_LBA - 1,
                BIOS_BOOT_NAME,
            ),
            gpt.Partition(
                gpt.TYPE_ESP,
                gpt.derived_guid(identity, "partition 2"),
                VOLUME_LBA,
                VOLUME_LBA + volume.size // SECTOR_SIZE - 1,
                VOLUME_NAME,
            ),
        ),
    )
    primary, backup = gpt.pack(table)
    signature = int.from_bytes(identity[:4], "little") or 1
    first = bytes(boot_record).ljust(TABLE_OFFSET, b"\0")
    parts: list[tuple[int, Buffer]] = [
        (0, first + gpt.protective_table(sectors, signature) + primary),
        (STAGE2_LBA * SECTOR_SIZE, stage2),
        (size - len(backup), backup),
        *volume.placed(VOLUME_LBA * SECTOR_SIZE),
    ]
    return Extents.collect(size, parts)
