"""A relocatable object placed at addresses, so that it can be asked what an image can be asked.

Every section that occupies memory gets a place of its own, symbols the addresses that follow, and
the relocations are applied, those of debugging information too. What the object does not define
gets addresses behind its sections, where nothing is. The addresses are this module's own: people
see a section and an offset, and the bytes of the file.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Span, error
from orobuild.elf import arrays
from orobuild.elf import constants as c
from orobuild.elf.structures import SHDR, ProgramHeader
from orobuild.errors import InputError
from orobuild.lint import LintConfig
from orobuild.lint.program import Program
from orobuild.lint.program.segments import occupies_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import SectionHeader

_FIRST: Final = 0x10000  # no offset or small number is taken for an address
_END: Final = 0x7000_0000  # where every 32-bit field still reaches, signed or not
_ALIGNMENT: Final = 4096
_GAP: Final = 16  # bytes between sections: the end of one is not the start of the next
_UNDEFINED: Final = 16  # bytes between the addresses of undefined symbols
_MAX_INFLATED: Final = 1 << 30

_PLAIN: Final = {
    c.EM_X86_64: {
        c.R_X86_64_64: 8,
        c.R_X86_64_32: 4,
        c.R_X86_64_32S: 4,
        c.R_X86_64_16: 2,
        c.R_X86_64_8: 1,
    },
    c.EM_386: {c.R_386_32: 4, c.R_386_16: 2, c.R_386_8: 1},
}
"""Relocations that store S + A, by machine: the size of the field in bytes (psABI, Relocation)."""

_RELATIVE: Final = {
    c.EM_X86_64: {
        c.R_X86_64_PC64: 8,
        c.R_X86_64_PC32: 4,
        c.R_X86_64_PLT32: 4,
        # A linker takes the way through the global offset table only where it must.
        c.R_X86_64_GOTPCREL: 4,
        c.R_X86_64_GOTPCRELX: 4,
        c.R_X86_64_REX_GOTPCRELX: 4,
        c.R_X86_64_PC16: 2,
        c.R_X86_64_PC8: 1,
    },
    c.EM_386: {c.R_386_PC32: 4, c.R_386_PLT32: 4, c.R_386_PC16: 2, c.R_386_PC8: 1},
}
"""Relocations that store S + A - P."""


@dataclass(frozen=True, slots=True)
class Relocation:
    """A relocation of a section: `offset` in it in bytes, `type` as the psABI spells it.

    `symbol` is the symbol's name, or the section's for a section symbol, "" for none. `addend` is None
    where it is in the section's bytes (SHT_REL).
    """

    offset: int
    type: str
    symbol: str
    addend: int | None

    def __str__(self) -> str:
        addend = f"{self.addend:+#x}" if self.addend else ""
        return f"{self.type} {self.symbol or '*ABS*'}{addend}"


class PlacedProgram(Program):
    """The placed object as an image; its places are named by section and offset."""

    def place(self, address: int) -> str:
        """`symbol+0x10 in .text`, or `.text+0x10`."""
        section = self.section_at(address)
        if section is None or self.symbols.name(address) is not None:
            return super().place(address)
        return f"{section.name}+{address - section.sh_addr:#x}"


class PlacedObject:
    """An ET_REL file and `program`, the same as an image.

    `problems` are what of it could not be used: relocations outside their section, compression
    that is not supported. Raises `InputError` if its sections fit no address space.
    """

    def __init__(self, elf: ElfFile) -> None:
        self.elf = elf
        self.problems: list[str] = []
        self._starts = self._place()
        self.program = PlacedProgram(self._image(), LintConfig())

    def _place(self) -> dict[int, int]:
        """By section index, the address of each section that occupies memory."""
        starts: dict[int, int] = {}
        at = _FIRST
        for section in self.elf.sections:
            if occupies_memory(section):
                alignment = min(max(section.sh_addralign, _GAP), _ALIGNMENT)
                at += -at % alignment
                starts[section.index] = at
                at += section.sh_size + _GAP
        if at > _END:
            raise InputError(
                error(f"the sections are {at - _FIRST:#x} bytes in sum", Span(self.elf.path))
            )
        self._behind = at + -at % _UNDEFINED
        return starts

    def _image(self) -> ElfFile:
        elf = self.elf
        data = bytearray(elf.data)
        sections = [replace(s, sh_addr=self._starts.get(s.index, s.sh_addr)) for s in elf.sections]
        for table in elf.relocation_sections():
            target = sections[table.sh_info]
            if target.sh_flags & c.SHF_COMPRESSED:
                sections[target.index] = self._inflate(target, data)
            elif target.name.startswith(".zdebug"):
                self.problems.append(f"section '{target.name}' is compressed in GNU's old way")
        values = {
            table.index: self._values(table, data)
            for table in elf.sections
            if table.sh_type == c.SHT_SYMTAB
        }
        for table in elf.relocation_sections():
            target = sections[table.sh_info]
            if target.sh_type not in (c.SHT_NOBITS, c.SHT_NULL):
                self._apply(table, target, values[table.sh_link], data)
        packer = SHDR[elf.ei_class]
        for section in sections:
            at = elf.header.e_shoff + section.index * packer.size
            data[at : at + packer.size] = section.pack(elf.ei_class)
        return replace(
            elf,
            data=memoryview(bytes(data)),
            header=replace(elf.header, e_type=c.ET_EXEC),
            sections=tuple(sections),
            segments=tuple(_segment(sections[index]) for index in self._starts),
            _symbol_cache={},
        )

    def _inflate(self, section: SectionHeader, data: bytearray) -> SectionHeader:
        """The section as it was before it was compressed, behind all else (gABI, Elf64_Chdr)."""
        wide = self.elf.ei_class == c.ELFCLASS64
        raw = bytes(self.elf.section_data(section))
        head = 24 if wide else 12
        kind = int.from_bytes(raw[:4], "little")
        size = int.from_bytes(raw[8:16] if wide else raw[4:8], "little")
        try:
            if kind != c.ELFCOMPRESS_ZLIB or size > _MAX_INFLATED:
                raise zlib.error
            plain = zlib.decompressobj().decompress(raw[head:], size + 1)
            if len(plain) != size:
                raise zlib.error
        except zlib.error:
            self.problems.append(f"section '{section.name}' cannot be decompressed")
            return section
        offset = len(data)
        data += plain
        flags = section.sh_flags & ~c.SHF_COMPRESSED
        return replace(section, sh_flags=flags, sh_offset=offset, sh_size=size)

    def _values(self, table: SectionHeader, data: bytearray) -> NDArray[np.uint64]:
        """The address of each symbol, written into the table in `data` too."""
        elf = self.elf
        rows = np.frombuffer(
            memoryview(data)[table.sh_offset : table.sh_offset + table.sh_size],
            dtype=arrays.SYM[elf.ei_class],
        )
        homes = rows["st_shndx"].astype(np.int64)
        extended = elf.extended_indices(table, len(rows))
        if extended is not None:
            far = homes == c.SHN_XINDEX
            homes[far] = np.frombuffer(extended, "<u4")[far]
        else:
            homes[homes == c.SHN_XINDEX] = c.SHN_ABS
        starts = np.zeros(max(len(elf.sections), 0x10000), np.uint64)
        for index, start in self._starts.items():
            starts[index] = start
        reserved = (rows["st_shndx"] >= c.SHN_LORESERVE) & (rows["st_shndx"] != c.SHN_XINDEX)
        known = ~reserved & (homes > 0) & (homes < len(elf.sections))
        values = rows["st_value"].astype(np.uint64)
        values[known] += starts[homes[known]]
        foreign = (homes == c.SHN_UNDEF) | (rows["st_shndx"] == c.SHN_COMMON)
        foreign[:1] = False
        count = int(np.count_nonzero(foreign))
        values[foreign] = self._behind + _UNDEFINED * np.arange(count, dtype=np.uint64)
        rows["st_value"][known] = values[known].astype(rows["st_value"].dtype)
        return values

    def _apply(
        self,
        table: SectionHeader,
        target: SectionHeader,
        values: NDArray[np.uint64],
        data: bytearray,
    ) -> None:
        """Write what the relocations of one table say into the bytes of their section."""
        rows = arrays.relocations(self.elf, table)
        content = np.frombuffer(
            memoryview(data)[target.sh_offset : target.sh_offset + target.sh_size], np.uint8
        )
        outside = 0
        present = set(rows["r_type"].tolist())
        for relative, kinds in enumerate((_PLAIN, _RELATIVE)):
            for kind, width in kinds[self.elf.header.e_machine].items():
                if kind not in present:
                    continue
                chosen = rows[rows["r_type"] == kind]
                inside = (chosen["r_sym"] < len(values)) & (
                    chosen["r_offset"].astype(np.float64) + width <= target.sh_size
                )
                outside += int(np.count_nonzero(~inside))
                chosen = chosen[inside]
                fields = chosen["r_offset"].astype(np.int64)[:, None] + np.arange(width)
                result = values[chosen["r_sym"]] + chosen["r_addend"].astype(np.uint64)
                if table.sh_type == c.SHT_REL:
                    result += _in_place(content[fields])
                if relative:
                    result -= chosen["r_offset"] + np.uint64(target.sh_addr)
                content[fields] = result[:, None].view(np.uint8)[:, :width]
        if outside:
            self.problems.append(
                f"{outside} relocations of section '{target.name}' are outside of it, or of no symbol"
            )

    # What people ask of

    @cached_property
    def code(self) -> tuple[SectionHeader, ...]:
        """The sections with code, as the placed image has them."""
        return tuple(s for s in self.program.sections if s.is_executable)

    def relocations(self, section: SectionHeader, start: int, end: int) -> tuple[Relocation, ...]:
        """The relocations whose field begins at an offset from `start` to before `end`."""
        offsets, rows = self._rows(section.index)
        low, high = bisect_left(offsets, start), bisect_left(offsets, end)
        return tuple(self._described(*row) for row in rows[low:high])

    @cached_property
    def _known_rows(self) -> dict[int, tuple[list[int], list[tuple[int, int, Any, int]]]]:
        return {}

    def _rows(self, index: int) -> tuple[list[int], list[tuple[int, int, Any, int]]]:
        """(offsets, (offset, table's index, row, number)) of a section's relocations, sorted."""
        if index not in self._known_rows:
            found = []
            for table in self.elf.relocation_sections():
                if table.sh_info == index:
                    rows = arrays.relocations(self.elf, table)
                    found += [
                        (int(row["r_offset"]), table.index, row, n) for n, row in enumerate(rows)
                    ]
            found.sort(key=lambda row: (row[0], row[1], row[3]))
            self._known_rows[index] = ([row[0] for row in found], found)
        return self._known_rows[index]

    def _described(self, offset: int, table: int, row: Any, _number: int) -> Relocation:
        elf = self.elf
        header = elf.sections[table]
        symbols = elf.symbols_of(elf.sections[header.sh_link])
        number = int(row["r_sym"])
        name = f"symbol {number}, which is not there"
        if number < len(symbols):
            symbol = symbols[number]
            name = symbol.name
            if symbol.type == c.STT_SECTION and 0 < symbol.st_shndx < len(elf.sections):
                name = elf.sections[symbol.st_shndx].name
        addend = int(row["r_addend"]) if header.sh_type == c.SHT_RELA else None
        kind = int(row["r_type"])
        machine = "R_X86_64_" if elf.header.e_machine == c.EM_X86_64 else "R_386_"
        return Relocation(offset, _KINDS[machine].get(kind, f"{machine}{kind}"), name, addend)


def _names(prefix: str) -> dict[int, str]:
    return {value: name for name, value in vars(c).items() if name.startswith(prefix)}


_KINDS: Final = {prefix: _names(prefix) for prefix in ("R_X86_64_", "R_386_")}


def _in_place(fields: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The addends that stand in the section: rows of little-endian bytes, sign-extended."""
    negative = (fields[:, -1] & 0x80).astype(bool)
    wide = np.zeros((len(fields), 8), np.uint8)
    wide[negative] = 0xFF
    wide[:, : fields.shape[1]] = fields
    return np.ascontiguousarray(wide).view("<u8").reshape(-1)


def _segment(section: SectionHeader) -> ProgramHeader:
    """A section as a segment of its own, with the permissions that its flags ask for."""
    flags = c.PF_R | (c.PF_W if section.is_writable else 0)
    flags |= c.PF_X if section.is_executable else 0
    size = 0 if section.sh_type == c.SHT_NOBITS else section.sh_size
    at = section.sh_addr
    return ProgramHeader(
        c.PT_LOAD, flags, section.sh_offset, at, at, size, section.sh_size, section.sh_addralign
    )


def sections_named(placed: PlacedObject, name: str) -> Sequence[SectionHeader]:
    """The sections of this name that occupy memory; `[5]` is the one of that index."""
    if name.startswith("[") and name.endswith("]") and name[1:-1].isdigit():
        index = int(name[1:-1])
        return [s for s in placed.program.sections if s.index == index]
    return [s for s in placed.program.sections if s.name == name]
