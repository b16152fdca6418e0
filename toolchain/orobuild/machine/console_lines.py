"""The bytes of a console as lines, whatever a guest sends and however much."""

from __future__ import annotations

from typing import Final

MAX_OUTPUT: Final = 64 << 20  # bytes; who prints more has lost control
_MAX_LINE: Final = 65536  # bytes; a guest that never ends a line does not fill our memory


class ConsoleLines:
    """What one console has said so far. A line that goes on and on comes in pieces."""

    def __init__(self) -> None:
        self._size = 0
        self._pending = b""

    @property
    def is_flooded(self) -> bool:
        """Whether it has said more than `MAX_OUTPUT`."""
        return self._size > MAX_OUTPUT

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that end in `data`, without their ends."""
        self._size += len(data)
        *lines, self._pending = (self._pending + data).split(b"\n")
        while len(self._pending) > _MAX_LINE:
            lines.append(self._pending[:_MAX_LINE])
            self._pending = self._pending[_MAX_LINE:]
        return lines

    def rest(self) -> list[bytes]:
        """The line that has not ended, if there is one; it counts as ended now."""
        pending, self._pending = self._pending, b""
        return [pending] if pending else []
