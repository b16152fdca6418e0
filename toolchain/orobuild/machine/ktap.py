"""KTAP, the test protocol of Linux's kunit, read from a console log.

Source: Linux, Documentation/dev-tools/ktap.rst, version 1, and what it inherits of TAP. Tests nest by two
spaces of indentation; a plan says how many to expect; a result line ends a test. A console carries
other text too (time stamps before each line, colours, other cores' messages), and may stop anywhere:
what is missing or out of order becomes a result with its reason, never an exception.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What stands before the first line, `[    1.234567] ` or `<6>`, stands before each.
_FIRST: Final = re.compile(
    r"^(?P<prefix>(?:.{0,60}[\]>:|] ?)?)(?P<indent> *)K?TAP version \d{1,4}\s*$"
)
_VERSION: Final = re.compile(r"^(?P<indent> *)K?TAP version \d{1,4}\s*$")
_PLAN: Final = re.compile(r"^(?P<indent> *)1\.\.(?P<count>\d{1,9})\s*(?:#\s*(?P<comment>.*))?$")
_RESULT: Final = re.compile(
    r"^(?P<indent> *)(?P<status>ok|not ok)(?: (?P<number>\d{1,9})(?!\S)| (?=- ))\s*(?P<rest>.*)$"
)
_BAIL_OUT: Final = re.compile(r"^ *Bail out!\s*(?P<reason>.*)$")
_DIAGNOSTIC: Final = re.compile(r"^(?P<indent> *)# ?(?P<text>.*)$")
# A `#` that begins a directive or a comment stands alone, or before a directive's name.
_COMMENT: Final = re.compile(
    r"(?:^|(?<=\s))(?<!\\)#(?:\s+|(?=skip|todo|xfail|timeout|error)|$)", re.IGNORECASE
)
_ESCAPES: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")


class Status(enum.Enum):
    """The outcome of one test; the value is what people read."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXPECTED_FAILURE = "expected failure"  # TODO and XFAIL: known not to work, and says so
    TIMED_OUT = "timed out"
    ERROR = "error"  # the test could not be carried out
    MISSING = "missing"  # the plan, or a version line, promised it; the log ended before it


GOOD: Final = frozenset((Status.PASSED, Status.SKIPPED, Status.EXPECTED_FAILURE))
"""What makes nobody's test fail."""


@dataclass(frozen=True, slots=True)
class Result:
    """One test. `name` as the log gives it; `problems` are breaches of the protocol.

    `diagnostics` are the `#` lines and other output between the previous result and this one;
    `seconds` how long after the previous line of the protocol it came, if the log has times.
    """

    name: str
    status: Status
    comment: str = ""
    diagnostics: tuple[str, ...] = ()
    subtests: tuple[Result, ...] = ()
    problems: tuple[str, ...] = ()
    seconds: float = 0.0

    def leaves(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Result]]:
        """Every test without subtests, with the names that lead to it."""
        return ((path, result) for path, result in self.walk(path) if not result.subtests)

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Result]]:
        """This test and all below it, each with the names that lead to it."""
        path = (*path, self.name)
        yield path, self
        for subtest in self.subtests:
            yield from subtest.walk(path)


@dataclass(frozen=True, slots=True)
class Log:
    """A parsed log: its top-level tests, and what was wrong with the protocol at the top level.

    `found` says whether there was any KTAP at all, `complete` whether all that the top level's plan
    promised was reported.
    """

    tests: tuple[Result, ...]
    problems: tuple[str, ...]
    found: bool
    complete: bool = False

    def leaves(self) -> Iterator[tuple[tuple[str, ...], Result]]:
        """Every test without subtests, with the names that lead to it."""
        for test in self.tests:
            yield from test.leaves()

    def walk(self) -> Iterator[tuple[tuple[str, ...], Result]]:
        """Every test, outer ones before those in them, with the names that lead to it."""
        for test in self.tests:
            yield from test.walk()

    def count(self, status: Status) -> int:
        """How many tests without subtests ended so."""
        return sum(result.status is status for _, result in self.leaves())

    @property
    def passed(self) -> bool:
        """Whether there were tests, none failed, none is missing, and the protocol was kept."""
        every = [result for _, result in self.walk()]
        return (
            bool(every)
            and not self.problems
            and all(r.status in GOOD and not r.problems for r in every)
        )


