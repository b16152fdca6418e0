"""Booting a machine: start it, follow its console, know how it ended.

One thread, one loop over the descriptors: the console, the emulator's own messages, QMP, the
terminal that Bochs makes for its screen, and what companions read from. The loop ends when the emulator does, when the console says that the kernel has stopped for good, or
when time is up; whichever it is, the emulator is gone when `boot` returns or raises.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import socket
import tempfile
import time
import tty
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orobuild.errors import UsageError
from orobuild.machine.console import LOADER_ERROR, PANIC_END, VERDICT, read_console
from orobuild.machine.console_lines import MAX_OUTPUT, ConsoleLines
from orobuild.machine.dialogue import Dialogue
from orobuild.machine.process import ChildProcess, inheritable
from orobuild.machine.report import BootReport, Resources
from orobuild.machine.verdicts import Ending, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orobuild.machine.companion import Answered, Companion
    from orobuild.machine.report import Launch, Machine, Remains, Supervisor

# Lines after which a kernel does nothing more; a verdict only where it cannot end the emulator.
_LAST_WORDS: Final = (PANIC_END,)
_CHUNK: Final = 65536
_MAX_MESSAGES: Final = 1000  # bytes of the emulator's own messages that an error shows
_QUIET: Final = 0.5  # seconds of silence after the last words in which it may exit by itself
_GRACE: Final = 1.0  # seconds that the emulator's process has to end once its pipes are closed
_FAREWELL: Final = 2.0  # seconds that QEMU has to answer or quit
_SUPERVISION: Final = 0.2  # seconds between questions to a supervisor
_SAVING: Final = 60.0  # the same if it writes the machine's memory to a file
_RESETS: Final = 4  # a guest's own resets that are let pass after one from outside
_STALE: Final = 2.0  # seconds in which what a machine said before a reset is read after it
_LONG: Final = 3600.0  # seconds to wait where nothing says how long


def boot(
    machine: Machine,
    *,
    timeout: float,
    on_line: Callable[[str], None] | None = None,
    screenshot: Path | None = None,
    until: str | None = None,
    memory: Path | None = None,
    monitor: Sequence[str] = (),
    supervisor: Supervisor | None = None,
    companions: Sequence[Companion] = (),
) -> BootReport:
    """Boot `machine` and wait until it is over, at most `timeout` seconds.

    `until` is the beginning of a line after which the machine is stopped, and ended as one that
    hangs is; `memory` is where QEMU then writes the first bytes of its physical memory, as many
    as the machine has (`memory_mib`). `monitor` are commands of QEMU's monitor, asked of a machine
    that was stopped; the answers are the report's.

    `supervisor` is asked several times a second whether the machine is to go on, and may look at it
    while it is paused. `companions` hear what the console says as it comes, and may do more
    (`machine.companion`); if one of them has an `input`, the serial port can be typed into.

    `on_line` gets each line of the console as it is completed, without its end. `screenshot` is
    where a PNG of the screen is written if the machine stops without exiting (loader error, panic,
    reset, hang); if that fails, it is among the report's `problems`. Raises `MissingToolError` if the emulator is not installed and `UsageError`, with
    what the emulator said, if it does not start.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="orobuild-machine-"))
        takes_input = any(companion.input is not None for companion in companions)
        console, console_end = _console_ends(stack, takes_input=takes_input)
        qmp, qmp_end = socket.socketpair()
        stack.enter_context(qmp)
        with os.fdopen(console_end, "wb"), qmp_end, ExitStack() as inherited:
            resources = Resources(
                directory=Path(folder),
                console_fd=inheritable(console_end),
                qmp_fd=inheritable(qmp_end.fileno()),
                takes_input=takes_input,
            )
            inherited.callback(os.close, resources.console_fd)
            inherited.callback(os.close, resources.qmp_fd)
            launch = machine.launch(resources)
            start = time.monotonic()
            child = ChildProcess(
                launch.arguments,
                pass_fds=(resources.console_fd, resources.qmp_fd),
                terminal=launch.terminal,
                scratch=resources.directory,
            )
        with child:
            session = _Session(child, console, qmp, launch, start)
            session.on_line, session.screenshot = on_line, screenshot
            session.until, session.memory, session.monitor = until, memory, monitor
            session.memory_size = getattr(machine, "memory_mib", 0) << 20
            session.supervisor, session.companions = supervisor, companions
            session.run(timeout)
            seconds = time.monotonic() - start
        return session.report(machine.remains(resources), timeout, seconds)


