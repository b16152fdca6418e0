"""QEMU as a value: what machine, what is in it, and the command line that makes it so.

Owns QEMU's spelling of things. Starts nothing: that is `boot`'s business.
"""

from __future__ import annotations

import enum
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.errors import MissingToolError, UsageError
from orobuild.machine.firmware import Firmware, find_ovmf
from orobuild.machine.media import Drive, Network, drive_arguments, network_arguments
from orobuild.machine.report import Launch, Remains

if TYPE_CHECKING:
    from orobuild.machine.report import Resources

DEBUG_EXIT_PORT: Final = 0xF4
"""I/O port of the isa-debug-exit device: writing v ends QEMU with status (v << 1) | 1."""

STATUS_PASS: Final = 0x10 << 1 | 1
STATUS_FAIL: Final = 0x11 << 1 | 1

_INSTALL: Final = """\
install QEMU for x86 with one of
  apt install qemu-system-x86
  dnf install qemu-system-x86
  pacman -S qemu-system-x86
  brew install qemu"""


class Accelerator(enum.Enum):
    """How guest code is run. `AUTO` is KVM where it truly works, else TCG."""

    TCG = "tcg"
    KVM = "kvm"
    AUTO = "auto"


def find_qemu(binary: str = "qemu-system-x86_64") -> str:
    """The emulator's path. Raises `MissingToolError` with the commands that install it."""
    program = shutil.which(binary)
    if program is None:
        raise MissingToolError(f"'{binary}' is not installed", hint=_INSTALL)
    return program


@dataclass(frozen=True, slots=True, kw_only=True)
class Qemu:
    """A PC. Exactly one of `disk`, `kernel` and `network` is what it boots.

    `disk` is a disk image (raw, VMDK, VDI, VHD, VHDX or qcow2 by what is in it) or a CD's, plugged in
    as `drive` and never written to; `kernel` an ELF file with a PVH note, started with
    `command_line`; `network` a server. `firmware` may be an image of the user's; `variables` are what OVMF begins with
    in place of its own. With `count_instructions` the guest's clock is
    its own progress, a nanosecond an instruction on whichever core: slow, and the same each time.
    `extra` is appended to the command line.
    """

    disk: Path | None = None
    kernel: Path | None = None
    network: Network | None = None
    command_line: str = ""
    machine: str = "q35"
    cpu: str = "max"
    cores: int = 1
    memory_mib: int = 256
    drive: Drive = Drive.IDE
    accelerator: Accelerator = Accelerator.TCG
    firmware: Firmware | Path = Firmware.SEABIOS
    variables: Path | None = None
    count_instructions: bool = False
    binary: str = "qemu-system-x86_64"
    extra: tuple[str, ...] = ()

    def describe(self) -> str:
        """The machine in a few words, for a person."""
        cores = f"{self.cores} cores" if self.cores > 1 else "1 core"
        how = "KVM" if self._use_kvm() else "TCG"
        parts = [self.machine, f"cpu {self.cpu}", cores, f"{self.memory_mib} MiB", how]
        if isinstance(self.firmware, Path):
            parts.append(f"firmware {self.firmware}")
        elif self.firmware is not Firmware.SEABIOS:
            parts.append(self.firmware.value)
        parts.append(self._source())
        return f"QEMU {', '.join(parts)}"

    def _source(self) -> str:
        if self.disk:
            return "cd" if self.drive is Drive.CD else f"{self.drive.value} disk"
        return "network" if self.network else "kernel by PVH"

    def launch(self, resources: Resources) -> Launch:
        """How to start it, its first serial port on `resources.console_fd`, QMP on `qmp_fd`."""
        return Launch(arguments=self._arguments(resources))

    def remains(self, resources: Resources) -> Remains:  # noqa: ARG002
        """Nothing: QEMU is asked over QMP while it lives."""
        return Remains()

    def _arguments(self, resources: Resources) -> tuple[str, ...]:
        self._check_medium()
        program = find_qemu(self.binary)
        if self.accelerator is Accelerator.KVM and not kvm_works():
            raise UsageError(
                "KVM does not work here: /dev/kvm makes no virtual machine like a real one",
                hint="use TCG, or enable virtualisation and join the group 'kvm'",
            )
        return (
            program,
            *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-no-reboot"),
            *("-machine", self.machine, "-cpu", self.cpu),
            *("-smp", str(self.cores), "-m", f"{self.memory_mib}M"),
            *self._acceleration(),
            *("-chardev", _console(resources)),
            *("-serial", "chardev:console"),
            *("-device", f"isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=4"),
            *self._firmware_arguments(resources),
            *self._boot_arguments(),
            *_qmp_arguments(resources.qmp_fd),
            *self.extra,
        )

    def _check_medium(self) -> None:
        media = (self.disk, self.kernel, self.network)
        if sum(medium is not None for medium in media) != 1:
            raise UsageError("a machine boots either a disk or a kernel or from a network")
        medium = self.disk or self.kernel
        if medium and not medium.is_file():
            raise UsageError(f"{medium}: no such file to boot")
        if self.network and not (self.network.directory / self.network.boot_file).is_file():
            raise UsageError(f"{self.network.directory}: there is no {self.network.boot_file}")
        if self.kernel and self.firmware is Firmware.OVMF:
            raise UsageError(
                "QEMU starts a kernel file (-kernel, PVH) through SeaBIOS only",
                hint="boot a disk image with OVMF",
            )

    def _firmware_arguments(self, resources: Resources) -> tuple[str, ...]:
        if self.firmware is Firmware.SEABIOS:
            return ()
        if isinstance(self.firmware, Path):
            return ("-bios", str(self.firmware))
        images = find_ovmf()
        variables = resources.directory / "variables.fd"
        shutil.copyfile(self.variables or images.variables, variables)
        flash = "if=pflash,format=raw"
        code = str(images.code).replace(",", ",,")
        return (
            *("-drive", f"{flash},unit=0,readonly=on,file={code}"),
            *("-drive", f"{flash},unit=1,file={variables}"),
        )

    def _acceleration(self) -> tuple[str, ...]:
        if self.count_instructions:
            return ("-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off")
        return ("-accel", "kvm" if self._use_kvm() else "tcg,thread=multi")

    def _use_kvm(self) -> bool:
        if self.count_instructions:
            return False
        return self.accelerator is not Accelerator.TCG and kvm_works()

    def _boot_arguments(self) -> tuple[str, ...]:
        if self.kernel:
            append = ("-append", self.command_line) if self.command_line else ()
            return ("-kernel", str(self.kernel), *append)
        if self.network:
            return network_arguments(self.network)
        assert self.disk is not None
        return drive_arguments(self.disk, self.drive)


