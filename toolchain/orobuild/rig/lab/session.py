"""A bundle on many places at once: a `Run` as `orobuild test` has one, with what labs add to it."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from orobuild.errors import OrobuildError, UsageError
from orobuild.lint import LintConfig
from orobuild.lint import config as lint_config
from orobuild.pipeline import outputs
from orobuild.project.schema import KernelTests
from orobuild.rig import expectation
from orobuild.rig.lab import place as places
from orobuild.testing import reading
from orobuild.testing.cell import Cell
from orobuild.testing.evidence import Explainer
from orobuild.testing.flag import Flag
from orobuild.testing.outcome import BOOT, CellResult, Kind, Result, Run
from orobuild.testing.runner import Silent
from orobuild.testing.watcher import Watcher

if TYPE_CHECKING:
    from pathlib import Path

    from orobuild.machine.ktap import Parser
    from orobuild.project.schema import Medium
    from orobuild.rig.index import Index, Tests
    from orobuild.rig.lab.place import Followed
    from orobuild.testing.runner import Listener

PLACE: Final = "[place]"
"""The name of results that are about the place, and say nothing of the kernel."""
_ENDINGS: Final = {"plan": "plan", "reset": "plan"}
"""How a run ends where a machine's exit or power cannot be seen: with the plan, else by silence."""
_MEDIA: Final[dict[str, Medium | Literal["network"]]] = {
    "cd": "cd",
    "kernel": "kernel",
    "pxe": "network",
    "uefi-http": "network",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is run: an unpacked bundle, an environment of labgrid's, and which of its targets.

    `output` is the folder of the logs; `timeout` replaces the bundle's.
    """

    index: Index
    folder: Path
    env: Path
    targets: tuple[str, ...]
    output: Path
    jobs: int = 1
    timeout: float | None = None
    cancelled: Flag = field(default_factory=Flag)


@dataclass(frozen=True, slots=True)
class LabRun:
    """The run, and for each place, by its name, how it went in time."""

    run: Run
    followed: dict[str, Followed]


def targets_of(env: Path) -> tuple[str, ...]:
    """The targets of an environment. Raises `UsageError` for what is none, or has none."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """What labgrid's own tags hold does not matter here."""

    Loader.add_multi_constructor("!", lambda _loader, _tag, node: node.value)
    try:
        data = yaml.load(env.read_bytes(), Loader)  # noqa: S506 - a SafeLoader
    except OSError as problem:
        raise UsageError(f"cannot read '{env}': {problem.strerror}") from problem
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        told = " ".join(str(problem).split())
        raise UsageError(f"'{env}' is no YAML: {told}") from None
    found = data.get("targets") if isinstance(data, dict) else None
    if not isinstance(found, dict) or not found:
        raise UsageError(
            f"'{env}' has no targets",
            hint="the bundle's folder labgrid/ has environments to begin with",
        )
    return tuple(map(str, found))


def run(order: Order, listener: Listener | None = None) -> LabRun:
    """Run the bundle on every target. What goes wrong with a place is a result."""
    start = time.monotonic()
    session = _Session(order, listener or Silent())
    pool = ThreadPoolExecutor(max_workers=max(order.jobs, 1), thread_name_prefix="place")
    try:
        pending = [pool.submit(session.place, target) for target in order.targets]
        while not all(future.done() for future in pending):
            # The thread that waits is the one to which signals come.
            time.sleep(0.1)
        cells = tuple(future.result() for future in pending)
    finally:
        order.cancelled.set()
        pool.shutdown(cancel_futures=True)
    done = Run(
        project=order.index.name,
        cells=cells,
        seconds=time.monotonic() - start,
        interrupted=any(r.kind is Kind.NOT_RUN for cell in cells for r in cell.results),
    )
    return LabRun(done, session.followed)


class _Session:
    def __init__(self, order: Order, listener: Listener) -> None:
        self._order = order
        self._listener = listener
        self._lock = threading.Lock()
        self.followed: dict[str, Followed] = {}
        kernel = order.folder / order.index.kernel.debug
        self._explainer = Explainer(kernel, _lint_settings(order.folder), order.folder)
        self._tests = _tests(order.index.tests)

    def place(self, target: str) -> CellResult:
        """One place's result."""
        cell = Cell(
            profile=self._order.index.profile, emulator="place", given_name=_file_name(target)
        )
        empty = CellResult(cell=cell, results=())
        if self._order.cancelled.is_set():
            return _with(empty, Result(path=(PLACE,), kind=Kind.NOT_RUN, reason=_NOT_RUN))
        with self._lock:
            self._listener.started(empty.name, 1)
        start = time.monotonic()
        watcher = Watcher(
            self._tests, self._order.cancelled, on_step=lambda p: self._stepped(empty.name, p)
        )
        done = places.follow(self._job(target), watcher)
        result = self._read(empty, done, watcher)
        result = replace(result, seconds=time.monotonic() - start)
        with self._lock:
            self.followed[result.name] = done
            self._listener.finished(result)
        return result

    def _stepped(self, name: str, parser: Parser) -> None:
        with self._lock:
            self._listener.stepped(name, parser.running, parser.results)

    def _job(self, target: str) -> places.Job:
        order = self._order
        media: list[dict[str, Any]] = [
            {
                "method": method.method,
                "firmware": method.firmware,
                "file": str(order.folder / method.file),
                "folder": str(order.folder / method.folder) if method.folder else None,
                "command_line": order.index.kernel.command_line,
            }
            for method in order.index.boot
        ]
        images = {medium["method"]: str(medium["file"]) for medium in media}
        return places.Job(
            env=order.env,
            target=target,
            media=media,
            images=images,
            running=order.timeout or order.index.tests.timeout,
        )

    def _read(self, empty: CellResult, done: Followed, watcher: Watcher) -> CellResult:
        cell = replace(empty.cell, boot=_MEDIA.get(done.method, "disk"))
        empty = replace(empty, cell=cell, timings=tuple(done.times.items()))
        if done.report is None:
            if self._order.cancelled.is_set() and not done.problem:
                return _with(empty, Result(path=(PLACE,), kind=Kind.NOT_RUN, reason=_NOT_RUN))
            reason = done.problem or "the machine was not switched on"
            return _with(empty, Result(path=(PLACE,), kind=Kind.NOT_STARTED, reason=reason))
        results, suites = reading.read(done.report, watcher, self._tests, self._explainer)
        if not any(result.path[0] == BOOT and not result.is_good for result in results):
            results = (*results, *expectation.missing(self._order.index.tests, results))
        if done.release:
            reason = f"the place could not be left as it should be: {done.release}"
            results = (*results, Result(path=(PLACE,), kind=Kind.ERROR, reason=reason))
        log = self._order.output / f"{empty.name}.log"
        text = "".join(f"{line}\n" for line in done.report.lines)
        outputs.write(log, text.encode("utf-8", "replace"))
        tail = reading.tail(done.report.lines)
        return replace(empty, results=results, log=log, tail=tail, suites=suites)


_NOT_RUN: Final = "the run was ended before it was"


def _with(empty: CellResult, result: Result) -> CellResult:
    return replace(empty, results=(result,))


def _file_name(target: str) -> str:
    """A target's name as that of a file."""
    return re.sub(r"[^\w.,=+-]", "_", target).lstrip(".") or "_"


def _tests(tests: Tests) -> KernelTests:
    """The bundle's criteria, as `orobuild test` has them; what only an emulator shows is not asked for."""
    known: dict[str, Any] = {
        "success": tests.success,
        "failure": tests.failure,
        "ends_with": _ENDINGS.get(tests.ends_with, ""),
        "case_timeout": tests.case_timeout,
        "may_lack": tests.may_lack,
    }
    return KernelTests(**known)


def _lint_settings(folder: Path) -> LintConfig:
    """What the configuration says of the image's code, for explanations; none if it says nothing readable."""
    from orobuild.rig.index import BUILD

    try:
        manifest = msgspec.json.decode((folder / BUILD / "manifest.json").read_bytes())
        return lint_config.from_mapping(manifest["configuration"].get("lint", {}))
    except (OSError, msgspec.DecodeError, KeyError, TypeError, AttributeError, OrobuildError):
        return LintConfig()
