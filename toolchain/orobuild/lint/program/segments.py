"""Loadable segments and sections as people name them, and which addresses may execute.

A byte of an image has up to three addresses: the virtual one, the physical one it is loaded at
(`p_paddr`), and a declared run address for code that is copied before it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orobuild.elf import constants as c
from orobuild.elf.descriptions import section_flags, segment_flags

if TYPE_CHECKING:
    from orobuild.elf.structures import ProgramHeader, SectionHeader


@dataclass(frozen=True, slots=True)
class Segment:
    """A program header with its index in the table."""

    index: int
    header: ProgramHeader

    @property
    def start(self) -> int:
        """The first virtual address."""
        return self.header.p_vaddr

    @property
    def end(self) -> int:
        """The first virtual address after the segment."""
        return self.header.p_vaddr + self.header.p_memsz

    @property
    def flags(self) -> str:
        """The permissions as readelf prints them."""
        return segment_flags(self.header.p_flags)

    @property
    def is_executable(self) -> bool:
        """Whether PF_X is set."""
        return bool(self.header.p_flags & c.PF_X)

    @property
    def is_writable(self) -> bool:
        """Whether PF_W is set."""
        return bool(self.header.p_flags & c.PF_W)

    def __str__(self) -> str:
        return f"segment {self.index} ({self.flags}, {self.start:#x}-{self.end:#x})"


@dataclass(frozen=True, slots=True)
class Region:
    """Code that may be decoded: bytes of an executable segment, all of one width.

    `start` is the virtual address of the first byte, `data` the bytes (those in the file), `width`
    16, 32 or 64, `declared` whether the image or the configuration says so. `continues` tells
    that the next byte after `data` is code too, of another width.
    """

    start: int
    data: bytes
    width: int
    declared: bool
    continues: bool = False

    @property
    def end(self) -> int:
        """The first virtual address after the region."""
        return self.start + len(self.data)


def describe_section(section: SectionHeader) -> str:
    """`.text ("ax")`, as it would be written in a `.section` directive."""
    return f'{section.name} ("{section_flags(section.sh_flags)}")'


def occupies_memory(section: SectionHeader) -> bool:
    """Whether a section has bytes in memory at its own address.

    SHF_TLS with SHT_NOBITS (`.tbss`) has an address but no bytes there (gABI, Thread-Local Storage).
    """
    template = section.sh_flags & c.SHF_TLS and section.sh_type == c.SHT_NOBITS
    return bool(section.is_alloc and section.sh_size and not template)
