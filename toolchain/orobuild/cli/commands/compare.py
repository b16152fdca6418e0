"""`orobuild compare`."""

from __future__ import annotations

import sys

import click

from orobuild.cli import files


@click.command("compare")
@click.argument("first")
@click.argument("second")
@click.option("--debug", is_flag=True, help="Compare sections that are not in memory too.")
@click.option("--ignore", multiple=True, metavar="SECTION", help="Leave a section out.")
def command(first: str, second: str, *, debug: bool, ignore: tuple[str, ...]) -> None:
    """Say where two linked ELF images, or two objects, differ.

    \b
    orobuild compare ours.elf theirs.elf
    orobuild compare ours.elf theirs.elf --ignore .note.gnu.build-id
    orobuild compare ours.o theirs.o

    One line a difference, FIRST on the left: entry, segments, sections, the
    addresses of all symbols, and bytes with the symbol that they belong to. The
    status is 0 if there is none, 1 if there are some.
    """
    from orobuild.elf import compare, compare_images, reader
    from orobuild.elf import constants as c

    data = [files.read(path) for path in (first, second)]
    images = [
        reader.read(content, path) for content, path in zip(data, (first, second), strict=True)
    ]
    if all(image.header.e_type == c.ET_REL for image in images):
        lines = compare.compare(*data)
    else:
        lines = compare_images.compare(*images, ignore_sections=ignore, debug=debug)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if lines:
        raise click.exceptions.Exit(1)
