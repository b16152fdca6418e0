"""`orobuild` and `orolint`: the command group of click and its lazily imported commands.

Commands are imported when they are called: `--help` of one must not pay for another.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NoReturn, cast

import click

import orobuild as package
from orobuild.cli import endings
from orobuild.diagnostics import did_you_mean
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMANDS = {
    "init": "start a new kernel's project",
    "build": "sources to a linted kernel and a bootable image",
    "watch": "build again whenever a file is saved",
    "run": "build, then boot it in an emulator and report",
    "test": "build, then boot a matrix of machines and read what the kernel's tests say",
    "debug": "build, then boot it under GDB, with the oro commands",
    "asm": "assemble one file",
    "link": "link objects by a linker script",
    "compare": "say where two ELF files differ",
    "image": "make, convert, inspect, compare, verify and write bootable media",
    "rig": "make, check and unpack the bundle for a rack of real machines",
    "at": "say what is at an address",
    "decode": "explain a panic in a console's log",
    "tt": "translate an address by a running machine's page tables",
    "lint": "prove that control reaches only executable bytes, and more",
    "doctor": "check what this machine has for building and booting",
    "config": "show the configuration, or its schema",
    "completions": "make a shell complete orobuild's commands",
}


class _LazyGroup(click.Group):
    """A group whose commands are modules of `cli.commands`, imported on demand."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"orobuild.cli.commands.{name}")
        return cast("click.Command", module.command)

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if arguments and arguments[0] not in _COMMANDS and not arguments[0].startswith("-"):
            near = did_you_mean(arguments[0], _COMMANDS)
            raise UsageError(
                f"no command is called '{arguments[0]}'",
                hint=near or f"commands: {', '.join(_COMMANDS)}",
            )
        return super().resolve_command(context, arguments)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package.__version__, prog_name="orobuild")
def _group() -> None:
    """Assembler, linker, linter and image builder for x86_64 kernels.

    \b
    orobuild build                     build what the configuration says
    orobuild watch --run               build and boot again on every save
    orobuild run --cores 4             build it and boot it on four cores
    orobuild test                      boot every machine of its test matrix
    orobuild asm isr.S -o isr.o        assemble one file
    orobuild link -T k.ld *.o -o k.elf link
    orobuild lint k.elf                lint a linked image
    orobuild image build k.elf -o k.iso make media that boot it

    The configuration is [tool.orobuild] in pyproject.toml, or orobuild.toml.
    Exit status: 0 fine, 1 findings or errors in the input, 2 wrong usage or a
    missing tool, 3 a bug in orobuild.
    """


def _main(command: click.Command, name: str) -> NoReturn:
    """Run `command` and end the process with its status."""
    endings.finish(lambda: _run(command, name))


def _run(command: click.Command, name: str) -> int:
    try:
        result = command.main(prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as failure:
        raise _usage_error(failure, name) from None
    return result if isinstance(result, int) else 0


def _usage_error(failure: click.ClickException, name: str) -> UsageError:
    context = failure.ctx if isinstance(failure, click.UsageError) else None
    message = failure.format_message().rstrip(".")
    return UsageError(
        message[:1].lower() + message[1:],
        hint=f"'{context.command_path if context else name} --help' shows what is possible",
    )


def _command(name: str) -> click.Command:
    return cast("click.Command", importlib.import_module(f"orobuild.cli.commands.{name}").command)


def orobuild() -> NoReturn:
    """`orobuild`."""
    _main(_group, "orobuild")


def orolint() -> NoReturn:
    """`orolint`."""
    _main(_command("lint"), "orolint")


def group() -> click.Group:
    """The command group, for what asks about it: completion, manual pages."""
    return _group


def commands() -> Mapping[str, str]:
    """Every subcommand of `orobuild` with its one line, for documentation and completion."""
    return _COMMANDS
