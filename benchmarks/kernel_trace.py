"""Every instruction that the kernel executes for one system call, fault or interrupt.

QEMU runs one instruction at a time and logs each program counter; where the kernel only waits for
a clock or the serial port it does not. From the log come *runs*: what a core executed in ring 0
between two instructions of ring 3.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile

from orobuild import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENT = ("clock_wait", "pit_running", "serial_write", "serial_drain", "wait_for", "put")
"""Functions that wait: what they execute depends on a device."""

_TRACE = re.compile(rb"Trace (\d+): 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")
_KERNEL = 1 << 63


@dataclass(slots=True)
class Run:
    """Program counters of a core in ring 0; `before` and `after` are ring 3's around them."""

    core: int
    before: int
    addresses: list[int] = field(default_factory=list)
    after: int = 0


def functions(elf: Path) -> dict[str, tuple[int, int]]:
    """Name to (address, size) of each function and label in .text; a size of 0 ends at the next."""
    with elf.open("rb") as file:
        image = ELFFile(file)
        table = image.get_section_by_name(".symtab")
        named = [
            (symbol["st_value"], symbol["st_size"], symbol.name)
            for symbol in table.iter_symbols()
            if symbol["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE") and symbol.name
        ]
    return {name: (address, size) for address, size, name in sorted(named)}


def record(kernel: Path, command_line: str, *, cores: int = 1, timeout: float = 60) -> list[Run]:
    """Boots the kernel and returns the runs in the order in which they ended."""
    known = functions(kernel)
    start, end = known["_oro_text_start"][0], known["_oro_text_end"][0]
    holes = sorted((known[name][0], sum(known[name])) for name in SILENT if name in known)
    ranges, at = ["0x400000+0x100000"], start
    for hole, hole_end in holes:
        ranges.append(f"{at:#x}..{hole - 1:#x}")
        at = hole_end
    ranges.append(f"{at:#x}..{end - 1:#x}")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        qemu = machine.Qemu(
            kernel=kernel,
            command_line=command_line,
            cores=cores,
            count_instructions=True,
            extra=(
                *("-singlestep", "-d", "exec,nochain", "-D", str(log)),
                *("-dfilter", ",".join(ranges)),
            ),
        )
        machine.boot(qemu, timeout=timeout)
        return list(_runs(log))


def _runs(log: Path) -> Iterator[Run]:
    current: dict[int, Run] = {}
    last_user: dict[int, int] = {}
    with log.open("rb") as lines:
        for line in lines:
            match = _TRACE.match(line)
            if not match:
                continue
            core, address = int(match[1]), int(match[2], 16)
            if address & _KERNEL:
                run = current.get(core)
                if run is None:
                    run = current[core] = Run(core, last_user.get(core, 0))
                run.addresses.append(address)
                continue
            last_user[core] = address
            if run := current.pop(core, None):
                run.after = address
                yield run


def disassemble(elf: Path, addresses: set[int]) -> dict[int, str]:
    """The text of each instruction, as objdump has it."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "--section=.text", elf],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    texts: dict[int, str] = {}
    for line in listing.splitlines():
        address, colon, text = line.strip().partition(":\t")
        if colon and int(address, 16) in addresses:
            texts[int(address, 16)] = " ".join(text.split("#")[0].split())
    return texts
