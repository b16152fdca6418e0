"""`orobuild completions`."""

from __future__ import annotations

import click

from orobuild.cli import terminal


@click.command("completions")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what makes SHELL complete orobuild's commands and options.

    \b
    orobuild completions bash > ~/.local/share/bash-completion/completions/orobuild
    orobuild completions zsh > ~/.zfunc/_orobuild          with ~/.zfunc in fpath
    orobuild completions fish > ~/.config/fish/completions/orobuild.fish
    """
    from click.shell_completion import get_completion_class

    from orobuild.cli.main import group

    kind = get_completion_class(shell)
    assert kind is not None
    terminal.echo(kind(group(), {}, "orobuild", "_OROBUILD_COMPLETE").source())
