"""Watching one boot: reading its KTAP as it comes, and saying when it is over.

A `machine` asks its supervisor several times a second whether to go on. Here is what it is told: the
tests are done, a case takes too long, a line says that it failed, or nobody wants the rest.
"""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING, Final

from orobuild.machine.console import VERDICT
from orobuild.machine.ktap import Parser
from orobuild.machine.snapshot import MachineSnapshot, read_registers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orobuild.project.schema import KernelTests
    from orobuild.testing.flag import Flag

_LINGER: Final = 5.0  # seconds of silence after the plan's end in which a kernel may end by itself


class Cause(enum.Enum):
    """Why a machine was stopped."""

    DONE = "all that was planned is reported"
    FAILURE_LINE = "a line that means failure"
    CASE_TIMEOUT = "a test took too long"
    CANCELLED = "the run was ended"


class Watcher:
    """The supervisor of one boot (`machine.report.Supervisor`).

    `memory` is where the machine's memory is written for a look at its page tables, None if nobody
    will look; it is looked at when `live_until` begins a line, and when the tests are done.
    """

    def __init__(
        self,
        tests: KernelTests,
        cancelled: Flag,
        *,
        memory: Path | None = None,
        live_until: str = "",
        on_step: Callable[[Parser], None] = lambda _parser: None,
    ) -> None:
        self.parser = Parser()
        self.cause: Cause | None = None
        self.said_success = False
        self.failure: str | None = None  # the line that said so
        self.timed_out: tuple[str, ...] = ()  # the path of the test that took too long
        self._tests = tests
        self._cancelled = cancelled
        self._memory = memory
        self._live_until = live_until
        self._wants_memory = False
        self.is_looking = False  # whether there was a moment to look at the page tables
        self._registers: str | None = None
        self._on_step = on_step
        self._said_verdict = False
        self._last_line = self._last_step = time.monotonic()

    @property
    def is_done(self) -> bool:
        """Whether the kernel has said all that it promised to say."""
        return self.parser.is_complete or self.said_success or self._said_verdict

    def line(self, line: str) -> None:
        """Take a line of the console."""
        now = self._last_line = time.monotonic()
        steps, was_done = self.parser.steps, self.is_done
        self.parser.line(line, now)
        if self.parser.steps != steps:
            self._last_step = now
            self._on_step(self.parser)
        if self._tests.success and self._tests.success in line:
            self.said_success = True
        if line.startswith(VERDICT):
            self._said_verdict = True
        if self.failure is None and any(part in line for part in self._tests.failure if part):
            self.failure = line
        if self._live_until and line.startswith(self._live_until):
            self._want_memory()
        if self.parser.is_complete and not was_done:
            self._want_memory()

    def _want_memory(self) -> None:
        if self._memory is not None:
            self._wants_memory = self.is_looking = True

    def reason_to_stop(self) -> str | None:
        """Why the machine must not go on, None if it may."""
        self.cause = self._cause()
        if self.cause is Cause.CASE_TIMEOUT:
            self.timed_out = self.parser.running
            running = "/".join(self.timed_out)
            return f"no result of {running} within {self._tests.case_timeout:g} s"
        return self.cause.value if self.cause else None

    def _cause(self) -> Cause | None:
        now = time.monotonic()
        if self._cancelled.is_set():
            return Cause.CANCELLED
        if self.failure is not None:
            return Cause.FAILURE_LINE
        if self.is_done:
            if self._wants_memory:
                return None  # it is looked at first
            silent = now - self._last_line
            at_once = self.said_success or self.parser.is_complete
            if self._tests.ends_with == "plan" and at_once:
                return Cause.DONE
            if self._tests.ends_with == "" and (self.said_success or silent > _LINGER):
                return Cause.DONE
            return None
        limit = self._tests.case_timeout
        if self.parser.found and limit and now - self._last_step > limit:
            return Cause.CASE_TIMEOUT
        return None

    def wants_memory(self) -> Path | None:
        """Where to write the machine's memory, None if that is not wanted now."""
        if not self._wants_memory:
            return None
        self._wants_memory = False
        return self._memory

    def looked(self, registers: str) -> None:
        """The memory has been written; these were the registers."""
        self._registers = registers

    def snapshot(self) -> MachineSnapshot | None:
        """The machine as it was last looked at, None if it ended before that."""
        if self._registers is None or self._memory is None or not self._memory.is_file():
            return None
        processors = read_registers(self._registers)
        memory = self._memory.read_bytes()
        return MachineSnapshot(processors, memory) if processors and memory else None
