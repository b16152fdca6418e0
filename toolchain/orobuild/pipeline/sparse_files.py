"""Reading files that may be mostly holes: what the file system knows to be empty is not read."""

from __future__ import annotations

import errno
import mmap
import os
import stat
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image.extents import Extents

if TYPE_CHECKING:
    from pathlib import Path

    from orobuild.image.extents import Buffer

_MUCH: Final = 256 << 20  # more than this is mapped, not read


def read(path: Path | str) -> Extents:
    """A regular file's or block device's contents. Raises `OSError`, also for what has no end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode) and not stat.S_ISBLK(mode):
            raise OSError(errno.EINVAL, "neither a regular file nor a block device", str(path))
        size = os.lseek(descriptor, 0, os.SEEK_END)
        ranges = _ranges(descriptor, size)
        if sum(end - start for start, end in ranges) > _MUCH:
            mapped = memoryview(mmap.mmap(descriptor, size, prot=mmap.PROT_READ))
            return Extents(size, tuple((start, mapped[start:end]) for start, end in ranges))
        parts: list[tuple[int, Buffer]] = []
        for start, end in ranges:
            data = _read_range(descriptor, start, end)
            if len(data) < end - start:
                raise OSError(errno.EIO, "the file became shorter while it was read", str(path))
            parts.append((start, data))
        return Extents(size, tuple(parts))
    finally:
        os.close(descriptor)


def read_input(path: str) -> Extents:
    """`read` for a file that a user names. Raises `InputError`."""
    try:
        return read(path)
    except OSError as problem:
        raise InputError(error(f"cannot read: {problem.strerror}", Span(path))) from problem


def _ranges(descriptor: int, size: int) -> list[tuple[int, int]]:
    """The ranges that have data; everything, where the file system does not tell."""
    found: list[tuple[int, int]] = []
    at = 0
    while at < size:
        try:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
            at = os.lseek(descriptor, start, os.SEEK_HOLE)
        except OSError as problem:
            if problem.errno == errno.ENXIO:  # a hole up to the end
                break
            return [(0, size)]
        found.append((start, min(at, size)))
    return found


def _read_range(descriptor: int, start: int, end: int) -> bytes:
    pieces = []
    while start < end:
        piece = os.pread(descriptor, min(end - start, 1 << 24), start)
        if not piece:
            break
        pieces.append(piece)
        start += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
