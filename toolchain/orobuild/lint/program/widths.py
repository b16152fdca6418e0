"""Which code is 16, 32 or 64 bits wide: `.oro.code`, else the configuration, else the machine.

The format of `.oro.code` is in docs/design.md.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, did_you_mean, error
from orobuild.elf import constants as c
from orobuild.elf.reader import ElfError
from orobuild.errors import UsageError
from orobuild.lint.program.intervals import IntervalMap

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile
    from orobuild.lint.config import LintConfig
    from orobuild.lint.program.symbols import SymbolTable

SECTION: Final = ".oro.code"
ENTRY: Final = struct.Struct("<QQII")

Range = tuple[int, int, int]  # (start, end, width), virtual addresses


def default_width(elf: ElfFile) -> int:
    """The width that the machine field promises."""
    return 32 if elf.header.e_machine == c.EM_386 else 64


def resolve_region(elf: ElfFile, symbols: SymbolTable, region: str) -> tuple[int, int]:
    """(start, end) of a region as the configuration names it. Raises `UsageError`."""
    section = elf.section(region)
    if section is not None:
        return section.sh_addr, section.sh_addr + section.sh_size
    names = symbols.by_name
    first, dots, last = region.partition("..")
    for name in (first, last) if dots else (first,):
        if name not in names:
            raise UsageError(
                f"{elf.path}: no section or symbol is called '{name}'",
                hint=did_you_mean(name, [*names, *(s.name for s in elf.sections)]),
            )
    start = names[first]
    end = names[last].address if dots else start.address + start.size
    if end <= start.address:
        raise UsageError(
            f"{elf.path}: the region '{region}' is empty",
            hint="name a symbol that has a size, or two symbols as start..end",
        )
    return start.address, end


def declared_widths(elf: ElfFile, symbols: SymbolTable, config: LintConfig) -> list[Range]:
    """The ranges whose width is known, sorted and disjoint; the configuration has the last word.

    Raises `ElfError` for a malformed `.oro.code`, `UsageError` for a region that is not there.
    """
    ranges: list[Range] = []
    section = elf.section(SECTION)
    if section is not None:
        data = elf.section_data(section)
        if len(data) % ENTRY.size:
            raise ElfError(
                error(f"section '{SECTION}' is not a whole number of entries", Span(elf.path))
            )
        for address, size, width, _ in ENTRY.iter_unpack(data):
            if width not in (16, 32, 64):
                raise ElfError(
                    error(f"section '{SECTION}' has code of {width} bits", Span(elf.path))
                )
            ranges.append((address, address + size, width))
    ranges.extend((*resolve_region(elf, symbols, item.region), item.width) for item in config.code)
    return _flatten(ranges)


def _flatten(ranges: list[Range]) -> list[Range]:
    """Sorted, disjoint, touching ranges of one width joined; a later range wins an overlap."""
    disjoint = IntervalMap((start, end, -i) for i, (start, end, _) in enumerate(ranges))
    joined: list[Range] = []
    for start, end, index in disjoint.pieces():
        width = ranges[-index][2]
        if joined and joined[-1][1] == start and joined[-1][2] == width:
            joined[-1] = (joined[-1][0], end, width)
        else:
            joined.append((start, end, width))
    return joined
