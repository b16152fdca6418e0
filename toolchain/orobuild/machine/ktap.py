"""KTAP, the test protocol of Linux's kunit, read from a console log.

Source: Linux, Documentation/dev-tools/ktap.rst, version 1. Tests nest by two spaces of
indentation; a plan says how many to expect; a result line ends a test. A console carries other
text too, and may stop anywhere: what is missing or out of order becomes a result with its reason,
never an exception.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_VERSION: Final = re.compile(r"^(?P<indent> *)(?:K?TAP) version \d+\s*$")
_PLAN: Final = re.compile(r"^(?P<indent> *)1\.\.(?P<count>\d{1,9})\s*(?:#.*)?$")
_RESULT: Final = re.compile(
    r"^(?P<indent> *)(?P<status>ok|not ok) (?P<number>\d{1,9})\s*"
    r"(?:- )?(?P<name>[^#]*?)\s*(?:#\s*(?P<directive>\w+)?\s*(?P<comment>.*))?$"
)
_DIAGNOSTIC: Final = re.compile(r"^(?P<indent> *)# ?(?P<text>.*)$")


class Status(enum.Enum):
    """The outcome of one test; the value is what people read."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    TIMED_OUT = "timed out"
    MISSING = "missing"  # the plan, or a version line, promised it; the log ended before it


@dataclass(frozen=True, slots=True)
class Result:
    """One test. `name` as the log gives it; `problems` are breaches of the protocol.

    `diagnostics` are the `#` lines and other output between the previous result and this one.
    """

    name: str
    status: Status
    comment: str = ""
    diagnostics: tuple[str, ...] = ()
    subtests: tuple[Result, ...] = ()
    problems: tuple[str, ...] = ()

    def leaves(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Result]]:
        """Every test without subtests, with the names that lead to it."""
        path = (*path, self.name)
        if not self.subtests:
            yield path, self
        for subtest in self.subtests:
            yield from subtest.leaves(path)


@dataclass(frozen=True, slots=True)
class Log:
    """A parsed log: its top-level tests, and what was wrong with the protocol at the top level.

    `found` says whether there was any KTAP at all.
    """

    tests: tuple[Result, ...]
    problems: tuple[str, ...]
    found: bool

    def leaves(self) -> Iterator[tuple[tuple[str, ...], Result]]:
        """Every test without subtests, with the names that lead to it."""
        for test in self.tests:
            yield from test.leaves()

    def count(self, status: Status) -> int:
        """How many tests without subtests ended so."""
        return sum(result.status is status for _, result in self.leaves())

    @property
    def passed(self) -> bool:
        """Whether there were tests, none failed, none is missing, and the protocol was kept."""
        good = (Status.PASSED, Status.SKIPPED)
        every = [result for test in self.tests for result in _all(test)]
        return (
            bool(every)
            and not self.problems
            and all(r.status in good and not r.problems for r in every)
        )


def _all(result: Result) -> Iterator[Result]:
    yield result
    for subtest in result.subtests:
        yield from _all(subtest)


@dataclass
class _Level:
    """The tests at one indentation that have not been claimed by a parent's result line."""

    indent: int
    plan: int | None = None
    results: list[Result] = field(default_factory=list)
    diagnostics: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)  # diagnostics before the first result

    def close(self) -> tuple[tuple[Result, ...], tuple[str, ...]]:
        """The results, completed by those that the plan promised in vain, and the problems."""
        problems = list(self.problems)
        results = list(self.results)
        if self.plan is not None and len(results) != self.plan:
            problems.append(f"{self.plan} tests were planned, {len(results)} reported")
            last_words = tuple(self.diagnostics)  # of the test during which the log ended
            for number in range(len(results) + 1, min(self.plan, _MAX_MISSING) + 1):
                results.append(Result(f"test {number}", Status.MISSING, "", last_words))
                last_words = ()
        return tuple(results), tuple(problems)


