"""`orobuild init`."""

from __future__ import annotations

from pathlib import Path

import click

from orobuild.cli import terminal
from orobuild.errors import UsageError


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option("--name", help="The kernel's name; the directory's, if you do not say.")
def command(directory: Path, name: str | None) -> None:
    """Start a new kernel: a project in DIRECTORY that builds, passes the linter and boots.

    \b
    orobuild init tiny
    cd tiny
    orobuild run

    A 64-bit kernel in C and assembly: Multiboot2 header, the way to long mode, page tables with
    the linker script's permissions, a stub for each vector, a panic that 'orobuild decode' reads;
    configuration, pre-commit hook and a CI workflow. No file that exists is touched.
    """
    from orobuild.pipeline import outputs
    from orobuild.project import new

    made = new.files(name or directory.resolve().name)
    existing = [path for path in made if (directory / path).exists()]
    if existing:
        raise UsageError(
            f"{directory / existing[0]} is there already; nothing was written",
            hint="choose a new directory, or move "
            + ("that file" if len(existing) == 1 else f"{len(existing)} files")
            + " away",
        )
    outputs.write_all({directory / path: data for path, data in made.items()})
    for path in made:
        terminal.echo(f"  {directory / path}")
    where = "" if directory == Path() else f"cd {directory} && "
    terminal.echo(f"now: {terminal.style(f'{where}orobuild run', bold=True)}")
