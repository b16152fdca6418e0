"""A dump of a machine's memory: plain bytes from address 0 on, or QEMU's ELF core.

The core is what `dump-guest-memory` of QEMU's monitor and `virsh dump --memory-only --format elf` write: a
PT_LOAD for each piece of physical memory, and for each processor a note with its registers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.elf import reader
from orobuild.elf.notes import notes
from orobuild.errors import InputError

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile

_OWNER: Final = b"QEMU\0"
_VERSION: Final = 1
# QEMUCPUState (QEMU, target/i386/arch_dump.c): version and size, 18 general registers, ten segments
# of 24 bytes each, then CR0 to CR4. EFER is not in it.
_HEAD: Final = struct.Struct("<II")
_CONTROL: Final = struct.Struct("<5Q")
_CONTROL_AT: Final = 8 + 18 * 8 + 10 * 24


@dataclass(frozen=True, slots=True)
class DumpedRegisters:
    """What a core says of how one processor translates addresses."""

    cr0: int
    cr3: int
    cr4: int


@dataclass(frozen=True, slots=True)
class MemoryDump:
    """`processors` are empty for plain bytes. `pieces` are (physical address, bytes), sorted."""

    processors: tuple[DumpedRegisters, ...]
    pieces: tuple[tuple[int, memoryview], ...]

    def read(self, address: int, size: int) -> bytes:
        """At most `size` bytes at a physical address; fewer where the dump has no more."""
        for start, data in self.pieces:
            if start <= address < start + len(data):
                return bytes(data[address - start : address - start + size])
        return b""


def read(data: bytes, path: str) -> MemoryDump:
    """The dump in a file's bytes. Raises `InputError` for formats that are not read."""
    if data[:8] in (b"KDUMP   ", b"DISKDUMP") or data[:12] == b"makedumpfile":
        raise InputError(
            error(
                "a compressed dump (kdump) is not read",
                Span(path),
                hint="dump again as ELF: 'dump-guest-memory FILE' without -z, -l, -s",
            )
        )
    if not reader.is_elf(data):
        return MemoryDump((), ((0, memoryview(data)),))
    elf = reader.read(data, path)
    if elf.header.e_type != c.ET_CORE:
        raise InputError(
            error(
                "this is an ELF file, but no core dump",
                Span(path),
                hint="a kernel goes after --elf",
            )
        )
    loads = sorted((s for s in elf.segments if s.p_type == c.PT_LOAD), key=lambda s: s.p_paddr)
    pieces = tuple((s.p_paddr, elf.segment_data(s)) for s in loads if s.p_filesz)
    processors = _processors(elf)
    if not processors or not pieces:
        raise InputError(
            error(
                "the core dump is not of a machine: no registers of processors, or no memory",
                Span(path),
                hint="'dump-guest-memory FILE' in QEMU's monitor writes one",
            )
        )
    return MemoryDump(processors, pieces)


def _processors(elf: ElfFile) -> tuple[DumpedRegisters, ...]:
    found = []
    for owner, _, description in notes(elf):
        if owner != _OWNER or len(description) < _CONTROL_AT + _CONTROL.size:
            continue
        version, _ = _HEAD.unpack_from(description)
        if version != _VERSION:
            raise InputError(
                error(f"QEMU's notes are of version {version}, not {_VERSION}", Span(elf.path))
            )
        cr0, _, _, cr3, cr4 = _CONTROL.unpack_from(description, _CONTROL_AT)
        found.append(DumpedRegisters(cr0, cr3, cr4))
    return tuple(found)
