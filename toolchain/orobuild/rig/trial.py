"""One boot in QEMU before a bundle leaves: what does the kernel say when all is well?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.errors import UsageError
from orobuild.rig import expectation
from orobuild.testing import matrix, runner
from orobuild.testing.flag import Flag

if TYPE_CHECKING:
    from orobuild.pipeline.build import BuildResult
    from orobuild.rig.index import Suite
    from orobuild.testing.cell import Cell
    from orobuild.testing.outcome import Run


def cell_of(built: BuildResult) -> Cell:
    """The machine: the first of the project's matrix that is quick to start. Raises `UsageError`."""
    cells = [
        cell
        for cell in matrix.expand(built.project, {"profiles": (built.profile,)}).cells
        if cell.emulator == "qemu"
    ]
    if not cells:
        raise UsageError(
            "no machine of [test] is QEMU's, so nobody knows what the kernel should say",
            hint="--plan FILE names a report or a log, --no-plan expects nothing in particular",
        )
    return min(cells, key=lambda cell: (cell.firmware != "bios", cell.boot != "kernel"))


def boot(
    built: BuildResult,
    cell: Cell,
    command_line: str,
    *,
    listener: runner.Listener | None = None,
    cancelled: Flag | None = None,
) -> Run:
    """Boot a build once on `cell`."""
    plan = runner.Plan(
        cells=(cell,),
        built={built.profile: built},
        command_line=command_line,
        live=False,
        cancelled=cancelled or Flag(),
    )
    return runner.run(plan, listener)


def suites(run: Run) -> tuple[Suite, ...]:
    """What the kernel said in a run that has passed."""
    return tuple(expectation.of_results(result for _, result in run.results()))
