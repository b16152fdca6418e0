"""Input files as columns: every section, symbol and relocation of every object in one table.

A row of `Inputs.sections` is a section of an object, a row of `Inputs.symbols` a symbol table
entry. Objects keep their file's order, and rows the object's. Everything read from a file is
checked here against the file's length, so that later phases index freely. No decisions are made.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.elf import reader
from orobuild.elf.arrays import SYM
from orobuild.elf.reader import ElfError
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.linker.options import LinkInput

_SHDR_FIELDS: Final = (
    "name",
    "type",
    "flags",
    "addr",
    "offset",
    "size",
    "link",
    "info",
    "align",
    "entsize",
)
_WIDE_FIELDS: Final = ("flags", "addr", "offset", "size", "align", "entsize")
_SHDR: Final = {
    c.ELFCLASS32: np.dtype([(name, "<u4") for name in _SHDR_FIELDS]),
    c.ELFCLASS64: np.dtype(
        [(name, "<u8" if name in _WIDE_FIELDS else "<u4") for name in _SHDR_FIELDS]
    ),
}
SECTION: Final = np.dtype(
    [
        ("object", "<i4"),
        ("type", "<u4"),
        ("flags", "<u8"),
        ("offset", "<u8"),
        ("size", "<u8"),
        ("align", "<u8"),
        ("entsize", "<u8"),
        ("link", "<u4"),
        ("info", "<u4"),
    ]
)
SYMBOL: Final = np.dtype(
    [
        ("object", "<i4"),
        ("name", "<u4"),
        ("info", "u1"),
        ("other", "u1"),
        ("shndx", "<u4"),
        ("section", "<i8"),
        ("value", "<u8"),
        ("size", "<u8"),
    ]
)
# values of the `section` column of a symbol that is in no section
UNDEFINED: Final = -1
ABSOLUTE: Final = -2
COMMON: Final = -3

# ELF objects may not be larger than this: offsets are kept in 63 bits.
_MAX_SIZE: Final = 1 << 40
_MAX_ALIGN: Final = 1 << 32


@dataclass(slots=True)
class InputObject:
    """One relocatable object. `first_section` and `first_symbol` are rows of the tables."""

    path: str
    data: memoryview
    ei_class: int
    e_machine: int
    first_section: int
    section_count: int
    archive: str | None = None
    first_symbol: int = 0
    symbol_count: int = 0
    strtab: bytes = b"\0"
    names: list[bytes] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The object's name in messages: `path`, or `archive(member)`."""
        return f"{self.archive}({self.path})" if self.archive else self.path


