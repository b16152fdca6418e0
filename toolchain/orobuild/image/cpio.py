"""cpio archives in the "new ASCII" format, as the UEFI loader reads them inside its executable.

The format: cpio(5); every tool called cpio unpacks it. Regular files only, in a given order, with
no owner and no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAGIC: Final = b"070701"
_REGULAR: Final = 0o100644
_END: Final = "TRAILER!!!"


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
