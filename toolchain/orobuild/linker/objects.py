"""Relocatable objects, read: many files at once, into tables that know nothing of one another.

All files of a batch are read together: their section headers, symbols and relocations become one
array each, checked as a whole. An `ObjectFile` is a range of rows in each. In these tables a
section or symbol is a number within its own object; `inputs` makes one numbering of all. Nothing
here is changed once it is read, so that a later link can use it again.

Everything is checked against the file's length, so that later phases index freely. When anything
in a batch is wrong, its files are read one by one, which finds out whose fault it is.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.elf.arrays import SYM
from orobuild.errors import InputError
from orobuild.linker.heads import Head, Headers, Strings, fail, malformed, read_head
from orobuild.linker.tables import (
    ABSOLUTE,
    COMMON,
    RELOCATION,
    SECTION,
    SYMBOL,
    UNDEFINED,
    distinct,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.diagnostics import Diagnostic
    from orobuild.linker.names import Names
    from orobuild.linker.options import LinkInput

_REL: Final = {
    c.ELFCLASS32: np.dtype([("offset", "<u4"), ("info", "<u4")]),
    c.ELFCLASS64: np.dtype([("offset", "<u8"), ("info", "<u8")]),
}
_RELA: Final = {
    c.ELFCLASS32: np.dtype([("offset", "<u4"), ("info", "<u4"), ("addend", "<i4")]),
    c.ELFCLASS64: np.dtype([("offset", "<u8"), ("info", "<u8"), ("addend", "<i8")]),
}
# Beginnings of section names that mean something, and that hardly any object has.
RARE_NAMES: Final = (".gnu.linkonce.", ".gnu.warning")

# ELF objects may not be larger than this: offsets are kept in 63 bits.
_MAX_SIZE: Final = 1 << 40
_MAX_ALIGN: Final = 1 << 32
_NO_CONTENT: Final = (c.SHT_NOBITS, c.SHT_NULL)


@dataclass(slots=True, eq=False)
class Batch:
    """The tables of objects that were read together.

    `sections`, `symbols`, `relocations` have the dtypes SECTION, SYMBOL and RELOCATION. The rows
    of object n are `bounds[n]` … `bounds[n + 1]` of its columns for the three tables.
    """

    sections: NDArray[Any]
    symbols: NDArray[Any]
    relocations: NDArray[Any]
    section_bounds: list[int]
    symbol_bounds: list[int]
    relocation_bounds: list[int]


@dataclass(slots=True, eq=False)
class ObjectFile:
    """One relocatable object: object `number` of its batch. `data` is a view of `source`.

    `contents` holds sections that are not the file's bytes, by their number: what was compressed.
    `rare_names`: those of
    RARE_NAMES with which a section's name may begin. `pieces` is the merge phase's: what
    mergeable sections are made of, by section number.
    """

    path: str
    archive: str | None
    source: bytes
    data: memoryview
    ei_class: int
    e_machine: int
    batch: Batch
    number: int
    contents: dict[int, bytes] = field(default_factory=dict)
    rare_names: frozenset[str] = frozenset()
    pieces: dict[int, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The object's name in messages: `path`, or `archive(member)`."""
        return f"{self.archive}({self.path})" if self.archive else self.path

    def symbols(self) -> NDArray[Any]:
        """Its symbol table, dtype SYMBOL, a view; sections are its own numbers."""
        bounds = self.batch.symbol_bounds
        return self.batch.symbols[bounds[self.number] : bounds[self.number + 1]]


def read_objects(files: Sequence[LinkInput], names: Names) -> list[ObjectFile]:
    """Read `files`. Raises `InputError` with a diagnostic for every bad one."""
    try:
        return _read(files, names)
    except InputError:
        if len(files) == 1:
            raise
    problems: list[Diagnostic] = []
    objects: list[ObjectFile] = []
    for file in files:
        try:
            objects += _read([file], names)
        except InputError as problem:
            problems += problem.diagnostics
    if problems:
        raise InputError(problems)
    return objects


def _read(files: Sequence[LinkInput], names: Names) -> list[ObjectFile]:
    heads = [read_head(file) for file in files]
    classes = {head.ei_class for head in heads}
    if len(classes) == 1:
        return _read_tables(heads, names)
    by_class = {k: _read_tables([h for h in heads if h.ei_class == k], names) for k in classes}
    queues = {k: iter(objects) for k, objects in by_class.items()}
    return [next(queues[head.ei_class]) for head in heads]


