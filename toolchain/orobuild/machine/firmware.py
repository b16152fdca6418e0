"""Firmware of virtual PCs: which there is, and where distributions put its images.

SeaBIOS comes with QEMU. OVMF is two files, code and the variables it starts with; each machine
gets a copy of the variables of its own.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orobuild.errors import MissingToolError

_INSTALL: Final = """\
install OVMF, UEFI firmware for QEMU, with one of
  apt install ovmf
  dnf install edk2-ovmf
  pacman -S edk2-ovmf
  brew install qemu"""

_PAIRS: Final = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
    ("/opt/homebrew/share/qemu/edk2-x86_64-code.fd", "/opt/homebrew/share/qemu/edk2-i386-vars.fd"),
    ("/usr/local/share/qemu/edk2-x86_64-code.fd", "/usr/local/share/qemu/edk2-i386-vars.fd"),
)


class Firmware(enum.Enum):
    """What a machine starts with; the value is what people read."""

    SEABIOS = "SeaBIOS"
    OVMF = "OVMF"


@dataclass(frozen=True, slots=True)
class OvmfImages:
    """The two files of OVMF: its code, and the variables of a machine that was never on."""

    code: Path
    variables: Path


def find_ovmf() -> OvmfImages:
    """OVMF's images. Raises `MissingToolError` with the commands that install them."""
    for code, variables in _PAIRS:
        if Path(code).is_file() and Path(variables).is_file():
            return OvmfImages(Path(code), Path(variables))
    raise MissingToolError("OVMF, UEFI firmware for QEMU, is not installed", hint=_INSTALL)
