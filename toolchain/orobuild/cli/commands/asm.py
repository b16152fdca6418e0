"""`orobuild asm`."""

from __future__ import annotations

from pathlib import Path

import click

import orobuild
from orobuild.cli import explanations, files, listings, terminal
from orobuild.errors import UsageError


def parse_symbol(definition: str) -> tuple[str, int]:
    """`NAME=VALUE` as GNU's `--defsym` takes it. Raises `UsageError`."""
    name, equals, value = definition.partition("=")
    try:
        if not name or not equals:
            raise ValueError
        return name, int(value, 0)
    except ValueError:
        raise UsageError(
            f"'{definition}' is not NAME=VALUE with an integer value",
            hint="for example --defsym CORES=4 or --defsym BASE=0x100000",
        ) from None


def preprocess_if_needed(source: str, text: str, include_dirs: tuple[str, ...]) -> str:
    """`text` through the C preprocessor when it has preprocessor lines."""
    from orobuild.pipeline import compiler

    if not compiler.needs_preprocessing(source, text):
        return text
    found = compiler.find((), Path.home() / ".cache" / "orobuild")
    flags = [f"-I{directory}" for directory in include_dirs]
    return found.preprocess(source, flags, Path.cwd())[0]


@click.command("asm")
@click.argument("source")
@click.option("-o", "output", default="", help="The object (default: SOURCE with .o).")
@click.option("-I", "include_dirs", multiple=True, metavar="DIR", help="Where .include looks.")
@click.option("--defsym", "symbols", multiple=True, metavar="NAME=VALUE", help="Define a symbol.")
@click.option("--32", "bits32", is_flag=True, help="Write ELF32 for i386.")
@click.option("-g", "debug_info", is_flag=True, help="Add DWARF 5 debug information.")
@click.option(
    "-a",
    "listing",
    is_flag=False,
    flag_value="",
    metavar="[cdghlmns][=FILE]",
    help="Write a listing; the letters are those of oro-as, m shows macro expansions.",
)
@click.option(
    "--explain",
    "explained",
    multiple=True,
    metavar="LINE",
    help="Say why this line (or FILE:LINE) became what it did.",
)
@click.option(
    "--format",
    "explain_format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How --explain answers.",
)
def command(
    source: str,
    output: str,
    include_dirs: tuple[str, ...],
    symbols: tuple[str, ...],
    *,
    bits32: bool,
    debug_info: bool,
    listing: str | None,
    explained: tuple[str, ...],
    explain_format: str,
) -> None:
    """Assemble SOURCE (GNU syntax; - for standard input) to an ELF relocatable.

    \b
    orobuild asm isr.S -o isr.o
    orobuild asm boot.S --32 -I include --defsym CORES=4
    orobuild asm isr.S -o isr.o -almn=isr.lst
    orobuild asm isr.S -o isr.o --explain 12

    Strict: code before any section directive, code in a section without x, and a
    custom section without flags are errors. `oro-as` has GNU's defaults instead.
    """
    from orobuild import assembler

    text = preprocess_if_needed(source, files.read_text(source), include_dirs)
    output = output or str(Path(source).with_suffix(".o"))
    options = assembler.Options(
        bits=32 if bits32 else 64,
        include_dirs=include_dirs,
        symbols=dict(parse_symbol(s) for s in symbols),
        code_ranges=True,
        debug_info=debug_info,
        record=listing is not None or bool(explained),
        encodings=files.encodings(output),
    )
    made = assembler.assemble(text, source, options, read_file=files.read_included)
    terminal.show(made.warnings)
    files.write(output, made.object)
    if listing is not None and made.record is not None:
        general = f" orobuild {orobuild.__version__}\n input file    \t: {source}\n"
        general += f" output file   \t: {output}\n\n"
        asked = listings.requests([listing])
        listings.write(made.record, source, asked, general, joined=source.endswith(".S"))
    if explained and made.record is not None:
        explanations.show(made.record, explained, source, as_json=explain_format == "json")
