"""`oro-ld`: the linker under GNU ld's flags and defaults."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import orobuild
from orobuild.cli import drop_in, gnu_options, ld_keywords, ld_script, link_inputs, terminal
from orobuild.cli.ld_options import EPILOGUE, EXAMPLES, TABLE
from orobuild.diagnostics import Severity, did_you_mean, error
from orobuild.errors import InputError, UsageError
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.cli.gnu_options import CommandLine
    from orobuild.linker import LinkOptions
    from orobuild.linker.linkmap import LinkedImage
    from orobuild.linker.script import Script

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
    if line.on("print-sysroot") or line.on("print-output-format"):
        wide = line.last("emulation") != "elf_i386"
        elf = "elf64-x86-64" if wide else "elf32-i386"
        shown = line.last("sysroot") or "" if line.on("print-sysroot") else elf
        sys.stdout.write(f"{shown}\n")
        return 0
    if line.on("v") or line.on("V"):
        sys.stdout.write(VERSION + (EMULATIONS if line.on("V") else ""))
    script_name = ld_script.script_name(line)
    if not line.inputs and not line.all("library") and script_name is None:
        if line.on("v") or line.on("V"):
            return 0
        raise UsageError("oro-ld: no input files", hint="'oro-ld --help' shows how to call it")
    _link(line)
    return 0


def _link(line: CommandLine) -> None:
    from orobuild import linker

    _check_combinations(line)
    fields, warnings = ld_keywords.read(line.all("keyword"))
    script, text = ld_script.script_of(line, fields)
    if line.on("verbose"):
        kind = "internal" if ld_script.script_name(line) is None else "external"
        ruler = "=" * 50
        sys.stdout.write(f"using {kind} linker script:\n{ruler}\n{text}\n{ruler}\n")
    symbols, script = ld_script.definitions(line, script)
    starts, script = ld_script.moved(line, script)
    script = ld_script.sorted_by(line, script)
    symbols |= link_inputs.just_symbols(line)
    inputs = link_inputs.gather(line, script, link_inputs.search_dirs(line, script))
    if not inputs:
        raise UsageError("oro-ld: no input files", hint="the script names none either")
    if line.on("trace"):
        sys.stdout.write("".join(f"{item.path}\n" for item in inputs))
    fields["segment_starts"] = starts
    linked = linker.link(inputs, script, _options(line, symbols, fields))
    warnings += linked.warnings
    _require_defined(line, linked)
    if line.on("fatal-warnings") and warnings:
        raise InputError([replace(w, severity=Severity.ERROR) for w in warnings])
    if line.last("warnings") != "no":
        terminal.show(warnings)
    if line.on("gc-sections") and line.on("print-gc-sections"):
        _print_collected(linked)
    _deliver(line, script, linked, [item.path for item in inputs])


# Outputs and what they cannot be combined with, and why.
_APART: Final = (
    ("relocatable", "pie", "an object is not an image", "choose -r or -pie"),
    ("relocatable", "gc-sections", "an object's users are not known", "collect in the last link"),
    ("relocatable", "emit-relocs", "an object has all its relocations", "leave out -q"),
)


def _check_combinations(line: CommandLine) -> None:
    """Refuse options that ask for two outputs at once. Raises `UsageError`."""
    for one, other, reason, hint in _APART:
        if line.on(one) and line.on(other):
            raise UsageError(
                f"oro-ld: '{one}' and '{other}' exclude each other: {reason}", hint=hint
            )
    kept = next((k for k in ("relocatable", "emit-relocs") if line.on(k)), None)
    if kept is not None and _strip(line) == "all":
        raise UsageError(
            f"oro-ld: '{kept}' needs the symbols that -s leaves out",
            hint="-S leaves out debug sections, -x local symbols",
        )
    moving = next((k for k in ("relocatable", "pie", "emit-relocs") if line.on(k)), None)
    if moving is not None and line.last("oformat") == "binary":
        raise UsageError(
            f"oro-ld: a flat binary cannot say what '{moving}' asks for",
            hint="link an ELF image, and take the bytes out of it with objcopy -O binary",
        )


def _deliver(line: CommandLine, script: Script, linked: LinkedImage, inputs: Sequence[str]) -> None:
    from orobuild.linker.references import cross_reference_table, traced

    output = line.last("output") or script.output or "a.out"
    drop_in.write(output, linked.data, executable=linked.elf is not None)
    map_file = line.last("map")
    sys.stderr.write(
        traced(linked.uses, line.all("trace-symbol")) if line.all("trace-symbol") else ""
    )
    if line.on("print-memory-usage"):
        sys.stdout.write(_memory_table(linked))
    if line.on("cref") and not map_file and not line.on("print-map"):
        sys.stdout.write(cross_reference_table(linked.uses))
    dependency_file = line.last("dependency-file")
    if dependency_file:
        names = [*inputs, *(n for n in (ld_script.script_name(line),) if n)]
        drop_in.write(dependency_file, _dependencies(output, names).encode())
    if map_file or line.on("print-map"):
        form = line.last("map-format") or "text"
        text = map_text(linked, form)
        if line.on("cref") and form == "text":
            text += cross_reference_table(linked.uses)
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


def _memory_table(linked: LinkedImage) -> str:
    """--print-memory-usage, in GNU ld's columns."""
    lines = ["Memory region         Used Size  Region Size  %age Used"]
    for use in linked.memory:
        share = 100 * use.used / use.length if use.length else 0.0
        sizes = f"{_size(use.used):>13} {_size(use.length):>12}"
        lines.append(f"{use.name:>16}: {sizes}    {share:6.2f}%")
    return "\n".join(lines) + "\n"


