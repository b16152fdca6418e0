"""A cell of the matrix: one machine on which a kernel is tested, as a value with a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orobuild.errors import UsageError
from orobuild.machine import (
    Accelerator,
    Bochs,
    Drive,
    Firmware,
    Qemu,
    find_bochs,
    find_ovmf,
    find_qemu,
)

if TYPE_CHECKING:
    from pathlib import Path

    from orobuild.pipeline.build import BuildResult
    from orobuild.project.schema import DriveName, Emulator, FirmwareName, Medium


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is booted and on what. `given_name` replaces the name that says all of it.

    A "place" is a real machine of a lab: of it only the name and what it boots from are known here.

    `timeout` is in seconds; `memory_mib` in MiB.
    """

    profile: str
    emulator: Emulator | Literal["place"] = "qemu"
    boot: Medium | Literal["network"] = "disk"
    firmware: FirmwareName = "bios"
    drive: DriveName = "ide"
    machine: str = "q35"
    cpu: str = "max"
    cores: int = 1
    memory_mib: int = 256
    accelerator: str = "tcg"
    timeout: float = 60.0
    given_name: str = ""

    @property
    def name(self) -> str:
        """`release-bios-ide-q35-max-4c-256M`: no two cells of a matrix have the same, and files may have it."""
        if self.given_name:
            return self.given_name
        how = {"disk": f"{self.firmware}-{self.drive}", "cd": f"{self.firmware}-cd"}
        words = (
            self.profile,
            how.get(self.boot, "pvh"),
            "bochs" if self.emulator == "bochs" else self.machine,
            self.cpu,
            f"{self.cores}c",
            f"{self.memory_mib}M",
        )
        return re.sub(r"[^\w.,=+-]", "_", "-".join(words))

    @property
    def is_place(self) -> bool:
        """Whether it is a machine of a lab, and no emulator's."""
        return self.emulator == "place"

    def describe(self) -> str:
        """The machine in a few words, for a person."""
        cores = f"{self.cores} cores" if self.cores > 1 else "1 core"
        medium = {"disk": f"{self.drive} disk", "cd": "CD", "kernel": "kernel by PVH"}[self.boot]
        firmware = {"bios": "SeaBIOS", "uefi": "OVMF"}[self.firmware]
        emulator = f"QEMU {self.machine}, {firmware}" if self.emulator == "qemu" else "Bochs"
        return f"{emulator}, {self.cpu}, {cores}, {self.memory_mib} MiB, {medium}, {self.profile}"

    @property
    def impossible(self) -> str | None:
        """Why no such machine can be made, None if it can."""
        if self.boot == "kernel" and self.firmware == "uefi":
            return "QEMU starts a kernel file (PVH) through SeaBIOS only"
        if self.boot != "disk" and self.drive != "ide":
            return "a drive other than IDE is for the disk image only"
        if self.emulator == "bochs":
            if self.boot == "kernel":
                return "Bochs boots a disk or a CD, it cannot be handed a kernel"
            if self.firmware == "uefi":
                return "Bochs has no UEFI firmware"
            if self.drive != "ide":
                return "Bochs has IDE drives only"
        return None

    def require_tools(self) -> None:
        """Raise `MissingToolError` if what runs it is not installed."""
        if self.emulator == "bochs":
            find_bochs()
            return
        find_qemu()
        if self.firmware == "uefi":
            find_ovmf()

    def machine_for(self, built: BuildResult, command_line: str) -> Qemu | Bochs:
        """The machine, with what was built plugged in. Raises `UsageError` if that was not made."""
        medium = self._medium(built)
        if self.emulator == "bochs":
            return Bochs(
                disk=medium,
                cd=self.boot == "cd",
                cpu=self.cpu,
                cores=self.cores,
                memory_mib=self.memory_mib,
            )
        is_kernel = self.boot == "kernel"
        return Qemu(
            machine=self.machine,
            cpu=self.cpu,
            cores=self.cores,
            memory_mib=self.memory_mib,
            disk=None if is_kernel else medium,
            kernel=medium if is_kernel else None,
            command_line=command_line if is_kernel else "",
            drive=Drive.CD if self.boot == "cd" else Drive(self.drive),
            accelerator=Accelerator(self.accelerator),
            firmware=(Firmware.OVMF if self.firmware == "uefi" else Firmware.SEABIOS),
        )

    def _medium(self, built: BuildResult) -> Path:
        if self.boot == "cd":
            found = next((path for path in built.images if path.suffix == ".iso"), None)
        else:
            found = built.disk if self.boot == "disk" else built.kernel
        if found is None:
            wanted = {"disk": "img", "cd": "iso"}.get(self.boot, "")
            raise UsageError(
                f"the configuration makes no {self.boot} to boot",
                hint=f'image.formats lacks "{wanted}"'
                if built.disk or built.images
                else "set image.kernel, and image.disk unless you test with boot = ['kernel']",
            )
        return found
