"""What git says of the sources: the answer that outputs name, in full.

Light: a build that has nothing to do asks too, and imports no `subprocess` for it.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Final

_COMMAND: Final = (
    "git",
    "-c",
    "safe.directory=*",  # who owns the clone is no reason to leave out what it is
    "--no-optional-locks",
    "status",
    "--porcelain=v2",
    "--branch",
    "--",
)
_TIMEOUT: Final = 30.0


def ask(root: str) -> str | None:
    """`git status` of the directory `root`; None where there is no git repository, or no git."""
    reading, writing = os.pipe()
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        git = os.posix_spawnp(
            "git",
            [_COMMAND[0], "-C", root, *_COMMAND[1:], "."],
            {**os.environ, "LC_ALL": "C"},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nowhere, 0),
                (os.POSIX_SPAWN_DUP2, writing, 1),
                (os.POSIX_SPAWN_DUP2, nowhere, 2),
            ],
        )
    except OSError:
        os.close(reading)
        return None
    finally:
        os.close(nowhere)
        os.close(writing)
    finished = False
    try:
        said = _read_all(reading)
        finished = said is not None
    finally:
        os.close(reading)
        if not finished:
            os.kill(git, signal.SIGKILL)
        _, status = os.waitpid(git, 0)
    return None if said is None or status else said.decode("utf-8", "surrogateescape")


def _read_all(descriptor: int) -> bytes | None:
    """What comes until the writer closes its end; None if that takes too long."""
    end = time.monotonic() + _TIMEOUT
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    parts: list[bytes] = []
    while (left := end - time.monotonic()) > 0:
        if not waiting.poll(left * 1000):
            break
        part = os.read(descriptor, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return None
