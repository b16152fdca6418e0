"""Every instruction that the kernel executes for one system call, fault or interrupt.

QEMU executes one instruction at a time and logs each program counter, so the counts are the same
on every machine. Functions that wait for a device are left out: how often they look is not theirs
to say. From the log come *runs*: what a core executed in ring 0 between two instructions of ring 3.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile

from orobuild import machine
from orobuild.machine.qemu import STATUS_PASS
from orobuild.pipeline.build import Request, build
from orobuild.project import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
SILENT = (
    *("clock_wait", "pit_running", "serial_write", "serial_drain", "wait_for", "put"),
    *("keyboard_init", "pit_present"),
)
"""Functions that wait."""

CHANGES = (
    # A child stays on the other core, if there is one, so that its core must be woken.
    ("kernel/sched/syscalls.c", "current->process->pid, false,", "current->process->pid, true,"),
)
"""What differs from the kernel as it is; no path is touched by it."""

COMMAND_LINE = "measure hz=10000"
"""Ticks come soon, since ring 3 is logged meanwhile."""

_TRACE = re.compile(rb"Trace (\d+): 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")
_UPPER_HALF = 1 << 63
_ENTRY = "enter_long_mode"
_SECONDS = 250


@dataclass(slots=True)
class Run:
    """Program counters of a core in ring 0; `before` and `after` are ring 3's around them."""

    core: int
    before: int
    addresses: list[int] = field(default_factory=list)
    after: int = 0


@dataclass(frozen=True)
class Image:
    """A built kernel, its programs, and where their symbols are."""

    kernel: Path
    symbols: Mapping[str, tuple[int, int]]
    measure: Mapping[str, tuple[int, int]]


def copy_and_build(folder: Path, profile: str, *changes: tuple[str, str, str]) -> Image:
    """Builds a copy of the kernel in which `old` in a file became `new`, with CHANGES.

    A file that is named with an empty `old` is added. The build is linted only if nothing changed.
    """
    for tree in ("asm", "kernel", "linker_scripts"):
        shutil.copytree(ROOT / tree, folder / tree)
    configuration = (ROOT / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(
        configuration + "\n[tool.orobuild.image]\ndisk = false\n"
    )
    (folder / "build").mkdir()
    (ROOT / "build" / ".cache").mkdir(parents=True, exist_ok=True)
    (folder / "build" / ".cache").symlink_to(ROOT / "build" / ".cache")
    for file, old, new in (*CHANGES, *changes):
        text = (folder / file).read_text() if old else ""
        if old not in text:
            raise SystemExit(f"{file} has changed: adapt benchmarks/kernel.py")
        (folder / file).write_text(text.replace(old, new, 1) if old else new)
    result = build(load(folder), Request(profile=profile, unchecked=bool(changes)))
    programs = result.directory / "user"
    return Image(result.kernel, symbols(result.kernel), symbols(programs / "measure.elf"))


def symbols(elf: Path) -> dict[str, tuple[int, int]]:
    """Name to (address, size) of each function."""
    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        named = [
            (symbol["st_value"], symbol["st_size"], symbol.name)
            for symbol in table.iter_symbols()
            if symbol.name and (symbol["st_info"]["type"] == "STT_FUNC" or symbol.name in _MARKS)
        ]
    return {name: (address, size) for address, size, name in sorted(named)}


_MARKS = ("_oro_text_start", "_oro_text_end")


@dataclass(frozen=True)
class Trace:
    """What was executed: until the first instruction of ring 3, and after that."""

    boot: int
    runs: list[Run]


def record(image: Image, *, cores: int = 1) -> Trace:
    """Boots the measuring programs and returns the runs in the order in which they ended."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        qemu = machine.Qemu(
            kernel=image.kernel,
            command_line=COMMAND_LINE,
            cores=cores,
            count_instructions=True,
            extra=(
                *("-singlestep", "-d", "exec,nochain", "-D", str(log)),
                *("-dfilter", ",".join(_ranges(image))),
            ),
        )
        report = machine.boot(qemu, timeout=_SECONDS)
        if report.exit_status != STATUS_PASS:
            raise SystemExit("\n".join((*report.lines, f"no end: {report.reason}")))
        return _read(log)


def _ranges(image: Image) -> Iterator[str]:
    """What is logged: ring 3, the entry at its physical address, the kernel without its waits."""
    yield "0x400000+0x100000"
    entry, size = image.symbols[_ENTRY]
    yield f"{entry & 0x7FFFFFFF:#x}+{size:#x}"
    at = image.symbols["_oro_text_start"][0]
    holes = sorted(image.symbols[name] for name in SILENT if name in image.symbols)
    for hole, size in holes:
        yield f"{at:#x}..{hole - 1:#x}"
        at = hole + size
    yield f"{at:#x}..{image.symbols['_oro_text_end'][0] - 1:#x}"


def _read(log: Path) -> Trace:
    current: dict[int, Run] = {}
    last_user: dict[int, int] = {}
    runs: list[Run] = []
    boot = 0
    with log.open("rb") as lines:
        for line in lines:
            match = _TRACE.match(line)
            if not match:
                continue
            core, address = int(match[1]), int(match[2], 16)
            if address & _UPPER_HALF or address < 0x400000:
                run = current.get(core)
                if run is None:
                    run = current[core] = Run(core, last_user.get(core, 0))
                run.addresses.append(address)
                continue
            last_user[core] = address
            if run := current.pop(core, None):
                run.after = address
                if not runs:
                    boot = len(run.addresses)
                runs.append(run)
    return Trace(boot, runs)


def disassemble(elf: Path) -> dict[int, str]:
    """The text of each instruction of .text, as objdump has it."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "--section=.text", elf],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    texts: dict[int, str] = {}
    for line in listing.splitlines():
        address, colon, text = line.strip().partition(":\t")
        if colon:
            texts[int(address, 16)] = " ".join(text.split("#")[0].split())
    return texts
