"""What a kernel is expected to say on any machine: the suites and cases that a log or a report had.

From a run, a report of `orobuild test --json`, or a console log; and what another machine's results lack
of it.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.machine import ktap
from orobuild.rig.index import Suite
from orobuild.testing.outcome import Kind, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orobuild.rig.index import Tests

_RAN = frozenset(
    kind.value
    for kind in (Kind.PASSED, Kind.FLAKY, Kind.SKIPPED, Kind.EXPECTED_FAILURE, Kind.FAILED)
)


def of_results(results: Iterable[Result]) -> list[Suite]:
    """The suites of what a machine reported; what is said in brackets is no suite."""
    return _suites((result.path, result.kind.value) for result in results)


def of_file(data: bytes, path: str) -> list[Suite]:
    """The suites in a report of `orobuild test --json`, of all its machines, or in a console log.

    Raises `InputError` if it is neither.
    """
    text = data.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        found = _of_report(text, path)
    else:
        log = ktap.parse(text.splitlines())
        found = _suites((p, result.status.value) for p, result in log.leaves())
    if not found:
        hint = "a report of `orobuild test --json FILE`, or a console's log with KTAP in it"
        raise InputError(error("there are no test results in it", Span(path), hint=hint))
    return found


def _of_report(text: str, path: str) -> list[Suite]:
    try:
        cells = json.loads(text)["cells"]
        rows = [
            (tuple(map(str, result["path"])), str(result["kind"]))
            for cell in cells
            for result in cell["results"]
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        message = "this is no report of `orobuild test --json`"
        raise InputError(error(message, Span(path))) from None
    return _suites(rows)


def _suites(rows: Iterable[tuple[Sequence[Any], str]]) -> list[Suite]:
    suites: dict[str, dict[str, None]] = {}
    for path, kind in rows:
        if not path or path[0].startswith("[") or kind not in _RAN:
            continue
        cases = suites.setdefault(path[0], {})
        if path[1:]:
            cases["/".join(path[1:])] = None
    return [Suite(name=name, cases=list(cases)) for name, cases in suites.items()]


def missing(tests: Tests, results: Sequence[Result]) -> Iterator[Result]:
    """A result for each suite that is expected and was not reported, and each case of the others.

    What an unfinished log says is missing already is not said again.
    """
    seen = {
        "/".join(result.path[:end]) for result in results for end in range(1, len(result.path) + 1)
    }
    for suite in tests.suites:
        if suite.name not in seen:
            if not _may_lack(tests, suite.name):
                yield _absent((suite.name,), "suite")
            continue
        for case in suite.cases:
            name = f"{suite.name}/{case}"
            if name not in seen and not _may_lack(tests, suite.name, name):
                yield _absent((suite.name, case), "case")


def _may_lack(tests: Tests, *names: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in tests.may_lack)


def _absent(path: tuple[str, ...], what: str) -> Result:
    reason = f"the bundle expects this {what}, and it was not reported"
    return Result(path=path, kind=Kind.MISSING, reason=reason)
