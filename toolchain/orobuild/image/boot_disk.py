"""A raw disk image that boots from BIOS and UEFI: our loaders, and a boot volume with the kernels.

Joins the loaders' programs (`bios`, `efi`), the boot volume's files (`boot_volume`) and the layout
of the disk (`disk`). Same inputs, same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import error
from orobuild.errors import InputError
from orobuild.image import boot_volume, disk
from orobuild.image.bios import disk_loader
from orobuild.image.fat import fat_volume
from orobuild.image.kernel import check_kernel
from orobuild.image.partition import SECTOR_SIZE
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orobuild.image.boot_volume import Boot
    from orobuild.image.extents import Buffer, Extents

CONFIG_MAX: Final = 32256
"""Bytes that the loaders take of BOOT.CFG (asm/boot/README.md)."""


@dataclass(frozen=True, slots=True)
class Loaders:
    """The loaders' programs.

    `mbr`, `cd` and `pxe` are first stages of the BIOS loader and `stage2` its second, linked ELF
    files; `efi` is the UEFI loader as an EFI application, or None for media without it. `entries` are
    the entry programs of kernels with other protocols (`adaptation`), linked ELF files by name.
    """

    mbr: bytes
    stage2: bytes
    cd: bytes
    pxe: bytes
    efi: bytes | None
    entries: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BootDisk:
    """A disk: its contents, and what lies where in them (by offset)."""

    image: Extents
    layout: tuple[disk.Region, ...]


def boot_files(
    loaders: Loaders, boot: Boot, *, extra: Mapping[str, Buffer] | None = None
) -> dict[str, Buffer]:
    """Every file of the boot volume by its path, once it is clear that the loaders take them.

    Raises `InputError` for a kernel that no loader of ours would start, naming its entry.
    """
    for entry in boot.entries:
        check_kernel(entry.kernel, entry.title)
    placed = boot_volume.files(boot, efi_loader=loaders.efi, extra=extra)
    size = len(placed[boot_volume.CONFIG_PATH])
    if size > CONFIG_MAX:
        message = f"the menu has {size} bytes with its command lines and module strings"
        hint = f"the loaders have room for {CONFIG_MAX}: shorten them, or use fewer entries"
        raise InputError(error(message, hint=hint))
    return placed


def boot_disk(
    loaders: Loaders,
    boot: Boot,
    *,
    size: int | None = None,
    extra: Mapping[str, Buffer] | None = None,
    timestamp: int = 0,
) -> BootDisk:
    """A disk that starts what `boot` says.

    `size` in bytes; None is as large as its contents want. `extra` are other files for the volume,
    `timestamp` is the files' date in seconds since 1970.
    """
    placed = boot_files(loaders, boot, extra=extra)
    room = disk.volume_size(size, sum(map(len, placed.values())))
    volume = fat_volume(placed, size=room, hidden_sectors=disk.VOLUME_LBA, timestamp=timestamp)
    record, stage2 = disk_loader(
        loaders.mbr, loaders.stage2, stage2_lba=disk.STAGE2_LBA, volume_lba=disk.VOLUME_LBA
    )
    image = disk.assemble(volume, boot_record=record, stage2=stage2)
    layout = (
        disk.Region("boot record", 0, SECTOR_SIZE),
        disk.Region("second stage", disk.STAGE2_LBA * SECTOR_SIZE, len(stage2)),
        disk.Region("boot volume", disk.VOLUME_LBA * SECTOR_SIZE, volume.size),
    )
    return BootDisk(image, layout)
