"""`orobuild build`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orobuild.cli import terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.pipeline.build import BuildResult
    from orobuild.project import Project


def build_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command that builds takes."""
    options = (
        click.option(
            "-C",
            "directory",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="The project's directory (default: found from here upwards).",
        ),
        click.option("--profile", metavar="NAME", help="debug, release or one of the project's."),
        click.option(
            "-j", "jobs", type=click.IntRange(min=1), help="Compilers at a time (default: cores)."
        ),
        click.option(
            "-o",
            "output",
            type=click.Path(file_okay=False, path_type=Path),
            help="Where the outputs go (default: build/PROFILE).",
        ),
        click.option(
            "--unchecked",
            is_flag=True,
            help="No strictness and no lint: reproduce a defect, never ship it.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def run_build(
    *,
    directory: Path | None,
    profile: str | None,
    jobs: int | None,
    output: Path | None,
    unchecked: bool,
    targets: tuple[str, ...] = (),
) -> BuildResult:
    """Build as the options say, showing the stages and every warning."""
    from orobuild.project import find_root, load

    return run_build_of(
        load(directory.resolve() if directory else find_root(Path.cwd())),
        profile=profile,
        jobs=jobs,
        output=output,
        unchecked=unchecked,
        targets=targets,
    )


def run_build_of(
    project: Project,
    *,
    profile: str | None,
    output: Path | None,
    unchecked: bool,
    jobs: int | None = None,
    targets: tuple[str, ...] = (),
) -> BuildResult:
    """Build `project`, showing the stages and every warning."""
    from orobuild.cli import summary
    from orobuild.pipeline.build import Request, build

    if unchecked:
        terminal.echo(terminal.warn(summary.UNCHECKED), err=True)
    result = build(
        project,
        Request(
            profile=profile,
            targets=targets,
            jobs=jobs or 0,
            output=output.absolute() if output else None,
            unchecked=unchecked,
        ),
        terminal.StageLines(),
    )
    terminal.show((*result.warnings, *result.findings))
    return result


def asked(
    *,
    profile: str | None,
    output: Path | None,
    unchecked: bool,
    targets: tuple[str, ...],
    **_options: object,
) -> dict[str, object]:
    """What of a command line decides what is built, as `last_build` keeps it."""
    return {
        "profile": profile,
        "output": str(output.absolute()) if output else None,
        "unchecked": unchecked,
        "targets": list(targets),
    }


@click.command("build")
@build_options
@click.argument("targets", nargs=-1)
def command(**options: Any) -> None:
    """Build the project: sources to a linted kernel and a bootable image.

    \b
    orobuild build                     every target, in the default profile
    orobuild build kernel              one target and what it embeds
    orobuild build --profile debug -j4

    Nothing is written unless everything passes; the previous outputs stay. If
    nothing has changed since the last build, nothing is done.
    """
    from orobuild.pipeline import last_build

    wanted = asked(**options)
    directory: Path | None = options["directory"]
    if known := last_build.find(os.getcwd(), str(directory) if directory else None, wanted):
        terminal.echo_styled(known["show"]["said"], err=True, end="")
        terminal.echo_styled(known["show"]["summary"])
        return
    from orobuild.cli import summary

    result = run_build(**options)
    terminal.echo(summary.of_build(result))
    last_build.write(result, wanted, summary.for_later(result))
