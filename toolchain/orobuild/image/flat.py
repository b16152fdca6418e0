"""Flat binaries: what a linked ELF file looks like in memory, from its lowest address on.

Owns the step from a boot loader's ELF to the bytes that go on a disk. Never relocates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.elf.reader import read
from orobuild.errors import InputError

if TYPE_CHECKING:
    from orobuild.elf.structures import ProgramHeader

_MAX_SIZE = 1 << 24  # a flat program larger than this is two segments that lie far apart


def flatten(data: bytes, path: str) -> bytes:
    """The contents of the PT_LOAD segments of an ELF executable, at their distances in `p_paddr`.

    The first byte is that of the lowest segment; gaps are zeros; what has no bytes in the file
    (.bss at the end) is left out. Raises `InputError` if there is nothing to load, if segments
    overlap, or if they lie so far apart that a flat binary makes no sense.
    """
    elf = read(data, path)
    if elf.header.e_type != c.ET_EXEC:
        raise InputError(error("not an executable (e_type is not ET_EXEC)", Span(path)))
    segments = sorted(
        (s for s in elf.segments if s.p_type == c.PT_LOAD and s.p_filesz), key=_address
    )
    if not segments:
        raise InputError(error("no PT_LOAD segment has contents", Span(path)))
    base, last = segments[0].p_paddr, segments[-1]
    size = last.p_paddr + last.p_filesz - base
    if size > _MAX_SIZE:
        raise InputError(
            error(
                f"the segments span {size:#x} bytes of physical addresses, "
                f"a flat binary may have {_MAX_SIZE:#x}",
                Span(path),
                hint="place the sections of a flat program next to each other",
            )
        )
    image = bytearray(size)
    end = base
    for segment in segments:
        if segment.p_paddr < end:
            raise InputError(
                error(f"two segments overlap at physical {segment.p_paddr:#x}", Span(path))
            )
        end = segment.p_paddr + segment.p_filesz
        image[segment.p_paddr - base : end - base] = elf.segment_data(segment)
    return bytes(image)


def _address(segment: ProgramHeader) -> int:
    return segment.p_paddr
