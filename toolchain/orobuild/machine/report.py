"""How a boot ended: the verdict and its evidence, as values.

Also what a machine must offer to be booted (`Machine`), so that `boot` knows no emulator.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from pathlib import Path

    from orobuild.machine.console import Console, Core, Panic


class Verdict(enum.Enum):
    """The one-word result of a boot; the value is what people read."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    PANIC = "panic"
    LOADER_ERROR = "loader error"
    RESET = "reset"
    POWER_OFF = "power off"
    HANG = "hang"
    STOPPED = "stopped"  # by its supervisor
    CRASH = "emulator crash"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootReport:
    """A boot that is over.

    `exit_status` is the emulator's, None if it had to be killed; `registers` the processors'
    registers as the emulator prints them, where the machine stopped without a word of its own;
    `seconds` the wall time from start to end; `answers` what QEMU's monitor was asked for; `reason` a sentence, empty for a pass;
    `problems` what was wanted of the machine and could not be had, such as a screenshot.
    """

    verdict: Verdict
    reason: str
    exit_status: int | None
    console: Console
    registers: str | None
    seconds: float
    answers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the kernel said that all is well, and nothing contradicts it."""
        return self.verdict is Verdict.PASS

    @property
    def lines(self) -> tuple[str, ...]:
        """The console's lines."""
        return self.console.lines

    @property
    def cores(self) -> tuple[Core, ...]:
        """The processors that reported, by number."""
        return self.console.cores

    @property
    def panic(self) -> Panic | None:
        """The first panic block, or None."""
        return self.console.panics[0] if self.console.panics else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What `boot` gives a machine for one run.

    `directory` is empty and private; `console_fd` (a pipe to write to; with `takes_input` a socket
    that is read too) and `qmp_fd` (a socket) are inherited by the emulator under these numbers.
    """

    directory: Path
    console_fd: int
    qmp_fd: int
    takes_input: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start an emulator.

    `terminal`: it wants a terminal for its output. `exit_device`: the guest can end it with a status
    (QEMU's isa-debug-exit); without, what the console says is the verdict. `complaint` finds in the
    output of an emulator that did not start what it complains of. `screen` finds there, as its group 1,
    the terminal that the emulator has made for its screen, and where it waits for a reader.

    `has_monitor`: it speaks QMP.
    """

    arguments: tuple[str, ...]
    terminal: bool = False
    exit_device: bool = True
    complaint: Callable[[str], str] = str
    screen: re.Pattern[bytes] | None = None
    has_monitor: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What an emulator left behind: registers it printed, whether the machine reset itself, and
    in `crash` what went wrong with the emulator itself."""

    registers: str | None = None
    reset: bool = False
    crash: str | None = None


class Supervisor(Protocol):
    """Who watches a boot, and says how long it goes on."""

    def reason_to_stop(self) -> str | None:
        """Why the machine must not go on, None if it may. Asked several times a second."""

    def wants_memory(self) -> Path | None:
        """Where to write the machine's physical memory now, None if that is not wanted.

        Asked as often; `boot` pauses the machine for it.
        """

    def looked(self, registers: str) -> None:
        """The memory has been written; `registers` are QEMU's `info registers -a` of that moment."""


class Machine(Protocol):
    """What can be booted."""

    def describe(self) -> str:
        """The machine in a few words, for a person."""

    def launch(self, resources: Resources) -> Launch:
        """How to start it with its first serial port on `resources.console_fd`.

        Raises `UsageError` or `MissingToolError` if it cannot be started as described.
        """

    def remains(self, resources: Resources) -> Remains:
        """What can be learnt from `resources.directory` when the emulator has ended."""
