"""`orobuild at`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orobuild.cli import files, images, terminal
from orobuild.cli.parameters import HEXADECIMAL
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.location import Location
    from orobuild.lint.program import Program


@click.command("at")
@click.argument("addresses", nargs=-1, metavar="ADDRESS... [FILE]", required=True)
@click.option("-e", "--elf", "elf", metavar="FILE", help="The ELF file to ask.")
@click.option("--profile", help="Which build of the project's kernel, without FILE.")
@click.option(
    "--base", type=HEXADECIMAL, default="0", help="Where the first address of FILE was loaded."
)
@click.option(
    "--context",
    type=click.IntRange(0, 1000),
    default=3,
    show_default=True,
    help="Instructions before and after.",
)
@click.option("--syntax", type=click.Choice(["att", "intel"]), default="att", show_default=True)
@click.option("--brief", is_flag=True, help="One line for each address.")
@click.option("--json", "as_json", is_flag=True, help="An array of objects (docs/at.md).")
def command(
    addresses: tuple[str, ...],
    elf: str | None,
    profile: str | None,
    base: int,
    context: int,
    syntax: str,
    *,
    brief: bool,
    as_json: bool,
) -> int:
    """Say what is at an address: symbol, section, permissions, source, code, who goes there.

    \b
    orobuild at 0xffffffff80101040             in the kernel that the project built
    orobuild at kernel_main+0x12 build/debug/oro.elf
    orobuild at 101040                         a physical address
    orobuild at .text+0x40 +0x1040             relative to a section, to the image
    orobuild at --base 7f0000400000 7f0000401234 module.elf
    grep -o '0x[0-9a-f]*' panic.log | orobuild at --brief -

    An address is hexadecimal with or without 0x, or SYMBOL, SYMBOL+OFFSET, .SECTION+OFFSET or
    +OFFSET from the image's first address; '-' reads more of them from standard input.
    The last argument is the file if it is no address. Exit status 1 if any address is not in the
    image.
    """
    from orobuild.debug import location

    asked, path = _split(addresses, elf)
    program = images.program(path, profile)
    location.check(program)
    numbers = [location.parse(program, text, base=base) for text in asked]
    from orobuild.elf.places import SourcePlaces

    places = SourcePlaces(program.elf)
    found = location.locate(
        program,
        numbers,
        base=base,
        before=context,
        after=context,
        syntax=syntax,
        places=places,
        with_references=not brief,
    )
    if as_json:
        import json

        from orobuild.debug import location_text

        values = [location_text.as_object(program, one) for one in found]
        terminal.echo(json.dumps(values, indent=2))
    elif brief:
        for one in found:
            terminal.echo(_brief(one))
    else:
        _show(program, found)
    for problem in places.problems:
        terminal.echo(terminal.warn(f"{program.elf.path}: {problem}"), err=True)
    return 1 if location.missing(found) else 0


def _split(arguments: Sequence[str], elf: str | None) -> tuple[list[str], str | None]:
    """The addresses, standard input's among them, and the file."""
    words = list(arguments)
    if elf is None and len(words) > 1 and words[-1] != "-" and _is_file(words[-1]):
        elf = words.pop()
    elif elf is None and len(words) == 1 and words[0] != "-" and Path(words[0]).is_file():
        raise UsageError(f"which address of {words[0]}?", hint="orobuild at ADDRESS FILE")
    asked: list[str] = []
    for word in words:
        asked += files.read_text("-").split() if word == "-" else [word]
    if not asked:
        raise UsageError("there is no address on standard input")
    return asked, elf


def _is_file(word: str) -> bool:
    return "/" in word or Path(word).exists()


def _brief(location: Location) -> str:
    if location.segment is None:
        return f"{location.asked:#x}  ?"
    words = [f"{location.asked:#x}", location.name or f"{location.address:#x}"]
    words.append(location.section.name if location.section else "no section")
    words.append(location.segment.flags.replace(" ", ""))
    if location.places:
        words.append(str(location.places[0]))
    return "  ".join(words)


def _show(program: Program, found: Sequence[Location]) -> None:
    from orobuild.debug import location_text

    source = images.sources(program.elf.path)
    for number, one in enumerate(found):
        text = location_text.text(program, one, images.paint, source=source)
        terminal.echo(("\n" if number else "") + text, end="")
