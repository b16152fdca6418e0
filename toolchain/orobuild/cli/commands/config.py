"""`orobuild config`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orobuild.cli import terminal


@click.group("config")
def command() -> None:
    """Show the project's configuration, or the schema of all configurations.

    \b
    orobuild config show                       as it is understood, with every default
    orobuild config schema > orobuild.json     for an editor that checks TOML
    """


@command.command("show")
@click.option(
    "-C", "directory", type=click.Path(file_okay=False, exists=True, path_type=Path), default="."
)
def show(directory: Path) -> None:
    """Print the configuration as it is understood: defaults filled in, families expanded (JSON)."""
    import msgspec

    from orobuild.project import find_root, load

    project = load(find_root(directory.resolve()))
    terminal.echo(json.dumps(msgspec.to_builtins(project.config), indent=2))


@command.command("schema")
def schema() -> None:
    """Print the JSON schema of orobuild.toml and of [tool.orobuild]."""
    from orobuild.project.json_schema import json_schema

    terminal.echo(json.dumps(json_schema(), indent=2))
