"""Tables of handlers: the arrays of pointers that the configuration names, or that look like one."""

from __future__ import annotations

import fnmatch
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.reader import ElfFile
    from orobuild.lint.program.program import Program
    from orobuild.lint.program.symbols import ImageSymbol

MAX_ENTRIES: Final = 65536
EXCEPTIONS: Final = 32
_PROBED: Final = 8  # the first pointers, which all must lead to code


@dataclass(frozen=True, slots=True)
class VectorTable:
    """A table of code pointers. `entries` are (index, virtual address of the slot, pointer).

    `length` counts the null pointers too, which `entries` leaves out; 0 where vectors may rightly be
    missing. `loaded_at` is the virtual address of the `lidt` that loads it, where it is a table of
    gates; None for an array that such a table is filled from.
    """

    name: str
    address: int
    length: int
    entries: tuple[tuple[int, int, int], ...]
    loaded_at: int | None = None

    @property
    def is_early(self) -> bool:
        """Whether it catches exceptions of the start-up alone: no device's or program's vectors."""
        return self.loaded_at is not None and all(i < EXCEPTIONS for i, _, _ in self.entries)


def pointer_tables(program: Program) -> tuple[VectorTable, ...]:
    """Every symbol that matches one of the configuration's `vector_tables`, with its pointers.

    Null pointers are vectors that nobody handles and are left out. A symbol without a size ends
    at the next symbol or at its section's end. Without a configuration, a kernel's arrays of
    pointers to stubs that push their own index are recognised.
    """
    if not program.config.vector_tables:
        return tuple(_recognised(program)) if program.is_kernel else ()
    return tuple(
        _read(program, symbol)
        for symbol in program.symbols
        if any(fnmatch.fnmatchcase(symbol.name, p) for p in program.config.vector_tables)
    )


def _recognised(program: Program) -> Iterator[VectorTable]:
    from orobuild.lint.program.stubs import show_vectors, stubs

    elf = program.elf
    word = 4 if elf.ei_class == c.ELFCLASS32 else 8
    seen: set[int] = set()
    for symbol in program.symbols:
        section = elf.sections[symbol.section]
        if section.is_executable or section.sh_type != c.SHT_PROGBITS or symbol.address in seen:
            continue
        head = program.read(symbol.address, word * _PROBED)
        pointers = [int.from_bytes(head[i : i + word], "little") for i in range(0, len(head), word)]
        if len(pointers) < _PROBED or not all(map(program.executable, pointers)):
            continue
        seen.add(symbol.address)
        table = _read(program, symbol)
        if table.length >= EXCEPTIONS and show_vectors(stubs(program, table)):
            yield table


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
    addends = program.relative_addends
    entries = []
    for index, (value,) in enumerate(pointer.iter_unpack(data[: count * pointer.size])):
        slot = symbol.address + index * pointer.size
        handler = addends.get(slot, value)
        if handler:
            entries.append((index, slot, handler))
    return VectorTable(symbol.name, symbol.address, count, tuple(entries))


def relative_addends(elf: ElfFile) -> dict[int, int]:
    """By place, what the R_X86_64_RELATIVE relocations of a position-independent image put there."""
    if elf.header.e_type != c.ET_DYN:
        return {}
    return {
        r.r_offset: r.r_addend
        for section in elf.relocation_sections()
        if section.sh_type == c.SHT_RELA and section.is_alloc
        for r in elf.relocations(section)
        if r.r_type == c.R_X86_64_RELATIVE and r.r_addend is not None
    }
