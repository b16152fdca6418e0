"""A `Location` as people read it, and as a JSON object (docs/at.md says what its keys mean)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from orobuild.elf.descriptions import section_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orobuild.debug.disassembly import Line
    from orobuild.debug.location import Location
    from orobuild.debug.references import Reference
    from orobuild.lint.program import Program

Role = Literal["head", "label", "dim", "good", "bad", "code", "source"]
Style = "Callable[[str, Role], str]"

_LABEL: Final = 9
_SHOWN: Final = 4  # references of one kind
_ARROW: Final = "▸"
_VERBS: Final = {
    "jump": "jumped to by",
    "conditional jump": "branched to by",
    "call": "called by",
    "pointer": "pointed to by",
    "address": "address taken by",
}


def text(
    program: Program,
    location: Location,
    style: Callable[[str, Role], str],
    *,
    source: Callable[[str], Sequence[str] | None] = lambda _file: None,
) -> str:
    """Several lines, each ended by a newline. `source` gives the lines of a source file."""
    return "".join(f"{line}\n" for line in _lines(program, location, style, source))


def rows(style: Callable[[str, Role], str]) -> Callable[[str, str], str]:
    """Makes a line of a label and what it says."""
    return lambda label, value: f"  {style(f'{label:<{_LABEL}}', 'label')} {value}"


def _lines(
    program: Program,
    location: Location,
    style: Callable[[str, Role], str],
    source: Callable[[str], Sequence[str] | None],
) -> Iterator[str]:
    row = rows(style)
    name = location.name
    yield style(f"{location.asked:#x}", "head") + (f"  {name}" if name else "")
    if location.segment is None:
        yield row("segment", style("none: no part of the image is there", "bad"))
        for near in location.neighbours:
            distance = (
                f"{near.start - location.address:#x} before its start"
                if near.start > location.address
                else f"{location.address - near.end:#x} behind its end"
            )
            yield row("", f"{distance}: {near}")
        return
    if location.meaning != "virtual":
        what = "physical address" if location.meaning == "physical" else "address where it runs"
        yield row("means", f"{location.address:#x} by its {what}")
    elif location.address != location.asked:
        yield row("means", f"{location.address:#x} as linked")
    yield row("segment", _segment(location, style))
    yield row("section", section_of(location))
    yield from inside(program, location, style, row, source)


def inside(
    program: Program,
    location: Location,
    style: Callable[[str, Role], str],
    row: Callable[[str, str], str],
    source: Callable[[str], Sequence[str] | None],
) -> Iterator[str]:
    """What is the same for an image and for an object: source, code or data, references."""
    for number, place in enumerate(location.places):
        function = f"  in {place.function}" if place.function else ""
        column = f":{place.column}" if place.column else ""
        yield row("inlined" if number else "source", f"{place}{column}{style(function, 'dim')}")
        line = _source_line(place.file, place.line, source)
        if line is not None:
            yield row("", f"{style(f'{place.line:>5} |', 'dim')} {style(line, 'source')}")
    yield from _content(location, style, row)
    yield from _referenced(program, location.referenced, row)
    if location.callers and location.symbol is not None:
        yield from _referenced(
            program, location.callers, row, of=f" {location.symbol.name}", label="function"
        )


def _segment(location: Location, style: Callable[[str, Role], str]) -> str:
    segment = location.segment
    assert segment is not None
    flags = style(segment.flags, "code" if segment.is_executable else "dim")
    words = [f"{segment.index}  {flags}  {segment.start:#x}-{segment.end:#x}"]
    if location.physical != location.address:
        words.append(f"physical {location.physical:#x}")
    words.append(
        "no bytes in the file"
        if location.file_offset is None
        else f"file offset {location.file_offset:#x}"
    )
    return ", ".join(words)


def section_of(location: Location) -> str:
    """The section with the offset, and its flags."""
    section = location.section
    if section is None:
        return "none"
    offset = location.address - section.sh_addr
    return f'{section.name}+{offset:#x}  ("{section_flags(section.sh_flags)}")'


def _source_line(file: str, line: int, source: Callable[[str], Sequence[str] | None]) -> str | None:
    lines = source(file) if line else None
    if lines is None or line > len(lines):
        return None
    return lines[line - 1].expandtabs(4).rstrip()


def _content(
    location: Location, style: Callable[[str, Role], str], row: Callable[[str, str], str]
) -> Iterator[str]:
    label = "code"
    digits = max((len(f"{line.address:x}") for line in location.instructions), default=0)
    for line in location.instructions:
        here = line is location.instruction
        mark = style(_ARROW, "good") if here else " "
        written = _instruction(line, digits)
        yield row(label, f"{mark} {style(written, 'code') if here else written}")
        label = ""
        for relocation in line.relocations:
            yield row("", f"    {style(relocation, 'good' if here else 'dim')}")
    if location.inside and location.instruction is not None:
        distance = location.address - location.instruction.address
        note = f"the address is {distance} bytes into this instruction, not at its start"
        yield row("", style(note, "bad"))
    if location.data:
        written = location.data.hex(" ")
        pointer = f"  -> {location.pointer}" if location.pointer else ""
        yield row("data", f"{written}{pointer}")


def _instruction(line: Line, digits: int) -> str:
    name = f"  <{line.name}>" if line.name else ""
    return f"{line.address:>{digits}x}: {line.data.hex(' '):<24} {line.text}{name}"


def _referenced(
    program: Program,
    found: Sequence[Reference],
    row: Callable[[str, str], str],
    *,
    of: str = "",
    label: str = "named",
) -> Iterator[str]:
    for kind, verb in _VERBS.items():
        of_kind = [reference for reference in found if reference.kind == kind]
        if not of_kind:
            continue
        shown = ", ".join(program.place(reference.source) for reference in of_kind[:_SHOWN])
        more = f" and {len(of_kind) - _SHOWN} more" if len(of_kind) > _SHOWN else ""
        yield row(label, f"{of}{' is ' if of else ''}{verb} {shown}{more}".strip())
        label = ""


def as_object(program: Program, location: Location) -> dict[str, Any]:
    """The location as values that JSON knows; addresses are strings, as `0x…`."""
    segment, section, symbol = location.segment, location.section, location.symbol

    def reference(row: Reference) -> dict[str, Any]:
        return {
            "kind": row.kind,
            "source": hex(row.source),
            "symbol": program.symbols.name(row.source),
        }

    return {
        "address": hex(location.asked),
        "virtual": hex(location.address) if segment else None,
        "meaning": location.meaning if segment else None,
        "name": location.name,
        "symbol": symbol
        and {"name": symbol.name, "address": hex(symbol.address), "size": symbol.size},
        "section": section
        and {
            "name": section.name,
            "flags": section_flags(section.sh_flags),
            "offset": location.address - section.sh_addr,
        },
        "segment": segment
        and {
            "index": segment.index,
            "flags": segment.flags,
            "start": hex(segment.start),
            "end": hex(segment.end),
        },
        "physical": None if location.physical is None else hex(location.physical),
        "file-offset": location.file_offset,
        "source": [
            {
                "file": place.file,
                "line": place.line,
                "column": place.column,
                "function": place.function or None,
                "linkage-name": place.linkage_name or None,
            }
            for place in location.places
        ],
        "instructions": [
            {
                "address": hex(line.address),
                "bytes": line.data.hex(),
                "text": line.text,
                "target": None if line.target is None else hex(line.target),
                "name": line.name,
            }
            for line in location.instructions
        ],
        "inside-instruction": location.inside,
        "data": location.data.hex() or None,
        "pointer": location.pointer,
        "referenced": [reference(row) for row in location.referenced],
        "function-referenced": [reference(row) for row in location.callers],
    }
