"""The directory that a network boot server serves: for PXE by BIOS and UEFI, iPXE, and UEFI HTTP.

oroboot.0        network bootstrap program for BIOSes; it fetches OROBUILD/BOOT.CFG beside it
BOOTX64.EFI      for UEFI, over TFTP or HTTP, with everything inside
boot.ipxe        for iPXE, which then needs no other configuration
OROBUILD/…       menu, kernels and modules
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.image.bios import network_loader
from orobuild.image.extents import Extents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orobuild.image.boot_disk import Loaders
    from orobuild.image.extents import Buffer

BIOS_PROGRAM: Final = "oroboot.0"
EFI_PROGRAM: Final = "BOOTX64.EFI"
SCRIPT: Final = "boot.ipxe"


def _script(*, has_efi: bool) -> bytes:
    lines = ["#!ipxe"]
    if has_efi:
        lines += ["iseq ${platform} efi && goto efi ||"]
    lines += [f"chain {BIOS_PROGRAM}"]
    if has_efi:
        lines += [":efi", f"chain {EFI_PROGRAM}"]
    return "".join(f"{line}\n" for line in lines).encode()


def tree(loaders: Loaders, files: Mapping[str, Buffer], *, efi: bytes | None) -> dict[str, Extents]:
    """The directory's files by path.

    `files` are the boot volume's; `efi` is the executable that holds them, None for BIOSes only.
    """
    made = {
        BIOS_PROGRAM: Extents.of(network_loader(loaders.pxe, loaders.stage2)),
        SCRIPT: Extents.of(_script(has_efi=efi is not None)),
    }
    if efi is not None:
        made[EFI_PROGRAM] = Extents.of(efi)
    for path, data in files.items():
        if not path.upper().startswith("EFI/"):
            made[path] = Extents.of(data)
    return made
