"""Which cells and cases are asked for: globs as people type them.

`SUITE`, `SUITE/CASE`, `CELL::SUITE/CASE` and `CELL::`, each part a glob of `fnmatch`. Several patterns are
alternatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import did_you_mean
from orobuild.errors import UsageError
from orobuild.testing.outcome import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orobuild.testing.cell import Cell
    from orobuild.testing.outcome import CellResult, Result, Run


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, taken apart; an empty `case` means everything that the cell has."""

    text: str
    cell: str
    case: str

    def has_cell(self, name: str) -> bool:
        """Whether it means the cell called `name`."""
        return fnmatchcase(name, self.cell)

    def has_case(self, path: Sequence[str]) -> bool:
        """Whether it means this case: by its whole path, or a suite that it is in."""
        return not self.case or any(
            fnmatchcase("/".join(path[:end]), self.case) for end in range(1, len(path) + 1)
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for; without patterns, everything."""

    patterns: tuple[Pattern, ...] = ()

    def cells(self, cells: Sequence[Cell]) -> tuple[Cell, ...]:
        """The cells in which something is asked for. Raises `UsageError` for a pattern without one."""
        for pattern in self.patterns:
            if not any(pattern.has_cell(cell.name) for cell in cells):
                names = [cell.name for cell in cells]
                raise UsageError(
                    f"no cell's name matches '{pattern.cell}'",
                    hint=did_you_mean(pattern.cell, names) or "'orobuild test --list' shows them",
                )
        if not self.patterns:
            return tuple(cells)
        return tuple(c for c in cells if any(p.has_cell(c.name) for p in self.patterns))

    def has_case(self, cell: str, path: Sequence[str]) -> bool:
        """Whether a case of a cell is asked for; what is said of the machine itself always is."""
        if not self.patterns or path[0].startswith("["):
            return True
        return any(p.has_cell(cell) and p.has_case(path) for p in self.patterns)

    def suites(self, cell: str) -> tuple[str, ...]:
        """Globs of the suites that a cell needs to run, empty for all of them."""
        patterns = [pattern for pattern in self.patterns if pattern.has_cell(cell)]
        if not patterns or any(not pattern.case for pattern in patterns):
            return ()
        return tuple(dict.fromkeys(pattern.case.partition("/")[0] for pattern in patterns))

    def check_found(self, run: Run) -> None:
        """Raise `UsageError` for a pattern that no case of the run matches.

        Only if every machine came far enough to say what it has.
        """
        names: dict[str, None] = {}
        for cell, result in run.results():
            if not result.path[0].startswith("["):
                names[result.name] = None
            elif not result.is_good and not _is_for_want_of_tests(cell, result):
                return
            names.update(dict.fromkeys(cell.suites))
        for pattern in self.patterns:
            if pattern.case and not any(pattern.has_case(name.split("/")) for name in names):
                raise UsageError(
                    f"no suite and no case matches '{pattern.case}'",
                    hint=did_you_mean(pattern.case, names) or _known(names),
                )


def _is_for_want_of_tests(cell: CellResult, result: Result) -> bool:
    """Whether a kernel that was asked for suites that it has not says so by failing."""
    named = [r for r in cell.results if not r.path[0].startswith("[")]
    return result.kind is Kind.FAILED and cell.deselected > 0 and not named


def _known(names: Iterable[str]) -> str:
    suites = dict.fromkeys(name.partition("/")[0] for name in names)
    return f"suites: {', '.join(suites)}" if suites else "the kernel reports no tests by name"


EVERYTHING: Final = Selection()
"""No pattern: all cells, all cases."""


def read(patterns: Iterable[str]) -> Selection:
    """The selection that `patterns` describe. Raises `UsageError` for an empty one."""
    found = []
    for text in patterns:
        cell, colons, case = text.rpartition("::")
        if not text.strip(":"):
            raise UsageError(
                f"'{text}' is no filter", hint="SUITE, SUITE/CASE, CELL::SUITE or CELL::"
            )
        found.append(Pattern(text, cell if colons and cell else "*", case))
    return Selection(tuple(found))
