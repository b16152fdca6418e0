"""The link map: what lies where and why. Values for tools, text for people.

`why` answers from the map alone which object brought something, which rule placed it, and which
segment with which flags holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from orobuild.diagnostics import Diagnostic, did_you_mean
from orobuild.elf.descriptions import section_flags, segment_flags
from orobuild.linker.output import OutputSection

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.diagnostics import Span
    from orobuild.elf.reader import ElfFile
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.segments import Segment

_MAX_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class MapSegment:
    """A program header: addresses and sizes in bytes."""

    name: str
    p_type: int
    p_flags: int
    p_offset: int
    p_vaddr: int
    p_paddr: int
    p_filesz: int
    p_memsz: int
    declared: Span | None


@dataclass(frozen=True, slots=True)
class MapSection:
    """An output section. `segments` are names, `declared` where the script describes it."""

    name: str
    address: int
    load_address: int
    size: int
    sh_flags: int
    segments: tuple[str, ...]
    declared: Span | None


@dataclass(frozen=True, slots=True)
class Placed:
    """An input section in the image. `rule` is None for an orphan."""

    object: str
    section: str
    output: str
    address: int
    size: int
    sh_flags: int
    rule: Span | None


@dataclass(frozen=True, slots=True)
class MapSymbol:
    """A global symbol. `object` and `section` are None for one that the script defines."""

    name: str
    address: int
    object: str | None
    section: str | None
    output: str | None
    defined: Span | None


@dataclass(frozen=True, slots=True)
class Dropped:
    """An input section that is not in the image. `reason` says why."""

    object: str
    section: str
    size: int
    reason: str
    rule: Span | None


@dataclass(frozen=True, slots=True)
class LinkMap:
    """Everything that the link placed, in address order."""

    segments: tuple[MapSegment, ...]
    sections: tuple[MapSection, ...]
    placements: tuple[Placed, ...]
    symbols: tuple[MapSymbol, ...]
    discarded: tuple[Dropped, ...]


@dataclass(frozen=True)
class LinkedImage:
    """The result of a link: `data` is an ELF executable, or a flat binary (`elf` is None)."""

    data: bytes
    elf: ElfFile | None
    warnings: tuple[Diagnostic, ...]
    _make_map: Callable[[], LinkMap]

    @cached_property
    def map(self) -> LinkMap:
        """What lies where; made when it is asked for, since most links are not asked."""
        return self._make_map()


def build_map(resolution: Resolution, used: tuple[Segment, ...]) -> LinkMap:
    """The map of a finished link."""
    names: dict[int, list[str]] = {}
    segments = []
    for segment in used:
        header = segment.header
        assert header is not None
        segments.append(
            MapSegment(
                segment.name,
                header.p_type,
                header.p_flags,
                header.p_offset,
                header.p_vaddr,
                header.p_paddr,
                header.p_filesz,
                header.p_memsz,
                segment.node.span if segment.node else None,
            )
        )
        for output in segment.sections:
            names.setdefault(output.index, []).append(segment.name)
    sections = tuple(
        MapSection(
            o.name,
            o.vma,
            o.lma,
            o.size,
            o.sh_flags,
            tuple(names.get(o.index, ())),
            o.span,
        )
        for o in resolution.placement.statements
        if isinstance(o, OutputSection) and not o.removed
    )
    return LinkMap(
        tuple(segments),
        sections,
        _placements(resolution),
        _symbols(resolution),
        _dropped(resolution),
    )


def _placements(resolution: Resolution) -> tuple[Placed, ...]:
    inputs, placement = resolution.inputs, resolution.placement
    rows = np.flatnonzero(placement.output_of >= 0)
    outputs = placement.output_of[rows]
    order = np.lexsort((resolution.section_address[rows], outputs))
    sections = inputs.sections
    placed = []
    for row in rows[order].tolist():
        output = placement.outputs[int(placement.output_of[row])]
        if output.removed:
            continue
        rule = int(placement.rule_of[row])
        placed.append(
            Placed(
                inputs.objects[sections["object"][row]].label,
                inputs.names[row],
                output.name,
                int(resolution.section_address[row]),
                int(sections["size"][row]),
                int(sections["flags"][row]),
                placement.rules[rule].statement.span if rule >= 0 else None,
            )
        )
    return tuple(placed)


def _symbols(resolution: Resolution) -> tuple[MapSymbol, ...]:
    inputs, table = resolution.inputs, resolution.symbols
    found = []
    for name in {**dict.fromkeys(table.names), **dict.fromkeys(resolution.layout.values)}:
        value = resolution.global_value(name)
        if value is None:
            continue
        address, home = value
        output = home.name if isinstance(home, OutputSection) else None
        script = resolution.layout.values.get(name)
        if script is not None:
            found.append(MapSymbol(name, address, None, None, output, script.span))
            continue
        row = table.row[table.numbers[name]]
        section = int(inputs.symbols["section"][row])
        if section >= 0 and not resolution.live[section]:
            continue
        found.append(
            MapSymbol(
                name,
                address,
                inputs.objects[inputs.symbols["object"][row]].label,
                inputs.names[section] if section >= 0 else None,
                output,
                None,
            )
        )
    return tuple(sorted(found, key=lambda symbol: (symbol.address, symbol.name)))


def _dropped(resolution: Resolution) -> tuple[Dropped, ...]:
    inputs, placement, symbols = resolution.inputs, resolution.placement, resolution.symbols
    found = []
    for row in np.flatnonzero((placement.output_of == -2) | symbols.dropped).tolist():
        rule = int(placement.rule_of[row])
        size = int(inputs.sections["size"][row])
        if rule >= 0:
            reason = "a /DISCARD/ rule takes it"
        elif row in placement.collected:
            reason = "nothing reachable refers to it (--gc-sections)"
        elif row in symbols.kept_by:
            kept = inputs.objects[symbols.kept_by[row]].label
            reason = f"its COMDAT group is already there from {kept}"
        else:
            reason = "no static image needs it"
        found.append(
            Dropped(
                inputs.objects[inputs.sections["object"][row]].label,
                inputs.names[row],
                size,
                reason,
                placement.rules[rule].statement.span if rule >= 0 else None,
            )
        )
    return tuple(found)


def render_map(link_map: LinkMap) -> str:
    """The map as people read it: segments, then sections with what they hold, then what is gone."""
    lines = ["Segments", ""]
    lines += [
        f"  {segment.name:<16} {segment_flags(segment.p_flags):<5} "
        f"{segment.p_vaddr:#018x} at {segment.p_paddr:#x}, {segment.p_memsz:#x} bytes "
        f"({segment.p_filesz:#x} in the file)"
        for segment in link_map.segments
    ]
    lines += ["", "Sections", ""]
    symbols: dict[int, list[str]] = {}
    for symbol in link_map.symbols:
        symbols.setdefault(symbol.address, []).append(symbol.name)
    by_output: dict[str, list[Placed]] = {}
    for placed in link_map.placements:
        by_output.setdefault(placed.output, []).append(placed)
    for section in link_map.sections:
        held = ", ".join(section.segments) or "no segment"
        lines.append(
            f"{section.name:<20} {section.address:#018x} {section.size:#10x}  "
            f"load address {section.load_address:#x}, {held}"
        )
        for placed in by_output.get(section.name, ()):
            rule = f"  {placed.rule}" if placed.rule else ""
            lines.append(
                f"  {placed.section:<18} {placed.address:#018x} {placed.size:#10x}  "
                f"{placed.object}{rule}"
            )
    lines += ["", "Symbols", ""]
    for symbol in link_map.symbols:
        origin = symbol.object or (f"script {symbol.defined}" if symbol.defined else "command line")
        lines.append(f"  {symbol.address:#018x} {symbol.name:<32} {origin}")
    if link_map.discarded:
        lines += ["", "Discarded", ""]
        for dropped in link_map.discarded:
            rule = f" ({dropped.rule})" if dropped.rule else ""
            lines.append(f"  {dropped.section:<24} {dropped.object}: {dropped.reason}{rule}")
    return "\n".join(lines) + "\n"


def why(link_map: LinkMap, name: str) -> str:
    """Why `name` (a symbol, a section or an address) is where it is, as text for people."""
    symbols = [symbol for symbol in link_map.symbols if symbol.name == name]
    if symbols:
        return "\n".join(_why_symbol(link_map, symbol) for symbol in symbols) + "\n"
    placed = [p for p in link_map.placements if p.section == name]
    gone = [d for d in link_map.discarded if d.section == name]
    outputs = [s for s in link_map.sections if s.name == name]
    if placed or gone or outputs:
        lines = [_why_output(link_map, section) for section in outputs]
        lines += [_why_placed(link_map, p) for p in placed[:_MAX_LISTED]]
        if len(placed) > _MAX_LISTED:
            lines.append(f"and {len(placed) - _MAX_LISTED} more input sections of this name")
        lines += [
            f"{d.object}:({d.section}) is not in the image: {d.reason}"
            + (f" ({d.rule})" if d.rule else "")
            for d in gone[:_MAX_LISTED]
        ]
        return "\n".join(lines) + "\n"
    try:
        address = int(name, 0)
    except ValueError:
        known = {s.name for s in link_map.symbols} | {p.section for p in link_map.placements}
        hint = did_you_mean(name, known)
        return f"nothing in the image is called '{name}'" + (f"; {hint}" if hint else "") + "\n"
    return _why_address(link_map, address) + "\n"


def _why_address(link_map: LinkMap, address: int) -> str:
    for placed in link_map.placements:
        section = _output(link_map, placed.output)
        allocated = section is not None and section.segments
        if allocated and placed.address <= address < placed.address + placed.size:
            before = [
                s for s in link_map.symbols if placed.address <= s.address <= address and s.object
            ]
            name = f"{before[-1].name}+{address - before[-1].address:#x}, " if before else ""
            return f"{address:#x} is {name}in {_why_placed(link_map, placed)}"
    for segment in link_map.segments:
        if segment.p_vaddr <= address < segment.p_vaddr + segment.p_memsz:
            return f"{address:#x} is padding or headers in {_segment_text(segment)}"
    return f"{address:#x} is in no segment"


def _output(link_map: LinkMap, name: str | None) -> MapSection | None:
    return next((s for s in link_map.sections if s.name == name), None)


def _segment_text(segment: MapSegment) -> str:
    declared = f", declared at {segment.declared}" if segment.declared else ""
    return f"segment '{segment.name}' with flags {segment_flags(segment.p_flags)}{declared}"


def _why_output(link_map: LinkMap, section: MapSection) -> str:
    segments = [s for s in link_map.segments if s.name in section.segments]
    held = "; ".join(_segment_text(s) for s in segments) or "no segment"
    declared = f"described at {section.declared}" if section.declared else "an orphan's own section"
    return (
        f"output section '{section.name}' at {section.address:#x}, {section.size:#x} bytes, "
        f"{declared}, is in {held}"
    )


def _why_placed(link_map: LinkMap, placed: Placed) -> str:
    flags = f' (flags "{section_flags(placed.sh_flags)}")'
    rule = f"the rule at {placed.rule}" if placed.rule else "no rule of the script (an orphan)"
    text = f"{placed.object}:({placed.section}){flags} at {placed.address:#x}, placed by {rule}"
    section = _output(link_map, placed.output)
    return f"{text}\n  {_why_output(link_map, section)}" if section else text


def _why_symbol(link_map: LinkMap, symbol: MapSymbol) -> str:
    if symbol.object is None:
        origin = f"the script, at {symbol.defined}" if symbol.defined else "the command line"
        where = f" in '{symbol.output}'" if symbol.output else ", absolute"
        return f"'{symbol.name}' = {symbol.address:#x}{where}, defined by {origin}"
    text = f"'{symbol.name}' = {symbol.address:#x}, defined by {symbol.object}"
    for placed in link_map.placements:
        if (
            placed.object == symbol.object
            and placed.section == symbol.section
            and placed.address <= symbol.address <= placed.address + placed.size
        ):
            return f"{text}\n  in {_why_placed(link_map, placed)}"
    return f"{text}, absolute"
