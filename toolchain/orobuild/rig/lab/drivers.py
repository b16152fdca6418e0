"""What labgrid does not have: a strategy that starts a bundle, and a QEMU machine that starts as PCs do.

Environments name this module under `imports`. labgrid's own QEMUDriver knows neither UEFI nor USB sticks nor
network boot, writes to the image that it is given, and waits for ever for a QEMU that did not start.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Final

import attr
from labgrid.driver import Driver
from labgrid.driver.consoleexpectmixin import ConsoleExpectMixin
from labgrid.driver.exception import ExecutionError
from labgrid.factory import target_factory
from labgrid.protocol import ConsoleProtocol, PowerProtocol
from labgrid.step import step
from labgrid.strategy import Strategy, StrategyError
from pexpect import EOF, TIMEOUT

from orobuild.machine import Drive, Network, find_ovmf, find_qemu
from orobuild.machine.media import drive_arguments, network_arguments
from orobuild.machine.process import ChildProcess, inheritable

_START: Final = 1.0  # seconds in which a QEMU that refuses its machine has ended
_PAGE: Final = 4096
_MOST_SAID: Final = 1000  # bytes of QEMU's own messages in an error


def _one_of(*values: str) -> Any:
    return attr.validators.in_(values)


@target_factory.reg_driver
@attr.s(eq=False)
class BundleQEMUDriver(ConsoleExpectMixin, Driver, PowerProtocol, ConsoleProtocol):  # type: ignore[misc]
    """A PC in QEMU: what `BundleStrategy` puts in is plugged in, and never written to.

    Args:
        firmware (str): bios or uefi
        drive (str): what a disk is plugged in as: usb, ide, virtio or nvme
        machine, cpu, cores, memory: as QEMU names them
        extra_args (str): appended to QEMU's command line
    """

    firmware: str = attr.ib(default="bios", validator=_one_of("bios", "uefi"))
    drive: str = attr.ib(default="usb", validator=_one_of("usb", "ide", "virtio", "nvme"))
    machine: str = attr.ib(default="q35", validator=attr.validators.instance_of(str))
    cpu: str = attr.ib(default="max", validator=attr.validators.instance_of(str))
    cores: int = attr.ib(default=1, validator=attr.validators.instance_of(int))
    memory: str = attr.ib(default="256M", validator=attr.validators.instance_of(str))
    extra_args: str = attr.ib(default="", validator=attr.validators.instance_of(str))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.txdelay = 0.0
        self.txchunk = 1
        self._medium: tuple[str, ...] = ()
        self._running = ExitStack()
        self._child: ChildProcess | None = None
        self._serial: socket.socket | None = None

    def insert(self, medium: dict[str, Any]) -> None:
        """What the machine starts from next time: `method`, `file`, `folder`, `command_line`."""
        self._medium = self._arguments_of(medium)

    def _arguments_of(self, medium: dict[str, Any]) -> tuple[str, ...]:
        method, file = medium["method"], Path(medium["file"])
        if method == "usb":
            return drive_arguments(file, Drive(self.drive))
        if method == "cd":
            return drive_arguments(file, Drive.CD)
        if method == "pxe":
            folder = Path(medium["folder"])
            return network_arguments(Network(folder, file.relative_to(folder).as_posix()))
        if method == "kernel":
            line = medium["command_line"]
            return ("-kernel", str(file), *(("-append", line) if line else ()))
        raise StrategyError(f"a BundleQEMUDriver does not start by '{method}'")

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def on(self) -> None:
        """Start QEMU."""
        if self._child is not None:
            return
        self._running = ExitStack()
        scratch = Path(
            self._running.enter_context(tempfile.TemporaryDirectory(prefix="orobuild-rig-"))
        )
        self._serial, theirs = socket.socketpair()
        self._running.callback(self._serial.close)
        serial = inheritable(theirs.fileno())
        try:
            arguments = self._arguments(serial, scratch)
            self._child = self._running.enter_context(ChildProcess(arguments, pass_fds=(serial,)))
        except BaseException:
            self._running.close()
            raise
        finally:
            os.close(serial)
            theirs.close()
        status = self._child.wait(_START)
        if status not in (None, 0):
            said = os.read(self._child.output, 1 << 16)[-_MOST_SAID:].decode("utf-8", "replace")
            self.off()
            raise ExecutionError(f"QEMU did not start: {said.strip()}")

    def _arguments(self, serial: int, scratch: Path) -> tuple[str, ...]:
        return (
            find_qemu(),
            *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-no-reboot"),
            *("-machine", self.machine, "-cpu", self.cpu, "-smp", str(self.cores)),
            *("-m", self.memory, "-accel", "tcg,thread=multi"),
            *("-chardev", f"socket,id=serial,fd={serial}", "-serial", "chardev:serial"),
            *self._firmware(scratch),
            *self._medium,
            *shlex.split(self.extra_args),
        )

    def _firmware(self, scratch: Path) -> tuple[str, ...]:
        if self.firmware == "bios":
            return ()
        images = find_ovmf()
        shutil.copyfile(images.variables, scratch / "variables.fd")
        code = str(images.code).replace(",", ",,")
        return (
            *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}"),
            *("-drive", f"if=pflash,format=raw,unit=1,file={scratch / 'variables.fd'}"),
        )

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def off(self) -> None:
        """End QEMU, as pulling the plug does."""
        self._child = self._serial = None
        self._running.close()

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def cycle(self) -> None:
        """Off and on."""
        self.off()
        self.on()

    def on_deactivate(self) -> None:
        """No QEMU outlives its driver."""
        self._child = self._serial = None
        self._running.close()

    def _read(self, size: int = 1, timeout: float = 0.0, max_size: int | None = None) -> bytes:  # noqa: ARG002
        if self._serial is None:
            time.sleep(timeout)
            raise TIMEOUT("the machine is off")
        if not select.select([self._serial], [], [], timeout)[0]:
            raise TIMEOUT(f"nothing came for {timeout:.2f} s")
        try:
            data = self._serial.recv(min(max_size or _PAGE, _PAGE))
        except ConnectionError:
            data = b""
        if not data:
            raise EOF("the machine has ended")
        return data

    def _write(self, data: bytes) -> int:
        return self._serial.send(data) if self._serial is not None else len(data)


@target_factory.reg_driver
@attr.s(eq=False)
class BundleStrategy(Strategy):  # type: ignore[misc]
    """Takes a machine from off, by putting the bundle's medium in, to on.

    Args:
        method (str): how the machine starts: usb, cd, pxe, uefi-http, or kernel (QEMU only)
        off_seconds (float): how long it is left without power
    """

    bindings: ClassVar = {
        "power": "PowerProtocol",
        "console": "ConsoleProtocol",
        "storage": {"USBStorageDriver", None},
        "sdmux": {"USBSDMuxDriver", "USBSDWireDriver", "USBSDWire3Driver", None},
        "tftp": {"TFTPProviderDriver", None},
        "http": {"HTTPProviderDriver", None},
    }
    method: str = attr.ib(
        default="usb", validator=_one_of("usb", "cd", "pxe", "uefi-http", "kernel")
    )
    off_seconds: float = attr.ib(default=2.0, validator=attr.validators.instance_of(float))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.status = "unknown"
        self.medium: dict[str, Any] | None = None

    def offer(self, media: list[dict[str, Any]]) -> dict[str, Any]:
        """Choose among a bundle's ways to start the one that this machine has; gives it back."""
        firmware = getattr(self.power, "firmware", None)
        for medium in media:
            fits = firmware is None or firmware in medium["firmware"]
            if medium["method"] == self.method and fits:
                self.medium = medium
                return medium
        known = ", ".join(sorted({medium["method"] for medium in media}))
        of = f" with {firmware}" if firmware else ""
        raise StrategyError(f"the bundle cannot start by '{self.method}'{of}; it can by {known}")

    @step(args=["status"])  # type: ignore[untyped-decorator]
    def transition(self, status: str) -> None:
        """Go to `off`, `provided` or `on`."""
        if status == self.status:
            return
        if status == "off":
            self.target.activate(self.power)
            self.power.off()
        elif status == "provided":
            self.transition("off")
            self._provide()
        elif status == "on":
            self.transition("provided")
            # Before there is power: the first words count too.
            self.target.activate(self.console)
            self.power.on()
        else:
            raise StrategyError(f"a BundleStrategy has no state '{status}'")
        self.status = status

    def _provide(self) -> None:
        medium = self.medium
        if medium is None:
            raise StrategyError("nobody has offered a bundle: `orobuild rig run` does")
        if isinstance(self.power, BundleQEMUDriver):
            self.power.insert(medium)
            return
        time.sleep(self.off_seconds)
        if self.method in ("usb", "cd"):
            self._write_storage(medium["file"])
        elif self.method == "pxe":
            self._serve(Path(medium["folder"]))
        elif self.method == "uefi-http":
            self._stage(medium["file"])
        else:
            raise StrategyError("only a BundleQEMUDriver is handed a kernel")

    def _write_storage(self, image: str) -> None:
        if self.storage is None:
            raise StrategyError(f"'{self.method}' takes a USBStorageDriver")
        if self.sdmux is not None:
            self.target.activate(self.sdmux)
            self.sdmux.set_mode("host")
        self.target.activate(self.storage)
        self.storage.write_image(image)
        self.target.deactivate(self.storage)
        if self.sdmux is not None:
            self.sdmux.set_mode("dut")

    def _serve(self, folder: Path) -> None:
        if self.tftp is None:
            raise StrategyError("'pxe' takes a TFTPProviderDriver")
        provider = self.tftp.provider
        if getattr(provider, "host", "localhost") not in ("localhost", socket.gethostname()):
            raise StrategyError(f"the TFTP server must be on this machine, not on {provider.host}")
        shutil.copytree(folder, provider.internal, dirs_exist_ok=True)

    def _stage(self, file: str) -> None:
        if self.http is None:
            raise StrategyError("'uefi-http' takes an HTTPProviderDriver")
        self.target.activate(self.http)
        self.http.stage(file)