_SUBTEST: Final = "Subtest: "
_MAX_MISSING: Final = 10_000  # a corrupt plan of 999999999 does not fill the memory


def parse(lines: Iterable[str]) -> Log:
    """Parse a console log given as lines without their ends."""
    parser = _Parser()
    for line in lines:
        parser.line(line.rstrip("\r"))
    return parser.end()


class _Parser:
    """State of `parse`: the open levels, outermost first; the outermost has indentation 0."""

    def __init__(self) -> None:
        self._levels: list[_Level] = []

    def line(self, line: str) -> None:
        """Take one line of the log."""
        if match := _VERSION.match(line):
            self._open(len(match["indent"]))
        elif not self._levels:
            return  # the machine's text before the tests
        elif match := _PLAN.match(line):
            self._level(len(match["indent"])).plan = int(match["count"])
        elif match := _RESULT.match(line):
            self._result(match)
        elif match := _DIAGNOSTIC.match(line):
            level = self._innermost(len(match["indent"]))
            level.diagnostics.append(match["text"])
            if not level.results:
                level.started.append(match["text"])
        else:
            self._levels[-1].diagnostics.append(line)

    def _open(self, indent: int) -> None:
        if not self._levels:
            self._levels.append(_Level(0))
        if indent == 0:
            return  # the first stream of tests, or one that goes on where another ended
        while self._levels[-1].indent >= indent:
            self._orphan()
        self._levels.append(_Level(indent))

    def _orphan(self) -> None:
        """A nested level ends without its parent's result line: keep it as a failed test."""
        level = self._levels.pop()
        results, problems = level.close()
        names = (d.removeprefix(_SUBTEST) for d in level.started if d.startswith(_SUBTEST))
        result = Result(
            next(names, "(unnamed)"),
            Status.MISSING,
            subtests=results,
            problems=(*problems, "its tests have no result line of their own"),
        )
        self._levels[-1].results.append(result)

    def _level(self, indent: int) -> _Level:
        """The level of an indentation; deeper ones end, a missing one begins."""
        while self._levels[-1].indent > indent:
            self._orphan()
        if self._levels[-1].indent < indent:
            self._levels.append(_Level(indent))
        return self._levels[-1]

    def _innermost(self, indent: int) -> _Level:
        return next(level for level in reversed(self._levels) if level.indent <= indent)

    def _result(self, match: re.Match[str]) -> None:
        indent, number = len(match["indent"]), int(match["number"])
        subtests: tuple[Result, ...] = ()
        problems: list[str] = []
        while self._levels[-1].indent > indent:
            if self._levels[-2].indent > indent:
                self._orphan()
                continue
            subtests, found = self._levels.pop().close()
            problems += found
        level = self._level(indent)
        expected = len(level.results) + 1
        if number != expected:
            problems.append(f"result {number} where {expected} was expected")
        status = _status(match["status"], match["directive"])
        if status is Status.PASSED and any(
            r.status not in (Status.PASSED, Status.SKIPPED) for r in subtests
        ):
            problems.append("reported as passed although a subtest did not pass")
            status = Status.FAILED
        level.results.append(
            Result(
                match["name"] or f"test {number}",
                status,
                (match["comment"] or "").strip(),
                tuple(level.diagnostics),
                subtests,
                tuple(problems),
            )
        )
        level.diagnostics = []

    def end(self) -> Log:
        """The log as it stands; what is open was cut off."""
        while len(self._levels) > 1:
            self._orphan()
        if not self._levels:
            return Log((), (), found=False)
        results, problems = self._levels[0].close()
        return Log(results, problems, found=True)


def _status(word: str, directive: str | None) -> Status:
    if directive and directive.upper() == "SKIP":
        return Status.SKIPPED
    if directive and directive.upper() == "TIMEOUT":
        return Status.TIMED_OUT
    return Status.PASSED if word == "ok" else Status.FAILED
