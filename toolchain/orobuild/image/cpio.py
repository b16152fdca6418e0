"""cpio archives in the "new ASCII" format, as the UEFI loader reads them inside its executable.

The format: cpio(5); every tool called cpio unpacks it. Regular files only, in a given order, with
no owner and no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAGIC: Final = b"070701"
_REGULAR: Final = 0o100644
_KIND: Final = 0o170000
_END: Final = "TRAILER!!!"
_HEADER_SIZE: Final = 110


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of `files`, contents by absolute path, in the mapping's order."""
    out = bytearray()
    for number, (path, contents) in enumerate(files.items(), 1):
        _append(out, path.removeprefix("/"), contents, number, _REGULAR)
    _append(out, _END, b"", 0, 0)
    return bytes(out)


def _append(out: bytearray, name: str, contents: bytes, number: int, mode: int) -> None:
    encoded = name.encode() + b"\0"
    # inode, mode, uid, gid, links, time, size, device and rdevice (two each), name size, check
    fields = (number, mode, 0, 0, 1, 0, len(contents), 0, 0, 0, 0, len(encoded), 0)
    out += _MAGIC + b"".join(b"%08X" % field for field in fields) + encoded
    out += bytes(-len(out) % 4)
    out += contents
    out += bytes(-len(out) % 4)


def unpack(archive: bytes, path: str) -> dict[str, bytes]:
    """The regular files of an archive by absolute path; `path` is its name in messages.

    Raises `InputError` for an archive that is damaged or in another format.
    """
    found: dict[str, bytes] = {}
    at = 0
    while True:
        header = archive[at : at + _HEADER_SIZE]
        fields = [header[i : i + 8] for i in range(len(_MAGIC), _HEADER_SIZE, 8)]
        if not header.startswith(_MAGIC) or not all(f.isalnum() for f in fields):
            raise InputError(error(f"no cpio header at byte {at:#x} of the archive", Span(path)))
        try:
            numbers = [int(field, 16) for field in fields]
        except ValueError:
            raise InputError(
                error(f"damaged cpio header at byte {at:#x} of the archive", Span(path))
            ) from None
        mode, size, name_size = numbers[1], numbers[6], numbers[11]
        start = at + _HEADER_SIZE + name_size
        start += -start % 4
        name = archive[at + _HEADER_SIZE : at + _HEADER_SIZE + name_size].rstrip(b"\0")
        if start + size > len(archive):
            raise InputError(error(f"the cpio archive ends inside {name!r}", Span(path)))
        if name == _END.encode():
            return found
        if mode & _KIND == _REGULAR & _KIND:
            found["/" + name.decode("utf-8", "replace")] = archive[start : start + size]
        at = start + size
        at += -at % 4
