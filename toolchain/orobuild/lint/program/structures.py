"""The layout of one C structure, from the image's DWARF. Imports pyelftools, so only on demand."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orobuild.elf.reader import ElfFile


@dataclass(frozen=True, slots=True)
class Structure:
    """A C structure: its size in bytes and its members as (name, offset in bytes), in order."""

    name: str
    size: int
    members: tuple[tuple[str, int], ...]


def find_structures(elf: ElfFile, names: frozenset[str]) -> dict[str, Structure]:
    """The first definition of each `struct NAME` in the debugging information, by name.

    Debugging information that cannot be read, or that ends in damage, holds no more of them.
    """
    from elftools.elf.elffile import ELFFile

    found: dict[str, Structure] = {}
    try:
        file = ELFFile(io.BytesIO(elf.data))
        if not file.has_dwarf_info():
            return found
        information = file.get_dwarf_info()
        may_name = _Mentions(information, names)
        for unit in information.iter_CUs():
            if not any(may_name(unit, name) for name in names - found.keys()):
                continue
            for die in unit.get_top_DIE().iter_children():
                if die.tag != "DW_TAG_structure_type":
                    continue
                name = _name(die)
                size = die.attributes.get("DW_AT_byte_size")
                if name in names and name not in found and size is not None:
                    found[name] = Structure(name, size.value, tuple(_members(die)))
            if len(found) == len(names):
                break
    except Exception:
        return found
    return found


class _Mentions:
    """Whether a unit's bytes can name something, so that most units need not be parsed.

    A name stands in the unit itself, or in a section of strings at an offset (of the string, or of
    the end of a longer one) that stands in the unit, or, since DWARF 5, in a table of offsets; with
    such a table any unit may have it.
    """

    def __init__(self, information: Any, names: Iterable[str]) -> None:
        self._units = _bytes(information.debug_info_sec)
        tables = [_bytes(getattr(information, f"debug_{kind}_sec")) for kind in ("str", "line_str")]
        indirect = _bytes(information.debug_str_offsets_sec)
        self._patterns: dict[str, list[bytes] | None] = {}
        for name in names:
            text = name.encode() + b"\0"
            offsets = [
                m.start().to_bytes(4, "little")
                for t in tables
                for m in re.finditer(re.escape(text), t)
            ]
            anywhere = any(offset in indirect for offset in offsets)
            self._patterns[name] = None if anywhere else [text, *offsets]

    def __call__(self, unit: Any, name: str) -> bool:
        patterns = self._patterns[name]
        start = unit.cu_offset
        end = start + unit["unit_length"] + 12
        return patterns is None or any(self._units.find(p, start, end) >= 0 for p in patterns)


def _bytes(section: Any) -> bytes:
    return section.stream.getvalue() if section else b""


def _name(die: Any) -> str:
    attribute = die.attributes.get("DW_AT_name")
    return attribute.value.decode("utf-8", "replace") if attribute else ""


def _members(die: Any) -> list[tuple[str, int]]:
    return [
        (_name(member), location.value if location else 0)
        for member in die.iter_children()
        if member.tag == "DW_TAG_member"
        for location in (member.attributes.get("DW_AT_data_member_location"),)
    ]
