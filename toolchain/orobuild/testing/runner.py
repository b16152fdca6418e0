"""Running a matrix: several machines at a time, each cell as often as it takes.

Every boot is one thread's work, from the machine to its results and log file. No emulator is left when
`run` returns, however it ends: whoever wants it to end early sets the plan's `cancelled`.
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from orobuild import machine
from orobuild.errors import InputError, OrobuildError, UsageError
from orobuild.pipeline import outputs
from orobuild.testing import comparison, live, reading
from orobuild.testing.evidence import Explainer
from orobuild.testing.flag import Flag
from orobuild.testing.outcome import BOOT, CellResult, Kind, Result, Run
from orobuild.testing.selection import EVERYTHING
from orobuild.testing.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from orobuild.machine.ktap import Parser
    from orobuild.machine.report import BootReport
    from orobuild.pipeline.build import BuildResult
    from orobuild.testing.cell import Cell
    from orobuild.testing.selection import Selection

LIVE_MEMORY_MIB: Final = 512
"""Up to here a look at a machine's page tables is cheap: its memory goes through a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run.

    `built` is a build for each profile of the cells, with the images that the tests boot; `command_line`
    is what a kernel is given that is started without an image. `live` None leaves it to the configuration.
    """

    cells: tuple[Cell, ...]
    built: Mapping[str, BuildResult]
    command_line: str = ""
    selection: Selection = EVERYTHING
    repeat: int = 1
    retries: int = 0
    jobs: int = 1
    fail_fast: bool = False
    live: bool | None = None
    case_timeout: float | None = None
    cancelled: Flag = field(default_factory=Flag)


class Listener(Protocol):
    """Told what happens, from several threads, one call at a time."""

    def started(self, name: str, attempt: int) -> None:
        """A cell is booted, for the first time or again."""

    def stepped(self, name: str, running: Sequence[str], results: int) -> None:
        """A cell has printed a line of the protocol."""

    def finished(self, result: CellResult) -> None:
        """A cell is done."""


class Silent:
    """The listener that shows nothing."""

    def started(self, name: str, attempt: int) -> None:
        """Nothing."""

    def stepped(self, name: str, running: Sequence[str], results: int) -> None:
        """Nothing."""

    def finished(self, result: CellResult) -> None:
        """Nothing."""


def run(plan: Plan, listener: Listener | None = None) -> Run:
    """Boot every cell of `plan` and read what it says.

    What goes wrong with a machine is a result. Ends early, with what it has, once `plan.cancelled` is set.
    """
    start = time.monotonic()
    session = _Session(plan, listener or Silent())
    _forget_logs(plan)
    jobs = [
        (cell, repetition if plan.repeat > 1 else 0)
        for repetition in range(1, plan.repeat + 1)
        for cell in plan.cells
    ]
    results: dict[int, CellResult] = {}
    failed_fast = False
    pool = ThreadPoolExecutor(max_workers=max(plan.jobs, 1), thread_name_prefix="machine")
    try:
        pending: dict[Future[CellResult], int] = {
            pool.submit(session.cell, cell, repetition): number
            for number, (cell, repetition) in enumerate(jobs)
        }
        while pending:
            # A limit: the thread that waits is the one to which signals come.
            done, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                result = results[pending.pop(future)] = future.result()
                if plan.fail_fast and not result.passed and not plan.cancelled.is_set():
                    failed_fast = True
                    plan.cancelled.set()
    finally:
        plan.cancelled.set()
        pool.shutdown(cancel_futures=True)
    cells = [results[number] for number in sorted(results)]
    return Run(
        project=next(iter(plan.built.values())).project.config.name,
        cells=tuple(_compared(cells, plan, whole=not failed_fast)),
        seconds=time.monotonic() - start,
        interrupted=not failed_fast and any(_is_unfinished(cell) for cell in cells),
    )


def _is_unfinished(cell: CellResult) -> bool:
    return any(result.kind is Kind.NOT_RUN for result in cell.results)


def _compared(cells: Sequence[CellResult], plan: Plan, *, whole: bool) -> Iterator[CellResult]:
    """The cells, those of one profile beside each other."""
    if not whole:
        yield from cells
        return
    compared = {}
    for profile, built in plan.built.items():
        alike = [cell for cell in cells if cell.cell.profile == profile]
        may_lack = built.project.config.test.may_lack
        compared[profile] = iter(comparison.with_missing_suites(alike, may_lack))
    for cell in cells:
        found = next(compared[cell.cell.profile])
        asked = (r for r in found.results if plan.selection.has_case(cell.cell.name, r.path))
        yield replace(found, results=tuple(asked))


class _Session:
    """A run in progress: what its threads share."""

    def __init__(self, plan: Plan, listener: Listener) -> None:
        self._plan = plan
        self._listener = listener
        self._lock = threading.Lock()
        self._explainers = {
            profile: Explainer(built.kernel, built.project.lint, built.project.root)
            for profile, built in plan.built.items()
        }

    def cell(self, cell: Cell, repetition: int) -> CellResult:
        """One cell, booted until it passes or has been tried often enough."""
        boots: list[CellResult] = []
        empty = CellResult(cell=cell, results=(), repetition=repetition)
        for attempt in range(1, self._plan.retries + 2):
            if self._plan.cancelled.is_set():
                if not boots:
                    boots.append(_not_run(empty))
                break
            with self._lock:
                self._listener.started(empty.name, attempt)
            boots.append(self._boot(empty, attempt))
            if boots[-1].passed or not boots[-1].was_run:
                break
        result = comparison.with_retries(boots)
        with self._lock:
            self._listener.finished(result)
        return result

    def _boot(self, empty: CellResult, attempt: int) -> CellResult:
        try:
            return self._boot_or_fail(empty, attempt)
        except OrobuildError as failure:
            if not isinstance(failure, UsageError | InputError):
                raise
            diagnostic = failure.diagnostics[0]
            result = Result(
                path=(BOOT,),
                kind=Kind.NOT_STARTED,
                reason=diagnostic.message,
                evidence=tuple((diagnostic.hint or "").splitlines()),
            )
            return replace(empty, results=(result,))

    def _boot_or_fail(self, empty: CellResult, attempt: int) -> CellResult:
        cell, plan = empty.cell, self._plan
        cell.require_tools()
        built = plan.built[cell.profile]
        emulated = cell.machine_for(built, plan.command_line)
        tests, lint = built.project.config.test, built.project.lint
        if plan.case_timeout is not None:
            tests = msgspec.structs.replace(tests, case_timeout=plan.case_timeout)
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="orobuild-test-") as folder:
            watcher = Watcher(
                tests,
                plan.cancelled,
                memory=Path(folder) / "memory" if self._wants_live(cell, built) else None,
                live_until=lint.live_until,
                on_step=lambda parser: self._stepped(empty.name, parser),
            )
            report = machine.boot(
                emulated, timeout=cell.timeout, on_line=watcher.line, supervisor=watcher
            )
            results, suites = reading.read(report, watcher, tests, self._explainers[cell.profile])
            said = ""
            if all(result.is_good for result in results):
                found, said = live.check(watcher, self._explainers[cell.profile].elf, lint)
                results = (*results, *found)
        kept = tuple(r for r in results if plan.selection.has_case(cell.name, r.path))
        booted = Result(path=(BOOT,), kind=Kind.PASSED, seconds=report.seconds)
        return replace(
            empty,
            results=kept or (booted,),
            attempts=attempt,
            seconds=time.monotonic() - start,
            log=self._write_log(empty, attempt, report),
            tail=reading.tail(report.lines),
            deselected=len(results) - len(kept),
            suites=suites,
            live=said,
        )

    def _wants_live(self, cell: Cell, built: BuildResult) -> bool:
        if cell.emulator != "qemu" or self._plan.live is False:
            return False
        if self._plan.live:
            return True
        return built.project.config.test.live and cell.memory_mib <= LIVE_MEMORY_MIB

    def _stepped(self, name: str, parser: Parser) -> None:
        with self._lock:
            self._listener.stepped(name, parser.running, parser.results)

    def _write_log(self, empty: CellResult, attempt: int, report: BootReport) -> Path:
        built = self._plan.built[empty.cell.profile]
        name = empty.cell.name
        if empty.repetition:
            name += f".{empty.repetition}"
        if attempt > 1:
            name += f".retry{attempt - 1}"
        folder = log_directory(built)
        text = "".join(f"{line}\n" for line in report.lines)
        files = {folder / f"{name}.log": text.encode("utf-8", "replace")}
        if report.registers:
            files[folder / f"{name}.registers"] = f"{report.registers}\n".encode()
        outputs.write_all(files)
        return folder / f"{name}.log"


def log_directory(built: BuildResult) -> Path:
    """Where the logs of a profile's cells are."""
    return built.project.root / "build" / built.profile / "test"


_LOG_END: Final = re.compile(r"(\.\d+)?(\.retry\d+)?\.(log|registers)")


def _forget_logs(plan: Plan) -> None:
    """Remove what earlier runs have left of these cells: a log is of the last run."""
    names = {cell.name for cell in plan.cells}
    for built in plan.built.values():
        for path in log_directory(built).glob("*.*"):
            end = _LOG_END.search(path.name)
            if end and end.end() == len(path.name) and path.name[: end.start()] in names:
                path.unlink(missing_ok=True)


def _not_run(empty: CellResult) -> CellResult:
    result = Result(path=(BOOT,), kind=Kind.NOT_RUN, reason="the run was ended before it was")
    return replace(empty, results=(result,))
