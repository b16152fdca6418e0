"""`orobuild link`."""

from __future__ import annotations

import click

from orobuild.cli import files, terminal
from orobuild.cli.commands.asm import parse_symbol


@click.command("link")
@click.argument("objects", nargs=-1, required=True)
@click.option("-T", "--script", required=True, metavar="FILE", help="The linker script.")
@click.option("-o", "output", default="a.out", show_default=True, help="The linked file.")
@click.option("-e", "--entry", metavar="SYMBOL", help="The entry point, instead of the script's.")
@click.option("--gc-sections", is_flag=True, help="Drop sections that nothing refers to.")
@click.option(
    "--code-symbols",
    is_flag=True,
    help="Make .oro.symbols, a table of the code's names, for the script to place.",
)
@click.option("--defsym", "symbols", multiple=True, metavar="NAME=VALUE", help="Define a symbol.")
@click.option(
    "-Map", "--map", "map_file", metavar="FILE", help="Write a map of what lies where and why."
)
@click.option(
    "--map-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The map's form: for people, or for programs.",
)
@click.option("--format", "output_format", type=click.Choice(["elf", "binary"]), default="elf")
@click.option(
    "--why", metavar="NAME", help="Explain why a symbol, section or address is where it is."
)
def command(
    objects: tuple[str, ...],
    script: str,
    output: str,
    entry: str | None,
    symbols: tuple[str, ...],
    map_file: str | None,
    map_format: str,
    output_format: str,
    why: str | None,
    *,
    gc_sections: bool,
    code_symbols: bool,
) -> None:
    """Link OBJECTS by a linker script.

    \b
    orobuild link -T kernel.ld *.o -o kernel.elf
    orobuild link -T kernel.ld *.o -o kernel.elf --why .text.isr

    Strict: an orphan section, a section whose permissions its segment does not
    grant, and a branch to a section that is not allocated are errors. `oro-ld`
    has GNU's defaults instead.
    """
    from orobuild import linker
    from orobuild.cli.commands.oro_ld import map_text
    from orobuild.linker import script as scripts
    from orobuild.linker.explanations import why as explain

    parsed = scripts.parse(files.read_text(script), script, read_file=files.read_included)
    options = linker.LinkOptions(
        entry=entry,
        gc_sections=gc_sections,
        code_symbols=code_symbols,
        defsym=dict(parse_symbol(s) for s in symbols),
        output_format="binary" if output_format == "binary" else "elf",
    )
    inputs = [linker.LinkInput(path, files.read(path)) for path in objects]
    linked = linker.link(inputs, parsed, options)
    terminal.show(linked.warnings)
    files.write(output, linked.data, executable=output_format == "elf")
    if map_file:
        files.write(map_file, map_text(linked, map_format).encode("utf-8", "surrogateescape"))
    if why:
        click.echo(explain(linked, why), nl=False)
