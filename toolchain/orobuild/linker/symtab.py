"""The output's symbol table: locals of every object, then globals (gABI, Symbol Table)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orobuild.elf import constants as c
from orobuild.elf.arrays import SYM
from orobuild.linker.inputs import ABSOLUTE
from orobuild.linker.names import first_appearances
from orobuild.linker.output import OutputSection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.names import Names
    from orobuild.linker.resolution import Resolution


def build_symbol_table(resolution: Resolution) -> tuple[bytes, bytes, int]:
    """The bytes of .symtab and .strtab, and the index of the first global symbol."""
    inputs = resolution.inputs
    dtype = SYM[inputs.ei_class]
    locals_part, local_names = _local_symbols(resolution, _local_rows(resolution))
    defined, defined_names = _object_globals(resolution)
    scripted, scripted_names = _script_symbols(resolution)
    rest = np.concatenate([defined, scripted])
    names = np.concatenate([defined_names, scripted_names])
    # Those that are local to the image come first (gABI: locals before globals).
    hidden = rest["st_info"] >> 4 == c.STB_LOCAL
    order = np.concatenate([np.flatnonzero(hidden), np.flatnonzero(~hidden)])
    table = np.concatenate([np.zeros(1, dtype), locals_part, rest[order]])
    names = np.concatenate([np.zeros(1, "i8"), local_names, names[order]])
    table["st_name"], data = _string_table(inputs.strings, names)
    return table.tobytes(), data, 1 + len(locals_part) + int(hidden.sum())


def _string_table(strings: Names, names: NDArray[np.int64]) -> tuple[NDArray[np.int64], bytes]:
    """The offset of every name in a string table that holds each once, and that table."""
    numbers, order = first_appearances(names, len(strings))
    raw, lengths = strings.raw, strings.lengths[order] + 1
    data = b"\0".join([raw[number] for number in order.tolist()]) + b"\0"
    return (np.cumsum(lengths) - lengths)[numbers], data


def _header_indices(resolution: Resolution) -> NDArray[np.uint16]:
    """The section header index of every input section row's output section; 0 for none."""
    outputs = resolution.placement.outputs
    by_output = np.array([0 if o.removed else o.header_index for o in outputs] + [0, 0], "u2")
    return by_output[resolution.placement.output_of]


def _thread_base(resolution: Resolution) -> int:
    """The address of the TLS block: the values of STT_TLS symbols count from it (gABI)."""
    return min((o.vma for o in resolution.placement.outputs if o.tls and not o.removed), default=0)


def _local_rows(resolution: Resolution) -> NDArray[np.int64]:
    """Local symbols worth keeping: files, absolutes and those in sections that are written."""
    table = resolution.inputs.symbols
    kinds = table["info"] & 0xF
    sections = table["section"]
    written = _header_indices(resolution)[np.maximum(sections, 0)] != 0
    keep = (table["info"] >> 4 == c.STB_LOCAL) & (kinds != c.STT_SECTION)
    keep &= (table["name"] != 0) & ((sections == ABSOLUTE) | ((sections >= 0) & written))
    rows = np.flatnonzero(keep)
    # ld's default, --discard-none for all but .L labels in merged sections.
    flags = resolution.inputs.sections["flags"][np.maximum(sections[rows], 0)]
    merged = (sections[rows] >= 0) & ((flags & np.uint64(c.SHF_MERGE)) != 0)
    temporary = [
        row for row in rows[merged].tolist() if resolution.inputs.symbol_name(row).startswith(".L")
    ]
    return np.setdiff1d(rows, temporary)


