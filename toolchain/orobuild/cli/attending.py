"""One run of a machine with all that was wanted of it: console, menu, log, recordings, report."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.cli import images, summary, terminal
from orobuild.errors import UsageError
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.machine import BootReport, Machine
    from orobuild.machine.companion import Companion
    from orobuild.machine.screen_recording import ScreenRecording
    from orobuild.pipeline.build import BuildResult
    from orobuild.testing.evidence import Explainer

_CAST: Final = ".cast"
_PICTURES: Final = (".png", ".apng")
_TAIL: Final = 24  # lines of the log that are searched for addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line says of a run; `menu` is None where the terminal decides."""

    log: Path | None
    records: tuple[Path, ...]
    screenshot: Path | None
    timestamps: bool
    log_timestamps: bool
    menu: bool | None
    timeout: float | None


class Attending:
    """Checks what is wanted at once, and boots with it later. Raises `UsageError`."""

    def __init__(self, wanted: Wanted, *, has_screen: bool) -> None:
        self._wanted = wanted
        if wanted.log_timestamps and not wanted.log:
            raise UsageError("--log-timestamps without a log", hint="--log FILE makes one")
        for path in wanted.records:
            if path.suffix not in (_CAST, *_PICTURES):
                raise UsageError(
                    f"'{path}' does not say what to record",
                    hint="FILE.cast records the console (asciicast), FILE.png the screen "
                    "(animated PNG)",
                )
            if path.suffix in _PICTURES and not has_screen:
                raise UsageError(
                    f"'{path}': only QEMU's screen can be recorded", hint="FILE.cast works with all"
                )
        outputs = [*wanted.records, *filter(None, (wanted.log, wanted.screenshot))]
        _check_outputs([os.path.abspath(path) for path in outputs])
        self._has_menu = _has_menu(wanted.menu)

    def boot(self, emulated: Machine, result: BuildResult) -> int:
        """Boot, report, and give the exit status."""
        from orobuild import machine
        from orobuild.testing.evidence import Explainer

        wanted = self._wanted
        explainer = Explainer(result.kernel, result.project.lint, result.project.root)
        with ExitStack() as stack:
            recording = self._screen_recording(stack)
            companions = list(self._companions(stack, emulated, explainer))
            if recording:
                companions.append(recording)
            report = machine.boot(
                emulated,
                timeout=wanted.timeout or result.project.config.machine.timeout,
                screenshot=wanted.screenshot,
                companions=companions,
            )
        problems = list(report.problems)
        if recording:
            problems += self._write_recording(recording, report.seconds)
        terminal.echo(
            summary.of_run(result, report, list(_explain(report, explainer)), self._made(report))
        )
        for problem in problems:
            terminal.echo(terminal.warn(problem), err=True)
        if problems:
            return 1
        return 0 if report.passed else 1

    def _made(self, report: BootReport) -> list[str]:
        """The files that this run has written. Only a machine that was stopped leaves a screenshot."""
        shot = self._wanted.screenshot if report.exit_status is None else None
        paths = [self._wanted.log, shot, *self._wanted.records]
        return [str(path) for path in paths if path is not None and path.exists()]

    def _screen_recording(self, stack: ExitStack) -> ScreenRecording | None:
        from orobuild.machine.screen_recording import ScreenRecording

        if not any(path.suffix in _PICTURES for path in self._wanted.records):
            return None
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="orobuild-screen-"))
        return ScreenRecording(Path(folder))

    def _write_recording(self, recording: ScreenRecording, seconds: float) -> Iterator[str]:
        from orobuild.pipeline import outputs

        data = b"".join(recording.parts(seconds))
        for path in self._wanted.records:
            if path.suffix in _PICTURES and data:
                outputs.write(path, data)
            elif path.suffix in _PICTURES:
                yield f"no pictures for '{path}': {recording.problem or 'it was over too soon'}"

    def _companions(
        self, stack: ExitStack, emulated: Machine, explainer: Explainer
    ) -> Iterator[Companion]:
        """Who listens. `stack` closes what they have opened, in the reverse order."""
        from orobuild.cli.console_view import ConsoleView
        from orobuild.machine.asciicast import Asciicast
        from orobuild.machine.serial_log import SerialLog
        from orobuild.machine.stream_file import StreamFile

        wanted = self._wanted
        if wanted.log:
            file = stack.enter_context(StreamFile(wanted.log))
            yield SerialLog(file, stamped=wanted.log_timestamps)
        for path in wanted.records:
            if path.suffix == _CAST:
                yield Asciicast(stack.enter_context(StreamFile(path)), emulated.describe())
        colors = terminal.wants_color(sys.stdout)
        view = ConsoleView(
            sys.stdout, colors=colors, is_terminal=sys.stdout.isatty(), stamped=wanted.timestamps
        )
        stack.callback(view.finish)
        yield view
        if self._has_menu:
            from orobuild.cli.console_menu import ConsoleMenu
            from orobuild.cli.raw_terminal import RawTerminal

            raw = stack.enter_context(RawTerminal(sys.stdin.fileno()))
            terminal.echo(terminal.style("── Ctrl-] menu, Ctrl-C ends it", dim=True))
            yield ConsoleMenu(
                raw.descriptor,
                sys.stdout,
                view,
                style=lambda text: terminal.style(text, dim=True),
                explain=explainer.registers,
                keeps_limit=wanted.timeout is not None,
            )


def _check_outputs(paths: list[str]) -> None:
    """Before a long build: two outputs in one file, and directories that are not there."""
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise UsageError(f"'{path}' is to hold two different things")
        if not os.path.isdir(os.path.dirname(path)):
            raise UsageError(f"cannot write '{path}': there is no such directory")


def _has_menu(menu: bool | None) -> bool:
    from orobuild.cli import raw_terminal

    if menu is False:
        return False
    if raw_terminal.is_ours():
        return True
    if menu:
        raise UsageError("--menu needs a terminal", hint="standard input or output is none")
    return False


def _explain(report: BootReport, explainer: Explainer) -> Iterator[str]:
    """What is known of a boot that did not pass: its panics decoded, or where the processors were."""
    if report.passed:
        return
    for panic in report.console.panics:
        lines, _ = explainer.panic(panic, images.paint)
        yield from lines
    if report.console.panics:
        return
    if report.registers:
        yield from summary.rows("registers", summary.registers(report.registers))
        yield from summary.rows("at", explainer.registers(report.registers))
    named = explainer.addresses(report.lines[-_TAIL:])
    yield from summary.rows("log names", [line.strip() for line in named])