def _read_tables(heads: list[Head], names: Names) -> list[ObjectFile]:
    headers = Headers(heads)
    _check_sections(headers)
    raw = headers.raw
    sections = np.zeros(len(raw), SECTION)
    for column in ("type", "flags", "offset", "size", "align", "entsize", "link", "info"):
        sections[column] = raw[column]
    np.maximum(sections["align"], 1, out=sections["align"])
    rare = _name_sections(headers, sections, names)
    symbols, symbol_bounds = _read_symbols(headers, names)
    relocations, relocation_bounds = _read_relocations(headers)
    batch = Batch(
        sections,
        symbols,
        relocations,
        headers.bounds.tolist(),
        symbol_bounds.tolist(),
        relocation_bounds.tolist(),
    )
    objects = [
        ObjectFile(
            head.file.path,
            head.file.archive,
            head.file.data,
            head.data,
            head.ei_class,
            head.e_machine,
            batch,
            number,
            rare_names=rare,
        )
        for number, head in enumerate(heads)
    ]
    for row in np.flatnonzero(sections["flags"] & np.uint64(c.SHF_COMPRESSED)).tolist():
        number = int(headers.owner[row])
        name = names.text[int(sections["name"][row])]
        index = row - int(headers.first[number])
        objects[number].contents[index] = _decompress(objects[number], sections, row, name)
    return objects


def _check_sections(headers: Headers) -> None:
    """Every offset, alignment, entry size and link of the section headers."""
    raw, require = headers.raw, headers.require
    kind, size, offset = raw["type"], raw["size"].astype("u8"), raw["offset"].astype("u8")
    align, link = raw["align"].astype("u8"), raw["link"]
    length = np.array([len(head.data) for head in headers.heads], "u8")[headers.owner]
    count = headers.counts[headers.owner]
    first = headers.first[headers.owner]
    content = (kind != c.SHT_NOBITS) & (kind != c.SHT_NULL)
    outside = content & ((offset > length) | (size > length) | (offset + size > length))
    require(outside, "truncated: a section is outside the file")
    uneven = ((align & (align - np.uint64(1))) * (align > 0) != 0) | (align > _MAX_ALIGN)
    require(uneven, "a section's alignment is not a power of two up to 4 GiB")
    require(size > _MAX_SIZE, f"a section is larger than {_MAX_SIZE >> 30} GiB")
    relocating = (kind == c.SHT_REL) | (kind == c.SHT_RELA)
    stray = relocating & (raw["info"] >= count)
    require(stray, "a relocation section changes a section that does not exist")
    for sh_type, sizes, linked in (
        (c.SHT_SYMTAB, c.SYM_SIZE, c.SHT_STRTAB),
        (c.SHT_REL, c.REL_SIZE, c.SHT_SYMTAB),
        (c.SHT_RELA, c.RELA_SIZE, c.SHT_SYMTAB),
        (c.SHT_GROUP, {1: 4, 2: 4}, c.SHT_SYMTAB),
    ):
        mine = kind == sh_type
        entry = sizes[headers.ei_class]
        uneven = mine & ((raw["entsize"] != entry) | (size % np.uint64(entry) != 0))
        require(uneven, f"a section of type {sh_type} has entries that are not {entry} bytes")
        target = np.minimum(link, np.maximum(count, 1) - 1) + first
        wrong = mine & ((link >= count) | (kind[target] != linked))
        require(wrong, f"a section of type {sh_type} has a wrong sh_link")


