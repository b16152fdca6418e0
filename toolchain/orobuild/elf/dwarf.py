"""Layouts of C structures and values of C enumerators, read from DWARF.

This is how assembly and C share one truth: a C file declares a variable of each exported type,
the compiler records the layout, and the assembler gets it as absolute symbols:

* `STRUCT.FIELD`: the field's offset in bytes (`STRUCT.FIELD.SUB` inside nested structures);
* `STRUCT.sizeof`: the structure's size in bytes;
* an enumerator's own name: its value.

Only types that are reachable from the file's variables are exported. Bit-fields and anonymous
members have no byte offset of their own; the fields inside an anonymous member are exported
under the enclosing structure, as C names them.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile

_MAX_DEPTH = 16  # nested structures deeper than this are not offsets anybody types

_TRANSPARENT = {
    "DW_TAG_typedef",
    "DW_TAG_const_type",
    "DW_TAG_volatile_type",
    "DW_TAG_atomic_type",
    "DW_TAG_array_type",
}
_POINTERS = {"DW_TAG_pointer_type"}
_AGGREGATES = {"DW_TAG_structure_type", "DW_TAG_union_type", "DW_TAG_class_type"}


def constants(elf: ElfFile) -> dict[str, int]:
    """The assembly constants that `elf`'s debugging information exports, sorted by name.

    Raises `InputError` when the file has no DWARF or when two types export one name with
    different values.
    """
    from elftools.common.exceptions import (
        DWARFError,
        ELFError,
    )
    from elftools.elf.elffile import ELFFile

    try:
        file = ELFFile(io.BytesIO(elf.data))
        if not file.has_dwarf_info():
            raise InputError(
                error(
                    "no debugging information, so no structure layouts to share with assembly",
                    Span(elf.path),
                    hint="compile this file with -g",
                )
            )
        exports = _Exports(elf.path)
        for unit in file.get_dwarf_info().iter_CUs():
            for die in unit.get_top_DIE().iter_children():
                if die.tag == "DW_TAG_variable":
                    exports.add_type(_type_of(die), through_pointers=True)
    except (ELFError, DWARFError, KeyError, ValueError, AssertionError) as problem:
        raise InputError(
            error(f"unreadable debugging information: {problem}", Span(elf.path))
        ) from problem
    return dict(sorted(exports.values.items()))


def _type_of(die: Any) -> Any:
    return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None


def _name_of(die: Any) -> str:
    attribute = die.attributes.get("DW_AT_name")
    return attribute.value.decode() if attribute else ""


class _Exports:
    def __init__(self, path: str) -> None:
        self.path = path
        self.values: dict[str, int] = {}
        self._seen: set[tuple[int, str]] = set()

    def _add(self, name: str, value: int) -> None:
        if self.values.setdefault(name, value) != value:
            raise InputError(
                error(
                    f"'{name}' is exported to assembly twice, as {self.values[name]} and {value}",
                    Span(self.path),
                )
            )

    def add_type(self, die: Any, *, through_pointers: bool) -> None:
        """Export `die`, an aggregate or an enumeration behind any typedefs and qualifiers."""
        name = ""
        while die is not None and die.tag in _TRANSPARENT | _POINTERS:
            if die.tag in _POINTERS and not through_pointers:
                return
            if die.tag == "DW_TAG_typedef":
                name = name or _name_of(die)
            die = _type_of(die)
        if die is None:
            return
        name = _name_of(die) or name
        if (die.offset, name) in self._seen:
            return
        self._seen.add((die.offset, name))
        if die.tag == "DW_TAG_enumeration_type":
            for child in die.iter_children():
                if child.tag == "DW_TAG_enumerator":
                    self._add(_name_of(child), child.attributes["DW_AT_const_value"].value)
        elif die.tag in _AGGREGATES and "DW_AT_byte_size" in die.attributes:
            if name:
                self._add(f"{name}.sizeof", die.attributes["DW_AT_byte_size"].value)
            self._add_members(die, name, 0, 0)

    def _add_members(self, die: Any, prefix: str, base: int, depth: int) -> None:
        if depth > _MAX_DEPTH:
            return
        for member in die.iter_children():
            if member.tag != "DW_TAG_member" or "DW_AT_bit_size" in member.attributes:
                continue
            location = member.attributes.get("DW_AT_data_member_location")
            offset = base + (location.value if location else 0)
            name = _name_of(member)
            path = f"{prefix}.{name}" if name and prefix else prefix
            if name and prefix:
                self._add(path, offset)
            inner = _unqualified(_type_of(member))
            if prefix and inner is not None and inner.tag in _AGGREGATES:
                self._add_members(inner, path, offset, depth + 1)
            if inner is None or _name_of(inner) or name:
                self.add_type(_type_of(member), through_pointers=False)


def _unqualified(die: Any) -> Any:
    """The type behind typedefs and qualifiers."""
    while die is not None and die.tag in _TRANSPARENT - {"DW_TAG_array_type"}:
        die = _type_of(die)
    return die
