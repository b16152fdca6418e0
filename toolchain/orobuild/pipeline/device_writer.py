"""Writing an image to a disk and reading it back.

Owns the bytes on the device. Whether it may be overwritten has been decided before
(`block_devices`); what does not change with that is checked here: size, and being writable.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError, UsageError

if TYPE_CHECKING:
    from orobuild.image.extents import Extents
    from orobuild.pipeline.block_devices import BlockDevice

_CHUNK: Final = 4 << 20
_SECTOR: Final = 512
_BACKUP_TABLE: Final = 33 * _SECTOR
_BLKRRPART, _BLKFLSBUF = 0x125F, 0x1261


class Progress(Protocol):
    """Told how far a step is: "writing" or "verifying", bytes done, bytes in all."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """`done` of `total` bytes."""


def check(image: Extents, device: BlockDevice) -> None:
    """Raise `UsageError` if the image cannot be on the device, whatever the user wants."""
    if device.read_only:
        raise UsageError(
            f"{device.path} is read-only", hint="is the card's lock switch set? is it a CD?"
        )
    if device.size < image.size:
        raise UsageError(
            f"the image has {image.size} bytes, {device.path} only {device.size}",
            hint="take a larger stick, or a smaller image (size in [image])",
        )


def write(image: Extents, device: BlockDevice, *, force: bool, progress: Progress) -> None:
    """Write `image` to the start of `device` and compare what can be read there.

    Zeros are written too: the device holds other data now. A backup partition table of the
    previous contents, at the device's end, is removed, since it would contradict the new one.
    Without `force` the kernel is asked to refuse a device that is in use. Raises `UsageError` if
    the device cannot be written, `InputError` if it does not hold what was written.
    """
    check(image, device)
    flags = os.O_RDWR | os.O_CLOEXEC | (0 if force else os.O_EXCL)
    try:
        descriptor = os.open(device.path, flags)
    except OSError as problem:
        raise UsageError(
            f"cannot open {device.path}: {problem.strerror}",
            hint="writing to a disk takes root's rights"
            if isinstance(problem, PermissionError)
            else None,
        ) from problem
    try:
        _write(descriptor, image, device, progress)
        os.fsync(descriptor)
        _forget_cache(descriptor)
        _verify(descriptor, image, device, progress)
        with suppress(OSError):  # the kernel reads the partitions again when it can
            fcntl.ioctl(descriptor, _BLKRRPART)
    except OSError as problem:
        raise UsageError(
            f"{device.path}: {problem.strerror}",
            hint="the device is damaged or was pulled out; what is on it now will not boot",
        ) from problem
    finally:
        os.close(descriptor)


def _write(descriptor: int, image: Extents, device: BlockDevice, progress: Progress) -> None:
    # The first chunk comes last: until all is written, the device has no partition table to follow.
    starts = [*range(_CHUNK, image.size, _CHUNK), 0]
    done = 0
    _write_all(descriptor, bytes(min(_SECTOR, image.size)), 0)
    for start in starts:
        data = image.read(start, _CHUNK)
        _write_all(descriptor, data, start)
        done += len(data)
        progress("writing", done, image.size)
    tail = device.size - _BACKUP_TABLE
    if tail >= image.size and os.pread(descriptor, 8, device.size - _SECTOR) == b"EFI PART":
        _write_all(descriptor, bytes(_BACKUP_TABLE), tail)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _forget_cache(descriptor: int) -> None:
    """What is read back must come from the device, not from the kernel's memory of it."""
    with suppress(OSError):
        fcntl.ioctl(descriptor, _BLKFLSBUF)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _verify(descriptor: int, image: Extents, device: BlockDevice, progress: Progress) -> None:
    for start in range(0, image.size, _CHUNK):
        wanted = image.read(start, _CHUNK)
        found = os.pread(descriptor, len(wanted), start)
        if found != wanted:
            at = _first_difference(wanted, found)
            raise InputError(
                error(
                    f"byte {start + at} reads back other than it was written",
                    Span(str(device.path)),
                    hint="the device is damaged, or smaller than it says",
                )
            )
        progress("verifying", start + len(wanted), image.size)


def _first_difference(wanted: bytes, found: bytes) -> int:
    """Where `found` stops being `wanted`: by halves, since one byte after another takes long."""
    low, high = 0, len(wanted)
    while low < high:
        middle = (low + high) // 2
        if found[low : middle + 1] == wanted[low : middle + 1]:
            low = middle + 1
        else:
            high = middle
    return low
