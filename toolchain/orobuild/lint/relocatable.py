"""A relocatable object as the rules see it: what each reference of code goes to.

Offsets are relative to their section, since nothing has an address yet. Sections that are not
allocated because they are for tools (debug information, notes) are known by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Severity, Span
from orobuild.elf import constants as c
from orobuild.lint.finding import Evidence, Finding
from orobuild.lint.program.segments import describe_section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import Relocation, SectionHeader, Symbol
    from orobuild.lint.config import LintConfig

# Intel SDM Vol. 2: call rel32, jmp rel32, jcc rel32 (behind 0f).
_NEAR: Final = frozenset((0xE8, 0xE9))
_BRANCHES: Final = {
    c.EM_X86_64: frozenset((c.R_X86_64_PC32, c.R_X86_64_PLT32)),
    c.EM_386: frozenset((c.R_386_PC32, c.R_386_PLT32)),
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A relocation in a section: who refers to whom.

    `offset` is in `section`. `is_branch` tells that it is the target of a direct call or jump.
    """

    section: SectionHeader
    offset: int
    symbol: Symbol
    target: SectionHeader
    is_branch: bool


class RelocatableModel:
    """An ET_REL file with its configuration."""

    def __init__(self, elf: ElfFile, config: LintConfig) -> None:
        self.elf = elf
        self.config = config

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """References from allocated sections to symbols that the object defines in a section."""
        return tuple(self._references())

    def _references(self) -> Iterator[Reference]:
        elf = self.elf
        symbols = elf.symbols
        for table in elf.relocation_sections():
            section = elf.sections[table.sh_info]
            if not section.is_alloc:
                continue
            data = elf.section_data(section)
            for relocation in elf.relocations(table):
                if not relocation.r_sym < len(symbols):
                    continue
                symbol = symbols[relocation.r_sym]
                if 0 < symbol.st_shndx < min(len(elf.sections), c.SHN_LORESERVE):
                    yield Reference(
                        section,
                        relocation.r_offset,
                        symbol,
                        elf.sections[symbol.st_shndx],
                        section.is_executable and self._is_branch(data, relocation),
                    )

    def _is_branch(self, data: memoryview, relocation: Relocation) -> bool:
        if relocation.r_type not in _BRANCHES[self.elf.header.e_machine]:
            return False
        at = relocation.r_offset
        if 1 <= at <= len(data) and data[at - 1] in _NEAR:
            return True
        return 2 <= at <= len(data) and data[at - 2] == 0x0F and data[at - 1] & 0xF0 == 0x80

    @cached_property
    def _by_section(self) -> dict[int, list[Symbol]]:
        result: dict[int, list[Symbol]] = {}
        for symbol in self.elf.symbols:
            if symbol.name and symbol.type in (c.STT_NOTYPE, c.STT_FUNC, c.STT_OBJECT):
                result.setdefault(symbol.st_shndx, []).append(symbol)
        for symbols in result.values():
            symbols.sort(key=lambda s: s.st_value)
        return result

    def place(self, section: SectionHeader, offset: int) -> str:
        """`symbol+0x10 in .text`, or the section's name and the offset."""
        best = None
        for symbol in self._by_section.get(section.index, ()):
            if symbol.st_value > offset:
                break
            best = symbol
        if best is None:
            return f"{section.name}+{offset:#x}"
        more = f"+{offset - best.st_value:#x}" if offset != best.st_value else ""
        return f"{best.name}{more} in {section.name}"

    def finding(
        self,
        message: str,
        *,
        hint: str | None = None,
        symbol: str | None = None,
        section: SectionHeader | None = None,
        facts: Sequence[tuple[str, str]] = (),
    ) -> Finding:
        """A finding about this object; the engine sets its code and severity."""
        described = describe_section(section) if section is not None else None
        evidence = Evidence(symbol=symbol, section=described, facts=tuple(facts))
        return Finding(Severity.ERROR, message, Span(self.elf.path), hint, evidence=evidence)
