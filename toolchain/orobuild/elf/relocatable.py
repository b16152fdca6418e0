"""Writing relocatable objects: sections and symbols in, ELF bytes out, for both classes.

The layout is that of GNU as: group sections first, then the sections in order, each followed in
the header table by its relocations; then .symtab, .strtab, .shstrtab; section contents in the
file in the same order, relocations behind the symbol tables, the section header table last.
Nothing here knows assembling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orobuild.elf import constants as c
from orobuild.elf.strings import StringTable
from orobuild.elf.structures import REL, RELA, FileHeader, SectionHeader, pack_symbol
from orobuild.records import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class OutputSymbol:
    """A symbol; `section` is its section (or group), None with `st_shndx` a reserved index."""

    name: str
    value: int = 0
    size: int = 0
    info: int = 0
    other: int = 0
    section: OutputSection | OutputGroup | None = None
    st_shndx: int = c.SHN_UNDEF
    index: int = 0


@dataclass(slots=True)
class OutputRelocation:
    """`r_offset`, `r_type`, the symbol (None: symbol 0) and the addend (ELF64 only)."""

    offset: int
    type: int
    symbol: OutputSymbol | None
    addend: int


@dataclass(slots=True)
class OutputSection:
    """One section. `data` is empty and `size` counts for SHT_NOBITS.

    `linked_to` is the section of SHF_LINK_ORDER. `index` is assigned by `write`.
    """

    name: str
    sh_type: int
    sh_flags: int
    data: bytes = b""
    size: int = 0
    sh_addralign: int = 1
    sh_entsize: int = 0
    relocations: list[OutputRelocation] = field(default_factory=list)
    linked_to: OutputSection | None = None
    sh_info: int = 0
    index: int = 0
    offset: int = 0


@dataclass(slots=True)
class OutputGroup:
    """A section group; `signature` is its symbol."""

    signature: OutputSymbol
    comdat: bool
    members: list[OutputSection]
    index: int = 0


_MACHINES: Final = {c.ELFCLASS64: c.EM_X86_64, c.ELFCLASS32: c.EM_386}


def write(
    ei_class: int,
    sections: Sequence[OutputSection],
    symbols: Sequence[OutputSymbol],
    groups: Sequence[OutputGroup] = (),
    *,
    ei_osabi: int = 0,
) -> bytes:
    """The object file. `symbols` have the local ones first, without the null symbol."""
    return _Writer(ei_class, sections, symbols, groups, ei_osabi).write()


class _Writer:
    def __init__(
        self,
        ei_class: int,
        sections: Sequence[OutputSection],
        symbols: Sequence[OutputSymbol],
        groups: Sequence[OutputGroup],
        ei_osabi: int,
    ) -> None:
        self.ei_class = ei_class
        self.wide = ei_class == c.ELFCLASS64
        self.sections = sections
        self.symbols = symbols
        self.groups = groups
        self.ei_osabi = ei_osabi
        self.out = bytearray()
        self.names = StringTable()
        self.headers: list[SectionHeader] = []
        self.extended = False

    def write(self) -> bytes:
        """Lay everything out and return the bytes."""
        self.number()
        wide = self.wide
        self.out += bytes(c.EHDR_SIZE[self.ei_class])
        self.header("", c.SHT_NULL)
        for group in self.groups:
            self.group(group)
        for section in self.sections:
            self.section(section)
        has_symbols = self.symtab_index > 0
        if has_symbols:
            self.symbol_table()
        self.relocation_data()
        self.section_names()
        align = 8 if wide else 4
        self.pad(align)
        shoff = len(self.out)
        count = len(self.headers)
        if count >= c.SHN_LORESERVE:
            first = self.headers[0]
            self.headers[0] = _with(first, sh_size=count, sh_link=self.shstrtab_index)
        for header in self.headers:
            self.out += header.pack(self.ei_class)
        overflow = count >= c.SHN_LORESERVE
        self.out[: c.EHDR_SIZE[self.ei_class]] = FileHeader(
            self.ei_class,
            self.ei_osabi,
            0,
            c.ET_REL,
            _MACHINES[self.ei_class],
            c.EV_CURRENT,
            0,
            0,
            shoff,
            0,
            c.EHDR_SIZE[self.ei_class],
            0,
            0,
            c.SHDR_SIZE[self.ei_class],
            0 if overflow else count,
            c.SHN_XINDEX if overflow else self.shstrtab_index,
        ).pack()
        return bytes(self.out)

    def number(self) -> None:
        """Section header indices: known before anything refers to them."""
        index = 1
        for group in self.groups:
            group.index = index
            index += 1
        for section in self.sections:
            section.index = index
            index += 2 if section.relocations else 1
        self.symtab_index = 0
        has_relocations = any(s.relocations for s in self.sections)
        if self.symbols or has_relocations:
            self.symtab_index = index
            index += 2
            self.extended = any(
                s.section is not None and s.section.index >= c.SHN_LORESERVE for s in self.symbols
            )
            index += self.extended
        self.shstrtab_index = index
        for number, symbol in enumerate(self.symbols, 1):
            symbol.index = number

    def pad(self, align: int) -> None:
        """Zero bytes up to a multiple of `align`."""
        self.out += bytes(-len(self.out) % align)

    def header(
        self,
        name: str,
        sh_type: int,
        sh_flags: int = 0,
        offset: int = 0,
        size: int = 0,
        link: int = 0,
        info: int = 0,
        align: int = 0,
        entsize: int = 0,
    ) -> None:
        """Append a section header."""
        self.headers.append(
            SectionHeader(
                len(self.headers),
                name,
                self.names.add(name),
                sh_type,
                sh_flags,
                0,
                offset,
                size,
                link,
                info,
                align,
                entsize,
            )
        )

    def group(self, group: OutputGroup) -> None:
        """A SHT_GROUP section: the flag word and the members with their relocations."""
        indices = []
        for member in group.members:
            indices.append(member.index)
            if member.relocations:
                indices.append(member.index + 1)
        self.pad(4)
        offset = len(self.out)
        words = [c.GRP_COMDAT if group.comdat else 0, *indices]
        for word in words:
            self.out += word.to_bytes(4, "little")
        self.header(
            ".group",
            c.SHT_GROUP,
            0,
            offset,
            4 * len(words),
            self.symtab_index,
            group.signature.index,
            4,
            4,
        )

    def section(self, section: OutputSection) -> None:
        """One section's bytes and header, and the header of its relocations."""
        nobits = section.sh_type == c.SHT_NOBITS
        align = max(1, section.sh_addralign)
        # A huge alignment would only make a huge file: the linker looks at the address.
        self.pad(min(align, 1 << 16))
        section.offset = len(self.out)
        if not nobits:
            self.out += section.data
        self.header(
            section.name,
            section.sh_type,
            section.sh_flags,
            section.offset,
            section.size if nobits else len(section.data),
            section.linked_to.index if section.linked_to else 0,
            section.sh_info,
            align,
            section.sh_entsize,
        )
        if section.relocations:
            flags = c.SHF_INFO_LINK | (section.sh_flags & c.SHF_GROUP)
            size = c.RELA_SIZE[self.ei_class] if self.wide else c.REL_SIZE[self.ei_class]
            self.header(
                (".rela" if self.wide else ".rel") + section.name,
                c.SHT_RELA if self.wide else c.SHT_REL,
                flags,
                0,
                size * len(section.relocations),
                self.symtab_index,
                section.index,
                8 if self.wide else 4,
                size,
            )

    def symbol_table(self) -> None:
        """.symtab and .strtab."""
        strings = StringTable()
        align = 8 if self.wide else 4
        self.pad(align)
        offset = len(self.out)
        size = c.SYM_SIZE[self.ei_class]
        table = bytearray(size)
        extended = bytearray(4)
        mask = (1 << (64 if self.wide else 32)) - 1
        locals_ = 1
        for symbol in self.symbols:
            shndx = symbol.section.index if symbol.section is not None else symbol.st_shndx
            if symbol.section is not None and shndx >= c.SHN_LORESERVE:
                extended += shndx.to_bytes(4, "little")
                shndx = c.SHN_XINDEX
            else:
                extended += bytes(4)
            table += pack_symbol(
                self.ei_class,
                strings.add(symbol.name),
                symbol.info,
                symbol.other,
                shndx,
                symbol.value & mask,
                symbol.size & mask,
            )
            if symbol.info >> 4 == c.STB_LOCAL:
                locals_ += 1
        self.out += table
        link = self.symtab_index + 1
        self.header(".symtab", c.SHT_SYMTAB, 0, offset, len(table), link, locals_, align, size)
        data = bytes(strings)
        self.header(".strtab", c.SHT_STRTAB, 0, len(self.out), len(data), 0, 0, 1)
        self.out += data
        if self.extended:
            self.pad(4)
            self.header(
                ".symtab_shndx",
                c.SHT_SYMTAB_SHNDX,
                0,
                len(self.out),
                len(extended),
                self.symtab_index,
                0,
                4,
                4,
            )
            self.out += extended

    def relocation_data(self) -> None:
        """The relocation sections' bytes; their headers are there already."""
        for section in self.sections:
            if not section.relocations:
                continue
            self.pad(8 if self.wide else 4)
            index = section.index + 1
            self.headers[index] = _with(self.headers[index], sh_offset=len(self.out))
            if self.wide:
                pack = RELA[self.ei_class].pack
                for r in section.relocations:
                    symbol = r.symbol.index if r.symbol else 0
                    self.out += pack(r.offset, symbol << 32 | r.type, r.addend)
            else:
                pack = REL[self.ei_class].pack
                for r in section.relocations:
                    symbol = r.symbol.index if r.symbol else 0
                    self.out += pack(r.offset & 0xFFFFFFFF, symbol << 8 | r.type)

    def section_names(self) -> None:
        """.shstrtab, which names itself."""
        self.names.add(".shstrtab")
        data = bytes(self.names)
        offset = len(self.out)
        self.header(".shstrtab", c.SHT_STRTAB, 0, offset, len(data), 0, 0, 1)
        self.out += data


def _with(header: SectionHeader, **changes: Any) -> SectionHeader:
    return replace(header, **changes)
