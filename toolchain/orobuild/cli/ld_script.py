"""The linker script of a command line: read, or built in, and changed as options ask.

Owns -T with INSERT, --defsym, the options that move sections (-Ttext, --section-start), and
--sort-section. What is left is a `Script` like any other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orobuild.cli import drop_in, files, link_inputs
from orobuild.diagnostics import Span
from orobuild.errors import UsageError
from orobuild.records import replace

if TYPE_CHECKING:
    from orobuild.cli.gnu_options import CommandLine
    from orobuild.linker.builtin import Kind
    from orobuild.linker.script import Script, nodes

# -Ttext and the like: the section that each moves, and its name for SEGMENT_START.
_SEGMENTS: Final = {
    "Ttext": "text", "Tdata": "data", "Tbss": "bss", "Ttext-segment": "text-segment",
    "Trodata-segment": "rodata-segment", "Tldata-segment": "ldata-segment",
}  # fmt: skip


def kind_of(line: CommandLine, fields: dict[str, Any]) -> Kind:
    """Which built-in script the options mean; `fields` are those of the -z keywords."""
    from orobuild.linker.builtin import Kind

    return Kind(
        wide=line.last("emulation") != "elf_i386",
        relocatable=line.on("relocatable"),
        pie=line.on("pie"),
        paged=line.last("paging", "pages") == "pages",
        packed=line.last("paging") == "packed",
        separate_code=fields.get("separate_code", True),
        now=fields.get("now", False) and fields.get("relro", True),
    )


def script_of(line: CommandLine, fields: dict[str, Any]) -> tuple[Script, str]:
    """The script and its text. Raises `InputError` and `UsageError`."""
    from orobuild.linker import script as scripts
    from orobuild.linker.builtin import builtin_script, script_text

    kind = kind_of(line, fields)
    name = script_name(line)
    if name is None:
        return builtin_script(kind), script_text(kind)
    dirs = link_inputs.search_dirs(line, None)
    path = link_inputs.find_script(name, dirs)

    def read_included(included: str) -> bytes:
        for directory in ("", *dirs):
            if Path(directory, included).exists():
                return Path(directory, included).read_bytes()
        return files.read_included(included)

    text = files.read_text(path)
    parsed = scripts.parse(
        text, path, read_file=read_included, augmented=lambda: builtin_script(kind)
    )
    return parsed, text


def script_name(line: CommandLine) -> str | None:
    """The file of -T, else that of --default-script. Raises `UsageError` for several."""
    names = line.all("script")
    if len(names) > 1:
        raise UsageError(
            f"oro-ld: {len(names)} linker scripts: {', '.join(names)}",
            hint="give one -T; scripts join by INCLUDE",
        )
    return names[0] if names else line.last("default-script")


def definitions(line: CommandLine, script: Script) -> tuple[dict[str, int], Script]:
    """--defsym: numbers, and expressions, which become the script's first assignments."""
    from orobuild.linker import script as scripts

    symbols: dict[str, int] = {}
    statements: list[nodes.Statement] = []
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


def moved(line: CommandLine, script: Script) -> tuple[dict[str, int], Script]:
    """What SEGMENT_START says, and the script with sections where options want them.

    An option that the script asks for by SEGMENT_START moves nothing else (ld/ldlang.c,
    map_input_to_output_sections). Raises `UsageError`.
    """
    segments: dict[str, int] = {}
    sections: dict[str, int] = {}
    for item in line.items:
        if item.key in _SEGMENTS:
            name = _SEGMENTS[item.key]
            segments[name] = _address(item.word, item.value or "")
            if not _asks_for(script, name):
                sections[f".{name}"] = segments[name]
        elif item.key == "section-start":
            name, equals, value = (item.value or "").partition("=")
            if not name or not equals:
                raise UsageError(
                    f"oro-ld: '{item.word}' is not SECTION=ADDRESS",
                    hint="for example --section-start=.text=0x100000",
                )
            sections[name] = _address(item.word, value)
    # Nobody has sections called like segments: these options only answer SEGMENT_START.
    sections = {n: a for n, a in sections.items() if not n.endswith("-segment")}
    return segments, _placed_at(script, sections)


def _address(word: str, text: str) -> int:
    """An address as GNU ld reads it: hexadecimal, with or without 0x."""
    try:
        return int(text, 16)
    except ValueError:
        raise UsageError(
            f"oro-ld: '{word}': '{text}' is not an address", hint="in hexadecimal, as 0x100000"
        ) from None


def _placed_at(script: Script, sections: dict[str, int]) -> Script:
    from orobuild.linker.script import nodes

    if not sections:
        return script
    statements: list[nodes.Statement] = []
    missing = dict(sections)
    for statement in script.statements:
        if isinstance(statement, nodes.OutputSection) and statement.name in sections:
            number = nodes.Number(sections[statement.name], statement.span)
            statements.append(replace(statement, address=number))
            missing.pop(statement.name, None)
        else:
            statements.append(statement)
    for name, address in missing.items():
        span = Span("--section-start", 1, 1)
        number = nodes.Number(address, span)
        pattern = nodes.SectionPattern(name, span)
        body = (nodes.InputStatement("*", (pattern,), span),)
        statements.append(nodes.OutputSection(name=name, span=span, body=body, address=number))
    return replace(script, statements=tuple(statements))


def _asks_for(script: Script, segment: str) -> bool:
    """Whether an expression of the script says SEGMENT_START("segment", …)."""
    return f'"{segment}"' in _segment_names(script)


def _segment_names(script: Script) -> frozenset[str]:
    from orobuild.linker.script import nodes

    found = set()
    pending: list[object] = list(script.statements)
    while pending:
        node = pending.pop()
        if isinstance(node, nodes.OutputSection):
            pending += [*node.body, node.address, node.at]
        elif isinstance(node, nodes.Assignment):
            pending.append(node.expression)
        elif isinstance(node, nodes.Binary):
            pending += [node.left, node.right]
        elif isinstance(node, nodes.Unary):
            pending.append(node.operand)
        elif isinstance(node, nodes.Ternary):
            pending += [node.condition, node.then, node.otherwise]
        elif isinstance(node, nodes.Call):
            if node.function == "SEGMENT_START":
                found.add(f'"{node.name_arg}"')
            pending += node.args
    return frozenset(found)


def sorted_by(line: CommandLine, script: Script) -> Script:
    """--sort-section: wildcard patterns without a SORT of their own are sorted so."""
    from orobuild.linker.glob import is_wild
    from orobuild.linker.script import nodes

    key = line.last("sort-section")
    if key is None:
        return script

    def pattern(spec: nodes.SectionPattern) -> nodes.SectionPattern:
        if not is_wild(spec.pattern) or len(spec.sort) > 1 or spec.sort[:1] in ((key,), ("none",)):
            return spec
        return replace(spec, sort=(*spec.sort, key))

    statements: list[nodes.Statement] = []
    for statement in script.statements:
        if isinstance(statement, nodes.OutputSection):
            body = tuple(
                replace(item, sections=tuple(map(pattern, item.sections)))
                if isinstance(item, nodes.InputStatement)
                else item
                for item in statement.body
            )
            statements.append(replace(statement, body=body))
        else:
            statements.append(statement)
    return replace(script, statements=tuple(statements))
