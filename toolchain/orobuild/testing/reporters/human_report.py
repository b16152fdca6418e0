"""For a person at a terminal: what is wrong, with its evidence, and a last line with all numbers."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, Literal

from orobuild.testing.outcome import ERRORS, Kind
from orobuild.testing.reporters import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from orobuild.testing.outcome import CellResult, Result, Run

Role = Literal["good", "bad", "doubtful", "dim", "head"]
Paint = "Callable[[str, Role], str]"

_MOST_NAMES: Final = 6  # of cases that are missing alike
_WIDTH: Final = 8
_CONTROL: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def plain(text: str, _role: Role) -> str:
    """`text` without colours."""
    return text


def report(run: Run, root: Path, paint: Callable[[str, Role], str] = plain) -> str:
    """What is not good, cell by cell; what was flaky; what failed how often; the totals."""
    lines: list[str] = []
    for cell in run.cells:
        lines += _cell(cell, root, paint)
    lines += _repetitions(run, paint)
    lines += _totals(run, paint)
    return "".join(f"{line}\n" for line in lines)


def line(cell: CellResult, paint: Callable[[str, Role], str] = plain) -> str:
    """One line about a cell that is done."""
    word, role = _verdict(cell)
    counts = _counts(cell.counts)
    suites = f"{len(cell.suites)} suites, " if 1 < len(cell.suites) < len(cell.results) else ""
    left = f", {cell.deselected} deselected" if cell.deselected else ""
    booted = f", booted {cell.attempts} times" if cell.attempts > 1 else ""
    live = paint(f"  {cell.live}", "dim") if cell.live else ""
    return (
        f"{paint(f'{word:<{_WIDTH}}', role)} {cell.name}  {suites}{counts}{left}{booted}"
        f"  {cell.seconds:.1f} s{live}"
    )


def _verdict(cell: CellResult) -> tuple[str, Role]:
    if not cell.passed:
        return ("ERROR" if all(r.kind in ERRORS for r in cell.bad) else "FAILED"), "bad"
    if cell.counts[Kind.FLAKY]:
        return "FLAKY", "doubtful"
    return "passed", "good"


def _counts(counts: Mapping[Kind, int]) -> str:
    return ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind if counts.get(kind))


def _cell(cell: CellResult, root: Path, paint: Callable[[str, Role], str]) -> Iterator[str]:
    told = [r for r in cell.results if r.kind is Kind.FLAKY]
    if not cell.bad and not told:
        return
    missing = [r for r in cell.bad if r.kind is Kind.MISSING]
    others = [r for r in cell.bad if r.kind is not Kind.MISSING]
    for result in others:
        yield from _result(cell, result, "bad", paint)
    for result in told:
        yield from _result(cell, result, "doubtful", paint)
    if missing:
        names = ", ".join(r.name for r in missing[:_MOST_NAMES])
        more = f" and {len(missing) - _MOST_NAMES} more" if missing[_MOST_NAMES:] else ""
        head = paint(f"{Kind.MISSING.value}: {len(missing)}", "bad")
        yield f"── {head}  {cell.name}  {names}{more}"
        for reason in dict.fromkeys(r.reason for r in missing):
            yield f"   {reason}"
    if cell.log is not None:
        for log in (*cell.earlier_logs, cell.log):
            yield paint(f"   log  {shown(log, root)}", "dim")


def _result(
    cell: CellResult, result: Result, role: Role, paint: Callable[[str, Role], str]
) -> Iterator[str]:
    yield f"── {paint(result.kind.value, role)}  {cell.name}  {result.name}"
    yield f"   {_printable(result.reason) or 'no reason given'}"
    evidence = [text for text in result.evidence if text.strip() != result.reason]
    yield from (f"   {_printable(text)}".rstrip() for text in evidence)
    if result.path[0].startswith("[boot") and cell.tail and result.kind is not Kind.FLAKY:
        yield paint("   the console's last lines:", "dim")
        yield from (f"   │ {_printable(text)}" for text in cell.tail)


def _printable(text: str) -> str:
    """`text` without what would move a terminal's cursor or change its colours."""
    return _CONTROL.sub("", text)


def _repetitions(run: Run, paint: Callable[[str, Role], str]) -> Iterator[str]:
    """Of a run with repetitions: how often each thing failed."""
    runs = Counter(cell.cell.name for cell in run.cells if cell.repetition and cell.was_run)
    failed = Counter(
        (cell.cell.name, result.name)
        for cell in run.cells
        if cell.repetition
        for result in cell.bad
        if result.kind is not Kind.NOT_RUN
    )
    for (name, result), count in failed.most_common():
        yield f"{paint(f'{result} failed in {count} of {runs[name]} runs', 'bad')} of {name}"


def _totals(run: Run, paint: Callable[[str, Role], str]) -> Iterator[str]:
    if run.interrupted:
        yield paint("interrupted: the results are those of what had ended", "bad")
    passed = sum(cell.passed for cell in run.cells)
    failed = len(run.cells) - passed
    cells = f"{len(run.cells)} cell{'s' if len(run.cells) != 1 else ''}"
    told = f"{passed} passed" + (f", {failed} not" if failed else "")
    role: Role = "bad" if failed or not run.cells else "good"
    if run.passed and run.counts[Kind.FLAKY]:
        role = "doubtful"
    yield f"{paint(f'{cells}: {told}', role)}  {_counts(run.counts)}  in {run.seconds:.1f} s"


def listing(rows: Sequence[tuple[str, str]]) -> str:
    """Names and what they are, one pair a line."""
    width = max((len(name) for name, _ in rows), default=0)
    return "".join(f"{name:<{width}}  {what}\n" for name, what in rows)
