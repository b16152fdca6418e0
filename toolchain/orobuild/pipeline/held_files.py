"""Files that a resident process holds: read once, and again only when they have changed.

What was read is handed out as the same value until the file changes, so that whoever works on it
can tell by identity (`linker.session.Linker` does).
"""

from __future__ import annotations

import os
import time
from typing import Final

from orobuild.pipeline.inputs import read_with_status

# A file that changed less than this before it was read may change again without a new stamp: file
# systems count time in ticks of the kernel, 10 ms at most.
_SETTLED: Final = 20_000_000  # nanoseconds


class HeldFiles:
    """The contents of files by path."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[tuple[int, ...], bytes]] = {}

    def read(self, path: str) -> bytes:
        """The bytes of a file as it is now. Raises `OSError`."""
        status = os.stat(path)  # noqa: PTH116
        held = self._held.get(path)
        if held is not None and held[0] == _stamp(status):
            return held[1]
        now = time.time_ns()
        data, status = read_with_status(path)
        if held is not None and held[1] == data:
            data = held[1]
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        if changed < now - _SETTLED and status.st_size == len(data):
            self._held[path] = (_stamp(status), data)
        else:
            # Held for its identity only; the stamp is one that no file has.
            self._held[path] = ((), data)
        return data

    def forget(self, path: str) -> None:
        """Hold a file no longer."""
        self._held.pop(path, None)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


__all__ = ["HeldFiles"]
