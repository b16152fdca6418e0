"""`oro-as`: the assembler under GNU as's flags and defaults."""

from __future__ import annotations

from dataclasses import replace

import click

from orobuild.cli import files, terminal
from orobuild.cli.commands.asm import parse_symbol, preprocess_if_needed
from orobuild.diagnostics import Severity
from orobuild.errors import InputError


@click.command("oro-as")
@click.argument("sources", nargs=-1)
@click.option("-o", "output", default="a.out", show_default=True, help="The object.")
@click.option("-I", "include_dirs", multiple=True, metavar="DIR", help="Where .include looks.")
@click.option("--defsym", "symbols", multiple=True, metavar="NAME=VALUE", help="Define a symbol.")
@click.option("--64", "bits", flag_value=64, default=64, type=int, help="Write ELF64 (default).")
@click.option("--32", "bits", flag_value=32, type=int, help="Write ELF32.")
@click.option("-g", "--gen-debug", "debug_info", is_flag=True, help="Add a DWARF line table.")
@click.option("-W", "--no-warn", "no_warn", is_flag=True, help="Show no warnings.")
@click.option("--warn", "_warn", is_flag=True, help="Show warnings (default).")
@click.option("--fatal-warnings", is_flag=True, help="Treat warnings as errors.")
@click.option("--strict", is_flag=True, help="Forbid what orobuild forbids: see orobuild asm.")
def command(
    sources: tuple[str, ...],
    output: str,
    include_dirs: tuple[str, ...],
    symbols: tuple[str, ...],
    bits: int,
    *,
    debug_info: bool,
    no_warn: bool,
    _warn: bool,
    fatal_warnings: bool,
    strict: bool,
) -> None:
    """Assemble SOURCES (standard input when there are none or for -) like GNU as.

    \b
    oro-as -o isr.o isr.s
    gcc -S -o - a.c | oro-as -o a.o
    """
    from orobuild import assembler

    names = sources or ("-",)
    texts = [preprocess_if_needed(n, files.read_text(n), include_dirs) for n in names]
    label = "{standard input}" if names[0] == "-" else names[0]
    # GNU as reads several files as if they were one.
    text = (
        texts[0]
        if len(texts) == 1
        else "".join(f'# 1 "{name}"\n{part}\n' for name, part in zip(names, texts, strict=True))
    )
    options = assembler.Options(
        bits=32 if bits == 32 else 64,
        strict=strict,
        include_dirs=include_dirs,
        symbols=dict(parse_symbol(s) for s in symbols),
        debug_info=debug_info,
    )
    made = assembler.assemble(text, label, options, read_file=files.read_included)
    if made.warnings and fatal_warnings:
        raise InputError([replace(w, severity=Severity.ERROR) for w in made.warnings])
    if not no_warn:
        terminal.show(made.warnings)
    files.write(output, made.object)
