"""What `orobuild watch` shows: one screen on a terminal, one line after another elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Protocol

from orobuild.cli import terminal
from orobuild.diagnostics import Severity, render_all
from orobuild.machine.console import Console, parse_fact, read_console
from orobuild.machine.serial_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Group
    from rich.text import Text

    from orobuild.diagnostics import Diagnostic
    from orobuild.machine import BootReport
    from orobuild.pipeline.build import BuildResult
    from orobuild.pipeline.stages import StageTime

_TAIL: Final = 12  # lines of the console that the screen shows
_SHOWN_TIMES: Final = 0.001
_PAUSE: Final = 0.1  # seconds between drawings while a console prints


class Screen(Protocol):
    """Told what happens, in order. Also the observer of the build's stages."""

    def __enter__(self) -> Screen:
        """Begin to show."""

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""

    def started(self, name: str) -> None:
        """A stage of the build has started."""

    def finished(self, stage: StageTime) -> None:
        """A stage has ended without an error."""

    def building(self, changed: Sequence[str]) -> None:
        """A build begins, because of the files `changed` (none: the first)."""

    def delivered(self, result: BuildResult, seconds: float) -> None:
        """The outputs are in place, `seconds` after the change was told."""

    def failed(self, diagnostics: Iterable[Diagnostic], seconds: float) -> None:
        """The build has failed; the outputs are those of before."""

    def booting(self, machine: str) -> None:
        """The machine starts."""

    def line(self, text: str) -> None:
        """A line of its console."""

    def booted(self, report: BootReport) -> None:
        """It has ended."""


def choose() -> Screen:
    """The screen for where standard output goes."""
    return Live() if sys.stdout.isatty() else Lines()


def _what(changed: Sequence[str]) -> str:
    named = ", ".join(changed[:3])
    return f"{named} and {len(changed) - 3} more" if len(changed) > 3 else named


def _made(result: BuildResult, seconds: float) -> str:
    new = result.objects - result.cached_objects
    count = len(result.findings)
    lint = "not linted (--unchecked)" if result.unchecked else f"{count or 'no'} findings"
    return f"built in {seconds:.2f} s: {new} of {result.objects} objects new, {lint}"


def _verdict(report: BootReport) -> str:
    reason = f": {report.reason}" if report.reason else ""
    return f"{report.verdict.value}{reason} in {report.seconds:.2f} s"


class Lines:
    """One line for each thing that happens; findings as every command shows them."""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""

    def started(self, name: str) -> None:
        """Nothing: a line a stage would hide what matters."""

    def finished(self, stage: StageTime) -> None:
        """Nothing."""

    def building(self, changed: Sequence[str]) -> None:
        """What has changed."""
        terminal.echo(f"changed: {_what(changed)}" if changed else "building")

    def delivered(self, result: BuildResult, seconds: float) -> None:
        """What was made, and every warning."""
        terminal.show((*result.warnings, *result.findings))
        terminal.echo(_made(result, seconds))

    def failed(self, diagnostics: Iterable[Diagnostic], seconds: float) -> None:
        """Everything that is wrong."""
        terminal.show(diagnostics)
        terminal.echo(f"failed in {seconds:.2f} s; the outputs are those of before")

    def booting(self, machine: str) -> None:
        """Which machine."""
        terminal.echo(f"booting: {machine}")

    def line(self, text: str) -> None:
        """The line."""
        text = printable(text)
        terminal.echo(terminal.style(text, dim=True) if text.startswith("oro: ") else text)

    def booted(self, report: BootReport) -> None:
        """The verdict."""
        terminal.echo(f"verdict: {_verdict(report)}")


