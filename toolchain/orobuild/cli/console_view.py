"""The machine's console as `orobuild run` shows it, while it comes.

Text appears as it arrives, so that a prompt without a newline is seen; what a guest sends can colour
text and edit its line, on a terminal, and do nothing else to it (`machine.serial_text`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.machine.companion import Companion
from orobuild.machine.serial_text import SerialText, Stamps

if TYPE_CHECKING:
    from typing import TextIO

_FACT: Final = "oro: "  # begins a line that is meant for programs: dimmed
_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"


class ConsoleView(Companion):
    """Writes to `stream`. With `colors` facts are dimmed and the guest's own colours stay."""

    def __init__(
        self, stream: TextIO, *, colors: bool, is_terminal: bool, stamped: bool = False
    ) -> None:
        self._stream = stream
        self._colors = colors
        self._text = SerialText(colors=colors, editing=is_terminal)
        self.stamped = stamped
        self._begun = ""  # of a line that may turn out to be a fact
        self._at_start = True
        self._is_dim = False
        self._is_colored = False
        self._held: list[tuple[bytes, float]] | None = None
        self._now = 0.0

    def heard(self, data: bytes, seconds: float) -> None:
        """Show it, now or when the view is released."""
        if self._held is not None:
            self._held.append((data, seconds))
            return
        self._now = seconds
        self._show(self._text.feed(data))

    def hold(self) -> None:
        """Keep what comes for later: somebody else writes to the terminal. Begins a new line."""
        if self._held is None:
            self._held = []
            self._end_line()

    def release(self) -> None:
        """Show what has come in the meantime."""
        held, self._held = self._held or [], None
        for data, seconds in held:
            self.heard(data, seconds)

    def finish(self) -> None:
        """Show the rest, and leave the terminal at the start of a line and without colours."""
        self.release()
        self._show(self._text.finish())
        self._end_line()

    def _end_line(self) -> None:
        self._write(self._begun)
        self._begun = ""
        if self._is_colored or self._is_dim:
            self._write(_RESET)
        if not self._at_start:
            self._write("\n")
        self._at_start, self._is_dim, self._is_colored = True, False, False
        self._stream.flush()

    def _show(self, text: str) -> None:
        if not text:
            return
        self._write("".join([self._part(part) for part in Stamps.parts(self._begun + text)]))
        self._stream.flush()

    def _part(self, part: str) -> str:
        """A line, or a piece of one, as it is shown."""
        before = after = ""
        self._begun = ""
        if self._at_start:
            if self._colors and part != _FACT and _FACT.startswith(part):
                self._begun = part
                return ""
            if self.stamped:
                before = Stamps.of(self._now)
                if self._colors:
                    before = f"{_DIM}{before}{_RESET}"
            if self._colors and part.startswith(_FACT):
                before += _DIM
                self._is_dim = True
        self._at_start = part.endswith(("\n", "\r"))
        self._is_colored = self._is_colored or "\x1b[" in part
        if self._at_start and self._is_dim:
            part, after = part[:-1], _RESET + part[-1]
            self._is_dim = False
        return before + part + after

    def _write(self, text: str) -> None:
        self._stream.write(text)