def _local_symbols(
    resolution: Resolution, rows: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The entries of symbol rows without st_name, and the numbers of their names."""
    table = resolution.inputs.symbols[rows]
    part = np.zeros(len(rows), SYM[resolution.inputs.ei_class])
    part["st_info"] = table["info"]
    part["st_other"] = table["other"]
    part["st_size"] = table["size"]
    value = resolution.symbol_value[rows]
    thread = (table["info"] & 0xF) == c.STT_TLS
    value[thread] -= np.uint64(_thread_base(resolution))
    part["st_value"] = value
    shndx = _header_indices(resolution)[np.maximum(table["section"], 0)]
    part["st_shndx"] = np.where(table["section"] >= 0, shndx, c.SHN_ABS)
    return part, table["name"].astype("i8")


def _object_globals(resolution: Resolution) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The same for every global that an object defines and the script does not."""
    inputs, symbols = resolution.inputs, resolution.symbols
    rows = symbols.row
    defined = np.maximum(rows, 0)
    table = inputs.symbols
    sections = table["section"][defined] if len(table) else rows
    indices = _header_indices(resolution)[np.maximum(sections, 0)]
    outputs = resolution.placement.output_of[np.maximum(sections, 0)]
    empty = (rows >= 0) & (sections >= 0) & (indices == 0) & (outputs >= 0)
    for number in np.flatnonzero(empty).tolist():
        removed = resolution.placement.outputs[outputs[number]]
        address = int(resolution.symbol_value[rows[number]])
        near = _nearby(resolution, removed, address) if removed.exists else None
        indices[number] = near.header_index if near is not None else 0
    kept = (rows >= 0) & ((sections < 0) | (indices != 0))
    scripted = map(symbols.numbers.get, resolution.layout.values)
    kept[[number for number in scripted if number is not None]] = False
    homes = np.where(sections >= 0, indices, c.SHN_ABS)
    numbers = np.flatnonzero(kept)
    rows = rows[numbers]
    info = table["info"][rows]
    kind = info & 0xF
    part = np.zeros(len(numbers), SYM[inputs.ei_class])
    part["st_info"] = np.where(kind == c.STT_COMMON, info & 0xF0 | c.STT_OBJECT, info)
    part["st_other"] = symbols.visibility[numbers]
    part["st_shndx"] = homes[numbers]
    value = resolution.symbol_value[rows]
    value[kind == c.STT_TLS] -= np.uint64(_thread_base(resolution))
    # ELF32 keeps the low 32 bits.
    part["st_value"] = value
    part["st_size"] = symbols.size[numbers]
    return part, table["name"][rows].astype("i8")


def _script_symbols(resolution: Resolution) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The same for what the script defines."""
    inputs, symbols = resolution.inputs, resolution.symbols
    entries = []
    for name, script in resolution.layout.values.items():
        number = symbols.numbers.get(name, -1)
        visibility = symbols.visibility[number] if number >= 0 else c.STV_DEFAULT
        if script.hidden:
            visibility = c.STV_DEFAULT  # local, so nobody else can see it anyway
        home = script.home or script.value.section
        shndx = c.SHN_ABS
        if isinstance(home, OutputSection):
            if home.removed:
                home = _nearby(resolution, home, script.value.address)
            shndx = home.header_index if home is not None else c.SHN_ABS
        binding = c.STB_LOCAL if script.hidden else c.STB_GLOBAL
        sym_type = script.st_type or _copied_type(resolution, script.source)
        entries.append((binding << 4 | sym_type, visibility, shndx, script.value.address))
    part = np.zeros(len(entries), SYM[inputs.ei_class])
    if entries:
        infos, others, indices, values = zip(*entries, strict=True)
        part["st_info"], part["st_other"], part["st_shndx"] = infos, others, indices
        part["st_value"] = np.array(values, "u8").astype(part["st_value"].dtype)
    raw = [name.encode("utf-8", "surrogateescape") for name in resolution.layout.values]
    return part, np.array(inputs.strings.numbers(raw), "i8")


def _copied_type(resolution: Resolution, source: str | None) -> int:
    """`alias = function;` gives the alias the function's type."""
    number = resolution.symbols.numbers.get(source or "")
    if number is None or resolution.symbols.row[number] < 0:
        return c.STT_NOTYPE
    return int(resolution.inputs.symbols["info"][resolution.symbols.row[number]]) & 0xF


def _nearby(resolution: Resolution, removed: OutputSection, address: int) -> OutputSection | None:
    """The written section for a symbol of a removed one (bfd/section.c, _bfd_nearby_section)."""
    ordered = resolution.placement.created
    at = ordered.index(removed)
    before = next((o for o in reversed(ordered[:at]) if not o.removed), None)
    after = next((o for o in ordered[at + 1 :] if not o.removed), None)
    if before is None or after is None:
        return after or before
    if (before.alloc, before.tls, before.load) != (after.alloc, after.tls, after.load):
        differs = (after.alloc, after.tls) != (removed.alloc, removed.tls)
        return before if differs or (before.load and not after.load) else after
    if before.readonly != after.readonly:
        return before if after.readonly != removed.readonly else after
    if before.code != after.code:
        return before if after.code != removed.code else after
    return before if address < after.vma else after
