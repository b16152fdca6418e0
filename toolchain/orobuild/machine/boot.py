"""Booting a machine: start it, follow its console, know how it ended.

One thread, one loop over the descriptors: the console, the emulator's own messages, QMP, and the
terminal that Bochs makes for its screen. The loop ends when the emulator does, when the console says that the kernel has stopped for good, or
when time is up; whichever it is, the emulator is gone when `boot` returns or raises.
"""

from __future__ import annotations

import os
import selectors
import socket
import tempfile
import time
import tty
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orobuild.errors import UsageError
from orobuild.machine.console import LOADER_ERROR, PANIC_END, VERDICT, Console, read_console
from orobuild.machine.process import ChildProcess, inheritable
from orobuild.machine.qemu import STATUS_FAIL, STATUS_PASS
from orobuild.machine.qmp import Protocol
from orobuild.machine.report import BootReport, Remains, Resources, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orobuild.machine.report import Launch, Machine, Supervisor

# Lines after which a kernel does nothing more; a verdict only where it cannot end the emulator.
_LAST_WORDS: Final = (PANIC_END,)
_CHUNK: Final = 65536
_MAX_LINE: Final = 65536  # bytes; a guest that never ends a line does not fill our memory
_MAX_OUTPUT: Final = 64 << 20
_MAX_MESSAGES: Final = 1000  # bytes of the emulator's own messages that an error shows
_QUIET: Final = 0.5  # seconds of silence after the last words in which it may exit by itself
_GRACE: Final = 1.0  # seconds that the emulator's process has to end once its pipes are closed
_FAREWELL: Final = 2.0  # seconds that QEMU has to answer or quit
_SUPERVISION: Final = 0.2  # seconds between questions to a supervisor
_SAVING: Final = 60.0  # the same if it writes the machine's memory to a file


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
) -> BootReport:
    """Boot `machine` and wait until it is over, at most `timeout` seconds.

    `until` is the beginning of a line after which the machine is stopped, and ended as one that
    hangs is; `memory` is where QEMU then writes the first bytes of its physical memory, as many
    as the machine has (`memory_mib`). `monitor` are commands of QEMU's monitor, asked of a machine
    that was stopped; the answers are the report's.

    `supervisor` is asked several times a second whether the machine is to go on, and may look at it
    while it is paused.

    `on_line` gets each line of the console as it is completed, without its end. `screenshot` is
    where QEMU writes a PNG of the screen if the machine stops without exiting (loader error, panic,
    reset, hang). Raises `MissingToolError` if the emulator is not installed and `UsageError`, with
    what the emulator said, if it does not start.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="orobuild-machine-"))
        console, console_end = os.pipe()
        stack.callback(os.close, console)
        qmp, qmp_end = socket.socketpair()
        stack.enter_context(qmp)
        with os.fdopen(console_end, "wb"), qmp_end, ExitStack() as inherited:
            resources = Resources(
                directory=Path(folder),
                console_fd=inheritable(console_end),
                qmp_fd=inheritable(qmp_end.fileno()),
            )
            inherited.callback(os.close, resources.console_fd)
            inherited.callback(os.close, resources.qmp_fd)
            launch = machine.launch(resources)
            start = time.monotonic()
            child = ChildProcess(
                launch.arguments,
                pass_fds=(resources.console_fd, resources.qmp_fd),
                terminal=launch.terminal,
            )
        with child:
            session = _Session(child, console, qmp, launch, on_line, screenshot)
            session.until, session.memory, session.monitor = until, memory, monitor
            session.memory_size = getattr(machine, "memory_mib", 0) << 20
            session.supervisor = supervisor
            session.run(start + timeout)
            seconds = time.monotonic() - start
        return session.report(machine.remains(resources), timeout, seconds)


class _Session:
    """A boot in progress. Owns the loop and what was seen so far."""

    def __init__(
        self,
        child: ChildProcess,
        console: int,
        qmp: socket.socket,
        launch: Launch,
        on_line: Callable[[str], None] | None,
        screenshot: Path | None,
    ) -> None:
        self._child = child
        self._console = console
        self._qmp = qmp
        self._launch = launch
        self._on_line = on_line
        self._screenshot = screenshot
        self.until: str | None = None
        self._is_met = False  # what `until` waits for
        self.memory: Path | None = None
        self.memory_size = 0
        self.monitor: Sequence[str] = ()
        self._answers: dict[int | None, str] = {}  # to `monitor`, by the question's id
        self.supervisor: Supervisor | None = None
        self._stopped: str | None = None  # why the supervisor did not let it go on
        self._last_words = _LAST_WORDS if launch.exit_device else (*_LAST_WORDS, VERDICT)
        self._protocol = Protocol()
        self._selector = selectors.DefaultSelector()
        self._opened = ExitStack()
        self._pending = b""
        self._size = 0
        self._messages = b""
        self._screen: int | None = None  # the terminal that the emulator has made for its screen
        self._lines: list[str] = []
        self._shutdown: str | None = None  # the reason of QMP's SHUTDOWN event
        self._stop_at: float | None = None  # when the silence after the last words counts
        self._question: int | None = None  # id of the QMP command that ends the farewell
        self._capabilities_id: int | None = None
        self._registers_id: int | None = None
        self._registers: str | None = None
        self._status: int | None = None  # None while it runs, and if it had to be ended
        self._started = False
        self._timed_out = False

    def run(self, deadline: float) -> None:
        """Follow the machine until it is over."""
        with self._selector as selector, ExitStack() as self._opened:
            selector.register(self._console, selectors.EVENT_READ, self._read_console)
            selector.register(self._child.output, selectors.EVENT_READ, self._read_messages)
            selector.register(self._qmp, selectors.EVENT_READ, self._read_qmp)
            while self._console_open() and not self._shutdown:
                now = time.monotonic()
                limit = deadline if self._stop_at is None else min(deadline, self._stop_at)
                if now >= limit or self._size > _MAX_OUTPUT:
                    self._timed_out = self._stop_at is None
                    break
                if self.supervisor is None:
                    self._poll(limit - now)
                    continue
                self._poll(min(limit - now, _SUPERVISION))
                if not self._console_open() or self._shutdown:
                    break
                self._stopped = self.supervisor.reason_to_stop()
                if self._stopped is not None:
                    break
                memory = self.supervisor.wants_memory()
                if memory is not None:
                    self._look(memory)
            ended_by_itself = not self._console_open()
            if not ended_by_itself:
                self._farewell()
            self._drain()
        if self._pending:
            self._line(self._pending)
        status = self._child.wait(_GRACE)
        self._status = status if ended_by_itself else None

    def _console_open(self) -> bool:
        return self._console in self._selector.get_map()

    def _poll(self, seconds: float) -> int:
        ready = self._selector.select(seconds)
        for key, _ in ready:
            key.data()
        return len(ready)

    def _drain(self) -> None:
        """Read what has already arrived; a child that is gone leaves nothing more."""
        limit = time.monotonic() + _GRACE
        while self._selector.get_map() and time.monotonic() < limit and self._poll(0):
            pass

    def _read_console(self) -> None:
        data = os.read(self._console, _CHUNK)
        if not data:
            self._selector.unregister(self._console)
            return
        self._size += len(data)
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._line(line)
        while len(self._pending) > _MAX_LINE:
            self._line(self._pending[:_MAX_LINE])
            self._pending = self._pending[_MAX_LINE:]

    def _line(self, data: bytes) -> None:
        line = data.decode("utf-8", "replace").strip("\r")
        self._lines.append(line)
        if self._on_line:
            self._on_line(line)
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
        try:
            data = self._qmp.recv(_CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            self._selector.unregister(self._qmp)
            self._question = None
            return
        for message in self._protocol.feed(data):
            self._qmp_message(message)

    def _qmp_message(self, message: dict[str, Any]) -> None:
        if "QMP" in message:
            # The greeting may come before the machine is built, the answer to this only after.
            self._capabilities_id = self._send("qmp_capabilities")
        elif message.get("event") == "SHUTDOWN" and self._shutdown is None:
            self._shutdown = str(message.get("data", {}).get("reason", "unknown"))
        if "id" not in message:
            return
        if message["id"] == self._capabilities_id:
            self._started = True
        if message["id"] == self._registers_id:
            self._registers = str(message.get("return", "")).replace("\r\n", "\n").strip() or None
        if message["id"] in self._answers:
            self._answers[message["id"]] = str(message.get("return", "")).strip()
        if message["id"] == self._question:
            self._question = None

    def _send(self, name: str, **arguments: object) -> int | None:
        command, number = self._protocol.command(name, **arguments)
        try:
            self._qmp.sendall(command)
        except OSError:
            return None
        return number

    def _look(self, memory: Path) -> None:
        """Pause the machine while its registers and memory are saved; it goes on afterwards."""
        if not self._started:
            return
        limit = time.monotonic() + _SAVING
        self._send("stop")
        self._registers_id = self._send("human-monitor-command", command_line="info registers -a")
        self._question = saving = self._save(memory)
        while self._question is not None and time.monotonic() < limit:
            if not self._console_open():
                return  # it ended before it could be stopped
            self._poll(0.1)
        registers, self._registers = self._registers, None
        if self._question is None and saving is not None and registers and self.supervisor:
            self.supervisor.looked(registers)
        self._question = None
        self._send("cont")

    def _save(self, memory: Path) -> int | None:
        return self._send("pmemsave", val=0, size=self.memory_size, filename=str(memory.absolute()))

    def _farewell(self) -> None:
        """Ask a machine that is still there for its registers and its screen, and end it."""
        limit = time.monotonic() + (_SAVING if self.memory else _FAREWELL)
        if self._started:
            self._send("stop")
            self._question = self._registers_id = self._send(
                "human-monitor-command", command_line="info registers -a"
            )
            for command in self.monitor:
                self._question = self._send("human-monitor-command", command_line=command)
                self._answers[self._question] = ""
            if self.memory:
                self._question = self._save(self.memory)
            if self._screenshot:
                self._question = self._send(
                    "screendump", filename=str(self._screenshot.absolute()), format="png"
                )
            while self._question is not None and time.monotonic() < limit:
                self._poll(0.1)
            self._send("quit")
            while self._console_open() and time.monotonic() < limit:
                self._poll(0.1)
        if not self._console_open():
            self._child.wait(_GRACE)  # it is ending: let its shell see that, and leave no zombie
        self._child.kill()

    def report(self, remains: Remains, timeout: float, seconds: float) -> BootReport:
        """The verdict on what was seen. Raises `UsageError` if the emulator never started."""
        said = self._messages.decode("utf-8", "replace").replace("\r\n", "\n").strip()
        stillborn = self._status is not None and not (self._started or self._lines or remains.reset)
        if stillborn and said:
            raise UsageError(
                f"the emulator did not start (status {self._status})",
                hint=self._launch.complaint(said)[-_MAX_MESSAGES:],
            )
        console = read_console(self._lines)
        verdict, reason = self._judge(console, remains, timeout)
        return BootReport(
            verdict=verdict,
            reason=reason,
            exit_status=self._status,
            console=console,
            registers=self._registers or remains.registers,
            seconds=seconds,
            answers=tuple(self._answers.values()),
        )

    def _judge(self, console: Console, remains: Remains, timeout: float) -> tuple[Verdict, str]:
        if console.loader_error:
            return Verdict.LOADER_ERROR, console.loader_error
        if console.panics:
            panic = console.panics[0]
            cut = "" if panic.complete else " (its report is cut off)"
            return Verdict.PANIC, f"{panic.summary}{cut}"
        if self._size > _MAX_OUTPUT:
            return Verdict.HANG, f"the console printed more than {_MAX_OUTPUT >> 20} MiB"
        if self._stopped is not None:
            return Verdict.STOPPED, self._stopped
        if self._timed_out:
            return Verdict.HANG, f"no end within {timeout:g} s"
        if self._shutdown == "guest-shutdown":
            return Verdict.POWER_OFF, "the machine was switched off without a verdict"
        if self._shutdown or remains.reset:
            return Verdict.RESET, "the machine reset itself, by triple fault or on request"
        if not self._launch.exit_device and console.verdict:
            return (
                (Verdict.PASS, "") if console.verdict == "pass" else (Verdict.FAIL, _said(console))
            )
        return self._judge_status(console)

    def _judge_status(self, console: Console) -> tuple[Verdict, str]:
        status = self._status
        if status is not None and status > 128:
            return Verdict.CRASH, f"signal {status - 128} ended the emulator"
        if status == STATUS_PASS and self._launch.exit_device:
            if console.verdict in (None, "pass"):
                return Verdict.PASS, ""
            return Verdict.FAIL, f"exit status says pass, the console says {console.verdict}"
        if status == STATUS_FAIL and self._launch.exit_device:
            return Verdict.FAIL, _said(console)
        return Verdict.FAIL, f"the emulator ended with status {status} and no verdict"


def _said(console: Console) -> str:
    """What the kernel says of a run that it does not call a pass."""
    for fact in reversed(console.of_kind("verdict")):
        if reason := fact.text("reason"):
            return reason
    return "the kernel says that it failed"
