"""Bochs as a value: the strict machine, whose devices behave as the manuals say.

Bochs has no isa-debug-exit: a kernel's `oro: verdict=…` line is the result. Its UART honours the
line control register, so that a kernel which does not program 8N1 is not understood. Each run has
its configuration, disk overlay and log in a private folder: nothing is locked, nothing is left.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.errors import MissingToolError, UsageError
from orobuild.machine.report import Launch, Remains

if TYPE_CHECKING:
    from orobuild.machine.report import Resources

_INSTALL: Final = """\
install Bochs and its ROMs with one of
  apt install bochs bochsbios bochs-term
  dnf install bochs
  brew install bochs"""
_ROM_FOLDERS: Final = ("/usr/share/bochs", "/usr/local/share/bochs", "/opt/homebrew/share/bochs")
_BIOS: Final = "BIOS-bochs-latest"
_VGA_BIOS: Final = "VGABIOS-lgpl-latest"
_HEADS: Final = 16  # the most that Bochs takes
_SECTORS: Final = 32
_CYLINDER: Final = _HEADS * _SECTORS * 512

_DISK: Final = (
    'type=disk, path="{path}", mode=volatile, journal="{journal}", '
    "cylinders={cylinders}, heads={heads}, spt={sectors}"
)
_CD: Final = 'type=cdrom, path="{path}", status=inserted'

# Without the speaker no sound driver is opened: on machines without a sound card its mixer thread
# overruns a buffer now and then, and glibc ends Bochs 2.7.
_CONFIGURATION: Final = """\
megs: {memory_mib}
cpu: model={cpu}, count={cores}, ips={ips}, reset_on_triple_fault=0
romimage: file="{bios}"
vgaromimage: file="{vga_bios}"
display_library: term
vga: extension=none
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: {drive}
boot: {boot}
com1: enabled=1, mode=file, dev=/dev/fd/{console_fd}
log: "{log}"
panic: action=fatal
error: action=report
info: action=report
plugin_ctrl: speaker=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
clock: sync=none
"""

# Builds with the debugger keep the terminal for it, and show the machine's screen in another one.
_SCREEN: Final = re.compile(rb'connected to screen "([^"\r\n]+)"')


def find_bochs(binary: str = "bochs") -> str:
    """The emulator's path. Raises `MissingToolError` with the commands that install it."""
    program = shutil.which(binary)
    if program is None:
        raise MissingToolError(f"'{binary}' is not installed", hint=_INSTALL)
    return program


@dataclass(frozen=True, slots=True, kw_only=True)
class Bochs:
    """A PC that boots `disk`, a raw image (never written to), as a disk or as a CD.

    A disk has whole cylinders of 256 KiB. `cpu` as `bochs --help cpu` lists them; `ips` instructions a second of guest time.
    """

    disk: Path
    cd: bool = False
    cpu: str = "corei7_skylake_x"
    cores: int = 1
    memory_mib: int = 256
    ips: int = 100_000_000
    binary: str = "bochs"

    def describe(self) -> str:
        """The machine in a few words, for a person."""
        cores = f"{self.cores} cores" if self.cores > 1 else "1 core"
        source = "cd" if self.cd else "ide disk"
        return f"Bochs, cpu {self.cpu}, {cores}, {self.memory_mib} MiB, {source}"

    def launch(self, resources: Resources) -> Launch:
        """How to start it, its first serial port on `resources.console_fd`; it has no QMP."""
        program = find_bochs(self.binary)
        if not self.disk.is_file():
            raise UsageError(f"{self.disk}: no such file to boot")
        folder = resources.directory
        name = folder / ("disk.iso" if self.cd else "disk.img")  # needs no quoting
        name.symlink_to(self.disk.absolute())
        configuration = _CONFIGURATION.format(
            memory_mib=self.memory_mib,
            cpu=self.cpu,
            cores=self.cores,
            ips=self.ips,
            bios=_rom(_BIOS),
            vga_bios=_rom(_VGA_BIOS),
            drive=_CD.format(path=name) if self.cd else self._disk(name, folder / "journal"),
            boot="cdrom" if self.cd else "disk",
            console_fd=resources.console_fd,
            log=folder / _LOG,
        )
        (folder / "bochsrc").write_text(configuration)
        (folder / "debugger").write_text("c\n")  # builds with the debugger wait for this
        arguments = (program, "-q", "-f", str(folder / "bochsrc"), "-rc", str(folder / "debugger"))
        return Launch(
            arguments=arguments,
            terminal=True,
            exit_device=False,
            has_monitor=False,
            complaint=_complaint,
            screen=_SCREEN,
        )

    def _disk(self, path: Path, journal: Path) -> str:
        cylinders, rest = divmod(self.disk.stat().st_size, _CYLINDER)
        if rest or not cylinders:
            raise UsageError(
                f"{self.disk}: {self.disk.stat().st_size} bytes are not whole cylinders of "
                f"{_CYLINDER} bytes",
                hint="pad the image to a multiple of 256 KiB",
            )
        return _DISK.format(
            path=path, journal=journal, cylinders=cylinders, heads=_HEADS, sectors=_SECTORS
        )

    def remains(self, resources: Resources) -> Remains:
        """What the log says: the registers that Bochs prints when it gives up."""
        try:
            log = (resources.directory / _LOG).read_text(errors="replace")
        except OSError:
            return Remains()
        _, _, end = log.partition(_PANIC)
        dump = [line.split("] ", 1)[-1] for line in end.splitlines() if "[CPU" in line]
        return Remains(registers="\n".join(dump) or None, reset=_TRIPLE_FAULT in end)


_LOG: Final = "log"
_PANIC: Final = ">>PANIC<<"
_LOG_LINE: Final = re.compile(r"\d{11}[dieps]\[")
# cpu/exception.cc of Bochs: what it says when an exception's exception faults
_TRIPLE_FAULT: Final = "exception with no resolution"


def _complaint(output: str) -> str:
    """The message after which Bochs exits, without its log of plugins and its rulers."""
    message = output.rpartition("following message:")[2]
    return "\n".join(
        line for line in message.splitlines() if line.strip("= ") and not _LOG_LINE.match(line)
    )


def _rom(name: str) -> Path:
    for folder in _ROM_FOLDERS:
        path = Path(folder) / name
        if path.is_file():
            return path
    raise MissingToolError(f"Bochs's ROM image '{name}' is not installed", hint=_INSTALL)
