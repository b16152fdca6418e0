"""Every medium that can be made of one set of kernels: what the formats are called, and making them.

Owns the table of formats. Each is made of the same boot volume's files; the disk inside the
formats of virtual machines is the one of the raw image, byte for byte.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import did_you_mean
from orobuild.errors import UsageError
from orobuild.image import conversion, disk
from orobuild.image.boot_disk import BootDisk, Loaders, boot_disk, boot_files
from orobuild.image.extents import Extents
from orobuild.image.fat import fat_volume
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from orobuild.image.boot_volume import Boot
    from orobuild.image.extents import Buffer

_FAT16_CONTENTS: Final = 1 << 30  # more than this is for FAT32


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What media are made of. `size` is a disk's in bytes, None for one that fits.

    `files` are the user's own files for the boot volume; `timestamp` in seconds since 1970, for
    every format that has dates; `cores`, `memory_mib` and `version` are what an OVA says.
    """

    name: str
    boot: Boot
    loaders: Loaders
    size: int | None = None
    files: Mapping[str, Buffer] = field(default_factory=dict)
    timestamp: int = 0
    cores: int = 4
    memory_mib: int = 256
    version: str = ""


class Media:
    """The media of one product; what several of them share is made once."""

    def __init__(self, product: Product) -> None:
        self.product = product

    @functools.cached_property
    def files(self) -> dict[str, Buffer]:
        """The boot volume's files by path."""
        product = self.product
        return boot_files(product.loaders, product.boot, extra=product.files)

    @functools.cached_property
    def disk(self) -> BootDisk:
        """The raw disk."""
        product = self.product
        return boot_disk(
            product.loaders,
            product.boot,
            size=product.size,
            extra=product.files,
            timestamp=product.timestamp,
        )

    def iso(self) -> Extents:
        """The ISO."""
        from orobuild.image import iso
        from orobuild.image.bios import cd_loader, disk_loader

        loaders, timestamp = self.product.loaders, self.product.timestamp
        contents = sum(len(data) for data in self.files.values())
        volume = fat_volume(
            self.files,
            kind=16 if contents < _FAT16_CONTENTS else 32,
            timestamp=timestamp,
            hidden_sectors=disk.VOLUME_LBA,
        )
        record, stage2 = disk_loader(
            loaders.mbr,
            loaders.stage2,
            stage2_lba=iso.STAGE2_SECTOR * iso.LBAS,
            volume_lba=disk.VOLUME_LBA,
        )
        cd_boot = cd_loader(
            loaders.cd, loaders.stage2, lba=iso.CD_BOOT_SECTOR, volume_lba=disk.VOLUME_LBA
        )
        text = iso.IsoText(timestamp=timestamp)
        return iso.assemble(volume, boot_record=record, stage2=stage2, cd_boot=cd_boot, text=text)

    def ova(self) -> Extents:
        """The machine for VMware and VirtualBox."""
        from orobuild.image import ova

        product = self.product
        appliance = ova.Appliance(product.name, product.cores, product.memory_mib, product.version)
        return ova.pack(self.disk.image, appliance, timestamp=product.timestamp)

    def efi(self) -> bytes:
        """The EFI executable with everything inside."""
        from orobuild.image import efi

        loader = self.product.loaders.efi
        if loader is None:
            raise UsageError(
                "the UEFI loader is missing: it takes a C compiler to build it",
                hint="install the 'cc' extra (pip install 'orobuild[cc]'), or name one in CC",
            )
        inside = {
            f"/{path}": bytes(data)
            for path, data in self.files.items()
            if not path.upper().startswith("EFI/")
        }
        return efi.with_files(loader, inside)

    def netboot(self) -> dict[str, Extents]:
        """The files of a network boot server, by their paths in its directory."""
        from orobuild.image import netboot

        loaders = self.product.loaders
        return netboot.tree(
            loaders, self.files, efi=self.efi() if loaders.efi is not None else None
        )


@dataclass(frozen=True, slots=True)
class Format:
    """A format: what is appended to the product's name, what it is for, and how it is made."""

    suffix: str
    description: str
    make: Callable[[Media, str], Extents]


def _disk(media: Media, form: str, file: str) -> Extents:
    image, timestamp = media.disk.image, media.product.timestamp
    return conversion.convert(image, form, image=media.product.name, file=file, timestamp=timestamp)


def _of_disk(form: str) -> Callable[[Media, str], Extents]:
    return lambda media, file: _disk(media, form, file)


FORMATS: Final[dict[str, Format]] = {
    "img": Format(".img", "raw disk or USB stick, BIOS and UEFI", _of_disk("img")),
    "iso": Format(".iso", "CD or USB stick, BIOS and UEFI", lambda media, _: media.iso()),
    "vmdk": Format(".vmdk", "VMware disk, sparse", _of_disk("vmdk")),
    "vmdk-stream": Format("-stream.vmdk", "VMware disk for transport", _of_disk("vmdk-stream")),
    "vdi": Format(".vdi", "VirtualBox disk", _of_disk("vdi")),
    "vhd": Format(".vhd", "Hyper-V disk, dynamic", _of_disk("vhd")),
    "vhd-fixed": Format("-fixed.vhd", "Azure disk", _of_disk("vhd-fixed")),
    "vhdx": Format(".vhdx", "Hyper-V disk, second format", _of_disk("vhdx")),
    "qcow2": Format(".qcow2", "QEMU disk", _of_disk("qcow2")),
    "ova": Format(".ova", "machine for VMware and VirtualBox", lambda media, _: media.ova()),
    "efi": Format(".efi", "EFI executable with all inside", lambda m, _: Extents.of(m.efi())),
}
TREE: Final = "pxe"
"""The format that is a directory."""


def known_formats() -> dict[str, str]:
    """What every format is for, by name."""
    return {name: f.description for name, f in FORMATS.items()} | {
        TREE: "network boot: PXE, iPXE and UEFI HTTP"
    }


def check_formats(names: Iterable[str]) -> None:
    """Raise `UsageError` for a format that there is not."""
    known = known_formats()
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no image format '{name}'",
                hint=did_you_mean(name, known) or f"formats: {', '.join(known)}",
            )


def format_of(path: str) -> str:
    """The format that a file's name asks for. Raises `UsageError`."""
    found = [name for name, f in FORMATS.items() if path.lower().endswith(f.suffix)]
    if not found:
        suffixes = ", ".join(f.suffix for f in FORMATS.values())
        raise UsageError(
            f"no image format is known by the name of '{path}'",
            hint=f"its end says the format: {suffixes}; or say --format",
        )
    return max(found, key=lambda name: len(FORMATS[name].suffix))


def make_as(media: Media, name: str, file: str) -> dict[str, Extents]:
    """One format under the name `file`: the file under "", or a tree's files by their paths.

    Raises `UsageError` for a format that is unknown or takes a loader that is missing, and
    `InputError` for what does not fit.
    """
    check_formats((name,))
    return media.netboot() if name == TREE else {"": FORMATS[name].make(media, file)}


def make(media: Media, name: str) -> dict[str, Extents]:
    """The files of one format by name, called after the product. Raises as `make_as` does."""
    suffix = "-pxe" if name == TREE else FORMATS[name].suffix
    file = f"{media.product.name}{suffix}"
    made = make_as(media, name, file)
    return {f"{file}/{path}" if path else file: data for path, data in made.items()}
