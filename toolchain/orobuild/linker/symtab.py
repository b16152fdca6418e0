"""The output's symbol table: locals of every object, then globals (gABI, Symbol Table)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.elf.arrays import SYM
from orobuild.linker.inputs import ABSOLUTE, COMMON
from orobuild.linker.names import first_appearances
from orobuild.linker.output import OutputSection
from orobuild.linker.symbols import Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.names import Names
    from orobuild.linker.resolution import Resolution


@dataclass(frozen=True, slots=True)
class SymbolChoice:
    """Which symbols a table has.

    `discard`: `all` local ones (-x), `locals`, those that begin with .L (-X), `default`, those in
    merged sections, or `none`. `only` are the names to keep (--retain-symbols-file). `referenced`
    marks symbol rows that relocations of the output need; for them the table also has section
    symbols and undefined symbols. `joined`: it is that of a relocatable file (-r).
    """

    discard: str = "default"
    only: frozenset[str] | None = None
    referenced: NDArray[np.bool_] | None = None
    joined: bool = False


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """`data` and `strings` are the bytes of .symtab and .strtab, `first_global` is sh_info.

    `of_row[row]` is the index of what a symbol row means, 0 for none; `of_section` that of an
    output section's symbol, by the section's header index.
    """

    data: bytes
    strings: bytes
    first_global: int
    of_row: NDArray[np.int64]
    of_section: dict[int, int]


def build_symbol_table(resolution: Resolution, choice: SymbolChoice) -> SymbolTable:
    """The symbol table that `choice` asks for."""
    inputs = resolution.inputs
    dtype = SYM[inputs.ei_class]
    section_part, of_section = _section_symbols(resolution, choice, dtype)
    rows = _local_rows(resolution, choice)
    locals_part, local_names = _local_symbols(resolution, rows)
    parts = [_object_globals(resolution), _script_symbols(resolution)]
    parts.append(_undefined_symbols(resolution, choice, dtype))
    rest = np.concatenate([part for part, _ in parts])
    names = np.concatenate([part_names for _, part_names in parts])
    if choice.only is not None:
        text = inputs.strings.text
        kept = np.array([text[name] in choice.only for name in names.tolist()], bool)
        rest, names = rest[kept], names[kept]
    # Those that are local to the image come first (gABI: locals before globals).
    hidden = rest["st_info"] >> 4 == c.STB_LOCAL
    order = np.concatenate([np.flatnonzero(hidden), np.flatnonzero(~hidden)])
    before = 1 + len(section_part)
    start = before + len(locals_part)
    table = np.concatenate([np.zeros(1, dtype), section_part, locals_part, rest[order]])
    of_row = np.zeros(len(inputs.symbols), "i8")
    if choice.referenced is not None:
        by_name = np.zeros(len(inputs.strings), "i8")
        by_name[names[order]] = np.arange(start, start + len(order))
        is_global = resolution.symbols.of_row >= 0
        of_row[is_global] = by_name[inputs.symbols["name"][is_global]]
        of_row[rows] = np.arange(before, start)
    names = np.concatenate([np.zeros(before, "i8"), local_names, names[order]])
    table["st_name"], data = _string_table(inputs.strings, names)
    first_global = start + int(hidden.sum())
    return SymbolTable(table.tobytes(), data, first_global, of_row, of_section)


def _section_symbols(
    resolution: Resolution, choice: SymbolChoice, dtype: np.dtype[Any]
) -> tuple[NDArray[Any], dict[int, int]]:
    """A symbol for each section that is written, where relocations may name it."""
    if choice.referenced is None:
        return np.zeros(0, dtype), {}
    written = [o for o in resolution.placement.created if not o.removed]
    part = np.zeros(len(written), dtype)
    part["st_info"] = c.STT_SECTION
    part["st_shndx"] = [output.header_index for output in written]
    part["st_value"] = [output.vma for output in written]
    return part, {output.header_index: index for index, output in enumerate(written, 1)}


def _undefined_symbols(
    resolution: Resolution, choice: SymbolChoice, dtype: np.dtype[Any]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Undefined and common globals, as far as the output has any."""
    inputs, symbols, table = resolution.inputs, resolution.symbols, resolution.inputs.symbols
    if choice.referenced is None:
        return np.zeros(0, dtype), np.zeros(0, "i8")
    needed = set(symbols.of_row[np.flatnonzero(choice.referenced)].tolist())
    entries, names = [], []
    for number, kind in enumerate(symbols.kind):
        name, row = symbols.names[number], symbols.row[number]
        if name in resolution.layout.values:
            continue
        visibility = symbols.visibility[number]
        if kind == Kind.COMMON and table["section"][row] == COMMON:
            info = c.STB_GLOBAL << 4 | (int(table["info"][row]) & 0xF or c.STT_OBJECT)
            size, align = symbols.size[number], symbols.align[number]
            entries.append((info, visibility, c.SHN_COMMON, align, size))
        elif kind <= Kind.UNDEFINED and (choice.joined or number in needed):
            binding = c.STB_WEAK if kind == Kind.UNDEFINED_WEAK else c.STB_GLOBAL
            entries.append((binding << 4, visibility, c.SHN_UNDEF, 0, 0))
        else:
            continue
        names.append(inputs.strings.number(name.encode("utf-8", "surrogateescape")))
    part = np.zeros(len(entries), dtype)
    if entries:
        columns = ("st_info", "st_other", "st_shndx", "st_value", "st_size")
        for column, values in zip(columns, zip(*entries, strict=True), strict=True):
            part[column] = values
    return part, np.array(names, "i8")


