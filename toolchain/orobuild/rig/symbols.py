"""A kernel's symbols as text, as `nm -n` prints them: what a person reads at a rack without a toolchain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import Symbol

_UNSEEN: Final = frozenset((c.STT_FILE, c.STT_SECTION))


def listing(elf: ElfFile) -> bytes:
    """One line a symbol: address, kind, name; ascending by address, then by name."""
    digits = 16 if elf.ei_class == c.ELFCLASS64 else 8
    shown = [s for s in elf.symbols if s.name and s.type not in _UNSEEN and s.st_shndx]
    shown.sort(key=lambda s: (s.st_value, s.name))
    lines = [f"{s.st_value:0{digits}x} {_kind(elf, s)} {s.name}\n" for s in shown]
    return "".join(lines).encode("utf-8", "surrogateescape")


def _kind(elf: ElfFile, symbol: Symbol) -> str:
    """The letter of nm: capital for what other objects may use (binutils, bfd/syms.c)."""
    if symbol.st_shndx == c.SHN_COMMON:
        return "C"
    if symbol.type == c.STT_GNU_IFUNC:
        return "i"
    if symbol.binding == c.STB_WEAK:
        return "V" if symbol.type == c.STT_OBJECT else "W"
    if symbol.binding == c.STB_GNU_UNIQUE:
        return "u"
    letter = _section_letter(elf, symbol)
    return letter.upper() if symbol.binding == c.STB_GLOBAL else letter


def _section_letter(elf: ElfFile, symbol: Symbol) -> str:
    if symbol.st_shndx == c.SHN_ABS:
        return "a"
    if symbol.st_shndx >= len(elf.sections):
        return "?"
    section = elf.sections[symbol.st_shndx]
    if section.sh_flags & c.SHF_EXECINSTR:
        return "t"
    if not section.sh_flags & c.SHF_ALLOC:
        return "N" if section.name.startswith((".debug", ".zdebug")) else "n"
    if section.sh_type == c.SHT_NOBITS:
        return "b"
    return "d" if section.sh_flags & c.SHF_WRITE else "r"
