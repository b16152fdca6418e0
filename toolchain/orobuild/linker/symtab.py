"""The output's symbol table: locals of every object, then globals (gABI, Symbol Table)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orobuild.elf import constants as c
from orobuild.elf.arrays import SYM
from orobuild.linker.inputs import ABSOLUTE
from orobuild.linker.output import OutputSection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.resolution import Resolution


def build_symbol_table(resolution: Resolution) -> tuple[bytes, bytes, int]:
    """The bytes of .symtab and .strtab, and the index of the first global symbol."""
    strings = _Strings()
    rows = _local_rows(resolution)
    locals_part = _local_symbols(resolution, rows, strings)
    globals_ = _global_symbols(resolution)
    dtype = SYM[resolution.inputs.ei_class]
    hidden = [entry for entry in globals_ if entry[1] >> 4 == c.STB_LOCAL]
    visible = [entry for entry in globals_ if entry[1] >> 4 != c.STB_LOCAL]
    rest = np.zeros(len(globals_), dtype)
    if globals_:
        names, infos, others, indices, values, sizes = zip(*hidden, *visible, strict=True)
        add = strings.add
        rest["st_name"] = [add(name.encode("utf-8", "surrogateescape")) for name in names]
        rest["st_info"], rest["st_other"], rest["st_shndx"] = infos, others, indices
        # ELF32 keeps the low 32 bits.
        rest["st_value"] = np.array(values, "u8").astype(dtype["st_value"])
        rest["st_size"] = np.array(sizes, "u8").astype(dtype["st_size"])
    table = np.concatenate([np.zeros(1, dtype), locals_part, rest])
    return table.tobytes(), bytes(strings.data), 1 + len(locals_part) + len(hidden)


class _Strings:
    def __init__(self) -> None:
        self.data = bytearray(b"\0")
        self._known: dict[bytes, int] = {b"": 0}

    def add(self, name: bytes) -> int:
        offset = self._known.get(name)
        if offset is None:
            offset = self._known[name] = len(self.data)
            self.data += name + b"\0"
        return offset


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
    resolution: Resolution, rows: NDArray[np.int64], strings: _Strings
) -> NDArray[Any]:
    table = resolution.inputs.symbols[rows]
    part = np.zeros(len(rows), SYM[resolution.inputs.ei_class])
    raw = resolution.inputs.strings.raw
    part["st_name"] = [strings.add(raw[number]) for number in table["name"].tolist()]
    part["st_info"] = table["info"]
    part["st_other"] = table["other"]
    part["st_size"] = table["size"]
    value = resolution.symbol_value[rows]
    thread = (table["info"] & 0xF) == c.STT_TLS
    value[thread] -= np.uint64(_thread_base(resolution))
    part["st_value"] = value
    shndx = _header_indices(resolution)[np.maximum(table["section"], 0)]
    part["st_shndx"] = np.where(table["section"] >= 0, shndx, c.SHN_ABS)
    return part


def _global_symbols(resolution: Resolution) -> list[tuple[str, int, int, int, int, int]]:
    """(name, st_info, st_other, st_shndx, st_value, st_size) of every defined global."""
    inputs, symbols, layout = resolution.inputs, resolution.symbols, resolution.layout
    entries: list[tuple[str, int, int, int, int, int]] = []
    thread_base = _thread_base(resolution)
    rows = np.array(symbols.row, "i8")
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
    homes = np.where(sections >= 0, indices, c.SHN_ABS)
    numbers = np.flatnonzero(kept)
    columns = zip(
        numbers.tolist(),
        table["info"][rows[numbers]].tolist(),
        homes[numbers].tolist(),
        resolution.symbol_value[rows[numbers]].tolist(),
        strict=True,
    )
    for number, info, index, value in columns:
        name = symbols.names[number]
        if name in layout.values:
            continue
        st_info = info & 0xF0 | c.STT_OBJECT if info & 0xF == c.STT_COMMON else info
        st_value = value - thread_base if info & 0xF == c.STT_TLS else value
        visibility = symbols.visibility[number]
        entries.append((name, st_info, visibility, index, st_value, symbols.size[number]))
    for name, script in layout.values.items():
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
        entries.append((name, binding << 4 | sym_type, visibility, shndx, script.value.address, 0))
    return entries


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