def _console(resources: Resources) -> str:
    if resources.takes_input:
        return f"socket,id=console,fd={resources.console_fd}"
    return f"file,id=console,path=/dev/fd/{resources.console_fd}"


def _qmp_arguments(fd: int) -> tuple[str, ...]:
    # A guest that shuts down is paused, so that its registers can be read, and then told to quit.
    return (
        *("-chardev", f"socket,id=qmp,fd={fd}", "-mon", "chardev=qmp,mode=control"),
        *("-action", "shutdown=pause"),
    )


_KVM_GET_API_VERSION: Final = 0xAE00
_KVM_CREATE_VM: Final = 0xAE01
_KVM_API_VERSION: Final = 12
# The modules that run guests on the processor's own virtualisation. Others (kvm_pvm, in some
# nested machines) run guests in ring 3: `syscall` then enters an unmodified kernel in ring 3.
_KVM_MODULES: Final = ("/sys/module/kvm_intel", "/sys/module/kvm_amd")


def kvm_works() -> bool:
    """Whether /dev/kvm makes a virtual machine like a real one.

    Its mere presence says nothing: in containers it may not be usable.
    """
    import fcntl
    import os

    if not any(Path(module).is_dir() for module in _KVM_MODULES):
        return False
    try:
        device = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if fcntl.ioctl(device, _KVM_GET_API_VERSION, 0) != _KVM_API_VERSION:
            return False
        os.close(fcntl.ioctl(device, _KVM_CREATE_VM, 0))
    except OSError:
        return False
    finally:
        os.close(device)
    return True
