"""Names in a FAT directory: what may stand there, its 8.3 form, and the entries of a long name.

Source of the rules: Microsoft FAT Specification (2005), sections 6 and 7.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import error
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Container

ATTR_VOLUME_ID: Final = 0x08
ATTR_DIRECTORY: Final = 0x10
ATTR_ARCHIVE: Final = 0x20
ATTR_LONG_NAME: Final = 0x0F
LAST_LONG_ENTRY: Final = 0x40

_FORBIDDEN: Final = frozenset('"*/:<>?\\|') | {chr(code) for code in range(32)} | {"\x7f"}
_SHORT: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$%'-_@~`!(){}^#&")
LABEL: Final = _SHORT | {" "}
_LONG_ENTRY: Final = struct.Struct("<B10sBBB12sH4s")
_UNITS: Final = 13  # UTF-16 code units in one entry of a long name
_MAX_LONG: Final = 255


def split(path: str) -> list[str]:
    """The names in a path with `/`. Raises `InputError` for a name that FAT cannot hold."""
    names = path.strip("/").split("/")
    for name in names:
        wrong = None
        if not name or name in (".", ".."):
            wrong = "is no name"
        elif bad := _FORBIDDEN & set(name):
            wrong = f"has {min(bad)!r} in it"
        elif name[-1] in ". ":
            wrong = f"ends in {name[-1]!r}"
        elif len(name.encode("utf-16-le", "surrogatepass")) > 2 * _MAX_LONG:
            wrong = f"has more than {_MAX_LONG} characters"
        elif any(0xD800 <= ord(c) < 0xE000 for c in name):
            wrong = "is not Unicode text"
        if wrong:
            raise InputError(error(f"'{path}' cannot be a file on a FAT volume: '{name}' {wrong}"))
    return names


def short_form(name: str) -> bytes | None:
    """The 11 bytes of a name that is an 8.3 name as it stands; None for any other."""
    base, dot, extension = name.partition(".")
    if not base or len(base) > 8 or len(extension) > 3 or (dot and not extension):
        return None
    if not set(base + extension) <= _SHORT:
        return None
    return f"{base:<8}{extension:<3}".encode("ascii")


def alias(name: str, taken: Container[bytes], numbers: dict[str, int]) -> bytes:
    """The 8.3 name that stands in for a long one, different from all in `taken`.

    A name that differs in its letters' case only keeps its letters. `numbers` is the directory's
    memory of the numbers that are used up, by name.
    """
    if (plain := short_form(name.upper())) and plain not in taken:
        return plain
    stem, _, extension = name.upper().strip(". ").rpartition(".")
    if not stem:
        stem, extension = extension, ""
    base = "".join(c if c in _SHORT else "_" for c in stem if c not in ". ") or "_"
    suffix = "".join(c if c in _SHORT else "_" for c in extension if c != " ")[:3]
    key = f"{base[:8]}.{suffix}"
    number = numbers.get(key, 0)
    while True:
        number += 1
        tail = f"~{number}"
        form = f"{base[: 8 - len(tail)] + tail:<8}{suffix:<3}".encode("ascii")
        if form not in taken:
            numbers[key] = number
            return form


def checksum(short: bytes) -> int:
    """What ties the entries of a long name to the 8.3 name behind them."""
    total = 0
    for byte in short:
        total = ((total & 1) << 7) + (total >> 1) + byte & 0xFF
    return total


def long_entries(name: str, short: bytes) -> bytes:
    """The directory entries that spell `name` in front of the entry of `short`."""
    units = name.encode("utf-16-le")
    count = -(-len(units) // (2 * _UNITS))
    padded = units
    if len(units) % (2 * _UNITS):
        padded = (units + b"\0\0").ljust(count * 2 * _UNITS, b"\xff")
    entries = []
    for index in reversed(range(count)):
        piece = padded[index * 2 * _UNITS : (index + 1) * 2 * _UNITS]
        order = index + 1 | (LAST_LONG_ENTRY if index == count - 1 else 0)
        fields = (order, piece[:10], ATTR_LONG_NAME, 0, checksum(short), piece[10:22], 0)
        entries.append(_LONG_ENTRY.pack(*fields, piece[22:]))
    return b"".join(entries)


def long_piece(entry: bytes) -> tuple[int, int, bytes]:
    """(order byte, checksum, code units) of one entry of a long name."""
    order, first, _, _, check, second, _, third = _LONG_ENTRY.unpack(entry)
    return order, check, first + second + third


def long_name(pieces: list[bytes]) -> str:
    """The name that pieces spell, the first one first."""
    text = b"".join(pieces).decode("utf-16-le", "replace")
    return text.partition("\0")[0]


def short_name(short: bytes) -> str:
    """An 8.3 name's 11 bytes as text; `E5` at the start is stored as `05`."""
    if short[:1] == b"\x05":
        short = b"\xe5" + short[1:]
    base = short[:8].decode("cp437").rstrip(" ")
    extension = short[8:].decode("cp437").rstrip(" ")
    return f"{base}.{extension}" if extension else base
