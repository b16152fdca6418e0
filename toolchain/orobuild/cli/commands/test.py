"""`orobuild test`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orobuild.cli import files, terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orobuild.pipeline.build import BuildResult
    from orobuild.project import Project
    from orobuild.testing.cell import Cell
    from orobuild.testing.outcome import Run
    from orobuild.testing.selection import Selection

_AXES = (
    ("--profile", "profiles", None, "NAME", "Profiles to build and test."),
    ("--emulator", "emulators", ["qemu", "bochs"], None, "Emulators."),
    ("--boot", "boot", ["disk", "cd", "kernel"], None, "What is booted."),
    ("--firmware", "firmware", ["bios", "uefi"], None, "SeaBIOS or OVMF."),
    (
        "--drive",
        "drives",
        ["ide", "usb", "virtio", "nvme"],
        None,
        "What the disk is plugged in as.",
    ),
    ("--machine", "machines", None, "TYPE", "QEMU's machine types: q35, pc."),
    ("--cpu", "cpus", None, "MODEL", "Processor models."),
)


def _axis_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Each replaces an axis of the configured matrix, and may be given several times."""
    options = [
        click.option(
            flag,
            name,
            multiple=True,
            type=click.Choice(choices) if choices else str,
            metavar=metavar,
            help=text,
        )
        for flag, name, choices, metavar, text in _AXES
    ]
    options += [
        click.option(
            "--cores", multiple=True, type=click.IntRange(1, 255), help="Numbers of processors."
        ),
        click.option(
            "--memory",
            "memory_mib",
            multiple=True,
            type=click.IntRange(min=2),
            metavar="MIB",
            help="Sizes of the memory.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command("test")
@click.option(
    "-C",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The project's directory (default: found from here upwards).",
)
@click.option(
    "-k",
    "--filter",
    "filters",
    multiple=True,
    metavar="GLOB",
    help="Only these: SUITE, SUITE/CASE, CELL::SUITE or CELL::, each part a glob.",
)
@click.option("--list", "as_list", is_flag=True, help="Show the cells, and boot none.")
@_axis_options
@click.option("-j", "jobs", type=click.IntRange(min=1), help="Machines at a time.")
@click.option(
    "--repeat", type=click.IntRange(1, 10_000), default=1, metavar="N", help="Runs a cell."
)
@click.option(
    "--retries",
    type=click.IntRange(0, 100),
    metavar="N",
    help="Boot what fails again; what passes then is reported as flaky.",
)
@click.option("-x", "--fail-fast", is_flag=True, help="End the run with the first cell that fails.")
@click.option(
    "--fail-on-flaky", is_flag=True, help="Exit status 1 for what passed only when tried again."
)
@click.option("--timeout", type=click.FloatRange(min=1), metavar="S", help="Seconds for one cell.")
@click.option(
    "--case-timeout",
    type=click.FloatRange(min=0),
    metavar="S",
    help="Seconds from one KTAP result to the next; 0 is no limit.",
)
@click.option(
    "--live/--no-live",
    default=None,
    help="Compare the running machine's page tables with the image (default: where it is cheap).",
)
@click.option("--unchecked", is_flag=True, help="Build with no strictness and no lint.")
@click.option(
    "--output-format",
    "output_format",
    type=click.Choice(["human", "json", "junit", "github"]),
    default="human",
    show_default=True,
    help="What standard output is; progress goes to standard error if it is not for people.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write a report as JSON too.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write a report as JUnit XML too.")
def command(
    directory: Path | None,
    filters: tuple[str, ...],
    repeat: int,
    retries: int | None,
    output_format: str,
    timeout: float | None,
    *,
    as_list: bool,
    **options: Any,
) -> int:
    """Build the kernel, boot it on every machine of a matrix, and read what its tests say.

    \b
    orobuild test                          the matrix of [test] in the configuration
    orobuild test --list                   its cells, with their names
    orobuild test -k 'frames/*' --cores 4  some cases, on four cores
    orobuild test -k '*-uefi-*::' -j 2     some cells, two machines at a time
    orobuild test --repeat 20 -x           until it fails, twenty times at most
    orobuild test --retries 2 --junit junit.xml --output-format github

    A kernel says what passed by KTAP, by its exit status, by 'oro: verdict=pass' or by a line of
    its own (docs/test.md). Every console is kept in build/PROFILE/test/. Exit status 0 if all
    passed, 1 if something did not, 2 for wrong usage or if only a tool was missing.
    """
    from orobuild.project import find_root, load
    from orobuild.testing import matrix, selection

    project = load(directory.resolve() if directory else find_root(Path.cwd()))
    axes = {name: options.pop(name) for _, name, *_ in _AXES}
    axes |= {name: options.pop(name) for name in ("cores", "memory_mib")}
    asked = selection.read(filters)
    expanded = matrix.expand(project, axes)
    cells = asked.cells(expanded.cells)
    if timeout:
        cells = matrix.with_timeout(cells, timeout)
    if as_list:
        _list(cells, expanded.left_out)
        return 0
    tries = project.config.test.retries if retries is None else retries
    return _test(project, cells, asked, output_format, repeat=repeat, retries=tries, **options)


def _list(cells: Sequence[Cell], left_out: Sequence[str]) -> None:
    from orobuild.testing.reporters.human_report import listing

    terminal.echo(listing([(cell.name, cell.describe()) for cell in cells]), end="")
    for reason in left_out:
        terminal.echo(f"left out: {reason}", err=True)


def _test(
    project: Project,
    cells: Sequence[Cell],
    asked: Selection,
    output_format: str,
    *,
    jobs: int | None,
    json_file: str | None,
    junit_file: str | None,
    fail_on_flaky: bool,
    live: bool | None,
    unchecked: bool,
    **settings: Any,
) -> int:
    from orobuild.cli import interruption, matrix_screen
    from orobuild.testing import runner

    _require_some_tool(cells)
    built, line = _build(project, cells, asked, unchecked=unchecked)
    err = output_format != "human"
    with interruption.deferred() as interrupted:
        plan = runner.Plan(
            cells=tuple(cells),
            built=built,
            command_line=line,
            selection=asked,
            jobs=jobs or _machines_at_a_time(cells),
            live=live,
            cancelled=interrupted.asked,
            **settings,
        )
        with matrix_screen.screen(len(cells) * plan.repeat, err=err) as screen:
            run = runner.run(plan, screen)
        _write(run, project.root, output_format, {"json": json_file, "junit": junit_file})
    if interrupted.number:
        return interrupted.status
    asked.check_found(run)
    flaky = fail_on_flaky and any(r.first for _, r in run.results())
    return run.status or int(flaky)


def _require_some_tool(cells: Sequence[Cell]) -> None:
    """Nobody wants to wait for a build to learn that there is no emulator at all."""
    from orobuild.errors import MissingToolError

    problem: MissingToolError | None = None
    for cell in cells:
        try:
            cell.require_tools()
        except MissingToolError as missing:
            problem = missing
        else:
            return
    if problem is not None:
        raise problem


def _build(
    project: Project, cells: Sequence[Cell], asked: Selection, *, unchecked: bool
) -> tuple[Mapping[str, BuildResult], str]:
    """A build for each profile, and the kernel's command line."""
    from orobuild.cli.commands.build import run_build_of
    from orobuild.testing import kernel

    wanted = [asked.suites(cell.name) for cell in cells]
    suites = dict.fromkeys(suite for some in wanted for suite in some) if all(wanted) else {}
    line = kernel.command_line(project, tuple(suites))
    changed = kernel.for_tests(project, line)
    built = {
        profile: run_build_of(
            changed,
            profile=profile,
            output=kernel.output(project, changed, profile),
            unchecked=unchecked,
        )
        for profile in dict.fromkeys(cell.profile for cell in cells)
    }
    return built, line


def _machines_at_a_time(cells: Sequence[Cell]) -> int:
    """As many as the processors here can be those of, and at least one."""
    return max(1, (os.cpu_count() or 1) // max(cell.cores for cell in cells))


def _write(run: Run, root: Path, output_format: str, wanted: Mapping[str, str | None]) -> None:
    from orobuild.cli import matrix_screen
    from orobuild.testing import reporters
    from orobuild.testing.reporters import human_report

    for name, file in wanted.items():
        if file:
            files.write(file, reporters.report(run, name, root).encode())
    if output_format == "human":
        terminal.echo(human_report.report(run, root, matrix_screen.paint), end="")
    else:
        terminal.echo(reporters.report(run, output_format, root), end="")
