"""A file that grows while a machine runs, and is of use at every moment, however the run ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orobuild.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class StreamFile:
    """Written piece by piece, each whole and without a buffer of ours. Use as a context manager.

    Raises `UsageError` if the file cannot be made, or takes no more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666
            )
        except OSError as problem:
            raise UsageError(f"cannot write '{path}': {problem.strerror}") from problem

    def __enter__(self) -> StreamFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def write(self, data: bytes) -> None:
        """Append `data`."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as problem:
            raise UsageError(f"cannot write '{self.path}': {problem.strerror}") from problem
