"""`oro-ld`: the linker under GNU ld's flags and defaults."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import orobuild
from orobuild.cli import drop_in, files, gnu_options, ld_keywords, link_inputs, terminal
from orobuild.cli.ld_options import EPILOGUE, EXAMPLES, TABLE
from orobuild.diagnostics import Severity, did_you_mean, error
from orobuild.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.cli.gnu_options import CommandLine
    from orobuild.linker import LinkOptions
    from orobuild.linker.linkmap import LinkedImage
    from orobuild.linker.script import Script
    from orobuild.linker.script.nodes import Statement

# Build systems read the first line: Linux wants `GNU ld` first and the version last
# (scripts/ld-version.sh), libtool and meson look for `GNU`.
VERSION: Final = f"GNU ld (orobuild's oro-ld, in the language of GNU Binutils) {drop_in.BINUTILS}\n"
ABOUT: Final = f"""\
This is not GNU ld: it is oro-ld of orobuild {orobuild.__version__}, under the MIT licence.
"""
EMULATIONS: Final = "  Supported emulations:\n   elf_x86_64\n   elf_i386\n"


def run(arguments: Sequence[str]) -> int:
    """Link like `ld arguments…`; the exit status. Raises what `orobuild.errors` has."""
    line = gnu_options.parse(arguments, TABLE, "oro-ld")
    if line.on("help"):
        usage = "Usage: oro-ld [option…] file…"
        sys.stdout.write(gnu_options.help_text(usage, TABLE, EXAMPLES, EPILOGUE))
        return 0
    if line.on("version"):
        sys.stdout.write(VERSION + ABOUT)
        return 0
    if line.on("v") or line.on("V"):
        sys.stdout.write(VERSION + (EMULATIONS if line.on("V") else ""))
    script_name = _script_name(line)
    if not line.inputs and not line.all("library") and script_name is None:
        if line.on("v") or line.on("V"):
            return 0
        raise UsageError("oro-ld: no input files", hint="'oro-ld --help' shows how to call it")
    _link(line, script_name)
    return 0


def _link(line: CommandLine, script_name: str | None) -> None:
    from orobuild import linker

    fields, warnings = ld_keywords.read(line.all("keyword"))
    script = _script(line, script_name, fields)
    symbols, script = _definitions(line, script)
    inputs = link_inputs.gather(line, script, link_inputs.search_dirs(line, script))
    if not inputs:
        raise UsageError("oro-ld: no input files", hint="the script names none either")
    if line.on("trace"):
        sys.stdout.write("".join(f"{item.path}\n" for item in inputs))
    linked = linker.link(inputs, script, _options(line, symbols, fields))
    warnings += linked.warnings
    _require_defined(line, linked)
    if line.on("fatal-warnings") and warnings:
        raise InputError([replace(w, severity=Severity.ERROR) for w in warnings])
    if line.last("warnings") != "no":
        terminal.show(warnings)
    if line.on("gc-sections") and line.on("print-gc-sections"):
        _print_collected(linked)
    _deliver(line, script, linked)


def _deliver(line: CommandLine, script: Script, linked: LinkedImage) -> None:
    output = line.last("output") or script.output or "a.out"
    drop_in.write(output, linked.data, executable=linked.elf is not None)
    map_file = line.last("map")
    if map_file or line.on("print-map"):
        text = map_text(linked, line.last("map-format") or "text")
        if line.on("print-map"):
            sys.stdout.write(text)
        if map_file:
            if Path(map_file).is_dir():
                map_file = str(Path(map_file, f"{Path(output).name}.map"))
            drop_in.write(map_file, text.encode("utf-8", "surrogateescape"))
    for name in line.all("why"):
        from orobuild.linker.explanations import why

        sys.stdout.write(why(linked, name))


def map_text(linked: LinkedImage, form: str) -> str:
    """The map in the form `text` or `json`."""
    if form == "json":
        from orobuild.linker.map_json import render_json

        return render_json(linked.map)
    from orobuild.linker.map_text import render_map

    return render_map(linked.map)


def _script_name(line: CommandLine) -> str | None:
    names = line.all("script")
    if len(names) > 1:
        raise UsageError(
            f"oro-ld: {len(names)} linker scripts: {', '.join(names)}",
            hint="give one -T; scripts join by INCLUDE",
        )
    return names[0] if names else None


def _script(line: CommandLine, name: str | None, fields: dict[str, Any]) -> Script:
    from orobuild.linker import script as scripts

    def builtin() -> Script:
        from orobuild.linker.builtin import Kind, builtin_script

        return builtin_script(
            Kind(
                wide=line.last("emulation") != "elf_i386",
                relocatable=line.on("relocatable"),
                pie=line.on("pie"),
                separate_code=fields.get("separate_code", True),
                now=fields.get("now", False) and fields.get("relro", True),
            )
        )

    if name is None:
        return builtin()
    dirs = link_inputs.search_dirs(line, None)
    path = link_inputs.find_script(name, dirs)

    def read_included(included: str) -> bytes:
        for directory in ("", *dirs):
            if Path(directory, included).exists():
                return Path(directory, included).read_bytes()
        return files.read_included(included)

    return scripts.parse(files.read_text(path), path, read_file=read_included, augmented=builtin)


def _definitions(line: CommandLine, script: Script) -> tuple[dict[str, int], Script]:
    """--defsym: numbers, and expressions, which become the script's first assignments."""
    from orobuild.linker import script as scripts

    symbols: dict[str, int] = {}
    statements: list[Statement] = []
    for definition in line.all("defsym"):
        name, equals, value = definition.partition("=")
        if not name or not equals or not value:
            raise UsageError(
                f"oro-ld: --defsym '{definition}' is not NAME=EXPRESSION",
                hint="for example --defsym BASE=0x100000 or --defsym end=start+8",
            )
        try:
            symbols[name] = drop_in.number(value)
        except ValueError:
            text = f"{definition};"
            parsed = scripts.parse(text, "--defsym", read_file=files.read_included)
            statements += parsed.statements
    return symbols, replace(script, statements=(*statements, *script.statements))


