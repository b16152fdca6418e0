"""An `ObjectLocation` as people read it, and as a JSON object (docs/at.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orobuild.debug import location_text
from orobuild.elf.descriptions import section_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orobuild.debug.location_text import Role
    from orobuild.debug.object_location import ObjectLocation
    from orobuild.debug.placed_object import PlacedObject


def name(location: ObjectLocation) -> str:
    """`.text+0x12`."""
    place = location.place
    return f"{place.section.name}{place.offset:+#x}" if place.offset else place.section.name


def text(
    placed: PlacedObject,
    location: ObjectLocation,
    style: Callable[[str, Role], str],
    *,
    source: Callable[[str], Sequence[str] | None] = lambda _file: None,
) -> str:
    """Several lines, each ended by a newline. `source` gives the lines of a source file."""
    return "".join(f"{line}\n" for line in _lines(placed, location, style, source))


def _lines(
    placed: PlacedObject,
    location: ObjectLocation,
    style: Callable[[str, Role], str],
    source: Callable[[str], Sequence[str] | None],
) -> Iterator[str]:
    row = location_text.rows(style)
    found, section = location.found, location.place.section
    symbol = f"  {found.name}" if found is not None and found.name else ""
    yield style(f"{placed.elf.path}: {name(location)}", "head") + symbol
    if found is None:
        yield row("section", style(f"{section.name} has {section.sh_size:#x} bytes", "bad"))
        return
    where = (
        "no bytes in the file"
        if location.file_offset is None
        else f"file offset {location.file_offset:#x}"
    )
    yield row("section", f"[{section.index}] {location_text.section_of(found)}, {where}")
    yield from location_text.inside(placed.program, found, style, row, source)
    for relocation in location.relocations:
        yield row("", f"{relocation.offset:x}: {relocation}")


def brief(placed: PlacedObject, location: ObjectLocation) -> str:
    """One line."""
    found = location.found
    words = [f"{placed.elf.path}: {name(location)}"]
    words.append("?" if found is None else found.name or "no symbol")
    if found is not None:
        words += [str(place) for place in found.places[:1]]
    return "  ".join(words)


def as_object(placed: PlacedObject, location: ObjectLocation) -> dict[str, Any]:
    """The location as values that JSON knows; offsets are strings, as `0x…`."""
    found, section = location.found, location.place.section
    value: dict[str, Any] = {"file": placed.elf.path}
    if found is not None:
        value |= location_text.as_object(placed.program, found)
        for key in ("virtual", "meaning", "segment", "physical", "pointer"):
            del value[key]
        for row, line in zip(value["instructions"], found.instructions, strict=True):
            row["relocations"] = list(line.relocations)
    value["address"] = hex(location.place.offset)
    value["section"] = {
        "name": section.name,
        "index": section.index,
        "flags": section_flags(section.sh_flags),
        "offset": location.place.offset,
        "size": section.sh_size,
    }
    value["found"] = found is not None
    value["file-offset"] = location.file_offset
    value["relocations"] = [f"{one.offset:x}: {one}" for one in location.relocations]
    if found is not None:
        for key in ("referenced", "function-referenced"):
            rows = found.referenced if key == "referenced" else found.callers
            value[key] = [
                {"kind": row.kind, "source": placed.program.place(row.source)} for row in rows
            ]
    return value
