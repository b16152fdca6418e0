"""What people see: colour only on a terminal, diagnostics on standard error, stages as they run."""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
from typing import TYPE_CHECKING, TextIO

from orobuild.diagnostics import render_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orobuild.diagnostics import Diagnostic
    from orobuild.pipeline.stages import StageTime


_colored = contextvars.ContextVar("colored", default=False)


@contextlib.contextmanager
def colored() -> Iterator[None]:
    """Style everything, wherever it goes: what is kept for a terminal that may come later."""
    before = _colored.set(True)
    try:
        yield
    finally:
        _colored.reset(before)


def wants_color(stream: TextIO) -> bool:
    """Whether to colour `stream`: a terminal, and neither NO_COLOR nor TERM=dumb objects."""
    if _colored.get():
        return True
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def echo(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print `text` as it is: click would strip the colours that FORCE_COLOR asks for in a pipe."""
    stream = sys.stderr if err else sys.stdout
    stream.write(text + end)
    stream.flush()


def echo_styled(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print text that was styled for any stream; where no colours are wanted, without them."""
    import click

    wanted = wants_color(sys.stderr if err else sys.stdout)
    echo(text if wanted else click.unstyle(text), err=err, end=end)


def show(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics to standard error."""
    echo(render_all(diagnostics, color=wants_color(sys.stderr)), err=True, end="")


def style(text: str, **styles: object) -> str:
    """`text` in colour if standard output takes it."""
    import click

    return click.style(text, **styles) if wants_color(sys.stdout) else text  # type: ignore[arg-type]


def warn(text: str) -> str:
    """`text` as a loud warning for standard error."""
    import click

    return click.style(text, fg="red", bold=True) if wants_color(sys.stderr) else text


_WORTH_A_LINE = 0.1  # seconds: a stage that took less is only in the summary's total


class StageLines:
    """Shows slow stages on standard error, one line each; on a terminal also the one that runs."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def started(self, name: str) -> None:
        """Show that a stage runs, on a line that its end will overwrite."""
        if self._live:
            echo(f"\r\x1b[K  {name} …", err=True, end="")

    def finished(self, stage: StageTime) -> None:
        """Show a stage that has ended, if it took long enough for anybody to wonder."""
        start = "\r\x1b[K" if self._live else ""
        if stage.seconds < _WORTH_A_LINE:
            echo(start, err=True, end="")
            return
        detail = f"  {stage.detail}" if stage.detail else ""
        echo(f"{start}  {stage.name:<22}{stage.seconds:7.2f} s{detail}", err=True)
