"""The console as a recording that terminals play: asciicast, version 2.

One JSON array a line after a header, so the file can be played up to wherever a run ended. Source: the
asciinema project's asciicast v2 file format. `o` events are what the guest sent, with all its escape
sequences; `m` events mark what was done to the machine.
"""

from __future__ import annotations

import codecs
import json
import re
import time
from typing import TYPE_CHECKING, Final

from orobuild.machine.companion import Companion

if TYPE_CHECKING:
    from orobuild.machine.stream_file import StreamFile

COLUMNS: Final = 80
ROWS: Final = 24
"""The terminal that a recording is for, where there is none: what serial consoles assume."""

_BARE_NEWLINE: Final = re.compile(r"(?<!\r)\n")


class Asciicast(Companion):
    """Writes to `file`; `title` is what players show, `size` columns and rows."""

    def __init__(
        self, file: StreamFile, title: str, size: tuple[int, int] = (COLUMNS, ROWS)
    ) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._ends_with_return = False
        columns, rows = size
        self._line(
            {
                "version": 2,
                "width": columns,
                "height": rows,
                "timestamp": int(time.time()),
                "title": title,
                "env": {"TERM": "xterm-256color"},
            }
        )

    def heard(self, data: bytes, seconds: float) -> None:
        """An `o` event. A terminal needs a carriage return before each newline."""
        text = self._decode(data)
        if not text:
            return
        begins_bare = text[0] == "\n" and self._ends_with_return
        self._ends_with_return = text[-1] == "\r"
        played = _BARE_NEWLINE.sub("\r\n", text)
        self._line([round(seconds, 6), "o", played[1:] if begins_bare else played])

    def happened(self, what: str, seconds: float) -> None:
        """An `m` event."""
        self._line([round(seconds, 6), "m", what])

    def _line(self, value: object) -> None:
        self._file.write(json.dumps(value).encode() + b"\n")
