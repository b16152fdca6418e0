"""Delivering outputs: all of a build's files, or none of them.

Every file is written beside its final name first and renamed when all are whole, so an
interrupted or failing build leaves the previous outputs as they were.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write `files`. A file whose contents are already right keeps its time stamp.

    Raises `UsageError` when the file system refuses; then no name has been changed.
    """
    pending: list[tuple[str, Path]] = []
    try:
        for path, data in files.items():
            if _has(path, data):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            pending.append((temporary, path))
            with os.fdopen(handle, "wb") as file:
                _write_sparse(file.fileno(), data)
            Path(temporary).chmod(0o666 & ~_umask())
        while pending:
            temporary, path = pending[0]
            Path(temporary).replace(path)
            pending.pop(0)
    except OSError as problem:
        raise UsageError(
            f"cannot write '{problem.filename or path}': {problem.strerror}"
        ) from problem
    finally:
        for temporary, _ in pending:
            Path(temporary).unlink(missing_ok=True)


def write(path: Path, data: bytes) -> None:
    """Write one file atomically."""
    write_all({path: data})


def _has(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


_HOLE = bytes(1 << 16)


def _write_sparse(descriptor: int, data: bytes) -> None:
    """Write `data`, leaving holes where it is zero for 64 KiB on end: disk images mostly are."""
    view = memoryview(data)
    for offset in range(0, len(view), len(_HOLE)):
        block = view[offset : offset + len(_HOLE)]
        if block != _HOLE[: len(block)]:
            while block:
                written = os.pwrite(descriptor, block, offset)
                block, offset = block[written:], offset + written  # noqa: PLW2901
    os.ftruncate(descriptor, len(view))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
