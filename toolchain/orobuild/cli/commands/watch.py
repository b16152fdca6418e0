"""`orobuild watch`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from orobuild.cli.commands.build import asked, build_options
from orobuild.cli.commands.run import Wishes, find_emulator, machine_options, take_wishes, wanted
from orobuild.errors import OrobuildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orobuild.cli.watch_screen import Screen
    from orobuild.cli.watching import Changes
    from orobuild.pipeline.build import BuildResult, Request

# Directories that hold no sources: a project's outputs, and what others' tools keep in its folder.
_NO_SOURCES: Final = frozenset(("__pycache__", "node_modules", "target"))
_BACKUPS: Final = ("~", ".swp", ".swx", ".tmp")


@click.command("watch")
@build_options
@click.option("--run", "run", is_flag=True, help="Boot each build that succeeds.")
@machine_options
@click.option("--timeout", type=click.FloatRange(min=1), metavar="S", help="Seconds until a hang.")
@click.argument("targets", nargs=-1)
def command(run: bool, timeout: float | None, **options: Any) -> int:
    """Build again whenever a file is saved, until Ctrl-C.

    \b
    orobuild watch                     build, lint and make the images on every save
    orobuild watch --run --cores 4     and boot what was built
    orobuild watch --profile debug kernel
    orobuild watch | tee log           without a terminal: one line after another

    What was learnt from the sources stays in memory, so that only what has changed
    is built. Broken input is shown and waited for; the outputs are those of the last
    build that succeeded. With --run a change ends the machine that still runs.
    """
    from orobuild.cli import watch_screen
    from orobuild.cli.watching import Changes
    from orobuild.pipeline.build import Request
    from orobuild.project import find_root

    wishes = take_wishes(options)
    if run:
        find_emulator(wishes)
    directory: Path | None = options["directory"]
    root = directory.resolve() if directory else find_root(Path.cwd())
    output: Path | None = options["output"]
    request = Request(
        profile=options["profile"],
        targets=options["targets"],
        jobs=options["jobs"] or 0,
        output=output.absolute() if output else None,
        unchecked=options["unchecked"],
    )
    places = _Places(root, request)
    with (
        watch_screen.choose() as screen,
        Changes(places.folders, places.concerns, recursive=False) as changes,
    ):
        loop = _Loop(root, request, asked(**options), screen, changes)
        loop.build(())
        while True:
            result = loop.result
            if run and result is not None:
                loop.result = None
                loop.boot(result, wishes, timeout)
            changed = changes.wait()
            if loop.memory.has_changed():
                loop.build(sorted(os.path.relpath(path, root) for path in changed))


class _Places:
    """Where a project's sources may lie: its folder, without outputs and without hidden ones."""

    def __init__(self, root: Path, request: Request) -> None:
        self._root = str(root)
        outputs = [root / "build", *([request.output] if request.output else [])]
        self._outputs = tuple(f"{path}{os.sep}" for path in outputs)

    def folders(self) -> Iterator[str]:
        """Every directory to watch."""
        for folder, below, _ in os.walk(self._root):
            yield folder
            below[:] = [name for name in below if self._may_hold_sources(folder, name)]

    def _may_hold_sources(self, folder: str, name: str) -> bool:
        path = os.path.join(folder, name)
        return (
            not name.startswith(".")
            and name not in _NO_SOURCES
            and not f"{path}{os.sep}".startswith(self._outputs)
            and not os.path.exists(os.path.join(path, "pyvenv.cfg"))
        )

    def concerns(self, path: str) -> bool:
        """Whether a change of `path` may matter: not of an output, nor of an editor's own file."""
        name = os.path.basename(path)
        return not (
            f"{path}{os.sep}".startswith(self._outputs)
            or name.endswith(_BACKUPS)
            or name.startswith(".#")
            or name == "4913"  # what Vim makes to see whether it may
        )


class _Loop:
    """Builds and boots, and tells the screen. `result` is a build that nobody has booted yet."""

    def __init__(
        self,
        root: Path,
        request: Request,
        asked: Mapping[str, object],
        screen: Screen,
        changes: Changes,
    ) -> None:
        from orobuild.pipeline.memory import Memory

        self.memory = Memory(self._delivered)
        self.result: BuildResult | None = None
        self._root, self._request, self._asked = root, request, asked
        self._screen, self._changes = screen, changes
        self._start = 0.0

    def build(self, changed: list[str] | tuple[()]) -> None:
        """Build, and show what came of it; whatever is wrong with the input is no reason to end."""
        from orobuild.cli import summary
        from orobuild.pipeline import last_build

        self._start = time.perf_counter()
        self.result = None
        self._screen.building(changed)
        try:
            made = self.memory.build(self._root, self._request, self._screen)
        except OrobuildError as failure:
            self._screen.failed(failure.diagnostics, time.perf_counter() - self._start)
            self.result = None
            return
        self.result = made
        last_build.write(made, self._asked, summary.for_later(made))

    def _delivered(self, result: BuildResult) -> None:
        self._screen.delivered(result, time.perf_counter() - self._start)

    def boot(self, result: BuildResult, wishes: Wishes, timeout: float | None) -> None:
        """Boot what was built, until it is over or something has changed."""
        from orobuild import machine

        try:
            emulated = wanted(result, wishes)
            self._screen.booting(emulated.describe())
            report = machine.boot(
                emulated,
                timeout=timeout or result.project.config.machine.timeout,
                on_line=self._screen.line,
                supervisor=self,
            )
        except OrobuildError as failure:
            self._screen.failed(failure.diagnostics, 0.0)
            return
        self._screen.booted(report)

    def reason_to_stop(self) -> str | None:
        """A change that makes another kernel (`machine.report.Supervisor`)."""
        if not self._changes.pending.is_set():
            return None
        if self.memory.has_changed():
            return "a source has changed"
        self._changes.wait()
        return None

    def wants_memory(self) -> Path | None:
        """Never."""
        return None

    def looked(self, registers: str) -> None:
        """Nothing was asked."""