class Live:
    """A screen of its own: the build's stages, findings, the machine's cores and its console."""

    def __init__(self) -> None:
        from rich.console import Console as Terminal
        from rich.live import Live as Display

        self._head = "building"
        self._color = "yellow"
        self._because = ""
        self._stages: dict[str, float] = {}
        self._running = ""
        self._said = ""
        self._machine = ""
        self._console: list[str] = []
        self._facts: list[str] = []
        self._verdict: tuple[str, bool] | None = None
        self._drawn = 0.0
        self._terminal = Terminal()
        self._display = Display(
            console=self._terminal, screen=True, auto_refresh=False, get_renderable=self._render
        )

    def __enter__(self) -> Live:
        self._display.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._display.stop()

    def started(self, name: str) -> None:
        """The stage that runs, and for how long the others did."""
        self._running = name
        self._display.refresh()

    def finished(self, stage: StageTime) -> None:
        """Stages of the same name are of different targets: their times add up."""
        self._running = ""
        self._stages[stage.name] = self._stages.get(stage.name, 0.0) + stage.seconds
        self._display.refresh()

    def building(self, changed: Sequence[str]) -> None:
        """Begin a new screen; what the machine said stays until it starts again."""
        self._head, self._color, self._because = "building", "yellow", _what(changed)
        self._stages, self._said = {}, ""
        self._display.refresh()

    def delivered(self, result: BuildResult, seconds: float) -> None:
        """What was made, and every warning."""
        self._head, self._color = _made(result, seconds), "green"
        self._tell((*result.warnings, *result.findings))

    def failed(self, diagnostics: Iterable[Diagnostic], seconds: float) -> None:
        """Everything that is wrong; what does not fit is counted."""
        found = tuple(diagnostics)
        errors = sum(d.severity is Severity.ERROR for d in found)
        self._head = f"failed in {seconds:.2f} s: {errors} error{'s' * (errors != 1)}"
        self._color = "red"
        self._tell(found)

    def _tell(self, diagnostics: Sequence[Diagnostic]) -> None:
        self._running = ""
        self._said = render_all(diagnostics, color=terminal.wants_color(sys.stdout)).rstrip()
        self._display.refresh()

    def booting(self, machine: str) -> None:
        """An empty console."""
        self._machine, self._console, self._facts, self._verdict = machine, [], [], None
        self._display.refresh()

    def line(self, text: str) -> None:
        """A line, and what it says of cores and threads; drawn as often as one can read."""
        self._console.append(printable(text))
        del self._console[:-_TAIL]
        if (fact := parse_fact(text)) and fact.kind in ("core", "soak", "memory"):
            self._facts = [f for f in self._facts if f.split()[:2] != text.split()[:2]] + [text]
        if time.monotonic() - self._drawn > _PAUSE:
            self._drawn = time.monotonic()
            self._display.refresh()

    def booted(self, report: BootReport) -> None:
        """The verdict."""
        self._verdict = _verdict(report), report.passed
        self._display.refresh()

    def _render(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        head = Text.assemble((" orobuild watch ", "reverse"), "  ", (self._head, self._color))
        if self._because:
            head.append(f"   {self._because}", "dim")
        parts: list[Text] = [head, Text()]
        times = [f"{n} {s:.3f} s" for n, s in self._stages.items() if s >= _SHOWN_TIMES]
        if self._running:
            times.append(f"{self._running} …")
        parts.append(Text("stages   " + "  ".join(times)))
        left = self._terminal.height - 6
        if self._machine:
            parts += self._of_machine(read_console(self._facts))
            left -= len(parts)
        if self._said:
            lines = self._said.split("\n")
            room = max(left, 3)
            parts += [Text(), *map(Text.from_ansi, lines[:room])]
            if len(lines) > room:
                parts.append(Text(f"… {len(lines) - room} more lines", "dim"))
        elif self._machine:
            parts += [Text(), *(Text(line, "dim") for line in self._console[-max(left, 3) :])]
        parts += [Text(), Text("saving a file builds again; Ctrl-C ends it", "dim")]
        for part in parts:
            part.no_wrap, part.overflow = True, "ellipsis"
        return Group(*parts)

    def _of_machine(self, console: Console) -> list[Text]:
        from rich.text import Text

        found = [Text(), Text(f"machine  {self._machine}")]
        if self._verdict:
            said, good = self._verdict
            found.append(Text.assemble("verdict  ", (said, "green" if good else "red")))
        else:
            found.append(Text("verdict  it runs", "yellow"))
        found += [
            Text(
                f"core {core.core:<4} apic {core.apic:<4} {core.ticks:>7} ticks {core.threads:>5} threads"
            )
            for core in console.cores
        ]
        return found