def _console_ends(stack: ExitStack, *, takes_input: bool) -> tuple[int, int]:
    """Our end of the console, which `stack` closes, and the machine's."""
    if takes_input:
        ours, theirs = (end.detach() for end in socket.socketpair())
    else:
        ours, theirs = os.pipe()
    stack.callback(os.close, ours)
    return ours, theirs


class _Session:
    """A boot in progress: the loop, and what was seen so far. Companions see it as `Controls`."""

    def __init__(
        self, child: ChildProcess, console: int, qmp: socket.socket, launch: Launch, start: float
    ) -> None:
        self._child = child
        self._console = console
        self._qmp = qmp
        self._launch = launch
        self._start = start
        self.on_line: Callable[[str], None] | None = None
        self.screenshot: Path | None = None
        self.until: str | None = None
        self._is_met = False  # what `until` waits for
        self.memory: Path | None = None
        self.memory_size = 0
        self.monitor: Sequence[str] = ()
        self._answers: dict[int, str] = {}  # to `monitor`, by number
        self.supervisor: Supervisor | None = None
        self.companions: Sequence[Companion] = ()
        self.is_paused = False
        self._paused_at = 0.0
        self._stopped: str | None = None  # why somebody did not let it go on
        self._last_words = _LAST_WORDS if launch.exit_device else (*_LAST_WORDS, VERDICT)
        self._dialogue = Dialogue(qmp, self._event)
        self._selector = selectors.DefaultSelector()
        self._opened = ExitStack()
        self._said = ConsoleLines()
        self._messages = b""
        self._screen: int | None = None  # the terminal that the emulator has made for its screen
        self._lines: list[str] = []
        self._shutdown: str | None = None  # the reason of QMP's SHUTDOWN event
        self._is_ending = False  # by us, so that a SHUTDOWN says nothing
        self._deadline = math.inf
        self._stop_at: float | None = None  # when the silence after the last words counts
        self._resets: int | None = None  # by the guest since somebody has reset the machine
        self._reset_at = 0.0
        self._registers: str | None = None
        self._problems: list[str] = []
        self._status: int | None = None  # None while it runs, and if it had to be ended
        self._timed_out = False

    def run(self, timeout: float) -> None:
        """Follow the machine until it is over, at most `timeout` seconds."""
        self._deadline = self._start + timeout
        with self._selector as selector, ExitStack() as self._opened:
            selector.register(self._console, selectors.EVENT_READ, self._read_console)
            selector.register(self._child.output, selectors.EVENT_READ, self._read_messages)
            selector.register(self._qmp, selectors.EVENT_READ, self._read_qmp)
            for companion in self.companions:
                if companion.input is not None:
                    typed = partial(self._read_input, companion, companion.input)
                    selector.register(companion.input, selectors.EVENT_READ, typed)
                companion.begins(self)
            while not self._is_over():
                now = time.monotonic()
                limit = self._limit()
                if now >= limit or self._said.is_flooded:
                    self._timed_out = self._stop_at is None
                    break
                self._poll(min(limit - now, self._patience()))
                if self.supervisor and not self._is_over():
                    self._supervise(self.supervisor)
            ended_by_itself = not self._console_open()
            if not ended_by_itself:
                self._farewell()
            self._drain()
        for line in self._said.rest():
            self._line(line)
        status = self._child.wait(_GRACE)
        self._status = status if ended_by_itself else None

    def _is_over(self) -> bool:
        return not self._console_open() or bool(self._shutdown) or self._stopped is not None

    def _limit(self) -> float:
        """When to end it, in the monotonic clock's time."""
        if self.is_paused:
            return math.inf
        return self._deadline if self._stop_at is None else min(self._deadline, self._stop_at)

    def _patience(self) -> float:
        """Seconds until the loop has to turn though nothing has happened."""
        seconds = time.monotonic() - self._start
        wakes = [companion.turn(seconds) - seconds for companion in self.companions]
        return max(0.0, min([_SUPERVISION if self.supervisor else _LONG, *wakes]))

    def _supervise(self, supervisor: Supervisor) -> None:
        self._stopped = supervisor.reason_to_stop()
        memory = None if self._stopped else supervisor.wants_memory()
        if memory is not None:
            self._look(supervisor, memory)

    def _console_open(self) -> bool:
        return self._console in self._selector.get_map()

    def _poll(self, seconds: float) -> int:
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if key.fd in self._selector.get_map():
                key.data()
        return len(ready)

    def _drain(self) -> None:
        """Read what has already arrived; a child that is gone leaves nothing more."""
        for companion in self.companions:
            if companion.input is not None and companion.input in self._selector.get_map():
                self._selector.unregister(companion.input)
        limit = time.monotonic() + _GRACE
        while self._selector.get_map() and time.monotonic() < limit and self._poll(0):
            pass

    def _read_input(self, companion: Companion, descriptor: int) -> None:
        companion.typed()
        if companion.input is None:  # there is nobody any more
            self._selector.unregister(descriptor)

    def _read_console(self) -> None:
        try:
            data = os.read(self._console, _CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            self._selector.unregister(self._console)
            return
        # What comes at once may still be of before.
        if self._resets or (
            self._resets is not None and time.monotonic() - self._reset_at > _STALE
        ):
            self._end_on_reset()
        seconds = time.monotonic() - self._start
        for companion in self.companions:
            companion.heard(data, seconds)
        for line in self._said.feed(data):
            self._line(line)

    def _line(self, data: bytes) -> None:
        line = data.decode("utf-8", "replace").strip("\r")
        self._lines.append(line)
        if self.on_line:
            self.on_line(line)
        if self.until is not None and line.startswith(self.until):
            self._stop_at, self._is_met = time.monotonic(), True
        if self._is_met:
            return
        if line.startswith(LOADER_ERROR):
            self._stop_at = time.monotonic()  # a loader's last line, and it cannot exit
        elif self._stop_at is not None or line.startswith(self._last_words):
            self._stop_at = time.monotonic() + _QUIET

    def _read_messages(self) -> None:
        try:
            data = os.read(self._child.output, _CHUNK)
        except OSError:  # EIO: what Linux says of a pseudoterminal that nobody has open
            data = b""
        if not data:
            self._selector.unregister(self._child.output)
        self._messages = (self._messages + data)[-_CHUNK:]
        pattern = self._launch.screen
        if pattern and self._screen is None and (match := pattern.search(self._messages)):
            self._screen = self._open_screen(os.fsdecode(match[1]))

    def _open_screen(self, name: str) -> int | None:
        """A terminal that nobody reads would stop the emulator as soon as it is full."""
        try:
            screen = os.open(name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:  # the emulator has ended
            return None
        self._opened.callback(os.close, screen)
        tty.setraw(screen)  # no line is waited for, and nothing comes back as if it were typed
        self._selector.register(screen, selectors.EVENT_READ, self._read_screen)
        return screen

    def _read_screen(self) -> None:
        assert self._screen is not None
        try:
            data = os.read(self._screen, _CHUNK)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(self._screen)

    def _read_qmp(self) -> None:
        self._dialogue.receive()
        if not self._dialogue.is_open:
            self._selector.unregister(self._qmp)

    def _event(self, name: str, data: dict[str, Any]) -> None:
        if name == "SHUTDOWN" and self._shutdown is None and not self._is_ending:
            self._shutdown = str(data.get("reason", "unknown"))
        elif name == "RESET" and data.get("reason") == "host-qmp-system-reset":
            self._lines.clear()
            self._said, self._stop_at = ConsoleLines(), None
            self._resets, self._reset_at = 0, time.monotonic()
            self._happened("reset")
        elif name == "RESET" and self._resets is not None:
            self._resets += 1
            if self._resets >= _RESETS:
                self._end_on_reset()
        elif name == "STOP" and not self.is_paused and not self._is_ending:
            self.is_paused, self._paused_at = True, time.monotonic()
            self._happened("paused")
        elif name == "RESUME" and self.is_paused:
            self.is_paused = False
            self._deadline += time.monotonic() - self._paused_at
            if self._stop_at is not None:
                self._stop_at += time.monotonic() - self._paused_at
            self._happened("goes on")

    def _happened(self, what: str) -> None:
        seconds = time.monotonic() - self._start
        for companion in self.companions:
            companion.happened(what, seconds)

    @property
    def takes_input(self) -> bool:
        """`Controls.takes_input`."""
        return self._launch.has_monitor

    @property
    def answers(self) -> bool:
        """`Controls.answers`."""
        return self._dialogue.has_begun and self._dialogue.is_open

    def type(self, data: bytes) -> None:
        """`Controls.type`: what a full buffer does not take is lost, as on a real line."""
        if not self.takes_input:
            return
        typing = socket.socket(fileno=os.dup(self._console))
        with typing, contextlib.suppress(OSError):
            typing.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def ask(self, name: str, then: Answered | None = None, **arguments: object) -> int | None:
        """`Controls.ask`."""
        return self._dialogue.ask(name, then, **arguments)

    def pause(self) -> None:
        """`Controls.pause`."""
        self.ask("stop")

    def resume(self) -> None:
        """`Controls.resume`."""
        self.ask("cont")

    def reset(self) -> None:
        """`Controls.reset`. The machine was told to end instead of a reset: this one is meant.

        SeaBIOS, when it finds that it has run before, resets the machine in its turn, in several ways
        one after the other. So resets end the machine again only when it has said something.
        """
        self.ask("set-action", reboot="reset")
        self.ask("system_reset")
        self.resume()

    def _end_on_reset(self) -> None:
        self.ask("set-action", reboot="shutdown")
        self._resets = None

    def end(self, reason: str) -> None:
        """`Controls.end`."""
        self._stopped = reason

    def lift_limit(self) -> None:
        """`Controls.lift_limit`."""
        self._deadline = math.inf

    def _look(self, supervisor: Supervisor, memory: Path) -> None:
        """Pause the machine while its registers and memory are saved; it goes on afterwards."""
        if not self.answers:
            return
        limit = time.monotonic() + _SAVING
        self.ask("stop")
        self._ask_for_registers()
        saved: list[str | None] = []
        self.ask(
            "pmemsave",
            lambda _answer, problem: saved.append(problem),
            val=0,
            size=self.memory_size,
            filename=str(memory.absolute()),
        )
        while self._dialogue.waits() and time.monotonic() < limit:
            if not self._console_open():
                return  # it ended before it could be stopped
            self._poll(0.1)
        registers, self._registers = self._registers, None
        if saved == [None] and registers:
            supervisor.looked(registers)
        self.ask("cont")

    def _ask_for_registers(self) -> None:
        def received(answer: str | None, _problem: str | None) -> None:
            self._registers = answer or None

        self._dialogue.monitor("info registers -a", received)

    def _farewell(self) -> None:
        """Ask a machine that is still there for its registers and its screen, and end it."""
        self._is_ending = True
        limit = time.monotonic() + (_SAVING if self.memory else _FAREWELL)
        if self.answers:
            self._ask_before_the_end()
            while self._dialogue.waits() and time.monotonic() < limit:
                self._poll(0.1)
            self.ask("quit")
            while self._console_open() and time.monotonic() < limit:
                self._poll(0.1)
        elif self.screenshot:
            self._problems.append("no screenshot: this machine cannot be asked for one")
        if not self._console_open():
            self._child.wait(_GRACE)  # it is ending: let its shell see that, and leave no zombie
        self._child.kill()

    def _ask_before_the_end(self) -> None:
        self.ask("stop")
        self._ask_for_registers()
        for number, line in enumerate(self.monitor):
            self._ask_monitor(number, line)
        if self.memory:
            self.ask("pmemsave", val=0, size=self.memory_size, filename=str(self.memory.absolute()))
        if self.screenshot:
            self.ask(
                "screendump",
                self._screenshot_is_made,
                filename=str(self.screenshot.absolute()),
                format="png",
            )
        for companion in self.companions:
            companion.last_wish()

    def _ask_monitor(self, number: int, line: str) -> None:
        def received(answer: str | None, _problem: str | None) -> None:
            self._answers[number] = answer or ""

        self._answers[number] = ""
        self._dialogue.monitor(line, received)

    def _screenshot_is_made(self, _answer: object, problem: str | None) -> None:
        if problem:
            self._problems.append(f"no screenshot in '{self.screenshot}': {problem}")

    def report(self, remains: Remains, timeout: float, seconds: float) -> BootReport:
        """The verdict on what was seen. Raises `UsageError` if the emulator never started."""
        said = self._messages.decode("utf-8", "replace").replace("\r\n", "\n").strip()
        started = self._dialogue.has_begun or self._lines or remains.reset
        if self._status is not None and not started and said:
            raise UsageError(
                f"the emulator did not start (status {self._status})",
                hint=self._launch.complaint(said)[-_MAX_MESSAGES:],
            )
        console = read_console(self._lines)
        if self._is_met and self._stopped is None:
            self._stopped = f"it said '{self.until}'"
        verdict, reason = judge(
            Ending(
                console=console,
                remains=remains,
                has_exit_device=self._launch.exit_device,
                status=self._status,
                shutdown=self._shutdown,
                stopped=self._stopped,
                flooded=MAX_OUTPUT >> 20 if self._said.is_flooded else None,
                timeout=timeout if self._timed_out else None,
            )
        )
        return BootReport(
            verdict=verdict,
            reason=reason,
            exit_status=self._status,
            console=console,
            registers=self._registers or remains.registers,
            seconds=seconds,
            answers=tuple(self._answers.values()),
            problems=tuple(self._problems),
        )
