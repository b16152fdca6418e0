"""`orobuild at`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orobuild.cli import files, images, objects, terminal
from orobuild.cli.parameters import HEXADECIMAL
from orobuild.elf import constants as c
from orobuild.elf.reader import ElfFile
from orobuild.errors import UsageError
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.location import Location
    from orobuild.elf.ar import Archive
    from orobuild.lint.program import Program


@click.command("at")
@click.argument("addresses", nargs=-1, metavar="ADDRESS... [FILE]", required=True)
@click.option("-e", "--elf", "elf", metavar="FILE", help="The ELF file to ask.")
@click.option("--profile", help="Which build of the project's kernel, without FILE.")
@click.option(
    "--base",
    type=HEXADECIMAL,
    help="Where the first address of FILE was loaded; of an object, its .text.",
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
    base: int | None,
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
    orobuild at main+0x12 main.o               an object; .text+0x40 is a place too
    orobuild at memcpy libc.a                  an archive; 'libc.a(memcpy.o)' is one member
    grep -o '0x[0-9a-f]*' panic.log | orobuild at --brief -

    An address is hexadecimal with or without 0x, or SYMBOL, SYMBOL+OFFSET, .SECTION+OFFSET or
    +OFFSET from the image's first address; '-' reads more of them from standard input.
    The last argument is the file if it is no address. Exit status 1 if any address is not in the
    image.
    """
    asked, path = _split(addresses, elf)
    wishes = Wishes(base=base, context=context, syntax=syntax, brief=brief, as_json=as_json)
    opened = None if path is None else objects.read(path)
    if opened is None or (isinstance(opened, ElfFile) and opened.header.e_type != c.ET_REL):
        return _of_image(images.program(path, profile, opened), asked, wishes)
    return _of_objects(opened, asked, wishes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the command line wants its answers."""

    base: int | None
    context: int
    syntax: str
    brief: bool
    as_json: bool


def _of_image(program: Program, asked: Sequence[str], wishes: Wishes) -> int:
    from orobuild.debug import location, location_text
    from orobuild.elf.places import SourcePlaces

    location.check(program)
    base = wishes.base or 0
    places = SourcePlaces(program.elf)
    found = location.locate(
        program,
        [location.parse(program, text, base=base) for text in asked],
        base=base,
        before=wishes.context,
        after=wishes.context,
        syntax=wishes.syntax,
        places=places,
        with_references=not wishes.brief,
    )
    source = images.sources(program.elf.path)
    if wishes.as_json:
        _print_json([location_text.as_object(program, one) for one in found])
    elif wishes.brief:
        terminal.echo("\n".join(_brief(one) for one in found))
    else:
        texts = [location_text.text(program, one, images.paint, source=source) for one in found]
        terminal.echo("\n".join(texts), end="")
    _complain(program.elf.path, places.problems)
    return 1 if location.missing(found) else 0


def _of_objects(opened: ElfFile | Archive, asked: Sequence[str], wishes: Wishes) -> int:
    from orobuild.debug import location, object_location, object_text
    from orobuild.debug.placed_object import PlacedObject
    from orobuild.elf.places import SourcePlaces

    placed: dict[str, tuple[PlacedObject, SourcePlaces]] = {}
    values, texts, missing = [], [], False
    for text in asked:
        if isinstance(opened, ElfFile):
            elf = opened
        else:
            elf = objects.member_with(opened, location.with_distance(text)[0])
        if elf.path not in placed:
            made = PlacedObject(elf)
            placed[elf.path] = made, SourcePlaces(made.program.elf)
        one, places = placed[elf.path]
        (found,) = object_location.locate(
            one,
            [object_location.parse(one, text, base=wishes.base)],
            before=wishes.context,
            after=wishes.context,
            syntax=wishes.syntax,
            places=places,
            with_references=not wishes.brief,
        )
        missing |= found.found is None
        if wishes.as_json:
            values.append(object_text.as_object(one, found))
        elif wishes.brief:
            texts.append(object_text.brief(one, found) + "\n")
        else:
            source = images.sources(elf.path)
            texts.append(object_text.text(one, found, images.paint, source=source))
    if wishes.as_json:
        _print_json(values)
    terminal.echo(("" if wishes.brief else "\n").join(texts), end="")
    for path, (one, places) in placed.items():
        _complain(path, [*one.problems, *places.problems])
    return 1 if missing else 0


def _print_json(values: Sequence[dict[str, Any]]) -> None:
    import json

    terminal.echo(json.dumps(values, indent=2))


def _complain(path: str, problems: Sequence[str]) -> None:
    for problem in problems:
        terminal.echo(terminal.warn(f"{path}: {problem}"), err=True)


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
    return "/" in word or Path(word).exists() or objects.is_member(word)


def _brief(location: Location) -> str:
    if location.segment is None:
        return f"{location.asked:#x}  ?"
    words = [f"{location.asked:#x}", location.name or f"{location.address:#x}"]
    words.append(location.section.name if location.section else "no section")
    words.append(location.segment.flags.replace(" ", ""))
    if location.places:
        words.append(str(location.places[0]))
    return "  ".join(words)
