"""Raw bytes of a serial console to text that does nothing to a terminal but print.

A guest may print anything: bytes that are no UTF-8, half a sequence that never ends, sequences that clear
the screen, move the cursor, rename the window or make the terminal answer. Colours stay if they are
wanted, and what edits the current line; other sequences go; other control characters are shown as
`^G` and `<9b>`. What is held back until more arrives is at most one short sequence.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

# ECMA-48: control sequences, and control strings up to their end. Each is limited, so that one that
# never ends is text soon.
_CSI: Final = r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"
_STRING: Final = r"\x1b[\]PX^_][^\x07\x1b\x9c]{0,256}(?:\x07|\x1b\\|\x9c)"
_OTHER: Final = r"\x1b[ -/]{1,2}[0-~]|\x1b[0-OQ-WYZ\\`-~]"
_UNFINISHED: Final = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|[\]PX^_][^\x07\x1b\x9c]{0,256}\x1b?|[ -/]{0,2})?\Z|\r+\Z"
)
_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
# Within the line: erase, back, forward, to a column, insert and delete characters.
_EDITING: Final = re.compile(r"\x1b\[[0-9;]{0,8}[KDCGP@]")
_SPECIAL: Final = re.compile(
    rf"({_CSI})|({_STRING}|{_OTHER})|(\r+\n)|([\x00-\x07\x0b\x0c\x0e-\x1f\x7f]|[\x80-\x9f]|[\u200e\u200f\u202a-\u202e\u2066-\u2069])"
)


class SerialText:
    """One console's text so far. `colors` lets colours through, `editing` what edits a line."""

    def __init__(self, *, colors: bool, editing: bool) -> None:
        self._colors = colors
        self._editing = editing
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""

    def feed(self, data: bytes) -> str:
        """The text of `data`, as far as it is complete. Lines end with a newline alone."""
        text = self._held + self._decode(data)
        unfinished = _UNFINISHED.search(text, max(0, len(text) - 300))
        self._held = unfinished[0] if unfinished else ""
        return self._clean(text[: len(text) - len(self._held)])

    def finish(self) -> str:
        """What was held back, when nothing more will come."""
        text, self._held = self._held + self._decode(b"", final=True), ""
        return self._clean(text).replace("\r", "")

    def _clean(self, text: str) -> str:
        return _SPECIAL.sub(self._replace, text)

    def _replace(self, match: re.Match[str]) -> str:
        sequence, string, newline, control = match.groups()
        if sequence is not None:
            colour = self._colors and _COLOUR.fullmatch(sequence)
            return sequence if colour or (self._editing and _EDITING.fullmatch(sequence)) else ""
        if string is not None:
            return ""
        if newline is not None:
            return "\n"
        return shown(control)


def printable(line: str) -> str:
    """One line of a console without anything that a terminal would obey."""
    cleaner = SerialText(colors=False, editing=False)
    return cleaner.feed(line.encode()) + cleaner.finish()


def shown(control: str) -> str:
    """A control character as `cat -v` shows it; one beyond ASCII by its number."""
    code = ord(control)
    if code >= 0x80:
        return f"<{code:02x}>"
    return "^" + chr(code ^ 0x40)


class Stamps:
    """Puts the time before each line: `[   12.345678] `, seconds since the machine's start."""

    def __init__(self) -> None:
        self._at_start = True

    @staticmethod
    def of(seconds: float) -> str:
        """The stamp."""
        return f"[{seconds:12.6f}] "

    @staticmethod
    def parts(text: str) -> list[str]:
        """Lines, and a piece of the last one. One that a carriage return begins anew is another."""
        return [part for part in re.split(r"(?<=[\n\r])", text) if part]

    def bytes(self, data: bytes, seconds: float) -> bytes:
        """`data` with the stamps of the lines that begin in it; a newline ends a line."""
        stamp = self.of(seconds).encode()
        out = []
        for part in filter(None, re.split(rb"(?<=\n)", data)):
            out.append(stamp + part if self._at_start else part)
            self._at_start = part.endswith(b"\n")
        return b"".join(out)
