"""Relocatable objects that a command is about: a file, or members of an archive."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.cli import files
from orobuild.diagnostics import Span, did_you_mean, error
from orobuild.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.elf.ar import Archive
    from orobuild.elf.reader import ElfFile

_MEMBER: Final = re.compile(r"(?P<archive>.+?)(?:\((?P<inside>[^()]+)\)|:(?P<after>[^:]+))")


def is_member(path: str) -> bool:
    """Whether `path` is written as `libc.a(printf.o)` or `libc.a:printf.o`."""
    return _taken_apart(path) is not None


def _taken_apart(path: str) -> tuple[str, str] | None:
    match = None if Path(path).exists() else _MEMBER.fullmatch(path)
    if match is None or not Path(match["archive"]).is_file():
        return None
    return match["archive"], match["inside"] or match["after"]


def read(path: str, data: bytes | None = None) -> ElfFile | Archive:
    """The ELF file at `path`, the archive, or the member of one. Raises `InputError`.

    `data` are the bytes of the file, where they have been read.
    """
    from orobuild.elf import ar, reader

    named = _taken_apart(path)
    content = files.read(named[0] if named else path) if data is None else data
    if named is None and not ar.is_archive(content):
        return reader.read(content, path)
    archive_path = named[0] if named else path
    beside = Path(archive_path).parent
    archive = ar.read(content, archive_path, read_file=lambda name: (beside / name).read_bytes())
    if named is None:
        return archive
    chosen = [member for member in archive.members if member.name == named[1]]
    if not chosen:
        names = [member.name for member in archive.members]
        raise UsageError(
            f"{archive_path} has no member '{named[1]}'", hint=did_you_mean(named[1], names)
        )
    if len(chosen) > 1:
        raise UsageError(
            f"{archive_path} has {len(chosen)} members '{named[1]}'",
            hint="extract the one that is meant with 'ar xN'",
        )
    return reader.read(chosen[0].data, f"{archive_path}({named[1]})")


def member_with(archive: Archive, name: str) -> ElfFile:
    """The member that defines a symbol. Raises `UsageError` for none, and for several."""
    from orobuild.elf import reader

    by_index = {offset for symbol, offset in archive.index or () if symbol == name}
    found: list[ElfFile] = []
    known: set[str] = set()
    for member in archive.members:
        if (by_index and member.offset not in by_index) or not reader.is_elf(member.data):
            continue
        elf = reader.read(member.data, f"{archive.path}({member.name})")
        names = _defined(elf)
        known.update(names)
        if name in names:
            found.append(elf)
    if not found:
        if not known:
            raise InputError(error("no member of the archive is an ELF object", Span(archive.path)))
        raise UsageError(
            f"no member of {archive.path} defines '{name}'",
            hint=did_you_mean(name, sorted(known))
            or f"ask a member: orobuild at .text+0x10 '{archive.path}(MEMBER)'",
        )
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} members of {archive.path} define '{name}'",
            hint=f"name the member: {_some([elf.path for elf in found])}",
        )
    return found[0]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(f"'{name}'" for name in names[:6]) + more


def _defined(elf: ElfFile) -> set[str]:
    from orobuild.elf import constants as c

    return {s.name for s in elf.symbols if s.st_shndx != c.SHN_UNDEF and s.name}
