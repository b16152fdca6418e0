"""A disk that exists already, in another format of virtual machines.

Owns which formats hold any disk: an ISO, an EFI executable or a network boot tree holds a kernel,
so it is made of one, not of a disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError, UsageError
from orobuild.image.partition import SECTOR_SIZE

if TYPE_CHECKING:
    from orobuild.image.extents import Extents

FORMATS: Final = ("img", "vmdk", "vmdk-stream", "vdi", "vhd", "vhd-fixed", "vhdx", "qcow2", "ova")


def convert(disk: Extents, name: str, *, image: str, file: str, timestamp: int) -> Extents:
    """`disk` in the format `name`.

    `image` is the name of what it was read from, for messages; `file` is the output's own, which
    some formats say inside. Raises `InputError` if the disk has no whole sectors or does not fit,
    and `UsageError` if the format holds no disks.
    """
    if disk.size % SECTOR_SIZE or not disk.size:
        message = f"this is no disk: {disk.size} bytes are not whole sectors of {SECTOR_SIZE}"
        raise InputError(error(message, Span(image)))
    if name == "img":
        return disk
    # One of them is wanted: importing them all takes longer than packing.
    from orobuild.image import ova, qcow2, vdi, vhd, vhdx, vmdk

    match name:
        case "vmdk" | "vmdk-stream":
            return vmdk.pack(disk, name=file, stream=name == "vmdk-stream")
        case "vdi":
            return vdi.pack(disk)
        case "vhd" | "vhd-fixed":
            return vhd.pack(disk, fixed=name == "vhd-fixed", timestamp=timestamp)
        case "vhdx":
            return vhdx.pack(disk)
        case "qcow2":
            return qcow2.pack(disk)
        case "ova":
            appliance = ova.Appliance(file.removesuffix(".ova"))
            return ova.pack(disk, appliance, timestamp=timestamp)
        case _:
            raise UsageError(
                f"a disk cannot be converted to '{name}'",
                hint=f"`orobuild image build KERNEL.elf` makes it; disks are: {', '.join(FORMATS)}",
            )