def _string_table(strings: Names, names: NDArray[np.int64]) -> tuple[NDArray[np.int64], bytes]:
    """The offset of every name in a string table that holds each once, and that table."""
    numbers, order = first_appearances(names, len(strings))
    raw, lengths = strings.raw, strings.lengths[order] + 1
    data = b"\0".join(map(raw.__getitem__, order.tolist())) + b"\0"
    return (np.cumsum(lengths) - lengths)[numbers], data


def _header_indices(resolution: Resolution) -> NDArray[np.uint16]:
    """The section header index of every input section row's output section; 0 for none."""
    outputs = resolution.placement.outputs
    by_output = np.array([0 if o.removed else o.header_index for o in outputs] + [0, 0], "u2")
    return by_output[resolution.placement.output_of]


def _thread_base(resolution: Resolution) -> int:
    """The address of the TLS block: the values of STT_TLS symbols count from it (gABI)."""
    return min((o.vma for o in resolution.placement.outputs if o.tls and not o.removed), default=0)


def _local_rows(resolution: Resolution, choice: SymbolChoice) -> NDArray[np.int64]:
    """Local symbols to keep: files, absolutes and those in sections that are written."""
    table = resolution.inputs.symbols
    kinds = table["info"] & 0xF
    sections = table["section"]
    written = _header_indices(resolution)[np.maximum(sections, 0)] != 0
    keep = (table["info"] >> 4 == c.STB_LOCAL) & (kinds != c.STT_SECTION)
    keep &= (table["name"] != 0) & ((sections == ABSOLUTE) | ((sections >= 0) & written))
    rows = np.flatnonzero(keep)
    unwanted = _discarded(resolution, choice, rows)
    if choice.referenced is not None:
        unwanted &= ~choice.referenced[rows]
    return rows[~unwanted]