@dataclass
class _Level:
    """The tests at one indentation that have not been claimed by a parent's result line."""

    indent: int
    plan: int | None = None
    last: int = 0  # the number of the last result
    reported: int = 0  # results that stand in the log
    results: list[Result] = field(default_factory=list)
    diagnostics: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    name: str | None = None  # by a line `# Subtest: NAME`
    skipped: str | None = None  # the reason of a plan `1..0 # SKIP`

    def is_fulfilled(self) -> bool:
        return self.plan is not None and self.reported >= self.plan

    def close(self) -> tuple[tuple[Result, ...], tuple[str, ...]]:
        """The results, completed by those that the plan promised in vain, and the problems."""
        problems = list(self.problems)
        results = list(self.results)
        if self.plan is not None and self.reported != self.plan:
            problems.append(f"{self.plan} tests were planned, {self.reported} reported")
            last_words = tuple(self.diagnostics)  # of the test during which the log ended
            for number in range(len(results) + 1, min(self.plan, _MAX_MISSING) + 1):
                results.append(Result(f"test {number}", Status.MISSING, "", last_words))
                last_words = ()
        return tuple(results), tuple(problems)


_SUBTEST: Final = "Subtest: "
_MAX_MISSING: Final = 10_000  # a corrupt plan of 999999999 does not fill the memory
_MAX_DEPTH: Final = 64
_MAX_DIAGNOSTICS: Final = 1000  # lines kept of one test's


def parse(lines: Iterable[str]) -> Log:
    """Parse a console log given as lines without their ends."""
    parser = Parser()
    for line in lines:
        parser.line(line)
    return parser.end()