def _options(line: CommandLine, symbols: dict[str, int], fields: dict[str, Any]) -> LinkOptions:
    from orobuild import linker

    oformat = line.last("oformat")
    # The words that the casts below let through are the choices of the table.
    emulation = line.last("emulation")
    if oformat == "elf32-i386":
        emulation = "elf_i386"
    return linker.LinkOptions(
        strict=line.on("strict"),
        orphan_handling=cast("Any", line.last("orphan-handling", "place")),
        entry=line.last("entry"),
        gc_sections=line.on("gc-sections"),
        defsym=symbols,
        undefined=(*line.all("undefined"), *line.all("require-defined")),
        build_id=line.last("build-id", "none") != "none",
        strip=cast("Any", _strip(line)),
        output_format=None if oformat is None else "binary" if oformat == "binary" else "elf",
        emulation=cast("Any", emulation),
        warn_rwx_segments=line.last("rwx") != "no",
        pie=line.on("pie"),
        eh_frame_hdr=line.on("eh-frame-hdr"),
        emit_relocations=line.on("emit-relocs"),
        hash_style=cast("Any", line.last("hash-style", "both")),
        relocatable=line.on("relocatable"),
        define_common=line.on("define-common"),
        ungroup=line.on("ungroup"),
        discard=cast("Any", line.last("discard", "default")),
        **{"relro": True, **fields},
    )


def _strip(line: CommandLine) -> str:
    """-s wins over -S in any order (ld/lexsup.c)."""
    asked = line.all("strip")
    return "all" if "all" in asked else "debug" if asked else "none"


def _require_defined(line: CommandLine, linked: LinkedImage) -> None:
    required = line.all("require-defined")
    if not required:
        return
    defined = {symbol.name for symbol in linked.map.symbols}
    missing = [name for name in required if name not in defined]
    if missing:
        raise InputError(
            error(f"--require-defined: '{name}' is not defined", hint=did_you_mean(name, defined))
            for name in missing
        )


def _print_collected(linked: LinkedImage) -> None:
    sys.stderr.write(
        "".join(
            f"oro-ld: removing unused section '{gone.section}' in file '{gone.object}'\n"
            for gone in linked.map.discarded
            if "--gc-sections" in gone.reason
        )
    )
