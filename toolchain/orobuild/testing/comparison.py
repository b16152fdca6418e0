"""Results beside each other: boots of one cell, and cells of one kernel."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from orobuild.testing.outcome import BOOT, KTAP, Kind, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.testing.outcome import CellResult


def with_retries(boots: Sequence[CellResult]) -> CellResult:
    """The last of several boots of one cell, with what became of the first one's failures.

    What failed in an earlier boot and not in the last is flaky, and has its first evidence. Cases that an earlier
    boot did not come to are not: what kept it from them is.
    """
    last = boots[-1]
    if len(boots) == 1:
        return last
    earlier: dict[tuple[str, ...], Result] = {}
    for boot in boots[:-1]:
        for result in boot.results:
            if not result.is_good and result.kind is not Kind.MISSING:
                earlier.setdefault(result.path, result)
    merged = []
    for result in last.results:
        first = earlier.pop(result.path, None)
        merged.append(_flaky(result, first) if first and result.is_good else result)
    # What had no result of its own this time: a machine that ended well has nothing to say of it.
    said = {result.path[0] for result in last.results if not result.is_good}
    for path, first in earlier.items():
        if path[0] in (BOOT, KTAP) or not said:
            merged.append(_flaky(Result(path=path, kind=Kind.PASSED), first))
    return replace(
        last,
        results=tuple(merged),
        attempts=len(boots),
        seconds=sum(boot.seconds for boot in boots),
        earlier_logs=tuple(boot.log for boot in boots[:-1] if boot.log),
    )


def _flaky(result: Result, first: Result) -> Result:
    return replace(
        result,
        kind=Kind.FLAKY,
        reason=f"{first.kind.value} before it passed: {first.reason}",
        evidence=first.evidence,
        place=first.place,
        first=first,
    )


def with_missing_suites(
    cells: Sequence[CellResult], may_lack: Sequence[str] = ()
) -> tuple[CellResult, ...]:
    """`cells`, each with a result for every suite that others have and its whole log has not.

    Placeholders for tests that a cut log did not come to get the names that they have elsewhere.
    """
    whole = [cell for cell in cells if cell.was_run and cell.suites and not _is_cut(cell)]
    names: dict[str, int] = {}
    for cell in whole:
        for suite in cell.suites:
            names[suite] = names.get(suite, 0) + 1
    order = max((cell.suites for cell in whole), key=len, default=())
    done = []
    for cell in cells:
        if not cell.was_run:
            done.append(cell)
        elif _is_cut(cell):
            done.append(_named(cell, order))
        else:
            lacking = [
                Result(
                    path=(suite,),
                    kind=Kind.MISSING,
                    reason=f"{count} other cells have this suite, and this cell's log has not",
                )
                for suite, count in names.items()
                if suite not in cell.suites and not any(fnmatchcase(suite, p) for p in may_lack)
            ]
            done.append(replace(cell, results=(*cell.results, *lacking)))
    return tuple(done)


def _is_cut(cell: CellResult) -> bool:
    return any(result.path[0] in (BOOT, KTAP) and not result.is_good for result in cell.results)


def _named(cell: CellResult, order: Sequence[str]) -> CellResult:
    """`cell`, the top-level tests that it did not come to called as in a cell that did."""
    if tuple(order[: len(cell.suites)]) != cell.suites:
        return cell
    placeholders = {f"test {number}": name for number, name in enumerate(order, start=1)}
    results = tuple(
        replace(result, path=(placeholders[result.path[0]],))
        if result.kind is Kind.MISSING and len(result.path) == 1 and result.path[0] in placeholders
        else result
        for result in cell.results
    )
    return replace(cell, results=results)
