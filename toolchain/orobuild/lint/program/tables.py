"""Arrays of pointers to handlers, found by the symbols that the configuration names."""

from __future__ import annotations

import fnmatch
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile
    from orobuild.lint.program.program import Program
    from orobuild.lint.program.symbols import ImageSymbol

MAX_ENTRIES: Final = 65536


@dataclass(frozen=True, slots=True)
class VectorTable:
    """A table of code pointers. `entries` are (index, virtual address of the slot, pointer).

    `length` counts the null pointers too, which `entries` leaves out.
    """

    name: str
    address: int
    length: int
    entries: tuple[tuple[int, int, int], ...]


def vector_tables(program: Program) -> tuple[VectorTable, ...]:
    """Every symbol that matches one of the configuration's `vector_tables`, with its pointers.

    Null pointers are vectors that nobody handles and are left out. A symbol without a size ends
    at the next symbol or at its section's end.
    """
    if not program.config.vector_tables:
        return ()
    return tuple(
        _read(program, symbol)
        for symbol in program.symbols
        if any(fnmatch.fnmatchcase(symbol.name, p) for p in program.config.vector_tables)
    )


def _read(program: Program, symbol: ImageSymbol) -> VectorTable:
    elf = program.elf
    section = elf.sections[symbol.section]
    end = section.sh_addr + section.sh_size
    if symbol.size:
        end = min(end, symbol.address + symbol.size)
    else:
        end = min((s.address for s in program.symbols if s.address > symbol.address), default=end)
        end = min(end, section.sh_addr + section.sh_size)
    start = section.sh_offset + symbol.address - section.sh_addr
    data = elf.section_data(section)[start - section.sh_offset : end - section.sh_addr]
    pointer = struct.Struct("<I" if elf.ei_class == c.ELFCLASS32 else "<Q")
    count = min(len(data) // pointer.size, MAX_ENTRIES)
    addends = _relative_addends(elf) if elf.header.e_type == c.ET_DYN else {}
    entries = []
    for index, (value,) in enumerate(pointer.iter_unpack(data[: count * pointer.size])):
        slot = symbol.address + index * pointer.size
        handler = addends.get(slot, value)
        if handler:
            entries.append((index, slot, handler))
    return VectorTable(symbol.name, symbol.address, count, tuple(entries))


def _relative_addends(elf: ElfFile) -> dict[int, int]:
    """By place, what the R_X86_64_RELATIVE relocations of a position-independent image put there."""
    return {
        r.r_offset: r.r_addend
        for section in elf.relocation_sections()
        if section.sh_type == c.SHT_RELA and section.is_alloc
        for r in elf.relocations(section)
        if r.r_type == c.R_X86_64_RELATIVE and r.r_addend is not None
    }
