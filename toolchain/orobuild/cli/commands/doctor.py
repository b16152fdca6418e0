"""`orobuild doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orobuild.cli import terminal
from orobuild.errors import OrobuildError

if TYPE_CHECKING:
    from orobuild.pipeline.doctor import Check


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="An array of objects.")
def command(*, as_json: bool) -> int:
    """Check what this machine has for building and booting, and say how to get the rest.

    \b
    orobuild doctor
    orobuild doctor --json

    Nothing is installed. Exit status 0 if kernels can be built and booted here, 2 if something
    that this needs is missing.
    """
    from orobuild.pipeline import doctor

    compiler, problem = _project()
    found = []
    for check in doctor.examine(Path("build", ".cache"), compiler):
        found.append(check)
        if not as_json:
            _show(check)
    if as_json:
        import json
        from dataclasses import asdict

        terminal.echo(json.dumps([asdict(check) for check in found], indent=2))
    if problem is not None:
        terminal.show(problem.diagnostics)
    return 2 if any(check.is_missing for check in found) or problem else 0


def _show(check: Check) -> None:
    if check.found:
        mark = terminal.style("✓", fg="green")
    elif check.is_missing:
        mark = terminal.style("✗", fg="red", bold=True)
    else:
        mark = terminal.style("-", dim=True)
    state = check.found or ("missing" if check.is_missing else "not here")
    terminal.echo(f"{mark} {check.name:<19} {state:<22} {terminal.style(check.purpose, dim=True)}")
    if not check.found and check.remedy:
        terminal.echo(f"    {check.remedy}")


def _project() -> tuple[tuple[str, ...], OrobuildError | None]:
    """The project's C compiler, and what is wrong with its configuration."""
    from orobuild.errors import UsageError
    from orobuild.project import find_root, load

    try:
        root = find_root(Path.cwd())
    except UsageError:
        return (), None
    try:
        return tuple(load(root).config.compiler.command), None
    except OrobuildError as problem:
        return (), problem
