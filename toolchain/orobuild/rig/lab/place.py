"""One place's run, seen from outside: a worker process drives it, this side reads, judges and ends it.

Whatever a driver does, `follow` returns: a worker that does not answer is killed with all that it started.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

from orobuild.machine.console import LOADER_ERROR, PANIC_END, read_console
from orobuild.machine.console_lines import MAX_OUTPUT, ConsoleLines
from orobuild.machine.report import BootReport, Verdict
from orobuild.testing.watcher import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orobuild.testing.watcher import Watcher

_POLL: Final = 0.2
_QUIET: Final = 0.5  # seconds of silence after a panic's last line
_MOST_MESSAGES: Final = 20  # lines of a worker's own words that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is told. `media` are the ways to start, `images` files by labgrid's names.

    `preparing`, `running` and `leaving` are seconds: until there is power, from then to the end, and for
    switching off.
    """

    env: Path
    target: str
    media: Sequence[Mapping[str, Any]]
    images: Mapping[str, str]
    preparing: float = 600.0
    running: float = 300.0
    leaving: float = 60.0

    def line(self) -> bytes:
        """The job as a worker reads it."""
        told = {
            "env": str(self.env),
            "target": self.target,
            "media": list(self.media),
            "images": dict(self.images),
        }
        return json.dumps(told).encode() + b"\n"


@dataclass(slots=True)
class Followed:
    """A run that is over.

    `report` is None if the machine was never switched on, `problem` then says why; it also says what went
    wrong with the place afterwards. `times` are seconds from the beginning, by what happened. `steps` are
    what the worker did, with times.
    """

    report: BootReport | None = None
    problem: str = ""
    method: str = ""
    release: str = ""
    times: dict[str, float] = field(default_factory=dict)
    steps: list[tuple[float, str]] = field(default_factory=list)


def follow(job: Job, watcher: Watcher) -> Followed:
    """Run one place until `watcher` has seen enough, time is up, or nothing more can come."""
    with tempfile.TemporaryFile() as messages:
        session = _Session(job, watcher, messages)
        try:
            session.run()
        finally:
            session.end()
        return session.followed()


class _Session:
    def __init__(self, job: Job, watcher: Watcher, messages: IO[bytes]) -> None:
        self._job = job
        self._watcher = watcher
        self._messages = messages
        self._done = Followed()
        self._lines: list[str] = []
        self._said = ConsoleLines()
        self._partial = b""  # of an event
        self._failure: str | None = None
        self._stopped: str | None = None
        self._timed_out = self._ended = self._closed = False
        self._last_words: float | None = None
        self._start = time.monotonic()
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "orobuild.rig.lab.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            start_new_session=True,
        )
        assert self._worker.stdout is not None
        self._output = self._worker.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)

    def _tell(self, line: bytes) -> None:
        assert self._worker.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._worker.stdin.write(line)
            self._worker.stdin.flush()

    def _now(self) -> float:
        return time.monotonic() - self._start

    def _happened(self, what: str) -> None:
        self._done.times.setdefault(what, self._now())

    def run(self) -> None:
        """Until it is over, in whatever way; the worker still has the place."""
        self._tell(self._job.line())
        while not self._closed and self._failure is None and not self._ended:
            self._poll()
            powered = self._done.times.get("power")
            if powered is None:
                if self._watcher.reason_to_stop() is not None:
                    return
                if self._now() > self._job.preparing:
                    self._failure = f"the place was not ready within {self._job.preparing:g} s"
                continue
            if self._last_words is not None and time.monotonic() > self._last_words:
                return
            self._stopped = self._watcher.reason_to_stop()
            if self._stopped is not None or self._said.is_flooded:
                return
            if self._now() - powered > self._job.running:
                self._timed_out = True
                return

    def _poll(self) -> None:
        if not self._selector.select(_POLL):
            return
        data = os.read(self._output, 1 << 16)
        if not data:
            self._closed = True
            return
        *events, self._partial = (self._partial + data).split(b"\n")
        for event in events:
            self._event(json.loads(event))

    def _event(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "console":
            self._console(base64.b64decode(event["data"]))
        elif kind == "step":
            self._done.steps.append((self._now(), event["text"]))
        elif kind == "medium":
            self._done.method = event["method"]
        elif kind == "on":
            self._happened("power")
        elif kind == "ended":
            self._ended = True
        elif kind == "failed":
            self._failure = f"{event['step']}: {event['reason']}"
        elif kind == "left":
            self._done.release = event["reason"]
            self._happened("off")

    def _console(self, data: bytes) -> None:
        self._happened("first byte")
        for line in self._said.feed(data):
            self._line(line)

    def _line(self, data: bytes) -> None:
        line = data.decode("utf-8", "replace").strip("\r")
        self._lines.append(line)
        self._watcher.line(line)
        if self._watcher.parser.found:
            self._happened("first test")
        if self._watcher.is_done:
            self._happened("tests done")
        if line.startswith((PANIC_END, LOADER_ERROR)) or self._last_words is not None:
            self._last_words = time.monotonic() + _QUIET

    def end(self) -> None:
        """Let the worker switch the place off; kill it if it does not."""
        self._tell(b"enough\n")
        limit = time.monotonic() + self._job.leaving
        while not self._closed and "off" not in self._done.times and time.monotonic() < limit:
            self._poll()
        if "off" not in self._done.times:
            self._done.release = "its driver did not answer, and was ended"
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._worker.wait(max(limit - time.monotonic(), _POLL))
        for line in self._said.rest():
            self._line(line)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._worker.pid, signal.SIGKILL)  # and whatever a driver has left behind
        self._worker.wait()
        for pipe in (self._worker.stdin, self._worker.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._selector.close()
        self._happened("end")

    def followed(self) -> Followed:
        """What came of it."""
        done = self._done
        if self._closed and self._failure is None and "off" not in done.times:
            self._failure = self._last_message() or "its process ended"
        if self._failure is not None:
            done.problem = self._failure
        if "power" not in done.times:
            return done
        console = read_console(self._lines)
        verdict, reason = Verdict.STOPPED, self._stopped or ""
        if console.loader_error:
            verdict, reason = Verdict.LOADER_ERROR, console.loader_error
        elif console.panics:
            verdict, reason = Verdict.PANIC, console.panics[0].summary
        elif self._said.is_flooded:
            verdict, reason = Verdict.HANG, f"it printed more than {MAX_OUTPUT >> 20} MiB"
        elif self._failure is not None:
            verdict, reason = Verdict.CRASH, f"the place failed: {self._failure}"
        elif self._timed_out:
            verdict, reason = Verdict.HANG, f"no end within {self._job.running:g} s"
        elif self._ended and self._watcher.is_done:
            self._watcher.cause = Cause.DONE
        elif self._ended:
            verdict, reason = (
                Verdict.RESET,
                "the machine ended or reset itself before its tests did",
            )
        done.report = BootReport(
            verdict=verdict,
            reason=reason,
            exit_status=None,
            console=console,
            registers=None,
            seconds=done.times["end"] - done.times["power"],
        )
        return done

    def _last_message(self) -> str:
        self._messages.seek(0)
        lines = self._messages.read().decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
