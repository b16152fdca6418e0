"""String tables: SHT_STRTAB sections being built."""

from __future__ import annotations


class StringTable:
    """A string table under construction. Each distinct string is stored once, in first-use order.

    Offset 0 is the empty string (gABI, String Table).
    """

    def __init__(self) -> None:
        self._data = bytearray(b"\0")
        self._offsets: dict[str, int] = {"": 0}

    def add(self, text: str) -> int:
        """The offset in bytes of `text` in the table, added if it is not there."""
        offset = self._offsets.get(text)
        if offset is None:
            offset = self._offsets[text] = len(self._data)
            self._data += text.encode("utf-8", "surrogateescape") + b"\0"
        return offset

    def __bytes__(self) -> bytes:
        return bytes(self._data)
