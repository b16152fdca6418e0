"""From what a machine said to results: the kernel's cases, and what is to be said of the boot itself.

Nothing that a log can hold makes this fail, and nothing bad in it goes without a result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from orobuild.machine.ktap import GOOD, Status
from orobuild.machine.report import Verdict
from orobuild.testing.outcome import BOOT, KTAP, Kind, Place, Result
from orobuild.testing.watcher import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.machine import ktap
    from orobuild.machine.report import BootReport
    from orobuild.project.schema import KernelTests
    from orobuild.testing.evidence import Explainer
    from orobuild.testing.watcher import Watcher

TAIL: Final = 20  # lines of a log that stand as evidence
_MOST_EVIDENCE: Final = 50  # lines of one case's own words

_KINDS: Final = {
    Status.PASSED: Kind.PASSED,
    Status.FAILED: Kind.FAILED,
    Status.SKIPPED: Kind.SKIPPED,
    Status.EXPECTED_FAILURE: Kind.EXPECTED_FAILURE,
    Status.TIMED_OUT: Kind.TIMED_OUT,
    Status.ERROR: Kind.ERROR,
    Status.MISSING: Kind.MISSING,
}
_VERDICTS: Final = {
    Verdict.FAIL: Kind.FAILED,
    Verdict.PANIC: Kind.PANIC,
    Verdict.LOADER_ERROR: Kind.LOADER_ERROR,
    Verdict.RESET: Kind.RESET,
    Verdict.POWER_OFF: Kind.POWER_OFF,
    Verdict.HANG: Kind.HANG,
    Verdict.STOPPED: Kind.HANG,
    Verdict.CRASH: Kind.CRASH,
}
# `kernel/test/frames_test.c:40: order is 0x3, not 0x2`, as kunit and many others write it
_PLACE: Final = re.compile(r"(?P<file>[\w./+-]+\.[A-Za-z]\w{0,3}):(?P<line>\d{1,6})(?::\d+)?\b")
_ENDED: Final = "the emulator ended with status"


def read(
    report: BootReport, watcher: Watcher, tests: KernelTests, explainer: Explainer
) -> tuple[tuple[Result, ...], tuple[str, ...]]:
    """Every result of a boot, and the top-level suites in its log.

    The results are in the log's order; what is said of the machine and the log comes last.
    """
    # As the log stands: ending it closes what is open.
    running, is_done = "/".join(watcher.parser.running), watcher.is_done
    log = watcher.parser.end()
    cases = list(_cases(log))
    if watcher.timed_out:
        cases = _with_timeout(cases, report.reason)
    ended = _Ending(report, watcher, tests, log.found, is_done or not log.found)
    is_explained = any(not case.is_good for case in cases)
    boot = ended.result(explainer, is_explained=is_explained)
    last = [boot] if boot else []
    orderly = boot is None or boot.kind is Kind.FAILED
    last += _protocol(log, orderly=orderly, last_words=running)
    if not last and not cases:
        last = [Result(path=(BOOT,), kind=Kind.PASSED, seconds=report.seconds)]
    suites = tuple(test.name for test in log.tests if test.status is not Status.MISSING)
    return (*cases, *last), suites


def tail(lines: Sequence[str], count: int = TAIL) -> tuple[str, ...]:
    """The last lines of a console that are not blank."""
    return tuple([line.rstrip() for line in lines if line.strip()][-count:])


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a boot ended, and whether that is how it should.

    `is_done`: the kernel had said all that it promised.
    """

    report: BootReport
    watcher: Watcher
    tests: KernelTests
    has_ktap: bool
    is_done: bool

    def result(self, explainer: Explainer, *, is_explained: bool) -> Result | None:
        """What is wrong with the machine's end, None if nothing is that a case does not say."""
        report, verdict = self.report, self.report.verdict
        if self.watcher.failure is not None and verdict is not Verdict.PANIC:
            reason = f"the console says: {self.watcher.failure.strip()}"
            return self._result(Kind.FAILED, reason, explainer)
        if self.watcher.cause is Cause.CANCELLED and verdict is Verdict.STOPPED:
            return Result(path=(BOOT,), kind=Kind.NOT_RUN, reason="the run was ended before it was")
        if self._is_orderly():
            said = report.console.verdict
            if said not in (None, "pass") and not is_explained:
                return self._result(Kind.FAILED, f"the kernel says: verdict={said}", explainer)
            return None
        if verdict is Verdict.FAIL and is_explained:
            return None  # the kernel says of itself what its cases say
        return self._result(_VERDICTS[verdict], self._reason(), explainer)

    def _is_orderly(self) -> bool:
        verdict, done = self.report.verdict, self.is_done
        if verdict is Verdict.PASS:
            return True
        if verdict is Verdict.FAIL:
            return done and self._exit_passes() and self.report.console.verdict in (None, "pass")
        if verdict is Verdict.POWER_OFF:
            return done and self.tests.ends_with in ("", "power-off")
        if verdict is Verdict.RESET:
            return done and self.tests.ends_with == "reset"
        return verdict is Verdict.STOPPED and self.watcher.cause is Cause.DONE

    def _exit_passes(self) -> bool:
        status = self.report.exit_status
        return status is not None and status in self.tests.pass_exit_status

    def _reason(self) -> str:
        reason = self.report.reason
        if reason.startswith(_ENDED) and self.is_done:
            return f"{reason} (test.pass-exit-status says which are a pass)"
        if self.report.verdict is Verdict.RESET and self.is_done and self.has_ktap:
            return f'{reason}, after all tests (if that is how it ends: test.ends-with = "reset")'
        if self.watcher.timed_out:
            return f"the guest hangs: {reason}"
        return reason

    def _result(self, kind: Kind, reason: str, explainer: Explainer) -> Result:
        report = self.report
        evidence: list[str] = []
        place = None
        if report.panic is not None:
            lines, place = explainer.panic(report.panic)
            evidence += lines
        elif report.registers:
            evidence += explainer.registers(report.registers) or report.registers.splitlines()
        if not evidence:
            evidence += explainer.addresses(tail(report.lines, 200))
        return Result(
            path=(BOOT,),
            kind=kind,
            reason=reason,
            evidence=tuple(evidence),
            place=place,
            seconds=report.seconds,
        )