def _discarded(
    resolution: Resolution, choice: SymbolChoice, rows: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which of the local symbols `rows` are left out (bfd/elflink.c, elf_link_input_bfd)."""
    inputs = resolution.inputs
    if choice.discard == "all":
        return np.ones(len(rows), bool)
    unwanted = np.zeros(len(rows), bool)
    if choice.only is None and choice.discard == "none":
        return unwanted
    if choice.only is None and choice.discard == "default":
        if choice.joined:
            return unwanted
        sections = inputs.symbols["section"][rows]
        flags = inputs.sections["flags"][np.maximum(sections, 0)]
        considered = np.flatnonzero((sections >= 0) & ((flags & np.uint64(c.SHF_MERGE)) != 0))
    else:
        considered = np.arange(len(rows))
    text = inputs.strings.text
    for index, number in zip(
        considered.tolist(), inputs.symbols["name"][rows[considered]].tolist(), strict=True
    ):
        if choice.only is None:
            unwanted[index] = text[number].startswith(TEMPORARY)
        else:
            unwanted[index] = text[number] not in choice.only
    return unwanted


# _bfd_elf_is_local_label_name: what compilers name their labels.
TEMPORARY: Final = (".L", "..", "_.L_")


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
    if not len(table):
        return np.zeros(0, SYM[inputs.ei_class]), np.zeros(0, "i8")
    sections = table["section"][defined]
    indices = _header_indices(resolution)[np.maximum(sections, 0)]
    outputs = resolution.placement.output_of[np.maximum(sections, 0)]
    empty = (rows >= 0) & (sections >= 0) & (indices == 0) & (outputs >= 0)
    for number in np.flatnonzero(empty).tolist():
        removed = resolution.placement.outputs[outputs[number]]
        address = int(resolution.symbol_value[rows[number]])
        near = _nearby(resolution, removed, address) if removed.exists else None
        indices[number] = near.header_index if near is not None else 0
    kept = (rows >= 0) & ((sections < 0) | (indices != 0)) & (sections != COMMON)
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
    local = np.isin(numbers, [symbols.numbers[name] for name in resolution.layout.hides])
    part["st_info"][local] &= 0xF
    part["st_other"][local] = c.STV_DEFAULT
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
        copied_type, copied_visibility = _copied(resolution, script.source, ())
        sym_type, size = script.st_type or copied_type, 0
        if number >= 0 and symbols.row[number] >= 0:
            # An object defines it too: only place and value are the script's.
            row = symbols.row[number]
            size = symbols.size[number]
            sym_type = sym_type or int(inputs.symbols["info"][row]) & 0xF
        if binding == c.STB_GLOBAL:
            visibility = visibility or copied_visibility
        entries.append((binding << 4 | sym_type, visibility, shndx, script.value.address, size))
    part = np.zeros(len(entries), SYM[inputs.ei_class])
    if entries:
        infos, others, indices, values, sizes = zip(*entries, strict=True)
        part["st_info"], part["st_other"], part["st_shndx"] = infos, others, indices
        part["st_value"] = np.array(values, "u8").astype(part["st_value"].dtype)
        part["st_size"] = sizes
    raw = [name.encode("utf-8", "surrogateescape") for name in resolution.layout.values]
    return part, np.array(inputs.strings.numbers(raw), "i8")


def _copied(resolution: Resolution, source: str | None, seen: tuple[str, ...]) -> tuple[int, int]:
    """`alias = function;` gives the alias the function's type and visibility."""
    if source is None or source in seen:
        return c.STT_NOTYPE, c.STV_DEFAULT
    symbols = resolution.symbols
    number = symbols.numbers.get(source, -1)
    kind, visibility = c.STT_NOTYPE, c.STV_DEFAULT
    if number >= 0:
        visibility = symbols.visibility[number]
        if symbols.row[number] >= 0:
            kind = int(resolution.inputs.symbols["info"][symbols.row[number]]) & 0xF
    script = resolution.layout.values.get(source)
    if script is not None:
        copied = _copied(resolution, script.source, (*seen, source))
        kind = kind or copied[0]
        visibility = c.STV_HIDDEN if script.hidden else visibility or copied[1]
    if source in resolution.layout.hides:
        visibility = c.STV_HIDDEN
    return (c.STT_OBJECT if kind == c.STT_COMMON else kind), visibility


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
