"""What is at a place of a relocatable object, which has no addresses: a section and an offset.

`parse` reads a place as people write it, `locate` answers for many of them, in the terms of the
file: offsets in sections, the bytes that it holds, and the relocations that will change them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iced_x86 import Decoder

from orobuild.debug import location
from orobuild.debug.disassembly import Writer, target_of
from orobuild.debug.placed_object import sections_named
from orobuild.diagnostics import did_you_mean
from orobuild.elf import constants as c
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.disassembly import Line
    from orobuild.debug.location import Location
    from orobuild.debug.placed_object import PlacedObject, Relocation
    from orobuild.elf.places import SourcePlaces
    from orobuild.elf.structures import SectionHeader


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """A place in an object; `offset` is in bytes and may be outside of the section."""

    section: SectionHeader
    offset: int

    @property
    def is_inside(self) -> bool:
        """Whether the section has this byte."""
        return 0 <= self.offset < self.section.sh_size


@dataclass(frozen=True, slots=True)
class ObjectLocation:
    """The answer for one place. `found` is None outside of the section.

    In `found` the addresses of instructions are offsets in the section, and bytes are the file's.
    `relocations` are those that change the data at the place.
    """

    place: ObjectPlace
    found: Location | None
    file_offset: int | None = None
    relocations: tuple[Relocation, ...] = ()


def parse(placed: PlacedObject, text: str, *, base: int | None = None) -> ObjectPlace:
    """The place that `text` means. Raises `UsageError` for none, and for several.

    `symbol`, `symbol+0x10`, `.section+0x10`, `[5]+0x10` by a section's index; a number or `+0x10`
    is an offset in the section with code, if there is one alone, and with `base` an address in
    memory, to which `.text` was loaded.
    """
    exact = _symbols(placed, text)
    name, distance = (text, 0) if exact else location.with_distance(text)
    value = None if exact else location.number(text)
    if value is not None or (text and not name):
        section = _code(placed, loaded=base is not None)
        return ObjectPlace(section, distance if value is None else value - (base or 0))
    places = exact or _symbols(placed, name)
    if not places:
        places = [ObjectPlace(section, 0) for section in sections_named(placed, name)]
    if not places:
        program = placed.program
        names = [*program.symbols.by_name, *(s.name for s in program.sections)]
        if any(s.name == name and s.st_shndx == c.SHN_UNDEF for s in placed.elf.symbols):
            raise UsageError(
                f"'{name}' is used in {placed.elf.path}, and defined elsewhere",
                hint="ask the object or the archive that defines it",
            )
        raise UsageError(
            f"'{text}' is no symbol and no section of {placed.elf.path}",
            hint=did_you_mean(name, names) or "for example main, main+0x12 or .text+0x40",
        )
    if len(places) > 1:
        shown = ", ".join(f"[{p.section.index}]+{p.offset + distance:#x}" for p in places[:8])
        raise UsageError(
            f"'{name}' is {len(places)} things in {placed.elf.path}",
            hint=f"name one by the number of its section: {shown}",
        )
    return replace(places[0], offset=places[0].offset + distance)


def _symbols(placed: PlacedObject, name: str) -> list[ObjectPlace]:
    """Where symbols of this name are, each place once."""
    if name not in placed.program.symbols.by_name:
        return []
    sections = placed.program.elf.sections
    found = {
        symbol.address: ObjectPlace(
            sections[symbol.section], symbol.address - sections[symbol.section].sh_addr
        )
        for symbol in placed.program.symbols
        if symbol.name == name
    }
    return list(found.values())


def _code(placed: PlacedObject, *, loaded: bool) -> SectionHeader:
    """The section that a bare number is an offset in. Raises `UsageError` if that is not clear."""
    candidates = placed.code
    if loaded:
        candidates = tuple(s for s in candidates if s.name == ".text") or candidates
    if len(candidates) != 1:
        shown = ", ".join(s.name for s in candidates[:4])
        raise UsageError(
            f"{placed.elf.path} has {len(candidates)} sections with code: a number is an offset in which?"
            if candidates
            else f"{placed.elf.path} has no section with code",
            hint=f"say SECTION+OFFSET ({shown})" if candidates else "say SECTION+OFFSET",
        )
    return candidates[0]


def locate(
    placed: PlacedObject,
    asked: Sequence[ObjectPlace],
    *,
    before: int = 3,
    after: int = 3,
    syntax: str = "att",
    places: SourcePlaces,
    with_references: bool = True,
) -> tuple[ObjectLocation, ...]:
    """What is at each place, in the order of asking; the parameters are those of images."""
    inside = [place for place in asked if place.is_inside]
    answers = iter(
        location.locate(
            placed.program,
            [place.section.sh_addr + place.offset for place in inside],
            before=before,
            after=after,
            syntax=syntax,
            places=places,
            with_references=with_references,
        )
    )
    writer = Writer(placed.program, syntax)
    return tuple(
        _in_file(placed, place, next(answers), writer)
        if place.is_inside
        else ObjectLocation(place, None)
        for place in asked
    )


def _in_file(
    placed: PlacedObject, place: ObjectPlace, found: Location, writer: Writer
) -> ObjectLocation:
    """The answer with offsets for addresses, and with the file's bytes for relocated ones."""
    section, offset = place.section, place.offset
    raw = placed.elf.section_data(placed.elf.sections[section.index])
    lines = tuple(_line(placed, section, raw, line, writer) for line in found.instructions)
    data = bytes(raw[offset : offset + location.DATA_SHOWN]) if found.data else b""
    end = offset + len(data)
    relocations = placed.relocations(section, offset, end) if data else ()
    symbol = found.symbol and replace(found.symbol, address=found.symbol.address - section.sh_addr)
    has_bytes = section.sh_type != c.SHT_NOBITS
    return ObjectLocation(
        place,
        replace(
            found,
            asked=offset,
            address=offset,
            section=replace(section, sh_addr=0),
            symbol=symbol,
            instructions=lines,
            data=data,
            pointer=None,
        ),
        section.sh_offset + offset if has_bytes else None,
        relocations,
    )


def _line(
    placed: PlacedObject, section: SectionHeader, raw: memoryview, line: Line, writer: Writer
) -> Line:
    start = line.address - section.sh_addr
    data = bytes(raw[start : start + len(line.data)])
    relocations = placed.relocations(section, start, start + len(data))
    region = placed.program.region_at(line.address)
    text, target = line.text, None
    if region is not None and line.valid:
        instruction = Decoder(region.width, data, ip=start).decode()
        text, target = writer.text(instruction), target_of(instruction)
    named = target is not None and not relocations
    return replace(
        line,
        address=start,
        data=data,
        text=text,
        target=target if named else None,
        name=line.name if named else None,
        relocations=tuple(f"{one.offset:x}: {one}" for one in relocations),
    )
