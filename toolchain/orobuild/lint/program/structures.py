"""The layout of one C structure, from the image's DWARF. Imports pyelftools, so only on demand."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
        for unit in file.get_dwarf_info().iter_CUs():
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