class Parser:
    """Reads a log as it comes: `line` takes each line, `end` gives the `Log`.

    Between lines, `results` is the number of result lines so far, `steps` that of all lines of the
    protocol.
    """

    def __init__(self) -> None:
        self._levels: list[_Level] = []  # open, outermost first; the outermost has indentation 0
        self._prefix: re.Pattern[str] | None = None
        self._time: float | None = None  # of the last line of the protocol
        self._now: float | None = None
        self.results = 0
        self.steps = 0

    @property
    def found(self) -> bool:
        """Whether there was any KTAP so far."""
        return bool(self._levels)

    @property
    def is_complete(self) -> bool:
        """Whether every test that the top level's plan promised has been reported."""
        return len(self._levels) == 1 and self._levels[0].is_fulfilled()

    @property
    def running(self) -> tuple[str, ...]:
        """The names of the suites that have begun, and the number of the test that runs now."""
        named = [level.name or f"test {self._levels[i].last + 1}" for i, level in self._open_levels]
        return (*named, f"test {self._levels[-1].last + 1}") if self._levels else ()

    @property
    def _open_levels(self) -> Iterator[tuple[int, _Level]]:
        return enumerate(self._levels[1:])

    def line(self, line: str, at: float | None = None) -> None:
        """Take one line of the log, which came `at` seconds."""
        line = _ESCAPES.sub("", line)
        self._now = at
        if self._levels:
            self._inner_line(self._without_prefix(line))
        elif match := _FIRST.match(line):
            self._learn_prefix(match["prefix"])
            self._open(len(match["indent"]))
            self._stepped()

    def _inner_line(self, line: str) -> None:
        if match := _VERSION.match(line):
            self._open(len(match["indent"]))
        elif match := _PLAN.match(line):
            self._plan(match)
        elif match := _RESULT.match(line):
            self._result(match)
        elif match := _BAIL_OUT.match(line):
            self._levels[0].problems.append(f"bailed out: {match['reason'] or 'no reason given'}")
        elif match := _DIAGNOSTIC.match(line):
            level = self._innermost(len(match["indent"]))
            if match["text"].startswith(_SUBTEST) and not level.results and level.name is None:
                level.name = match["text"].removeprefix(_SUBTEST)
            self._say(level, match["text"])
            return
        else:
            self._say(self._levels[-1], line)
            return
        self._stepped()

    def _say(self, level: _Level, text: str) -> None:
        if len(level.diagnostics) < _MAX_DIAGNOSTICS:
            level.diagnostics.append(text)

    def _stepped(self) -> None:
        self.steps += 1
        self._time = self._now

    def _learn_prefix(self, prefix: str) -> None:
        """Other lines have the same before them, with other digits."""
        if self._prefix is None and prefix:
            parts = re.split(r"([\d .]+)", prefix)
            pattern = "".join(r"[\d .]+" if i % 2 else re.escape(p) for i, p in enumerate(parts))
            if prefix.endswith(" "):  # of the prefix's own blanks it is one that ends it
                pattern = pattern.removesuffix(r"[\d .]+") + " "
            self._prefix = re.compile(pattern)

    def _without_prefix(self, line: str) -> str:
        match = self._prefix.match(line) if self._prefix else None
        return line[match.end() :] if match else line

    def _plan(self, match: re.Match[str]) -> None:
        level = self._level(len(match["indent"]))
        if level.plan is not None:
            level.problems.append(f"a second plan: 1..{match['count']} after 1..{level.plan}")
            return
        level.plan = int(match["count"])
        word, _, reason = (match["comment"] or "").partition(" ")
        if level.plan == 0 and word.upper() == "SKIP":
            level.skipped = reason.strip()

    def _open(self, indent: int) -> None:
        if not self._levels:
            self._levels.append(_Level(0))
        if indent == 0:
            return  # the first stream of tests, or one that goes on where another ended
        while self._levels[-1].indent >= indent:
            self._orphan()
        self._push(indent)

    def _push(self, indent: int) -> None:
        if len(self._levels) < _MAX_DEPTH:
            self._levels.append(_Level(indent))

    def _orphan(self) -> None:
        """A nested level ends without its parent's result line: keep it as a failed test."""
        level = self._levels.pop()
        results, problems = level.close()
        parent = self._levels[-1]
        result = Result(
            level.name or "(unnamed)",
            Status.MISSING,
            diagnostics=() if results else tuple(level.diagnostics),
            subtests=results,
            problems=(*problems, "its tests have no result line of their own"),
        )
        parent.results.append(result)
        parent.last += 1
        parent.reported += 1

    def _level(self, indent: int) -> _Level:
        """The level of an indentation; deeper ones end, a missing one begins."""
        while self._levels[-1].indent > indent:
            self._orphan()
        if self._levels[-1].indent < indent:
            self._push(indent)
        return self._levels[-1]

    def _innermost(self, indent: int) -> _Level:
        return next(level for level in reversed(self._levels) if level.indent <= indent)

    def _result(self, match: re.Match[str]) -> None:
        indent = len(match["indent"])
        inner: _Level | None = None
        subtests: tuple[Result, ...] = ()
        problems: list[str] = []
        while self._levels[-1].indent > indent:
            if self._levels[-2].indent > indent:
                self._orphan()
                continue
            inner = self._levels.pop()
            subtests, found = inner.close()
            problems += found
        level = self._level(indent)
        expected = level.last + 1
        number = int(match["number"]) if match["number"] else expected
        if number != expected:
            problems.append(f"result {number} where {expected} was expected")
            self._fill_gap(level, expected, number)
        level.last = max(level.last, number)
        name, directive, comment = _described(match["rest"])
        status = _status(match["status"], directive)
        if inner is not None and inner.skipped is not None and status is Status.PASSED:
            status, comment = Status.SKIPPED, comment or inner.skipped
        if status is Status.PASSED and any(r.status not in GOOD for r in subtests):
            problems.append("reported as passed although a subtest did not pass")
            status = Status.FAILED
        level.results.append(
            Result(
                name or (inner and inner.name) or f"test {number}",
                status,
                comment,
                tuple(level.diagnostics),
                subtests,
                tuple(problems),
                0.0 if self._now is None or self._time is None else self._now - self._time,
            )
        )
        level.reported += 1
        level.diagnostics = []
        self.results += 1

    def _fill_gap(self, level: _Level, expected: int, number: int) -> None:
        """Results between two numbers, whose lines are not in the log: their tests have run or not."""
        if level.plan is not None and expected < number <= level.plan:
            for lost in range(expected, min(number, expected + _MAX_MISSING)):
                level.results.append(Result(f"test {lost}", Status.MISSING))

    def end(self) -> Log:
        """The log as it stands; what is open was cut off."""
        complete = self.is_complete
        while len(self._levels) > 1:
            self._orphan()
        if not self._levels:
            return Log((), (), found=False)
        top = self._levels[0]
        results, problems = top.close()
        if top.skipped is not None and not results:
            results = (Result(top.name or "all tests", Status.SKIPPED, top.skipped),)
        return Log(results, problems, found=True, complete=complete)


def _described(rest: str) -> tuple[str, str, str]:
    """A result line's description: the test's name, the directive (upper case), and its comment."""
    match = _COMMENT.search(rest)
    name = (rest[: match.start()] if match else rest).strip()
    name = name.removeprefix("- ").strip() if name != "-" else ""
    comment = rest[match.end() :].strip() if match else ""
    word, _, reason = comment.partition(" ")
    # kselftest writes `# SKIP`, others `# skip: why`
    directive = word.rstrip(":").upper()
    if directive not in _DIRECTIVES:
        return name.replace("\\#", "#"), "", comment
    return name.replace("\\#", "#"), directive, reason.strip()


_DIRECTIVES: Final = {
    "SKIP": Status.SKIPPED,
    "TODO": Status.EXPECTED_FAILURE,
    "XFAIL": Status.EXPECTED_FAILURE,
    "TIMEOUT": Status.TIMED_OUT,
    "ERROR": Status.ERROR,
}


def _status(word: str, directive: str) -> Status:
    """A directive decides, but for a test to be done (`TODO`) that passes: it has passed."""
    if directive and not (directive == "TODO" and word == "ok"):
        return _DIRECTIVES[directive]
    return Status.PASSED if word == "ok" else Status.FAILED