def _name_sections(headers: Headers, sections: NDArray[Any], names: Names) -> frozenset[str]:
    """Fill the `name` column; which of RARE_NAMES names may begin with.

    The names of relocation sections are not needed and left out.
    """
    raw, kind = headers.raw, headers.raw["type"]
    index = np.array([head.shstrndx for head in headers.heads], "i8")
    rows = (headers.first + index)[index != 0]
    bad = np.zeros(len(raw), bool)
    bad[rows] = np.isin(kind[rows], _NO_CONTENT)
    headers.require(bad, "the table of section names is not a string table")
    tables: list[bytes | memoryview] = [b""] * len(headers.heads)
    for number, table in zip(headers.owner[rows].tolist(), headers.contents(rows), strict=True):
        tables[number] = table
    strings = Strings.of(tables)
    size = strings.size[headers.owner]
    outside = (raw["name"] >= np.maximum(size, 1)) | ~strings.is_terminated()[headers.owner]
    headers.require(outside, "a name is outside its string table")
    wanted = np.flatnonzero((kind != c.SHT_RELA) & (kind != c.SHT_REL) & (raw["name"] != 0))
    starts = raw["name"][wanted] + strings.base[headers.owner[wanted]]
    sections["name"][wanted] = names.numbers(strings.get(starts))
    return frozenset(prefix for prefix in RARE_NAMES if prefix.encode() in strings.blob)


def _read_symbols(headers: Headers, names: Names) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The symbol tables, and the bounds of every object's part."""
    raw, heads = headers.raw, headers.heads
    rows = np.flatnonzero((raw["type"] == c.SHT_SYMTAB) & (raw["size"] > 0))
    owner = headers.owner[rows]
    twice = np.zeros(len(raw), bool)
    twice[rows[1:]] = owner[1:] == owner[:-1]
    headers.require(twice, "the object has two symbol tables")
    entries = np.frombuffer(b"".join(headers.contents(rows)), SYM[headers.ei_class])
    counts = np.zeros(len(heads), "i8")
    counts[owner] = raw["size"][rows].astype("i8") // c.SYM_SIZE[headers.ei_class]
    bounds = np.concatenate([[0], np.cumsum(counts)])
    strings = Strings.of(headers.contents(raw["link"][rows] + headers.first[owner]))
    if b"\0__gnu_lto_slim\0" in strings.blob:
        # Of several files it is not known which, but then they are read once more, one by one.
        fail(
            heads[int(owner[0])].label,
            "the object holds only GCC's intermediate code for link-time optimisation",
            hint="compile without -flto, or with -ffat-lto-objects",
        )
    bad = np.zeros(len(raw), bool)
    bad[rows] = ~strings.is_terminated()
    headers.require(bad, "the symbol name table does not end with a NUL")
    of_entry = np.repeat(np.arange(len(rows)), counts[owner])
    name = entries["st_name"].astype("i8")
    bad[rows] = np.bincount(
        of_entry, name >= np.maximum(strings.size, 1)[of_entry], minlength=len(rows)
    ).astype(bool)
    headers.require(bad, "the name of a symbol is outside its string table")
    symbols = np.zeros(len(entries), SYMBOL)
    for column in ("info", "other", "shndx", "value", "size"):
        symbols[column] = entries[f"st_{column}"]
    named = np.flatnonzero(name)
    starts = name[named] + strings.base[of_entry[named]]
    symbols["name"][named] = names.numbers(strings.get(starts))
    _place_symbols(headers, symbols, rows, owner[of_entry], bounds)
    return symbols, bounds


def _place_symbols(
    headers: Headers,
    symbols: NDArray[Any],
    tables: NDArray[np.int64],
    owner: NDArray[np.int64],
    bounds: NDArray[np.int64],
) -> None:
    """Fill the `section` column: a section of the object, or UNDEFINED, ABSOLUTE, COMMON."""
    shndx = symbols["shndx"]
    extended = shndx == c.SHN_XINDEX
    reserved = (shndx >= c.SHN_LORESERVE) & ~extended
    if extended.any():
        for number in distinct(owner[extended]).tolist():
            part = slice(int(bounds[number]), int(bounds[number + 1]))
            mine = extended[part]
            table = int(tables[headers.owner[tables] == number][0])
            shndx[part][mine] = _extended_indices(headers, number, table, len(mine))[mine]
    section = shndx.astype("i8")
    section[shndx == c.SHN_UNDEF] = UNDEFINED
    section[reserved & (shndx == c.SHN_ABS)] = ABSOLUTE
    section[reserved & (shndx == c.SHN_COMMON)] = COMMON
    wrong = (reserved & (shndx != c.SHN_ABS) & (shndx != c.SHN_COMMON)) | (
        ~reserved & (shndx >= headers.counts[owner])
    )
    if wrong.any():
        row = int(np.argmax(wrong))
        number = int(owner[row])
        malformed(
            headers.heads[number],
            f"symbol {row - int(bounds[number])} is in section {int(shndx[row])}, which does not "
            "exist",
        )
    symbols["section"] = section


