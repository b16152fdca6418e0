"""The serial console in a file: the bytes as the guest sent them, on request with time stamps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.machine.companion import Companion
from orobuild.machine.serial_text import Stamps

if TYPE_CHECKING:
    from orobuild.machine.stream_file import StreamFile


class SerialLog(Companion):
    """Writes to `file`. Without stamps the file is what came over the line, byte for byte."""

    def __init__(self, file: StreamFile, *, stamped: bool = False) -> None:
        self._file = file
        self._stamps = Stamps() if stamped else None

    def heard(self, data: bytes, seconds: float) -> None:
        """Append it."""
        self._file.write(self._stamps.bytes(data, seconds) if self._stamps else data)