def _cases(log: ktap.Log) -> Iterator[Result]:
    """Every test without subtests; and every suite that failed although none of its tests did."""
    for path, test in log.walk():
        below = [subtest for _, subtest in test.walk()][1:]
        if not below:
            yield _case(path, test)
        elif test.status not in (*GOOD, Status.MISSING) and all(t.status in GOOD for t in below):
            result = _case(path, test)
            reason = result.reason or "the suite failed, and no case of it says why"
            yield replace(result, reason=reason)


def _case(path: tuple[str, ...], test: ktap.Result) -> Result:
    said = [line for line in test.diagnostics if line.strip()]
    kind = _KINDS[test.status]
    place = next((place for line in said if (place := _place(line))), None)
    own = next((line for line in said if _place(line)), said[-1] if said else "")
    reason = test.comment or own
    if kind is Kind.MISSING:
        reason = "promised by the plan, and not reported"
    elif kind is Kind.PASSED:
        reason = ""
    return Result(
        path=path,
        kind=kind,
        reason=reason.strip(),
        evidence=() if kind is Kind.PASSED else tuple(said[-_MOST_EVIDENCE:]),
        place=None if kind is Kind.PASSED else place,
        seconds=test.seconds,
    )


def _place(line: str) -> Place | None:
    match = _PLACE.search(line)
    return Place(match["file"], int(match["line"])) if match else None


def _with_timeout(cases: Sequence[Result], reason: str) -> list[Result]:
    """`cases`, the first of which that did not end being the one that took too long."""
    found = list(cases)
    for index, case in enumerate(found):
        if case.kind is Kind.MISSING:
            found[index] = replace(case, kind=Kind.TIMED_OUT, reason=reason)
            break
    return found


def _protocol(log: ktap.Log, *, orderly: bool, last_words: str) -> Iterator[Result]:
    """What is wrong with the log as such."""
    problems: list[tuple[tuple[str, ...], str]]
    problems = [(("the top level",), problem) for problem in log.problems]
    problems += [(path, problem) for path, test in log.walk() for problem in test.problems]
    if not problems and not (log.found and not log.tests):
        return
    told = tuple(f"{'/'.join(path)}: {problem}" for path, problem in problems)
    plan = [problem for _, problem in problems if "were planned" in problem]
    if not log.tests:
        kind, reason = Kind.TRUNCATED, "a KTAP stream begins, and has no tests"
    elif not orderly:
        kind, reason = Kind.TRUNCATED, f"the log ends in {last_words}"
    elif plan:
        kind, reason = Kind.PLAN, plan[0]
    else:
        kind, reason = Kind.PROTOCOL, told[0]
    yield Result(
        path=(KTAP,),
        kind=kind,
        reason=reason,
        evidence=told,
    )
