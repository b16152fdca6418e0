"""Reading ELF files: bytes in, an `ElfFile` out, or a located error. Never a traceback.

Everything that a later stage indexes with (offsets, sizes, links, names) is checked here, once,
against the file's real length, so that nobody after this needs to.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.elf.descriptions import SHT
from orobuild.elf.structures import (
    EHDR,
    REL,
    RELA,
    SHDR,
    FileHeader,
    ProgramHeader,
    Relocation,
    SectionHeader,
    Symbol,
    iter_symbols,
)
from orobuild.errors import InputError
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterator


class ElfError(InputError):
    """A file is not well-formed ELF of a kind that we read."""


def _fail(path: str, message: str, *, hint: str | None = None) -> NoReturn:
    raise ElfError(error(message, Span(path), hint=hint, rule="elf"))


@dataclass(frozen=True)
class ElfFile:
    """A parsed ELF file. `path` is its name for diagnostics, `data` the whole file."""

    path: str
    data: memoryview
    header: FileHeader
    sections: tuple[SectionHeader, ...]
    segments: tuple[ProgramHeader, ...]
    _symbol_cache: dict[int, tuple[Symbol, ...]] = field(default_factory=dict, repr=False)

    @property
    def ei_class(self) -> int:
        """ELFCLASS32 or ELFCLASS64."""
        return self.header.ei_class

    def section_data(self, section: SectionHeader) -> memoryview:
        """The section's bytes in the file; empty for SHT_NOBITS and SHT_NULL."""
        if section.sh_type in (c.SHT_NOBITS, c.SHT_NULL):
            return self.data[:0]
        return self.data[section.sh_offset : section.sh_offset + section.sh_size]

    def segment_data(self, segment: ProgramHeader) -> memoryview:
        """The segment's bytes in the file (`p_filesz` of them)."""
        return self.data[segment.p_offset : segment.p_offset + segment.p_filesz]

    def section(self, name: str) -> SectionHeader | None:
        """The first section called `name`, or None."""
        return next((s for s in self.sections if s.name == name), None)

    @cached_property
    def symbol_table(self) -> SectionHeader | None:
        """The SHT_SYMTAB section, or None (a stripped image)."""
        return next((s for s in self.sections if s.sh_type == c.SHT_SYMTAB), None)

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols of SHT_SYMTAB, the null symbol at index 0 included; empty if stripped."""
        return self.symbols_of(self.symbol_table) if self.symbol_table else ()

    def symbols_of(self, table: SectionHeader) -> tuple[Symbol, ...]:
        """The symbols of one SHT_SYMTAB or SHT_DYNSYM section."""
        if table.index not in self._symbol_cache:
            self._symbol_cache[table.index] = tuple(self._read_symbols(table))
        return self._symbol_cache[table.index]

    def _read_symbols(self, table: SectionHeader) -> Iterator[Symbol]:
        rows = iter_symbols(self.ei_class, self.section_data(table))
        names = _Names(self.path, self.section_data(self.sections[table.sh_link]).tobytes())
        extended = self.extended_indices(table, len(rows))
        for index, (st_name, st_info, st_other, st_shndx, st_value, st_size) in enumerate(rows):
            shndx = st_shndx
            if st_shndx == c.SHN_XINDEX:
                if extended is None:
                    _fail(self.path, f"symbol {index} uses SHN_XINDEX without SHT_SYMTAB_SHNDX")
                shndx = extended[index]
            if shndx >= len(self.sections) and not c.SHN_LORESERVE <= st_shndx < c.SHN_XINDEX:
                _fail(
                    self.path,
                    f"symbol {index} is in section {shndx}, the file has {len(self.sections)}",
                )
            name = names.get(st_name, f"symbol {index}")
            yield Symbol(name, st_name, st_info, st_other, shndx, st_value, st_size)

    def extended_indices(self, table: SectionHeader, count: int) -> memoryview | None:
        """For `count` symbols of a table the words that SHN_XINDEX stands for; None without."""
        for section in self.sections:
            if section.sh_type == c.SHT_SYMTAB_SHNDX and section.sh_link == table.index:
                if section.sh_size < 4 * count:
                    _fail(self.path, f"section '{section.name}' is shorter than its symbol table")
                return self.section_data(section)[: 4 * count].cast("I")
        return None

    def relocation_sections(self) -> Iterator[SectionHeader]:
        """Every SHT_REL and SHT_RELA section; `sh_info` is the section that it changes."""
        for section in self.sections:
            if section.sh_type in (c.SHT_REL, c.SHT_RELA):
                yield section

    def relocations(self, section: SectionHeader) -> list[Relocation]:
        """The entries of one SHT_REL or SHT_RELA section, in file order."""
        data = self.section_data(section)
        shift, mask = (8, 0xFF) if self.ei_class == c.ELFCLASS32 else (32, 0xFFFFFFFF)
        if section.sh_type == c.SHT_RELA:
            return [
                Relocation(offset, info >> shift, info & mask, addend)
                for offset, info, addend in RELA[self.ei_class].iter_unpack(data)
            ]
        return [
            Relocation(offset, info >> shift, info & mask, None)
            for offset, info in REL[self.ei_class].iter_unpack(data)
        ]


class _Names:
    """Names out of one string table.

    Names may share bytes (gABI, String Table), which lets a small file ask for a huge amount of
    text: every symbol's name a suffix of one long string. Linkers share tails, so a table is
    allowed to be read many times over, but not without end.
    """

    def __init__(self, path: str, table: bytes) -> None:
        self._path = path
        self._table = table
        self._left = 64 * len(table) + 4096

    def get(self, offset: int, what: str) -> str:
        """The name at `offset` of the table, which is that of `what`."""
        table = self._table
        if offset == 0 and not table:
            return ""
        end = table.find(b"\0", offset)
        if offset >= len(table) or end < 0:
            _fail(self._path, f"the name of {what} is outside its string table")
        self._left -= end - offset
        if self._left < 0:
            _fail(self._path, f"the names up to {what} overlap in their string table too much")
        return table[offset:end].decode("utf-8", "surrogateescape")


def is_elf(data: bytes | memoryview) -> bool:
    """Whether `data` starts with the ELF magic."""
    return bytes(data[:4]) == c.ELFMAG


def read(data: bytes | memoryview, path: str) -> ElfFile:
    """Parse `data`; `path` is only its name in messages. Raises `ElfError`."""
    view = memoryview(data).cast("B") if not isinstance(data, memoryview) else data
    header = _read_header(view, path)
    sections = _read_sections(view, path, header)
    segments = _read_segments(view, path, header, sections)
    return ElfFile(path, view, header, sections, segments)


def _read_header(data: memoryview, path: str) -> FileHeader:
    if not len(data):
        _fail(path, "the file is empty")
    if not is_elf(data):
        hint = None
        if bytes(data[:4]) in (b"BC\xc0\xde", b"\xde\xc0\x17\x0b"):
            hint = "this is LLVM bitcode; compile without -flto"
        _fail(path, "not an ELF file (the magic number is missing)", hint=hint)
    if len(data) < c.EI_NIDENT:
        _fail(path, f"truncated: the ELF identification needs 16 bytes, the file has {len(data)}")
    ei_class = data[c.EI_CLASS]
    if ei_class not in EHDR:
        _fail(path, f"unknown ELF class {ei_class}")
    if data[c.EI_DATA] != c.ELFDATA2LSB:
        _fail(path, "only little-endian ELF files are supported")
    if data[c.EI_VERSION] != c.EV_CURRENT:
        _fail(path, f"unknown ELF version {data[c.EI_VERSION]}")
    if len(data) < EHDR[ei_class].size:
        _fail(
            path,
            f"truncated: the ELF header needs {EHDR[ei_class].size} bytes, "
            f"the file has {len(data)}",
        )
    _, *fields = EHDR[ei_class].unpack_from(data)
    header = FileHeader(ei_class, data[c.EI_OSABI], data[c.EI_OSABI + 1], *fields)
    if header.e_machine not in (c.EM_X86_64, c.EM_386):
        _fail(path, f"the file is for machine {header.e_machine}, not x86-64 (62) or i386 (3)")
    return header


def _read_sections(data: memoryview, path: str, header: FileHeader) -> tuple[SectionHeader, ...]:
    if not header.e_shoff:
        return ()
    size = c.SHDR_SIZE[header.ei_class]
    if header.e_shentsize != size:
        _fail(path, f"e_shentsize is {header.e_shentsize}, expected {size}")
    if header.e_shoff + size > len(data):
        _fail(
            path,
            f"truncated: the section header table is at {header.e_shoff:#x}, "
            f"the file ends at {len(data):#x}",
        )
    first = SHDR[header.ei_class].unpack_from(data, header.e_shoff)
    # gABI, Section Header: index 0 holds the real counts when they do not fit the ELF header.
    count = header.e_shnum or first[5]
    names_index = first[6] if header.e_shstrndx == c.SHN_XINDEX else header.e_shstrndx
    if header.e_shoff + count * size > len(data):
        _fail(
            path,
            f"truncated: {count} section headers at {header.e_shoff:#x} need "
            f"{count * size} bytes, the file ends at {len(data):#x}",
        )
    raw = [SHDR[header.ei_class].unpack_from(data, header.e_shoff + i * size) for i in range(count)]
    names = b""
    if names_index:
        if names_index >= count or raw[names_index][1] != c.SHT_STRTAB:
            _fail(path, f"e_shstrndx {names_index} is not a string table")
        offset, length = raw[names_index][4], raw[names_index][5]
        if offset + length > len(data):
            _fail(path, "truncated: the section name table is outside the file")
        names = data[offset : offset + length].tobytes()
    table = _Names(path, names)
    sections = tuple(
        SectionHeader(i, table.get(row[0], f"section {i}"), *row) for i, row in enumerate(raw)
    )
    if sections and sections[0].sh_type != c.SHT_NULL:
        _fail(path, f"section 0 has type {sections[0].sh_type}, not SHT_NULL")
    for section in sections[1:]:
        _check_section(path, header, section, sections, len(data))
    return sections


_ENTRY_SIZES = {
    c.SHT_SYMTAB: c.SYM_SIZE,
    c.SHT_DYNSYM: c.SYM_SIZE,
    c.SHT_REL: c.REL_SIZE,
    c.SHT_RELA: c.RELA_SIZE,
}


def _check_section(
    path: str,
    header: FileHeader,
    section: SectionHeader,
    sections: tuple[SectionHeader, ...],
    length: int,
) -> None:
    what = f"section {section.index} '{section.name}'"
    if (
        section.sh_type not in (c.SHT_NOBITS, c.SHT_NULL)
        and section.sh_offset + section.sh_size > length
    ):
        _fail(
            path,
            f"truncated: {what} is {section.sh_size} bytes at {section.sh_offset:#x}, "
            f"the file ends at {length:#x}",
        )
    if section.sh_addralign & (section.sh_addralign - 1):
        _fail(path, f"{what}: alignment {section.sh_addralign} is not a power of two")
    if section.sh_type not in _ENTRY_SIZES:
        return
    entry = _ENTRY_SIZES[section.sh_type][header.ei_class]
    if section.sh_entsize != entry or section.sh_size % entry:
        _fail(path, f"{what}: entries are not {entry} bytes each")
    links = c.SHT_SYMTAB if section.sh_type in (c.SHT_REL, c.SHT_RELA) else c.SHT_STRTAB
    # An executable's dynamic relocations may link to .dynsym, or (static) to nothing.
    relaxed = header.e_type != c.ET_REL and section.sh_type in (c.SHT_REL, c.SHT_RELA)
    if not relaxed and (
        section.sh_link >= len(sections) or sections[section.sh_link].sh_type != links
    ):
        _fail(path, f"{what}: sh_link {section.sh_link} is not a {SHT[links]} section")
    if not relaxed and section.sh_type in (c.SHT_REL, c.SHT_RELA):
        _check_relocation_target(path, what, section, sections)


def _check_relocation_target(
    path: str, what: str, section: SectionHeader, sections: tuple[SectionHeader, ...]
) -> None:
    if not 0 < section.sh_info < len(sections):
        _fail(path, f"{what}: sh_info {section.sh_info} is not a section")


def _read_segments(
    data: memoryview, path: str, header: FileHeader, sections: tuple[SectionHeader, ...]
) -> tuple[ProgramHeader, ...]:
    count = header.e_phnum
    if count == 0xFFFF and sections:  # PN_XNUM
        count = sections[0].sh_info
    if not count:
        return ()
    size = c.PHDR_SIZE[header.ei_class]
    if header.e_phentsize != size:
        _fail(path, f"e_phentsize is {header.e_phentsize}, expected {size}")
    if header.e_phoff + count * size > len(data):
        _fail(
            path,
            f"truncated: {count} program headers at {header.e_phoff:#x}, "
            f"the file ends at {len(data):#x}",
        )
    segments = tuple(
        ProgramHeader.unpack(header.ei_class, data, header.e_phoff + i * size) for i in range(count)
    )
    for index, segment in enumerate(segments):
        if segment.p_type != c.PT_NULL and segment.p_offset + segment.p_filesz > len(data):
            _fail(
                path,
                f"truncated: segment {index} is {segment.p_filesz} bytes at "
                f"{segment.p_offset:#x}, the file ends at {len(data):#x}",
            )
    return segments
