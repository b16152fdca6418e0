"""Reading the files that sources name: only what has an end."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_regular(path: Path | str) -> bytes:
    """A regular file's bytes.

    Raises `OSError`, also for a device, a FIFO or a socket: those may never end.
    """
    return read_with_status(path)[0]


def read_with_status(path: Path | str) -> tuple[bytes, os.stat_result]:
    """A regular file's bytes, and what it was when they were read. Raises `OSError`."""
    # O_NONBLOCK: opening a FIFO that nobody writes to would wait.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read(), status
