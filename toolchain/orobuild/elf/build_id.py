"""The build-id of a file: the note by which a log, a core dump or a debugger finds its image.

NT_GNU_BUILD_ID, owner `GNU` (binutils, include/elf/common.h).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.reader import ElfFile

NT_GNU_BUILD_ID: Final = 3
_HEADER: Final = struct.Struct("<III")  # n_namesz, n_descsz, n_type


def build_id(elf: ElfFile) -> bytes | None:
    """The build-id of an image, or None. A malformed note has none."""
    for data in _notes(elf):
        at = 0
        while at + _HEADER.size <= len(data):
            name_size, size, kind = _HEADER.unpack_from(data, at)
            name = at + _HEADER.size
            start = name + -(-name_size // 4) * 4
            if start + size > len(data):
                break
            if (
                kind == NT_GNU_BUILD_ID
                and bytes(data[name : name + name_size]) == b"GNU\0"
                and size
            ):
                return bytes(data[start : start + size])
            at = start + -(-size // 4) * 4
    return None


def _notes(elf: ElfFile) -> Iterator[memoryview]:
    for segment in elf.segments:
        if segment.p_type == c.PT_NOTE:
            yield elf.segment_data(segment)
    for section in elf.sections:
        if section.sh_type == c.SHT_NOTE:
            yield elf.section_data(section)
