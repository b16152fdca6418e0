"""The on-disk structures of ELF as `struct` formats and frozen values, for both classes.

Field order differs between ELFCLASS32 and ELFCLASS64 (p_flags, st_value); the values here are
class-independent and `unpack`/`pack` hide the difference. Little-endian only: every machine that
orobuild targets is.
"""

from __future__ import annotations

import struct
from typing import Final

from orobuild.elf.constants import ELFCLASS32, ELFCLASS64, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE
from orobuild.records import dataclass

EHDR: Final = {
    ELFCLASS32: struct.Struct("<16sHHIIIIIHHHHHH"),
    ELFCLASS64: struct.Struct("<16sHHIQQQIHHHHHH"),
}
SHDR: Final = {ELFCLASS32: struct.Struct("<10I"), ELFCLASS64: struct.Struct("<IIQQQQIIQQ")}
_PHDR: Final = {ELFCLASS32: struct.Struct("<8I"), ELFCLASS64: struct.Struct("<IIQQQQQQ")}
_SYM: Final = {ELFCLASS32: struct.Struct("<IIIBBH"), ELFCLASS64: struct.Struct("<IBBHQQ")}
REL: Final = {ELFCLASS32: struct.Struct("<II"), ELFCLASS64: struct.Struct("<QQ")}
RELA: Final = {ELFCLASS32: struct.Struct("<IIi"), ELFCLASS64: struct.Struct("<QQq")}


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Elfxx_Ehdr. Offsets in bytes from the file's start, sizes in bytes."""

    ei_class: int
    ei_osabi: int
    ei_abiversion: int
    e_type: int
    e_machine: int
    e_version: int
    e_entry: int
    e_phoff: int
    e_shoff: int
    e_flags: int
    e_ehsize: int
    e_phentsize: int
    e_phnum: int
    e_shentsize: int
    e_shnum: int
    e_shstrndx: int

    def pack(self) -> bytes:
        """The header's bytes."""
        ident = b"\x7fELF" + bytes((self.ei_class, 1, 1, self.ei_osabi, self.ei_abiversion))
        return EHDR[self.ei_class].pack(
            ident,
            self.e_type,
            self.e_machine,
            self.e_version,
            self.e_entry,
            self.e_phoff,
            self.e_shoff,
            self.e_flags,
            self.e_ehsize,
            self.e_phentsize,
            self.e_phnum,
            self.e_shentsize,
            self.e_shnum,
            self.e_shstrndx,
        )


@dataclass(frozen=True, slots=True)
class ProgramHeader:
    """Elfxx_Phdr: `p_vaddr` and `p_paddr` are addresses, `p_offset` is a file offset, in bytes."""

    p_type: int
    p_flags: int
    p_offset: int
    p_vaddr: int
    p_paddr: int
    p_filesz: int
    p_memsz: int
    p_align: int

    @classmethod
    def unpack(cls, ei_class: int, data: memoryview | bytes, offset: int) -> ProgramHeader:
        """The header at `offset`; the caller has checked that it is inside `data`."""
        fields = _PHDR[ei_class].unpack_from(data, offset)
        if ei_class == ELFCLASS64:
            return cls(*fields)
        p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align = fields
        return cls(p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align)

    def pack(self, ei_class: int) -> bytes:
        """The header's bytes."""
        if ei_class == ELFCLASS64:
            return _PHDR[ei_class].pack(
                self.p_type,
                self.p_flags,
                self.p_offset,
                self.p_vaddr,
                self.p_paddr,
                self.p_filesz,
                self.p_memsz,
                self.p_align,
            )
        return _PHDR[ei_class].pack(
            self.p_type,
            self.p_offset,
            self.p_vaddr,
            self.p_paddr,
            self.p_filesz,
            self.p_memsz,
            self.p_flags,
            self.p_align,
        )


@dataclass(frozen=True, slots=True)
class SectionHeader:
    """Elfxx_Shdr with its name resolved and its index in the section header table."""

    index: int
    name: str
    sh_name: int
    sh_type: int
    sh_flags: int
    sh_addr: int
    sh_offset: int
    sh_size: int
    sh_link: int
    sh_info: int
    sh_addralign: int
    sh_entsize: int

    @property
    def is_alloc(self) -> bool:
        """Whether the section occupies memory at run time (SHF_ALLOC)."""
        return bool(self.sh_flags & SHF_ALLOC)

    @property
    def is_executable(self) -> bool:
        """Whether the section says that it holds instructions (SHF_EXECINSTR)."""
        return bool(self.sh_flags & SHF_EXECINSTR)

    @property
    def is_writable(self) -> bool:
        """Whether the section says that it is written at run time (SHF_WRITE)."""
        return bool(self.sh_flags & SHF_WRITE)

    def pack(self, ei_class: int) -> bytes:
        """The header's bytes."""
        return SHDR[ei_class].pack(
            self.sh_name,
            self.sh_type,
            self.sh_flags,
            self.sh_addr,
            self.sh_offset,
            self.sh_size,
            self.sh_link,
            self.sh_info,
            self.sh_addralign,
            self.sh_entsize,
        )


@dataclass(frozen=True, slots=True)
class Symbol:
    """Elfxx_Sym with its name resolved. `st_shndx` has SHN_XINDEX already looked up."""

    name: str
    st_name: int
    st_info: int
    st_other: int
    st_shndx: int
    st_value: int
    st_size: int

    @property
    def binding(self) -> int:
        """STB_*."""
        return self.st_info >> 4

    @property
    def type(self) -> int:
        """STT_*."""
        return self.st_info & 0xF

    @property
    def visibility(self) -> int:
        """STV_*."""
        return self.st_other & 3

    def pack(self, ei_class: int) -> bytes:
        """The symbol's bytes; `st_shndx` must fit 16 bits."""
        return pack_symbol(
            ei_class,
            self.st_name,
            self.st_info,
            self.st_other,
            self.st_shndx,
            self.st_value,
            self.st_size,
        )


def pack_symbol(
    ei_class: int,
    st_name: int,
    st_info: int,
    st_other: int,
    st_shndx: int,
    st_value: int,
    st_size: int,
) -> bytes:
    """An Elfxx_Sym's bytes."""
    if ei_class == ELFCLASS64:
        return _SYM[ei_class].pack(st_name, st_info, st_other, st_shndx, st_value, st_size)
    return _SYM[ei_class].pack(st_name, st_value, st_size, st_info, st_other, st_shndx)


def iter_symbols(
    ei_class: int, table: memoryview | bytes
) -> list[tuple[int, int, int, int, int, int]]:
    """Every (st_name, st_info, st_other, st_shndx, st_value, st_size) of a symbol table."""
    rows = list(_SYM[ei_class].iter_unpack(table))
    if ei_class == ELFCLASS64:
        return rows
    return [
        (name, info, other, shndx, value, size) for name, value, size, info, other, shndx in rows
    ]


@dataclass(frozen=True, slots=True)
class Relocation:
    """Elfxx_Rel or Elfxx_Rela. `r_addend` is None for SHT_REL: the addend is in the section."""

    r_offset: int
    r_sym: int
    r_type: int
    r_addend: int | None
