"""The symbols of an image as a map from addresses to names.

Reads the table in its on-disk form: a kernel has 100,000 symbols and a finding names a few.
Dynamic symbols stand in when the image is stripped.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c
from orobuild.elf.structures import iter_symbols

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import SectionHeader

MAX_NAME: Final = 4096  # bytes; names may share bytes, so their sum has no other bound
_NAMED: Final = frozenset((c.STT_NOTYPE, c.STT_OBJECT, c.STT_FUNC, c.STT_GNU_IFUNC))
_CODE: Final = frozenset((c.STT_FUNC, c.STT_GNU_IFUNC))


@dataclass(frozen=True, slots=True)
class ImageSymbol:
    """A defined symbol. `address` is its value, `section` the index of its section."""

    name: str
    address: int
    size: int
    type: int
    section: int

    @property
    def is_function(self) -> bool:
        """Whether the symbol says that it is code (STT_FUNC, STT_GNU_IFUNC)."""
        return self.type in _CODE


class SymbolTable:
    """Symbols by address and by name. `placed` are those of SHF_ALLOC sections."""

    def __init__(self, elf: ElfFile) -> None:
        self._elf = elf
        table = elf.symbol_table or next(
            (s for s in elf.sections if s.sh_type == c.SHT_DYNSYM), None
        )
        self._strings = b""
        # (address, rank, -size, st_name, type, section): the first of an address is its best name
        self._placed: list[tuple[int, int, int, int, int, int]] = []
        self._unplaced: list[tuple[int, int, int, int, int, int]] = []
        self.has_undefined_weak = False
        if table is not None:
            self._read(elf, table)

    def _read(self, elf: ElfFile, table: SectionHeader) -> None:
        sections = elf.sections
        self._strings = elf.section_data(sections[table.sh_link]).tobytes()
        alloc = [s.is_alloc for s in sections]
        rows = iter_symbols(elf.ei_class, elf.section_data(table))
        extended = elf.extended_indices(table, len(rows))
        for number, (name, info, _, shndx, value, size) in enumerate(rows):
            if shndx == c.SHN_XINDEX and extended is not None:
                shndx = extended[number]  # noqa: PLW2901
            elif shndx >= c.SHN_LORESERVE:
                continue
            kind = info & 0xF
            if shndx == c.SHN_UNDEF:
                self.has_undefined_weak |= info >> 4 == c.STB_WEAK
            elif kind in _NAMED and name and shndx < len(alloc):
                rank = (kind not in _CODE) * 4 + (kind == c.STT_OBJECT) * 2
                rank += info >> 4 == c.STB_LOCAL
                row = (value, rank, -size, name, kind, shndx)
                (self._placed if alloc[shndx] else self._unplaced).append(row)
        self._placed.sort()

    def _symbol(self, row: tuple[int, int, int, int, int, int]) -> ImageSymbol:
        address, _, size, name, kind, section = row
        text = self._strings[name : name + MAX_NAME].partition(b"\0")[0]
        return ImageSymbol(text.decode("utf-8", "replace"), address, -size, kind, section)

    @cached_property
    def _addresses(self) -> list[int]:
        return [row[0] for row in self._placed]

    @cached_property
    def _starts(self) -> frozenset[int]:
        return frozenset(self._addresses)

    def is_start(self, address: int) -> bool:
        """Whether an allocated symbol has exactly this address."""
        return address in self._starts

    def at(self, address: int) -> ImageSymbol | None:
        """The best name for `address`: the nearest symbol at or below it that may contain it."""
        last = bisect_right(self._addresses, address) - 1
        if last < 0:
            return None
        start = self._placed[last][0]
        first = last
        while first and self._placed[first - 1][0] == start and last - first < 64:
            first -= 1
        symbol = self._symbol(self._placed[first])
        section = self._elf.sections[symbol.section]
        end = start + symbol.size if symbol.size else section.sh_addr + section.sh_size
        return symbol if start == address or address < end else None

    def name(self, address: int) -> str | None:
        """`symbol` or `symbol+0x10` for an address, None when no symbol contains it."""
        symbol = self.at(address)
        if symbol is None:
            return None
        offset = address - symbol.address
        return f"{symbol.name}+{offset:#x}" if offset else symbol.name

    def functions(self) -> Iterator[tuple[int, int]]:
        """(address, size in bytes) of every allocated STT_FUNC and STT_GNU_IFUNC symbol."""
        for address, rank, size, _, _, _ in self._placed:
            if rank < 4:
                yield address, -size

    def function_symbols(self) -> Iterator[ImageSymbol]:
        """Every symbol that says that it is code, placed or not."""
        for row in (*self._placed, *self._unplaced):
            if row[4] in _CODE:
                yield self._symbol(row)

    def untyped(self) -> Iterator[tuple[int, int]]:
        """(address, section) of every STT_NOTYPE symbol: assembly without `.type`."""
        for address, _, _, _, kind, section in self._placed:
            if kind == c.STT_NOTYPE:
                yield address, section

    @cached_property
    def _unplaced_code(self) -> dict[int, tuple[int, int, int, int, int, int]]:
        return {row[0]: row for row in reversed(self._unplaced) if row[4] != c.STT_OBJECT}

    def unplaced_at(self, address: int) -> ImageSymbol | None:
        """The code-like symbol with this value in a section that is not allocated, or None."""
        row = self._unplaced_code.get(address)
        return None if row is None else self._symbol(row)

    def __iter__(self) -> Iterator[ImageSymbol]:
        return (self._symbol(row) for row in self._placed)

    @cached_property
    def by_name(self) -> dict[str, ImageSymbol]:
        """The allocated symbols by name; of equal names the first by address."""
        result: dict[str, ImageSymbol] = {}
        for row in self._placed:
            symbol = self._symbol(row)
            result.setdefault(symbol.name, symbol)
        return result
