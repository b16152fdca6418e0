"""A running machine stopped at one moment: control registers and physical memory, as values."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.errors import UsageError
from orobuild.machine.boot import boot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.machine.qemu import Qemu


@dataclass(frozen=True, slots=True)
class ControlRegisters:
    """What decides how one processor translates addresses."""

    cr0: int
    cr3: int
    cr4: int
    efer: int


@dataclass(frozen=True, slots=True)
class MachineSnapshot:
    """`processors` in their order; `memory` is physical memory from 0 on.

    `answers` are those of QEMU's monitor, in the order of asking.
    """

    processors: tuple[ControlRegisters, ...]
    memory: bytes
    answers: tuple[str, ...] = ()

    def read(self, address: int, size: int) -> bytes:
        """At most `size` bytes at a physical address."""
        return self.memory[address : address + size]


def take(
    machine: Qemu, *, until: str, timeout: float, monitor: Sequence[str] = ()
) -> MachineSnapshot:
    """Boot `machine`, and stop it at the first console line that begins with `until`.

    `monitor` are commands for QEMU's monitor, asked then.
    Raises `UsageError` if the machine ended or `timeout` seconds passed before it was said.
    """
    with tempfile.TemporaryDirectory(prefix="orobuild-snapshot-") as folder:
        memory = Path(folder) / "memory"
        report = boot(machine, timeout=timeout, until=until, memory=memory, monitor=monitor)
        said = any(line.startswith(until) for line in report.console.lines)
        if not said or not memory.is_file() or report.registers is None:
            raise UsageError(
                f"the machine did not say '{until}' within {timeout:g} s: {report.reason}",
                hint="name the beginning of a line that the kernel prints when its page tables stand",
            )
        return MachineSnapshot(
            read_registers(report.registers), memory.read_bytes(), report.answers
        )


def read_registers(text: str) -> tuple[ControlRegisters, ...]:
    """The control registers in QEMU's `info registers -a`, one for each processor."""
    found = []
    for part in re.split(r"^CPU#\d+", text, flags=re.MULTILINE):
        values = {
            name: int(value, 16)
            for name, value in re.findall(r"\b(CR0|CR3|CR4|EFER)=([0-9a-fA-F]+)", part)
        }
        if {"CR0", "CR3", "CR4"} <= values.keys():
            found.append(
                ControlRegisters(values["CR0"], values["CR3"], values["CR4"], values.get("EFER", 0))
            )
    return tuple(found)
