"""The notes of a file: small records with an owner, in PT_NOTE segments and SHT_NOTE sections.

Layout: gABI, Note Section. Notes are aligned to 4 bytes by everybody but GNU property notes, whose
sections are not read here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.reader import ElfFile

_HEADER: Final = struct.Struct("<III")  # n_namesz, n_descsz, n_type


def notes(elf: ElfFile) -> Iterator[tuple[bytes, int, bytes]]:
    """Each note of the file, as `of_area` gives it; one that a segment and a section have comes twice."""
    for data in _areas(elf):
        yield from of_area(data)


def of_area(data: memoryview) -> Iterator[tuple[bytes, int, bytes]]:
    """(owner with its null byte, type, description) of each note; a malformed one ends the area."""
    at = 0
    while at + _HEADER.size <= len(data):
        name_size, size, kind = _HEADER.unpack_from(data, at)
        name = at + _HEADER.size
        start = name + -(-name_size // 4) * 4
        if start + size > len(data):
            break
        yield bytes(data[name : name + name_size]), kind, bytes(data[start : start + size])
        at = start + -(-size // 4) * 4


def _areas(elf: ElfFile) -> Iterator[memoryview]:
    for segment in elf.segments:
        if segment.p_type == c.PT_NOTE:
            yield elf.segment_data(segment)
    for section in elf.sections:
        if section.sh_type == c.SHT_NOTE:
            yield elf.section_data(section)