@dataclass(slots=True)
class Inputs:
    """Every object's sections and symbols. `names[row]` is a section's name."""

    objects: list[InputObject]
    sections: NDArray[Any]
    names: list[str]
    symbols: NDArray[Any]
    ei_class: int
    e_machine: int
    contents: dict[int, bytes] = field(default_factory=dict)
    _blob: NDArray[np.uint8] | None = None
    _bases: NDArray[np.uint64] | None = None

    def blob(self) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
        """All files one after another, u8, and where each object starts in it.

        For gathering from many objects at once. Starts are multiples of 8.
        """
        if self._blob is None or self._bases is None:
            parts: list[bytes | memoryview] = []
            starts = []
            position = 0
            for item in self.objects:
                starts.append(position)
                padded = -(-len(item.data) // 8) * 8
                parts += [item.data, bytes(padded - len(item.data))]
                position += padded
            self._blob = np.frombuffer(b"".join(parts), "u1")
            self._bases = np.array(starts, "u8")
        return self._blob, self._bases

    def owner(self, row: int) -> InputObject:
        """The object that a section row belongs to."""
        return self.objects[int(self.sections["object"][row])]

    def section_label(self, row: int) -> str:
        """`object:(section)` as messages name an input section."""
        return f"{self.owner(row).label}:({self.names[row]})"

    def section_data(self, row: int) -> memoryview:
        """The section's bytes; empty for SHT_NOBITS."""
        made = self.contents.get(row)
        if made is not None:
            return memoryview(made)
        section = self.sections[row]
        owner = self.owner(row)
        if section["type"] == c.SHT_NOBITS:
            return memoryview(b"")
        start = int(section["offset"])
        return owner.data[start : start + int(section["size"])]

    def symbol_name(self, row: int) -> str:
        """The name of a symbol; a section symbol has its section's name."""
        symbol = self.symbols[row]
        owner = self.objects[int(symbol["object"])]
        start = int(symbol["name"])
        name = owner.strtab[start : owner.strtab.find(b"\0", start)]
        if not name and symbol["section"] >= 0:
            return self.names[int(symbol["section"])]
        return name.decode("utf-8", "surrogateescape")

    def add_section(self, owner: int, name: str, **columns: int) -> int:
        """Append a section that the linker makes; its row."""
        row = np.zeros(1, SECTION)
        row["object"] = owner
        for column, value in columns.items():
            row[column] = value
        self.sections = np.concatenate([self.sections, row])
        self.names.append(name)
        return len(self.names) - 1


def read_inputs(files: Sequence[LinkInput], machine: int | None) -> Inputs:
    """All of `files` as tables. Raises `InputError` with a diagnostic for every bad file.

    `machine` is the EM_* that every object must be for; None takes the first object's.
    """
    objects: list[InputObject] = []
    headers: list[NDArray[Any]] = []
    problems: list[Any] = []
    row = 0
    for file in files:
        try:
            read = _read_object(file, row)
            if read is None:
                continue
            thing, table = read
            if machine is None:
                machine = thing.e_machine
            if thing.e_machine != machine:
                _fail(thing.label, _machine_message(thing.e_machine, machine))
        except InputError as problem:
            problems += problem.diagnostics
            continue
        objects.append(thing)
        headers.append(table)
        row += thing.section_count
    if problems:
        raise InputError(problems)
    if not objects:
        raise InputError(error("no input files", hint="name the objects to link", rule="input"))
    names: list[str] = []
    sections = _section_table(objects, headers, names)
    inputs = Inputs(
        objects,
        sections,
        names,
        np.zeros(0, SYMBOL),
        objects[0].ei_class,
        objects[0].e_machine,
    )
    inputs.symbols = _symbol_table(inputs)
    for row in np.flatnonzero(sections["flags"] & np.uint64(c.SHF_COMPRESSED)).tolist():
        _decompress(inputs, row)
    return inputs


# gABI, Section Compression: ch_type, (reserved,) ch_size, ch_addralign
_CHDR: Final = {c.ELFCLASS32: struct.Struct("<III"), c.ELFCLASS64: struct.Struct("<I4xQQ")}
_ELFCOMPRESS_ZLIB: Final = 1


def _decompress(inputs: Inputs, row: int) -> None:
    """Replace a compressed (debug) section by its contents: relocations are about those."""
    item, name = inputs.owner(row), inputs.names[row]
    data = inputs.section_data(row)
    header = _CHDR[item.ei_class]
    if len(data) < header.size:
        _fail(item.label, f"the compressed section '{name}' has no header")
    kind, size, align = header.unpack_from(data)
    if kind != _ELFCOMPRESS_ZLIB:
        _fail(
            item.label,
            f"section '{name}' is compressed in a way (ch_type {kind}) that is not supported",
            hint="compile with -gz=zlib or without -gz",
        )
    try:
        engine = zlib.decompressobj()
        content = engine.decompress(data[header.size :], size + 1)
    except zlib.error as problem:
        _fail(item.label, f"the compressed section '{name}' is damaged: {problem}")
    if len(content) != size or align & (align - 1):
        _fail(item.label, f"the compressed section '{name}' is not {size} bytes as it says")
    inputs.contents[row] = content
    section = inputs.sections[row]
    section["size"], section["align"] = size, max(1, align)
    section["flags"] &= ~np.uint64(c.SHF_COMPRESSED)


_MACHINES: Final = {c.EM_386: "i386", c.EM_X86_64: "x86-64"}


def _machine_message(found: int, wanted: int) -> str:
    return (
        f"the object is for {_MACHINES.get(found, found)}, "
        f"the output for {_MACHINES.get(wanted, wanted)}"
    )


def _fail(path: str, message: str, *, hint: str | None = None) -> NoReturn:
    raise ElfError(error(message, Span(path), hint=hint, rule="elf"))


def _malformed(item: InputObject, message: str) -> NoReturn:
    """Report a bad object in the reader's words where it has some, else with `message`."""
    reader.read(item.data, item.label)
    _fail(item.label, message)


def _read_object(file: LinkInput, row: int) -> tuple[InputObject, NDArray[Any]] | None:
    data = memoryview(file.data).cast("B")
    label = f"{file.archive}({file.path})" if file.archive else file.path
    if len(data) < 52 or bytes(data[:4]) != c.ELFMAG:
        _not_elf(data, label)
    ei_class = data[c.EI_CLASS]
    if (
        ei_class not in _SHDR
        or data[c.EI_DATA] != c.ELFDATA2LSB
        or data[c.EI_VERSION] != c.EV_CURRENT
        or len(data) < c.EHDR_SIZE[ei_class]
    ):
        reader.read(data, label)
        _fail(label, "not an ELF file that can be linked")
    half = np.frombuffer(data, "<u2", 2, 16)
    e_type, e_machine = int(half[0]), int(half[1])
    if e_machine not in _MACHINES:
        reader.read(data, label)
    if e_type != c.ET_REL:
        kind = {c.ET_EXEC: "an executable", c.ET_DYN: "a shared object"}.get(e_type, "a file")
        _fail(
            label,
            f"{kind} (e_type {e_type}) cannot be linked",
            hint="give relocatable objects (compiled with -c) or archives of them",
        )
    wide = ei_class == c.ELFCLASS64
    shoff = int.from_bytes(data[40:48] if wide else data[32:36], "little")
    entsize, shnum, shstrndx = (int(n) for n in np.frombuffer(data, "<u2", 3, 58 if wide else 46))
    dtype = _SHDR[ei_class]
    item = InputObject(file.path, data, ei_class, e_machine, row, 0, file.archive)
    if not shoff:
        return item, np.zeros(0, dtype)
    if entsize != dtype.itemsize or shoff + dtype.itemsize > len(data):
        _malformed(item, "the section header table is malformed")
    first = np.frombuffer(data, dtype, 1, shoff)[0]
    shnum = shnum or int(first["size"])
    shstrndx = int(first["link"]) if shstrndx == c.SHN_XINDEX else shstrndx
    if shoff + shnum * dtype.itemsize > len(data):
        _malformed(item, "truncated: the section header table is outside the file")
    table = np.frombuffer(data, dtype, shnum, shoff)
    item.section_count = shnum
    _check_sections(item, table)
    if shstrndx >= shnum:
        _malformed(item, f"e_shstrndx {shstrndx} is not a section")
    names = _bytes(item, table, shstrndx) if shstrndx else b""
    item.names = _strings(item, names, table)
    for index in np.flatnonzero(table["type"] == c.SHT_SYMTAB):
        if item.symbol_count:
            _malformed(item, "the object has two symbol tables")
        item.symbol_count = int(table["size"][index]) // c.SYM_SIZE[ei_class]
        item.first_symbol = int(index)  # the table's section, until rows are numbered
        item.strtab = _bytes(item, table, int(table["link"][index])) or b"\0"
        if b"\0__gnu_lto_slim\0" in item.strtab:
            _fail(
                item.label,
                "the object holds only GCC's intermediate code for link-time optimisation",
                hint="compile without -flto, or with -ffat-lto-objects",
            )
        if item.strtab[-1]:
            _malformed(item, "the symbol name table does not end with a NUL")
    return item, table


def _not_elf(data: memoryview, label: str) -> NoReturn:
    start = bytes(data[:8])
    if start[:4] in (b"BC\xc0\xde", b"\xde\xc0\x17\x0b"):
        _fail(
            label,
            "this is LLVM bitcode, not machine code (compiled for link-time optimisation)",
            hint="compile without -flto (Rust: -C lto=off and -C embed-bitcode=no)",
        )
    if start in (b"!<arch>\n", b"!<thin>\n"):
        _fail(label, "an archive inside an archive cannot be linked")
    reader.read(data, label)
    _fail(label, "not an ELF object")


_NO_CONTENT: Final = (c.SHT_NOBITS, c.SHT_NULL)


def _check_sections(item: InputObject, table: NDArray[Any]) -> None:
    """Every offset, alignment, entry size and link of the section headers, vectorised."""
    count = len(table)
    kind, size, offset = table["type"], table["size"], table["offset"]
    align = table["align"].astype("u8")
    content = ~np.isin(kind, _NO_CONTENT)
    length = len(item.data)
    outside = content & ((offset > length) | (size > length) | (offset + size > length))
    if outside.any():
        _malformed(item, "truncated: a section is outside the file")
    if ((align & (align - np.uint64(1))) * (align > 0)).any() or (align > _MAX_ALIGN).any():
        _malformed(item, "a section's alignment is not a power of two up to 4 GiB")
    if (size > _MAX_SIZE).any():
        _malformed(item, f"a section is larger than {_MAX_SIZE >> 30} GiB")
    if (table["info"][(kind == c.SHT_REL) | (kind == c.SHT_RELA)] >= count).any():
        _malformed(item, "a relocation section changes a section that does not exist")
    for sh_type, sizes, linked in (
        (c.SHT_SYMTAB, c.SYM_SIZE, c.SHT_STRTAB),
        (c.SHT_REL, c.REL_SIZE, c.SHT_SYMTAB),
        (c.SHT_RELA, c.RELA_SIZE, c.SHT_SYMTAB),
        (c.SHT_GROUP, {1: 4, 2: 4}, c.SHT_SYMTAB),
    ):
        rows = table[kind == sh_type]
        entry = sizes[item.ei_class]
        if not len(rows):
            continue
        if (rows["entsize"] != entry).any() or (rows["size"] % entry).any():
            _malformed(item, f"a section of type {sh_type} has entries that are not {entry} bytes")
        if (rows["link"] >= count).any() or (kind[rows["link"]] != linked).any():
            _malformed(item, f"a section of type {sh_type} has a wrong sh_link")


def _bytes(item: InputObject, table: NDArray[Any], index: int) -> bytes:
    if table["type"][index] in _NO_CONTENT:
        _malformed(item, f"section {index} is not a string table")
    start = int(table["offset"][index])
    return bytes(item.data[start : start + int(table["size"][index])])


def _strings(item: InputObject, names: bytes, table: NDArray[Any]) -> list[bytes]:
    """The section names. Those of relocation sections are not needed and left out."""
    offsets = table["name"]
    if not names and not offsets.any():
        return [b""] * len(offsets)
    if not names or names[-1] or int(offsets.max()) >= len(names):
        _malformed(item, "a name is outside its string table")
    kinds = table["type"]
    wanted = np.where((kinds == c.SHT_RELA) | (kinds == c.SHT_REL), len(names) - 1, offsets)
    find = names.index
    return [names[start : find(b"\0", start)] for start in wanted.tolist()]


def _section_table(
    objects: list[InputObject], headers: list[NDArray[Any]], names: list[str]
) -> NDArray[Any]:
    raw = [name for item in objects for name in item.names]
    known = {name: name.decode("utf-8", "surrogateescape") for name in set(raw)}
    names.extend(map(known.__getitem__, raw))
    for item in objects:
        item.names = []
    sections = np.zeros(len(names), SECTION)
    for column in ("type", "flags", "offset", "size", "align", "entsize", "link", "info"):
        sections[column] = np.concatenate([table[column] for table in headers])
    sections["object"] = np.repeat(np.arange(len(objects)), [o.section_count for o in objects])
    np.maximum(sections["align"], 1, out=sections["align"])
    return sections


def _symbol_table(inputs: Inputs) -> NDArray[Any]:
    total = sum(item.symbol_count for item in inputs.objects)
    symbols = np.zeros(total, SYMBOL)
    row = 0
    for number, item in enumerate(inputs.objects):
        count = item.symbol_count
        if count:
            header = inputs.sections[item.first_section + item.first_symbol]
            raw = np.frombuffer(item.data, SYM[item.ei_class], count, int(header["offset"]))
            part = symbols[row : row + count]
            part["object"] = number
            for column in ("name", "info", "other", "shndx", "value", "size"):
                part[column] = raw[f"st_{column}"]
            _place_symbols(inputs, item, item.first_symbol, part)
        item.first_symbol = row
        row += count
    return symbols


def _place_symbols(inputs: Inputs, item: InputObject, table: int, part: NDArray[Any]) -> None:
    """Fill the `section` column: a row of the section table, or UNDEFINED, ABSOLUTE, COMMON."""
    shndx = part["shndx"]
    if (part["name"] >= len(item.strtab)).any():
        _malformed(item, "the name of a symbol is outside its string table")
    extended = shndx == c.SHN_XINDEX
    reserved = (shndx >= c.SHN_LORESERVE) & ~extended
    if extended.any():
        shndx[extended] = _extended_indices(inputs, item, table, len(part))[extended]
    section = shndx.astype("i8") + item.first_section
    section[shndx == c.SHN_UNDEF] = UNDEFINED
    section[reserved & (shndx == c.SHN_ABS)] = ABSOLUTE
    section[reserved & (shndx == c.SHN_COMMON)] = COMMON
    wrong = (reserved & ~np.isin(shndx, (c.SHN_ABS, c.SHN_COMMON))) | (
        ~reserved & (shndx >= item.section_count)
    )
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        _malformed(item, f"symbol {index} is in section {int(shndx[index])}, which does not exist")
    part["section"] = section


def _extended_indices(inputs: Inputs, item: InputObject, table: int, count: int) -> NDArray[Any]:
    rows = inputs.sections[item.first_section : item.first_section + item.section_count]
    for header in rows[rows["type"] == c.SHT_SYMTAB_SHNDX]:
        if header["link"] == table and header["size"] >= 4 * count:
            return np.frombuffer(item.data, "<u4", count, int(header["offset"]))
    _malformed(item, "a symbol uses SHN_XINDEX without SHT_SYMTAB_SHNDX")
