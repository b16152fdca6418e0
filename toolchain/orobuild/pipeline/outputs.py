"""Delivering outputs: all of a build's files, or none of them.

Every file is written beside its final name first and renamed when all are whole, so an
interrupted or failing build leaves the previous outputs as they were.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from orobuild import patterns
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from orobuild.image.extents import Buffer, Extents


def write_all(files: Mapping[Path, bytes | Extents] | Mapping[str, bytes | Extents]) -> None:
    """Write `files`. A file whose contents are already right keeps its time stamp.

    Raises `UsageError` when the file system refuses; then no name has been changed.
    """
    pending: list[tuple[str, str]] = []
    try:
        for name, data in files.items():
            path = str(name)
            if _has(path, data):
                continue
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            descriptor, temporary = _create_beside(path)
            pending.append((temporary, path))
            try:
                _write_sparse(descriptor, data)
            finally:
                os.close(descriptor)
        while pending:
            temporary, path = pending[0]
            os.replace(temporary, path)
            pending.pop(0)
    except OSError as problem:
        raise UsageError(
            f"cannot write '{problem.filename or path}': {problem.strerror}"
        ) from problem
    finally:
        for temporary, _ in pending:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def write(path: Path | str, data: bytes | Extents) -> None:
    """Write one file atomically."""
    write_all({str(path): data})


_ABANDONED: Final = patterns.pattern(r"\..+\.(\d+)\.\d+")


def remove_abandoned(directory: str) -> None:
    """Remove what a process that was killed in the middle of `write_all` has left below `directory`."""
    for folder, _, names in os.walk(directory):
        for name in names:
            found = _ABANDONED.fullmatch(name)
            if found and not _is_alive(int(found[1])):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # another user's
    return True


def _has(path: str, data: bytes | Extents) -> bool:
    try:
        size = os.stat(path).st_size
        if not isinstance(data, bytes):
            from pathlib import Path

            from orobuild.pipeline import sparse_files

            return size == data.size and data.same_bytes(sparse_files.read(Path(path)))
        if size != len(data):
            return False
        with open(path, "rb") as file:
            return file.read() == data
    except OSError:
        return False


def _create_beside(path: str) -> tuple[int, str]:
    """A new file in the directory of `path`: its descriptor and name.

    What `tempfile` would do, which takes longer to import than a small link takes.
    """
    attempt = 0
    while True:
        folder, name = os.path.split(path)
        name = os.path.join(folder, f".{name}.{os.getpid()}.{attempt}")
        try:
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), name
        except FileExistsError:
            attempt += 1


_HOLE = bytes(1 << 16)


def _write_sparse(descriptor: int, data: bytes | Extents) -> None:
    """Write `data`, leaving holes where it is zero for 64 KiB on end: disk images mostly are."""
    if isinstance(data, bytes):
        parts: Iterable[tuple[int, Buffer]] = ((0, data),)
        size = len(data)
    else:
        parts, size = data.parts, data.size
    for start, part in parts:
        view = memoryview(part)
        for offset in range(0, len(view), len(_HOLE)):
            block = view[offset : offset + len(_HOLE)]
            # As bytes they compare at the speed of memory, as views one by one.
            if bytes(block) != _HOLE[: len(block)]:
                _write_at(descriptor, block, start + offset)
    os.ftruncate(descriptor, size)


def _write_at(descriptor: int, block: memoryview, offset: int) -> None:
    while block:
        written = os.pwrite(descriptor, block, offset)
        block, offset = block[written:], offset + written