def _size(value: int) -> str:
    for unit, shift in (("GB", 30), ("MB", 20), ("KB", 10)):
        if value and not value & (1 << shift) - 1:
            return f"{value >> shift} {unit}"
    return f"{value} B"


def _dependencies(output: str, names: Sequence[str]) -> str:
    """--dependency-file: a rule for make, and an empty one for every input."""
    quoted = [name.replace(" ", "\\ ") for name in dict.fromkeys(names)]
    head = f"{output}: \\\n  " + " \\\n  ".join(quoted) + "\n"
    return head + "".join(f"\n{name}:\n" for name in quoted)


def _build_id(line: CommandLine) -> str:
    style = line.last("build-id", "none") or "none"
    if style == "none":
        return ""
    digits = style[2:].replace(":", "").replace("-", "") if style[:2].lower() == "0x" else ""
    try:
        bytes.fromhex(digits)
    except ValueError:
        digits = ""
    if digits:
        return f"0x{digits}"
    if style in ("sha1", "md5"):
        return style
    reason = {
        "uuid": "a random id differs from build to build",
        "fast": "GNU ld has no such style",
    }.get(style, "unknown style")
    raise UsageError(
        f"oro-ld: '--build-id={style}' is not supported: {reason}",
        hint="it takes none, sha1, md5 or 0x and hexadecimal digits",
    )


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
        build_id=_build_id(line),
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
        wrap=line.all("wrap"),
        relax=line.last("relax") != "no",
        sort_common=cast("Any", line.last("sort-common")),
        check_sections=line.last("check-sections") != "no",
        paged=line.last("paging", "pages") == "pages",
        writable_text=line.last("paging") == "packed",
        ignored_symbols=frozenset(line.all("ignored-symbol")),
        retain_symbols=link_inputs.retained(line),
        warn_executable_stack=line.last("warn-execstack") != "no",
        **(_undefined(line) | {"relro": True, "multiple_definitions": line.on("muldefs")} | fields),
    )


def _undefined(line: CommandLine) -> dict[str, Any]:
    handling = line.last("undefined-symbols")
    if handling is None:
        return {}
    # There are no shared libraries: what is ignored in objects is ignored.
    named = {"report-all": "error", "ignore-in-shared-libs": "error", "ignore-all": "ignore",
             "ignore-in-object-files": "ignore"}  # fmt: skip
    return {"undefined_symbols": named.get(handling, handling)}


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
