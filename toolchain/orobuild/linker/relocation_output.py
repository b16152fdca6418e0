"""Relocations that are written out: those of a relocatable file (-r) and of --emit-relocs.

Turns the table of all relocations into the bytes of one SHT_RELA (in ELF32, SHT_REL) section for
each output section. What they refer to is named by the output's own symbols.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.kept_sections import DEBUGGING
from orobuild.linker.relocation_types import table as relocation_types
from orobuild.linker.tables import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.resolution import Resolution
    from orobuild.linker.symtab import SymbolTable


@dataclass(frozen=True, slots=True)
class RelocationSection:
    """The relocations of the output section with header index `target`: `count` of them."""

    target: int
    name: str
    data: bytes
    count: int


def referenced_rows(resolution: Resolution, relocations: NDArray[Any]) -> NDArray[np.bool_]:
    """Which symbol rows the relocations of the output name, sections' own symbols apart."""
    table = resolution.inputs.symbols
    found = np.zeros(len(table), bool)
    found[relocations["symbol"]] = True
    found &= (table["info"] & 0xF) != c.STT_SECTION
    return found


def outputs_with_relocations(resolution: Resolution, relocations: NDArray[Any] | None) -> set[int]:
    """The output sections, by index, that have any of `relocations`."""
    if relocations is None:
        return set()
    outputs = resolution.placement.outputs
    found = set(np.unique(resolution.placement.output_of[relocations["section"]]).tolist())
    return {index for index in found if index >= 0 and not outputs[index].removed}


def named_anew(
    resolution: Resolution,
    relocations: NDArray[Any],
    symbols: SymbolTable,
    *,
    joined: bool = True,
) -> NDArray[Any]:
    """`relocations` of what is written, their `symbol` an index of `symbols`, ready to be sorted
    out: against section symbols, the addend is from the output section's start.

    In a `joined` object debug sections have none against what was discarded.
    """
    inputs, placement = resolution.inputs, resolution.placement
    table = inputs.symbols
    headers = np.array([0 if o.removed else o.header_index for o in placement.outputs] + [0, 0])
    header_of = headers[placement.output_of]
    relocations = relocations[header_of[relocations["section"]] != 0].copy()
    rows = relocations["symbol"].copy()
    target = table["section"][rows]
    named = symbols.of_row[rows]
    is_section = (table["info"][rows] & 0xF == c.STT_SECTION) & (target >= 0)
    at = np.maximum(target, 0)
    by_header = np.zeros(int(headers.max(initial=0)) + 1, "i8")
    for header, index in symbols.of_section.items():
        by_header[header] = index
    offset = resolution.layout.offset_of[at].astype("i8") + table["value"][rows].astype("i8")
    relocations["addend"] += np.where(is_section, offset, 0)
    relocations["symbol"] = np.where(is_section, by_header[header_of[at]], named)
    # What names nothing in the output: a section that was discarded, or the null symbol.
    nulls = np.isin(rows, [o.first_symbol for o in inputs.objects])
    dead = (relocations["symbol"] == 0) & ~nulls
    debugging = np.array([DEBUGGING.fullmatch(name) is not None for name in inputs.names], bool)
    relocations["type"][dead] = 0
    relocations["addend"][dead] = 0
    if not joined:
        return relocations
    kept: NDArray[Any] = relocations[~(dead & debugging[relocations["section"]])]
    return kept


def relocation_sections(
    resolution: Resolution, named: NDArray[Any], *, addresses: bool
) -> list[RelocationSection]:
    """The sections of the relocations `named_anew`; `r_offset` is an address, or with `addresses`
    off an offset in the section."""
    inputs, placement = resolution.inputs, resolution.placement
    output = placement.output_of[named["section"]]
    offset = resolution.layout.offset_of[named["section"]]
    order = np.lexsort((np.arange(len(named)), offset, output))
    named, output, offset = named[order], output[order], offset[order]
    base = np.array([o.vma if addresses else 0 for o in placement.outputs] + [0, 0], "u8")
    place = base[output] + offset + named["offset"]
    entries = _entries(inputs.ei_class, place, named)
    result = []
    prefix = ".rela" if inputs.ei_class == c.ELFCLASS64 else ".rel"
    bounds = np.searchsorted(output, np.arange(len(placement.outputs) + 1))
    for section in placement.created:
        start, end = bounds[section.index], bounds[section.index + 1]
        if end > start:
            data = entries[start:end].tobytes()
            name = prefix + section.name
            result.append(RelocationSection(section.header_index, name, data, int(end - start)))
    return result


def _entries(ei_class: int, place: NDArray[np.uint64], named: NDArray[Any]) -> NDArray[Any]:
    symbol, r_type = named["symbol"].astype("u8"), named["type"].astype("u8")
    if ei_class == c.ELFCLASS64:
        entries = np.zeros(len(named), [("offset", "<u8"), ("info", "<u8"), ("addend", "<i8")])
        entries["info"] = symbol << np.uint64(32) | r_type
        entries["addend"] = named["addend"]
    else:
        entries = np.zeros(len(named), [("offset", "<u4"), ("info", "<u4")])
        entries["info"] = symbol << np.uint64(8) | r_type
    entries["offset"] = place
    return entries


def write_implicit_addends(
    resolution: Resolution,
    named: NDArray[Any],
    image: NDArray[np.uint8],
    file_offset: NDArray[np.uint64],
) -> None:
    """ELF32 keeps addends in the sections: write them into `image`."""
    types = relocation_types(resolution.inputs.e_machine)
    for r_type in distinct(named["type"]).tolist():
        width = types[r_type].width if r_type in types else 4
        entries = named[named["type"] == r_type]
        position = file_offset[entries["section"]] + entries["offset"]
        value = entries["addend"].astype("u8")
        for k in range(width):
            image[position + np.uint64(k)] = (value >> np.uint64(8 * k)).astype("u1")