def _extended_indices(headers: Headers, number: int, table: int, count: int) -> NDArray[Any]:
    """The u4 section numbers of SHT_SYMTAB_SHNDX for the symbol table in row `table`."""
    head = headers.heads[number]
    first = int(headers.first[number])
    rows = headers.raw[first : first + head.count]
    for header in rows[rows["type"] == c.SHT_SYMTAB_SHNDX]:
        if header["link"] == table - first and header["size"] >= 4 * count:
            return np.frombuffer(head.data, "<u4", count, int(header["offset"]))
    return malformed(head, "a symbol uses SHN_XINDEX without SHT_SYMTAB_SHNDX")


def _read_relocations(headers: Headers) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Every relocation, and the bounds of every object's part.

    Symbols are not checked: those of sections that the link leaves out may be anything.
    """
    parts = [_entries(headers, sh_type) for sh_type in (c.SHT_RELA, c.SHT_REL)]
    owner = np.concatenate([part[1] for part in parts])
    table = parts[0][0]
    if len(parts[1][0]):
        table = np.concatenate([part[0] for part in parts])
        order = np.argsort(owner, kind="stable")
        table = table[order]
    counts = np.bincount(owner, minlength=len(headers.heads))
    return table, np.concatenate([[0], np.cumsum(counts)])


def _entries(headers: Headers, sh_type: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The entries of all sections of one type, and the object of each."""
    raw, ei_class = headers.raw, headers.ei_class
    dtype = (_RELA if sh_type == c.SHT_RELA else _REL)[ei_class]
    rows = np.flatnonzero((raw["type"] == sh_type) & (raw["size"] > 0))
    entries = np.frombuffer(b"".join(headers.contents(rows)), dtype)
    counts = raw["size"][rows].astype("i8") // dtype.itemsize
    table = np.zeros(len(entries), RELOCATION)
    table["section"] = np.repeat(raw["info"][rows].astype("i8"), counts)
    table["offset"] = entries["offset"]
    if ei_class == c.ELFCLASS64:
        # r_info is the symbol and the type, 32 bits each.
        halves = entries["info"].astype("<u8").view("<u4").reshape(-1, 2)
        table["type"], table["symbol"] = halves[:, 0], halves[:, 1]
    else:
        table["type"], table["symbol"] = entries["info"] & 0xFF, entries["info"] >> 8
    if sh_type == c.SHT_RELA:
        table["addend"] = entries["addend"]
    else:
        table["implicit"] = 1
    return table, np.repeat(headers.owner[rows], counts)


# gABI, Section Compression: ch_type, (reserved,) ch_size, ch_addralign
_CHDR: Final = {c.ELFCLASS32: struct.Struct("<III"), c.ELFCLASS64: struct.Struct("<I4xQQ")}
_ELFCOMPRESS_ZLIB: Final = 1


def _decompress(item: ObjectFile, sections: NDArray[Any], row: int, name: str) -> bytes:
    """The contents of a compressed (debug) section; its row then describes those."""
    section = sections[row]
    start = int(section["offset"])
    data = item.data[start : start + int(section["size"])]
    if section["type"] == c.SHT_NOBITS:
        data = item.data[:0]
    header = _CHDR[item.ei_class]
    if len(data) < header.size:
        fail(item.label, f"the compressed section '{name}' has no header")
    kind, size, align = header.unpack_from(data)
    if kind != _ELFCOMPRESS_ZLIB:
        fail(
            item.label,
            f"section '{name}' is compressed in a way (ch_type {kind}) that is not supported",
            hint="compile with -gz=zlib or without -gz",
        )
    try:
        engine = zlib.decompressobj()
        content = engine.decompress(data[header.size :], size + 1)
    except (zlib.error, OverflowError) as problem:
        fail(item.label, f"the compressed section '{name}' is damaged: {problem}")
    if len(content) != size or align & (align - 1):
        fail(item.label, f"the compressed section '{name}' is not {size} bytes as it says")
    section["size"], section["align"] = size, max(1, align)
    section["flags"] &= ~np.uint64(c.SHF_COMPRESSED)
    return content
