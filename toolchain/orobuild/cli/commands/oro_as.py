"""`oro-as`: the assembler under GNU as's flags and defaults."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, Literal

import orobuild
from orobuild.cli import as_flags, drop_in, explanations, files, gnu_options, listings, terminal
from orobuild.cli.as_options import EXAMPLES, TABLE
from orobuild.diagnostics import Severity
from orobuild.errors import InputError
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.assembler import Assembly
    from orobuild.cli.gnu_options import CommandLine

_STANDARD_INPUT: Final = "{standard input}"  # GNU as's name for it
_LINE: Final = 72  # columns of a dependency file (gas/depend.c)

# Build systems read the first line: Linux wants `GNU assembler` first and the version last
# (scripts/as-version.sh); meson takes the first number of any kind.
VERSION: Final = f"""\
GNU assembler (orobuild's oro-as, in the language of GNU Binutils) {drop_in.BINUTILS}
This is not GNU as: it is oro-as of orobuild {orobuild.__version__}, under the MIT licence.
This assembler was configured for a target of `x86_64-linux-gnu'.
"""


def run(arguments: Sequence[str]) -> int:
    """Assemble like `as arguments…`; the exit status. Raises what `orobuild.errors` has."""
    line = gnu_options.parse(arguments, TABLE, "oro-as")
    if line.on("help") or line.on("target-help"):
        sys.stdout.write(
            gnu_options.help_text("Usage: oro-as [option…] [asmfile…]", TABLE, EXAMPLES)
        )
        return 0
    if line.on("version"):
        sys.stdout.write(VERSION)
        return 0
    if line.on("version-and-go"):
        sys.stderr.write(
            f"GNU assembler version {drop_in.BINUTILS} (x86_64-linux-gnu) "
            f"using orobuild {orobuild.__version__}\n"
        )
    names = line.inputs or ("-",)
    made = _assemble(line, names)
    if made.warnings and line.on("fatal-warnings"):
        raise InputError([replace(w, severity=Severity.ERROR) for w in made.warnings])
    if line.last("warnings") != "no":
        terminal.show(made.warnings)
    output = line.last("output") or "a.out"
    drop_in.write(output, made.object)
    if made.record is not None and line.all("explain"):
        as_json = line.last("format") == "json"
        explanations.show(made.record, line.all("explain"), _label(names), as_json=as_json)
    if made.record is not None and line.all("listing"):
        general = _ran(arguments, names, output)
        joined = len(names) > 1 or names[0].endswith(".S")
        listings.write(made.record, _label(names), _requests(line), general, joined=joined)
    dependencies = line.last("MD")
    if dependencies:
        read = [name for name in (*names, *made.dependencies) if name != "-"]
        drop_in.write(dependencies, _make_rule(output, read).encode())
    return 0


def _assemble(line: CommandLine, names: Sequence[str]) -> Assembly:
    from orobuild import assembler

    include_dirs = line.all("include")
    label = _label(names)
    bits: Literal[32, 64] = 32 if line.last("bits") == "32" else 64
    options = assembler.Options(
        bits=bits,
        strict=line.on("strict"),
        include_dirs=include_dirs,
        symbols=dict(drop_in.symbol(definition) for definition in line.all("defsym")),
        debug_info=line.on("debug"),
        dwarf=int(line.last("debug") or 2),
        compilation_directory=os.getcwd(),
        flags=as_flags.flags(line, bits),
        producer=f"GNU AS {drop_in.BINUTILS}",
        record=bool(line.all("listing") or line.all("explain")),
        encodings=files.encodings(line.last("output") or "a.out"),
    )
    return assembler.assemble(_text(line, names), label, options, read_file=files.read_included)


def _label(names: Sequence[str]) -> str:
    return _STANDARD_INPUT if names[0] == "-" else names[0]


def _requests(line: CommandLine) -> listings.Requests:
    """What -a and its companions ask for."""
    names = ("listing-lhs-width", "listing-lhs-width2", "listing-rhs-width", "listing-cont-lines")
    return listings.requests(line.all("listing"), [line.last(name) for name in names])


def _ran(arguments: Sequence[str], names: Sequence[str], output: str) -> str:
    """What the `g` of -a shows."""
    passed = " ".join(word for word in arguments if word.startswith("-") and word != "-")
    return (
        f" GNU assembler version {drop_in.BINUTILS} (x86_64-linux-gnu)\n"
        f"\t using orobuild {orobuild.__version__}.\n"
        f" options passed\t: {passed} \n input file    \t: {names[0]}\n"
        f" output file   \t: {output}\n target        \t: x86_64-pc-linux-gnu\n\n"
    )


def _text(line: CommandLine, names: Sequence[str]) -> str:
    """What is to be assembled. GNU as reads several files as if they were one."""
    texts = [_read(name, line.all("include")) for name in names]
    text = texts[0]
    if len(texts) > 1:
        text = "".join(f"{_marker(name)}{part}\n" for name, part in zip(names, texts, strict=True))
    return text


def _marker(name: str) -> str:
    """A line marker, so that messages about what follows have the file's own lines."""
    name = _STANDARD_INPUT if name == "-" else name
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'# 1 "{quoted}"\n'


def _read(name: str, include_dirs: Sequence[str]) -> str:
    text = files.read_text(name)
    if name.endswith(".S"):
        from orobuild.cli.commands.asm import preprocess_if_needed

        return preprocess_if_needed(name, text, tuple(include_dirs))
    return text


def _make_rule(target: str, read: Sequence[str]) -> str:
    """`target: read…` as make takes it, wrapped as gas/depend.c does."""
    rule, column = f"{_quoted(target)}:", len(_quoted(target)) + 1
    for name in dict.fromkeys(read):
        word = _quoted(name)
        if column + len(word) > _LINE:
            rule, column = f"{rule} \\\n ", 1
        rule, column = f"{rule} {word}", column + 1 + len(word)
    return rule + "\n"


def _quoted(name: str) -> str:
    return name.replace("$", "$$").replace("#", "\\#").replace(" ", "\\ ")
