"""The build-id of a file: the note by which a log, a core dump or a debugger finds its image.

NT_GNU_BUILD_ID, owner `GNU` (binutils, include/elf/common.h).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.elf.notes import notes

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile

NT_GNU_BUILD_ID: Final = 3


def build_id(elf: ElfFile) -> bytes | None:
    """The build-id of an image, or None. A malformed note has none."""
    for owner, kind, description in notes(elf):
        if kind == NT_GNU_BUILD_ID and owner == b"GNU\0" and description:
            return description
    return None
