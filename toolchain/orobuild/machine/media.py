"""What a virtual PC boots from: drives by kind, disk images by format, a network by its server.

Owns QEMU's spelling of media. A medium is never written to.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class Drive(enum.Enum):
    """What the image is plugged in as."""

    IDE = "ide"
    USB = "usb"
    VIRTIO = "virtio"
    NVME = "nvme"
    CD = "cd"


@dataclass(frozen=True, slots=True)
class Network:
    """A boot server: what TFTP serves, and the name in it that a machine asks for first.

    With `is_http` it is somebody else's HTTP server, on the host's loopback, where the machine sees
    it as 10.0.2.2; which URL is asked for is then said by the firmware's variables.
    """

    directory: Path
    boot_file: str
    is_http: bool = False


_DEVICES: Final = {
    Drive.IDE: ("-device", "ide-hd,drive=disk,bootindex=0"),
    Drive.USB: ("-device", "qemu-xhci", "-device", "usb-storage,drive=disk,bootindex=0"),
    Drive.VIRTIO: ("-device", "virtio-blk-pci,drive=disk,bootindex=0"),
    Drive.NVME: ("-device", "nvme,drive=disk,serial=oro,bootindex=0"),
    Drive.CD: ("-device", "ide-cd,drive=disk,bootindex=0"),
}

# Offset, bytes there, and QEMU's name of the format.
_MAGIC: Final = (
    (0, b"QFI\xfb", "qcow2"),
    (0, b"KDMV", "vmdk"),
    (0, b"# Disk DescriptorFile", "vmdk"),
    (0, b"vhdxfile", "vhdx"),
    (0, b"conectix", "vpc"),  # a dynamic VHD has a copy of its footer in front
    (64, b"\x7f\x10\xda\xbe", "vdi"),
)
_VHD_FOOTER: Final = b"conectix"
_SECTOR: Final = 512


def image_format(path: Path) -> str:
    """QEMU's name of a disk image's format, by what is in the file; what is none of them is raw.

    Raises `UsageError` if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(128)
            size = file.seek(0, 2)
            file.seek(max(size - _SECTOR, 0))
            tail = file.read(len(_VHD_FOOTER))
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {problem.strerror}") from problem
    for offset, magic, name in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return name
    return "vpc" if tail == _VHD_FOOTER else "raw"


def drive_arguments(image: Path, drive: Drive) -> tuple[str, ...]:
    """QEMU's words for `image`, plugged in as `drive`."""
    path = str(image).replace(",", ",,")
    # snapshot: guests write to a temporary file, so any number of machines share an image.
    options = f"if=none,id=disk,format={image_format(image)},snapshot=on,file={path}"
    if drive is Drive.CD:
        options += ",media=cdrom"
    return ("-drive", options, *_DEVICES[drive])


def network_arguments(network: Network) -> tuple[str, ...]:
    """QEMU's words for a network card that boots, and the server behind it."""
    if network.is_http:
        return ("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net")
    directory = str(network.directory).replace(",", ",,")
    name = network.boot_file.replace(",", ",,")
    return (
        *("-netdev", f"user,id=net,restrict=on,tftp={directory},bootfile={name}"),
        *("-device", "virtio-net-pci,netdev=net,bootindex=0"),
    )
