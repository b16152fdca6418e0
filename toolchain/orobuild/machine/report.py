"""How a boot ended: the verdict and its evidence, as values.

Also what a machine must offer to be booted (`Machine`), so that `boot` knows no emulator.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
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
    CRASH = "emulator crash"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootReport:
    """A boot that is over.

    `exit_status` is the emulator's, None if it had to be killed; `registers` the processors'
    registers as the emulator prints them, where the machine stopped without a word of its own;
    `seconds` the wall time from start to end; `reason` a sentence, empty for a pass.
    """

    verdict: Verdict
    reason: str
    exit_status: int | None
    console: Console
    registers: str | None
    seconds: float

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


class Machine(Protocol):
    """What can be booted."""

    def describe(self) -> str:
        """The machine in a few words, for a person."""

    def arguments(self, *, qmp_fd: int | None) -> tuple[str, ...]:
        """The command that starts it, its serial console on standard output.

        `qmp_fd` is an inherited socket on which it is to speak QMP. Raises `UsageError` or
        `MissingToolError` if it cannot be started as described.
        """
