"""Every medium that the kernel is booted from, made by our writers."""

from __future__ import annotations

from pathlib import Path

from image import oracles
from orobuild.image import Boot, Entry, Loaders, boot_disk, iso, qcow2, vdi, vhd, vmdk
from orobuild.image.bios import cd_loader, disk_loader, network_loader
from orobuild.image.boot_disk import boot_files
from orobuild.image.disk import VOLUME_LBA
from orobuild.image.efi import with_files
from orobuild.image.extents import Extents
from orobuild.image.fat import fat_volume

MIB = 1 << 20


def boot_iso(loaders: Loaders, boot: Boot) -> Extents:
    """An ISO for BIOS and UEFI, and for sticks."""
    files = boot_files(loaders, boot)
    size = -(-sum(map(len, files.values())) // MIB) * MIB + 4 * MIB
    volume = fat_volume(files, kind=16, size=size, hidden_sectors=VOLUME_LBA)
    record, stage2 = disk_loader(
        loaders.mbr,
        loaders.stage2,
        stage2_lba=iso.STAGE2_SECTOR * iso.LBAS,
        volume_lba=VOLUME_LBA,
    )
    cd_boot = cd_loader(loaders.cd, loaders.stage2, lba=iso.CD_BOOT_SECTOR, volume_lba=VOLUME_LBA)
    return iso.assemble(volume, boot_record=record, stage2=stage2, cd_boot=cd_boot)


def write_all(directory: Path, loaders: Loaders, kernel: bytes) -> dict[str, Path]:
    """All media by their names in the matrix; `net` is a directory with `bios` and `uefi` programs."""
    boot = Boot((Entry("Oro", kernel),))
    disk = boot_disk(loaders, boot).image
    files = boot_files(loaders, boot)
    assert loaders.efi
    inside = with_files(loaders.efi, {f"/{path}": data for path, data in files.items()})
    media = {
        "img": disk,
        "iso": boot_iso(loaders, boot),
        "vmdk": vmdk.pack(disk),
        "vmdk-stream": vmdk.pack(disk, stream=True),
        "vdi": vdi.pack(disk),
        "vhd": vhd.pack(disk),
        "qcow2": qcow2.pack(disk),
        "efi": fat_volume({"EFI/BOOT/BOOTX64.EFI": inside}, size=40 * MIB),
    }
    paths = {name: oracles.save(directory / f"oro.{name}", image) for name, image in media.items()}
    net = directory / "net"
    for path, data in files.items():
        (net / path).parent.mkdir(parents=True, exist_ok=True)
        (net / path).write_bytes(data)
    (net / "oroboot.0").write_bytes(network_loader(loaders.pxe, loaders.stage2))
    (net / "BOOTX64.EFI").write_bytes(inside)
    (directory / "oro.elf").write_bytes(kernel)
    return {**paths, "net": net, "elf": directory / "oro.elf"}
