"""`oro-ld`: the linker under GNU ld's flags and defaults."""

from __future__ import annotations

import click

from orobuild.cli import files, terminal
from orobuild.cli.commands.asm import parse_symbol


@click.command("oro-ld")
@click.argument("objects", nargs=-1, required=True)
@click.option("-T", "--script", required=True, metavar="FILE", help="The linker script.")
@click.option("-o", "--output", default="a.out", show_default=True, help="The linked file.")
@click.option("-e", "--entry", metavar="SYMBOL", help="The entry point.")
@click.option("-m", "emulation", type=click.Choice(["elf_x86_64"]), default="elf_x86_64")
@click.option("-static", "--static", "_static", is_flag=True, help="Link statically (always so).")
@click.option("-nostdlib", "_nostdlib", is_flag=True, help="Search no libraries (always so).")
@click.option("--gc-sections", is_flag=True, help="Drop sections that nothing refers to.")
@click.option("--defsym", "symbols", multiple=True, metavar="NAME=VALUE", help="Define a symbol.")
@click.option("-Map", "--Map", "map_file", metavar="FILE", help="Write a map.")
@click.option("--oformat", type=click.Choice(["elf64-x86-64", "binary"]), default="elf64-x86-64")
@click.option(
    "--orphan-handling",
    type=click.Choice(["place", "warn", "error", "discard"]),
    default="place",
    show_default=True,
)
@click.option("--fatal-warnings", is_flag=True, help="Treat warnings as errors.")
@click.option("--strict", is_flag=True, help="Forbid what orobuild forbids: see orobuild link.")
def command(
    objects: tuple[str, ...],
    script: str,
    output: str,
    entry: str | None,
    emulation: str,  # noqa: ARG001 - there is one
    symbols: tuple[str, ...],
    map_file: str | None,
    oformat: str,
    orphan_handling: str,
    *,
    _static: bool,
    _nostdlib: bool,
    gc_sections: bool,
    fatal_warnings: bool,
    strict: bool,
) -> None:
    """Link OBJECTS like GNU ld.

    \b
    oro-ld -T kernel.ld -o kernel.elf *.o
    """
    from orobuild import linker
    from orobuild.linker import script as scripts
    from orobuild.linker.linkmap import render_map

    parsed = scripts.parse(files.read_text(script), script, read_file=files.read_included)
    options = linker.LinkOptions(
        strict=strict,
        orphan_handling=orphan_handling,  # type: ignore[arg-type] # click has checked it
        entry=entry,
        gc_sections=gc_sections,
        defsym=dict(parse_symbol(s) for s in symbols),
        output_format="binary" if oformat == "binary" else "elf",
        fatal_warnings=fatal_warnings,
    )
    inputs = [linker.LinkInput(path, files.read(path)) for path in objects]
    linked = linker.link(inputs, parsed, options)
    terminal.show(linked.warnings)
    files.write(output, linked.data, executable=oformat != "binary")
    if map_file:
        files.write(map_file, render_map(linked.map).encode())
