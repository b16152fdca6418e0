"""The link map: what lies where, as values. `map_text` and `map_json` show it, `explanations` asks it.

It decides nothing and is made from a finished link, when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from orobuild.linker.output import OutputSection
from orobuild.linker.placement import DISCARD_NAME
from orobuild.linker.references import symbol_uses
from orobuild.linker.rules import FileMatcher, RuleIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.diagnostics import Diagnostic, Span
    from orobuild.elf.reader import ElfFile
    from orobuild.linker.references import SymbolUse
    from orobuild.linker.regions import MemoryUse
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.segments import Segment


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
    """An input section in the image. `rule` is None for an orphan. `row` is its number."""

    object: str
    section: str
    output: str
    address: int
    size: int
    sh_flags: int
    rule: Span | None
    row: int


@dataclass(frozen=True, slots=True)
class MapSymbol:
    """A symbol. `object` and `section` are None for one that the script defines. `row` is the
    number of the section that it lies in, -1 for none, and `offset` where in it."""

    name: str
    address: int
    object: str | None
    section: str | None
    output: str | None
    defined: Span | None
    row: int = -1
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Dropped:
    """An input section that is not in the image. `reason` says why. `row` is its number."""

    object: str
    section: str
    size: int
    reason: str
    rule: Span | None
    row: int


@dataclass(frozen=True, slots=True)
class OtherRule:
    """A rule that would take an input section if the one that does were not there."""

    output: str
    rule: Span


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
    _resolution: Resolution

    @cached_property
    def uses(self) -> tuple[SymbolUse, ...]:
        """Who defines and who refers to every global symbol."""
        return symbol_uses(self._resolution.inputs, self._resolution.symbols)

    @cached_property
    def memory(self) -> tuple[MemoryUse, ...]:
        """How full the memory regions are."""
        return self._resolution.layout.memory()

    @cached_property
    def map(self) -> LinkMap:
        """What lies where; made when it is asked for, since most links are not asked."""
        return self._make_map()

    def source_of(self, row: int, offset: int, name: str = "") -> str | None:
        """`file:line` of a byte of an input section, or of the declaration of `name`."""
        return self._resolution.source_of(row, offset, name) if row >= 0 else None

    def symbol_rows(self, name: str) -> list[MapSymbol]:
        """The symbols called `name` in all objects, local ones and those that were dropped too."""
        return _rows_called(self._resolution, name)

    def other_rules(self, row: int) -> list[OtherRule]:
        """The rules behind the one that takes an input section that match it too, in order."""
        return _other_rules(self._resolution, row)


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
                row,
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
                section,
                int(inputs.symbols["value"][row]),
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
                row,
            )
        )
    return tuple(found)


def _rows_called(resolution: Resolution, name: str) -> list[MapSymbol]:
    inputs = resolution.inputs
    table = inputs.symbols
    number = inputs.strings.numbers([name.encode("utf-8", "surrogateescape")])[0]
    rows = np.flatnonzero((table["name"] == number) & (table["section"] >= 0))
    found = []
    for row in rows.tolist():
        section = int(table["section"][row])
        output = resolution.placement.output_section(section)
        found.append(
            MapSymbol(
                name,
                int(resolution.symbol_value[row]),
                inputs.objects[table["object"][row]].label,
                inputs.names[section],
                output.name if output is not None else None,
                None,
                section,
                int(table["value"][row]),
            )
        )
    return found


def _other_rules(resolution: Resolution, row: int) -> list[OtherRule]:
    inputs, placement = resolution.inputs, resolution.placement
    files = FileMatcher(inputs.objects)
    owner = int(inputs.sections["object"][row])
    flags = int(inputs.sections["flags"][row])
    found: dict[int, OtherRule] = {}
    for number, pattern in RuleIndex(placement.rules).matches(inputs.names[row]):
        rule = placement.rules[number]
        if number > placement.rule_of[row] and files.accepts(rule.statement, pattern, owner, flags):
            output = rule.output.name if rule.output is not None else DISCARD_NAME
            found.setdefault(number, OtherRule(output, rule.statement.span))
    return list(found.values())
