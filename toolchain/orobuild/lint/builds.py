"""Two builds of the same kernel, side by side: debug and release, say."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from orobuild.lint.program import Program

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile
    from orobuild.lint.config import LintConfig
    from orobuild.lint.program.symbols import ImageSymbol


class BuildPair:
    """`first` and `second` are the two images as programs; findings are about the second."""

    def __init__(self, first: ElfFile, second: ElfFile, config: LintConfig) -> None:
        self.first = Program(first, config)
        self.second = Program(second, config)

    @cached_property
    def shared(self) -> tuple[tuple[ImageSymbol, ImageSymbol], ...]:
        """The symbols that both builds have once, by name.

        Names that one build has twice (static functions of several files) tell nothing.
        """
        first, second = _single(self.first), _single(self.second)
        return tuple((first[name], second[name]) for name in first if name in second)


def _single(program: Program) -> dict[str, ImageSymbol]:
    found: dict[str, ImageSymbol] = {}
    twice: set[str] = set()
    for symbol in program.symbols:
        if symbol.name in found and found[symbol.name].address != symbol.address:
            twice.add(symbol.name)
        found[symbol.name] = symbol
    return {name: symbol for name, symbol in found.items() if name not in twice}
