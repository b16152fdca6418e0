"""What is seen while a matrix is tested: a line for each cell that is done; on a terminal, what runs now."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, TextIO

from orobuild.cli import terminal
from orobuild.testing.reporters import human_report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from orobuild.testing.outcome import CellResult
    from orobuild.testing.reporters.human_report import Role

_STYLES: Final[dict[str, dict[str, Any]]] = {
    "good": {"fg": "green", "bold": True},
    "bad": {"fg": "red", "bold": True},
    "doubtful": {"fg": "yellow", "bold": True},
    "dim": {"dim": True},
    "head": {"bold": True},
}


def paint(text: str, role: Role) -> str:
    """`text` in the colour of its role, if standard output takes colours."""
    return terminal.style(text, **_STYLES[role])


class Lines:
    """The plain screen: a line for each cell that is done, and nothing that moves."""

    def __init__(self, total: int, *, err: bool) -> None:
        self._total = total
        self._err = err
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clear away."""

    def started(self, name: str, attempt: int) -> None:
        """Say that a cell is booted again; the first time is no news."""
        if attempt > 1:
            self._print(f"{'again':<8} {name}  attempt {attempt}")

    def stepped(self, name: str, running: Sequence[str], results: int) -> None:
        """Nothing: a line a test would be a line a millisecond."""

    def finished(self, result: CellResult) -> None:
        """The cell's line."""
        self._done += 1
        count = f"[{self._done:>{len(str(self._total))}}/{self._total}]"
        style = human_report.plain if self._err else paint
        self._print(f"{count} {human_report.line(result, style)}")

    def _print(self, text: str) -> None:
        terminal.echo(text, err=self._err)


class Live(Lines):
    """The same, and below it what each machine does at this moment."""

    def __init__(self, total: int, *, err: bool) -> None:
        super().__init__(total, err=err)
        import rich.console
        import rich.live

        stream: TextIO = sys.stderr if err else sys.stdout
        self._running: dict[str, tuple[float, str, int]] = {}
        self._console = rich.console.Console(file=stream, highlight=False)
        self._live = rich.live.Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def started(self, name: str, attempt: int) -> None:
        """Show the cell."""
        word = f"starts again, attempt {attempt}" if attempt > 1 else "starts"
        self._running[name] = (time.monotonic(), word, 0)

    def stepped(self, name: str, running: Sequence[str], results: int) -> None:
        """Show which test it runs."""
        start, _, _ = self._running.get(name, (time.monotonic(), "", 0))
        self._running[name] = (start, "/".join(running), results)

    def finished(self, result: CellResult) -> None:
        """Its line, above what still runs."""
        self._running.pop(result.name, None)
        super().finished(result)

    def _print(self, text: str) -> None:
        import rich.text

        self._live.console.print(rich.text.Text.from_ansi(text), soft_wrap=True)

    def _render(self) -> Any:
        import rich.text

        now = time.monotonic()
        lines = [
            f"{'':8} {name}  {results} results, {doing}  {now - start:.0f} s"
            for name, (start, doing, results) in list(self._running.items())
        ]
        lines.append(f"{self._done} of {self._total} cells done")
        width = self._console.width
        return rich.text.Text("\n".join(line[:width] for line in lines), style="dim")


def screen(total: int, *, err: bool) -> Lines:
    """The screen for `total` cells, on standard output or standard error."""
    stream = sys.stderr if err else sys.stdout
    is_live = stream.isatty() and terminal.wants_color(stream)
    return (Live if is_live else Lines)(total, err=err)
