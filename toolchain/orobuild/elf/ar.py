"""`ar` archives: GNU (System V) format, thin archives, with and without a symbol index.

`read` turns bytes into members and, where there is one, the index from symbols to members. It
decides nothing: which members a link needs is the linker's question. Layout: ar(5) and the
comments of bfd/archive.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

ARMAG: Final = b"!<arch>\n"
THINMAG: Final = b"!<thin>\n"
_HEADER: Final = 60
_FMAG: Final = b"`\n"
# An offset into the name table, and in a thin archive `:offset` into the archive of that name.
# GNU ar sometimes leaves a slash in the last column.
_LONG_NAME: Final = re.compile(r"/(?P<start>\d+)(?::(?P<origin>\d+))? */?")


class ArchiveError(InputError):
    """A file is not a well-formed archive."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive. `offset` is where its header starts, in bytes."""

    name: str
    data: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive. `index` lists (symbol, header offset) in the file's order; None without one."""

    path: str
    members: tuple[Member, ...]
    index: tuple[tuple[str, int], ...] | None


def is_archive(data: bytes | memoryview) -> bool:
    """Whether `data` starts as an archive does."""
    return bytes(data[:8]) in (ARMAG, THINMAG)


def _fail(path: str, message: str) -> NoReturn:
    raise ArchiveError(error(message, Span(path), rule="archive"))


def read(data: bytes, path: str, *, read_file: Callable[[str], bytes] | None = None) -> Archive:
    """Parse an archive. Raises `ArchiveError`.

    `read_file(name)` returns the member of a thin archive, whose bytes are in files of their own
    beside the archive.
    """
    if not is_archive(data):
        _fail(path, "not an archive")
    thin = data.startswith(THINMAG)
    members: list[Member] = []
    index: tuple[tuple[str, int], ...] | None = None
    names = b""
    position = len(ARMAG)
    while position < len(data):
        header = data[position : position + _HEADER]
        if len(header) < _HEADER or header[58:60] != _FMAG:
            _fail(path, f"truncated or malformed: no member header at offset {position}")
        raw = header[:16].decode("latin-1").rstrip(" ")
        size = _number(path, header[48:58], position)
        body = position + _HEADER
        special = raw in ("/", "//", "/SYM64/", "__.SYMDEF")
        inside = special or not thin
        if inside and body + size > len(data):
            _fail(path, f"truncated: member '{raw}' needs {size} bytes at offset {body}")
        content = data[body : body + size] if inside else b""
        if raw == "//":
            names = content
        elif raw in ("/", "/SYM64/"):
            index = _index(path, content, 8 if raw == "/SYM64/" else 4)
        elif not special:
            name, content = _name(path, raw, names, content)
            if thin:
                content = _outside(path, name, size, _origin(raw), read_file)
            members.append(Member(name, content, position))
        position = body + (size if inside else 0)
        position += position % 2
    return Archive(path, tuple(members), index)


def _number(path: str, field: bytes, position: int) -> int:
    text = field.strip()
    if not text.isdigit():
        _fail(path, f"the member at offset {position} has no valid size")
    return int(text)


def _name(path: str, raw: str, names: bytes, content: bytes) -> tuple[str, bytes]:
    """The member's name: `name/`, `/offset` into the name table, or BSD's `#1/length`."""
    if long := _LONG_NAME.fullmatch(raw):
        start = int(long["start"])
        end = names.find(b"\n", start)
        if start >= len(names) or end < 0:
            _fail(path, f"the member name at {start} is outside the name table")
        return names[start:end].decode("utf-8", "surrogateescape").removesuffix("/"), content
    if raw.startswith("#1/") and raw[3:].isdigit():
        length = int(raw[3:])
        name = content[:length].rstrip(b"\0").decode("utf-8", "surrogateescape")
        return name, content[length:]
    return raw.removesuffix("/"), content


def _origin(raw: str) -> int:
    """Where in the archive that it names a thin archive's member has its header; 0: in none."""
    long = _LONG_NAME.fullmatch(raw)
    return int(long["origin"] or 0) if long else 0


def _outside(
    path: str, name: str, size: int, origin: int, read_file: Callable[[str], bytes] | None
) -> bytes:
    if read_file is None:
        _fail(path, f"the thin archive's member '{name}' cannot be read here")
    try:
        content = read_file(name)
    except OSError as problem:
        _fail(path, f"cannot read the member '{name}': {problem.strerror or 'no such file'}")
    if origin:
        content = content[origin + _HEADER : origin + _HEADER + size]
    if len(content) != size:
        _fail(path, f"member '{name}' has {len(content)} bytes, the archive says {size}")
    return content


def _index(path: str, content: bytes, width: int) -> tuple[tuple[str, int], ...]:
    count = int.from_bytes(content[:width], "big")
    names_at = width * (count + 1)
    if len(content) < width or names_at > len(content):
        _fail(path, "the symbol index is truncated")
    names = content[names_at:].split(b"\0")
    if len(names) < count:
        _fail(path, f"the symbol index has {count} entries and {len(names)} names")
    return tuple(
        (
            names[i].decode("utf-8", "surrogateescape"),
            int.from_bytes(content[width * (i + 1) : width * (i + 2)], "big"),
        )
        for i in range(count)
    )
