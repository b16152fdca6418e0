"""Which code was written in assembly, and which by a compiler.

`.oro.code` lists assembly; what it does not list, a compiler wrote. Without it, debugging
information says the language of each unit. Without that too, a function symbol that is called, or
that code outside any function symbol jumps to, counts as compiled, and all else as assembly.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from orobuild.lint.program.compilation_units import compiled_ranges
from orobuild.lint.program.intervals import IntervalMap
from orobuild.lint.program.widths import SECTION

if TYPE_CHECKING:
    from orobuild.lint.program.program import Program

LISTED: Final = "listed"
DESCRIBED: Final = "described"
GUESSED: Final = "guessed"


class AssemblyCode:
    """Answers for an image; `knowledge` is `LISTED`, `DESCRIBED` or `GUESSED`."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._starts = [start for start, _, _ in program.widths]
        self._compiled: IntervalMap | None = None
        if program.elf.section(SECTION) is not None and program.widths:
            self.knowledge = LISTED
            return
        ranges = compiled_ranges(program.elf)
        self.knowledge = DESCRIBED if ranges else GUESSED
        if ranges:
            self._compiled = IntervalMap((start, end, 0) for start, end in ranges)

    def contains(self, address: int) -> bool:
        """Whether assembly may lie at this virtual address."""
        if self.knowledge == LISTED:
            index = bisect_right(self._starts, address) - 1
            return index >= 0 and address < self._program.widths[index][1]
        if self._program.region_at(address) is None:
            return False
        return self._compiled is None or self._compiled.find(address) is None

    def is_compiled(self, address: int, *, branch: int, by_call: bool) -> bool:
        """Whether a compiler wrote what the call or jump at `branch` reaches at `address`."""
        if self.knowledge != GUESSED:
            return not self.contains(address)
        symbols = self._program.symbols
        symbol, origin = symbols.at(address), symbols.at(branch)
        if symbol is None or symbol.address != address or not symbol.is_function:
            return False
        return by_call or (origin is not None and not origin.is_function)
