"""What came of a run: every result of its own kind, with its evidence, as values.

Three levels: a `Run` has `CellResult`s, each with its `Result`s: the kernel's own test cases, and what is
said of the machine, the log and the page tables, under names in brackets (`[boot]`).
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orobuild.testing.cell import Cell

BOOT: Final = "[boot]"
KTAP: Final = "[ktap]"
LIVE: Final = "[live]"
"""Names of results that are about the machine's end, the log's protocol, the page tables."""


class Kind(enum.Enum):
    """What a result is; the value is what people and formats read."""

    PASSED = "passed"
    FLAKY = "flaky"  # passed, but only when it was tried again
    SKIPPED = "skipped"
    EXPECTED_FAILURE = "expected failure"
    # a test case
    FAILED = "failed"
    TIMED_OUT = "timed out"
    ERROR = "error"
    MISSING = "missing"  # promised by a plan, or run in other cells, and not reported
    # the log
    PROTOCOL = "protocol"  # numbers out of order, a suite without a result
    PLAN = "plan not kept"
    TRUNCATED = "truncated"
    # the machine
    PANIC = "panic"
    LOADER_ERROR = "loader error"
    RESET = "reset"
    POWER_OFF = "power off"
    HANG = "hang"
    CRASH = "emulator crash"
    NOT_STARTED = "not started"  # a missing emulator or firmware, or an emulator that refused
    NOT_RUN = "not run"  # the run was ended before
    # the page tables
    LINT = "lint finding"


GOOD: Final = frozenset((Kind.PASSED, Kind.FLAKY, Kind.SKIPPED, Kind.EXPECTED_FAILURE))
ERRORS: Final = frozenset((Kind.ERROR, Kind.NOT_STARTED, Kind.CRASH, Kind.NOT_RUN))
"""What says nothing about the kernel: the test was not carried out."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a source file, as a test's message names it."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One result. `path` is suite and case, or one name in brackets.

    `reason` is a sentence, empty for a pass; `evidence` lines that support it; `seconds` wall time.
    `first` is what a flaky one was before it passed.
    """

    path: tuple[str, ...]
    kind: Kind
    reason: str = ""
    evidence: tuple[str, ...] = ()
    place: Place | None = None
    seconds: float = 0.0
    first: Result | None = None

    @property
    def name(self) -> str:
        """`suite/case`."""
        return "/".join(self.path)

    @property
    def is_good(self) -> bool:
        """Whether nobody has to do anything about it."""
        return self.kind in GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """What came of one cell: of its last boot, if it was booted again because it failed.

    `repetition` counts from 1 if every cell is run several times, `attempts` how often this one was
    booted. `log` is the file with all that the last boot's console said, `earlier_logs` those of
    the boots before; `tail` its last lines. `deselected` counts cases that a filter left out.
    `suites` are the top-level suites in the log; `live` says what was made of the page tables, in words.
    `timings` are what happened at a place of a lab, with seconds from the beginning.
    """

    cell: Cell
    results: tuple[Result, ...]
    repetition: int = 0
    attempts: int = 1
    seconds: float = 0.0
    log: Path | None = None
    earlier_logs: tuple[Path, ...] = ()
    tail: tuple[str, ...] = ()
    deselected: int = 0
    suites: tuple[str, ...] = ()
    live: str = ""
    timings: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        """The cell's name; with `#2` for the second repetition."""
        return f"{self.cell.name}#{self.repetition}" if self.repetition else self.cell.name

    @property
    def passed(self) -> bool:
        """Whether there are results, and all are good."""
        return bool(self.results) and all(result.is_good for result in self.results)

    @property
    def bad(self) -> tuple[Result, ...]:
        """The results that are not good, what is said of the machine first."""
        own = [r for r in self.results if not r.is_good]
        return tuple(sorted(own, key=lambda r: not r.path[0].startswith("[")))

    @property
    def counts(self) -> Counter[Kind]:
        """How many results there are of each kind."""
        return Counter(result.kind for result in self.results)

    @property
    def was_run(self) -> bool:
        """Whether a machine was started."""
        return not any(r.kind in (Kind.NOT_STARTED, Kind.NOT_RUN) for r in self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A whole run, its cells in the order of the matrix. `interrupted` by a person or another program.

    `seconds` is wall time, without the build.
    """

    project: str
    cells: tuple[CellResult, ...]
    seconds: float
    interrupted: bool = False

    @property
    def counts(self) -> Counter[Kind]:
        """How many results there are of each kind in all cells."""
        return sum((cell.counts for cell in self.cells), Counter())

    @property
    def passed(self) -> bool:
        """Whether every cell has passed."""
        return bool(self.cells) and all(cell.passed for cell in self.cells)

    @property
    def status(self) -> int:
        """The exit status: 1 for results that are not good, 2 if they are all missing tools."""
        bad = [result for cell in self.cells for result in cell.bad]
        if not bad:
            return 0 if self.cells else 2
        return 2 if all(result.kind is Kind.NOT_STARTED for result in bad) else 1

    def results(self) -> Iterator[tuple[CellResult, Result]]:
        """Every result with its cell."""
        return ((cell, result) for cell in self.cells for result in cell.results)
