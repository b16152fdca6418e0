"""From the configuration and the command line to the cells that are booted."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from orobuild.diagnostics import did_you_mean
from orobuild.errors import UsageError
from orobuild.testing.cell import Cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orobuild.project import Project
    from orobuild.project.schema import DriveName, MatrixCell

MOST_CELLS: Final = 10_000
_UEFI_PATIENCE: Final = 2  # OVMF alone takes several times as long as SeaBIOS and a kernel


@dataclass(frozen=True, slots=True)
class Matrix:
    """The cells, each name once; and a sentence for each kind of combination that cannot exist."""

    cells: tuple[Cell, ...]
    left_out: tuple[str, ...] = ()


def expand(project: Project, wishes: Mapping[str, Sequence[Any]] | None = None) -> Matrix:
    """The matrix that `project` describes.

    `wishes` has values for the axes of `[test]` (`profiles`, `cores`, …) that replace the configured ones;
    with any, the configuration's single `cells` are left out. Raises `UsageError`, and `ConfigError`
    for what is wrong in the file.
    """
    wishes = {axis: tuple(values) for axis, values in (wishes or {}).items() if values}
    combined = []
    for cell in _combinations(project, wishes):
        combined.append(cell)
        if len(combined) > MOST_CELLS:
            raise UsageError(f"the matrix has more than {MOST_CELLS} cells")
    reasons = dict.fromkeys(cell.impossible for cell in combined if cell.impossible)
    single = () if wishes else tuple(_single_cells(project))
    cells: dict[str, Cell] = {}
    for cell in (*combined, *single):
        # The same machine may come of several combinations; another one needs another name.
        if not cell.impossible and cells.setdefault(cell.name, cell) != cell:
            project.fail(f"two cells of the matrix are called '{cell.name}'", "test")
    excluded = project.config.test.exclude
    for pattern in excluded:
        if not wishes and not any(fnmatchcase(name, pattern) for name in cells):
            project.fail(f"test.exclude: no cell's name matches '{pattern}'", pattern)
    left = [c for c in cells.values() if not any(fnmatchcase(c.name, p) for p in excluded)]
    left_out = tuple(reason for reason in reasons if reason)
    if not left:
        raise UsageError(
            "the matrix has no cells",
            hint="; ".join(left_out) or "test.exclude leaves all of them out",
        )
    return Matrix(tuple(left), left_out)


def _combinations(project: Project, wishes: Mapping[str, Sequence[Any]]) -> Iterator[Cell]:
    tests, standard = project.config.test, project.config.machine

    def axis(name: str, otherwise: Sequence[Any]) -> Sequence[Any]:
        return wishes.get(name) or getattr(tests, name) or otherwise

    profiles = [project.profile(name or None)[0] for name in axis("profiles", [""])]
    media = axis("boot", ["disk" if project.config.image.disk else "kernel"])
    axes = (
        axis("machines", [standard.type]),
        axis("cores", [standard.cores]),
        axis("memory_mib", [standard.memory_mib]),
    )
    for profile, emulator, boot, firmware, drive in itertools.product(
        profiles,
        axis("emulators", ["qemu"]),
        media,
        axis("firmware", ["bios"]),
        axis("drives", ["ide"]),
    ):
        bochs = emulator == "bochs"
        own = wishes.get("cpus", tests.bochs_cpus)
        cpus = own if bochs else axis("cpus", [standard.cpu])
        for machine, cpu, cores, memory_mib in itertools.product(
            axes[0][:1] if bochs else axes[0], cpus, *axes[1:]
        ):
            # Of a kernel or a CD there is one way to plug it in, not one for each drive.
            plugged: DriveName = drive if boot == "disk" else "ide"
            yield _checked(
                project,
                Cell(
                    profile=profile,
                    emulator=emulator,
                    boot=boot,
                    firmware=firmware,
                    drive=plugged,
                    machine=machine,
                    cpu=cpu,
                    cores=cores,
                    memory_mib=memory_mib,
                    accelerator=tests.accelerator,
                    timeout=_timeout(project, firmware),
                ),
            )


def _single_cells(project: Project) -> Iterator[Cell]:
    """`[[test.cells]]`."""
    standard = project.config.machine
    for given in project.config.test.cells:
        cell = Cell(
            profile=project.profile(given.profile or None)[0],
            emulator=given.emulator,
            boot=given.boot or ("disk" if project.config.image.disk else "kernel"),
            firmware=given.firmware,
            drive=given.drive,
            machine=given.machine or standard.type,
            cpu=given.cpu or _processor(project, given),
            cores=given.cores or standard.cores,
            memory_mib=given.memory_mib or standard.memory_mib,
            accelerator=project.config.test.accelerator,
            timeout=given.timeout or _timeout(project, given.firmware),
            given_name=given.name,
        )
        if given.name and not re.fullmatch(r"\w[\w.,=+-]{0,199}", given.name):
            project.fail(
                f"'{given.name}' cannot be a cell's name: a log is called after it", "cells"
            )
        if cell.impossible:
            project.fail(f"test.cells: {cell.impossible}", given.name or "cells")
        yield _checked(project, cell)


def _processor(project: Project, given: MatrixCell) -> str:
    if given.emulator == "bochs":
        return (project.config.test.bochs_cpus or ["corei7_skylake_x"])[0]
    return project.config.machine.cpu


def _timeout(project: Project, firmware: str) -> float:
    seconds = project.config.test.timeout
    patience = _UEFI_PATIENCE if firmware == "uefi" else 1
    return seconds or project.config.machine.timeout * patience


def _checked(project: Project, cell: Cell) -> Cell:
    if not 1 <= cell.cores <= 255:
        project.fail(f"{cell.cores} cores: a machine has 1 to 255", str(cell.cores))
    if cell.memory_mib < 1:
        project.fail(f"{cell.memory_mib} MiB: a machine has at least 1", str(cell.memory_mib))
    return cell


def matching(cells: Sequence[Cell], pattern: str) -> tuple[Cell, ...]:
    """The cells whose name `pattern` matches. Raises `UsageError` if none does."""
    found = tuple(cell for cell in cells if fnmatchcase(cell.name, pattern))
    if not found:
        names = [cell.name for cell in cells]
        raise UsageError(
            f"no cell's name matches '{pattern}'",
            hint=did_you_mean(pattern, names) or "'orobuild test --list' shows the cells",
        )
    return found


def with_timeout(cells: Sequence[Cell], seconds: float) -> tuple[Cell, ...]:
    """The same cells, each with so many seconds."""
    return tuple(replace(cell, timeout=seconds) for cell in cells)
