"""Disk formats of virtual machines by name: packing a disk, and finding the disk in a file.

Owns the table of formats and their recognition by content. What each looks like inside is its
module's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.image import ova, qcow2, vdi, vhd, vhdx, vmdk
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.image.extents import Extents


@dataclass(frozen=True, slots=True)
class Container:
    """A format: its name, the suffix of its files, how to recognise one and get at its disk."""

    name: str
    suffix: str
    probe: Callable[[Extents], bool]
    unpack: Callable[[Extents, str], Extents]


CONTAINERS: Final = (
    Container("vmdk", ".vmdk", lambda file: file.read(0, 4) == vmdk.MAGIC, vmdk.unpack),
    Container(
        "vdi",
        ".vdi",
        lambda file: int.from_bytes(file.read(vdi.SIGNATURE_AT, 4), "little") == vdi.SIGNATURE,
        vdi.unpack,
    ),
    Container("qcow2", ".qcow2", lambda file: file.read(0, 4) == qcow2.MAGIC, qcow2.unpack),
    Container("vhdx", ".vhdx", lambda file: file.read(0, 8) == vhdx.SIGNATURE, vhdx.unpack),
    Container("ova", ".ova", lambda file: file.read(ova.MAGIC_AT, 5) == ova.MAGIC, ova.unpack),
    # By its end, so after the others: a disk in a fixed VHD may start with anything.
    Container("vhd", ".vhd", vhd.is_vhd, vhd.unpack),
)


def unwrap(file: Extents, path: str) -> tuple[str, Extents]:
    """The format of a file, "raw" for a disk as it is, and the disk in it.

    Raises `InputError` if the file is of a known format and damaged.
    """
    for container in CONTAINERS:
        if container.probe(file):
            return container.name, container.unpack(file, path)
    return "raw", file
