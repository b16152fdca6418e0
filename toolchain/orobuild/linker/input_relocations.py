"""The relocations of the input, gathered from all objects at once into one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.elf.reader import ElfError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs

RELOCATION: Final = np.dtype(
    [
        ("section", "<i8"),
        ("offset", "<u8"),
        ("symbol", "<i8"),
        ("type", "<u4"),
        ("addend", "<i8"),
    ]
)


def _fail(path: str, message: str) -> NoReturn:
    raise ElfError(error(message, Span(path), rule="elf"))


def read_relocations(inputs: Inputs, live: NDArray[np.bool_]) -> NDArray[Any]:
    """The relocations of every section whose row is set in `live`, dtype `RELOCATION`.

    SHT_REL addends are read from the section's bytes. Raises `InputError` for an entry naming a
    symbol that does not exist.
    """
    sections = inputs.sections
    firsts = np.array([item.first_section for item in inputs.objects], "i8")
    target = sections["info"].astype("i8") + firsts[sections["object"]]
    parts = []
    for sh_type in (c.SHT_RELA, c.SHT_REL):
        rows = np.flatnonzero((sections["type"] == sh_type) & (sections["size"] > 0))
        rows = rows[live[target[rows]]]
        if len(rows):
            parts.append(_gather(inputs, rows, target[rows], is_rela=sh_type == c.SHT_RELA))
    return np.concatenate(parts) if parts else np.zeros(0, RELOCATION)


def _gather(
    inputs: Inputs, rows: NDArray[np.int64], targets: NDArray[np.int64], *, is_rela: bool
) -> NDArray[Any]:
    """The entries of all relocation sections `rows` at once; they change `targets`."""
    wide = inputs.ei_class == c.ELFCLASS64
    word = 8 if wide else 4
    entry = (3 if is_rela else 2) * word
    blob, bases = inputs.blob()
    headers = inputs.sections[rows]
    starts = headers["offset"] + bases[headers["object"]]
    counts = (headers["size"] // np.uint64(entry)).astype("i8")
    total = int(counts.sum())
    # position of every entry: its section's start plus its number in the section
    first_of = np.repeat(np.cumsum(counts) - counts, counts)
    position = np.repeat(starts, counts) + (np.arange(total) - first_of).astype("u8") * np.uint64(
        entry
    )
    part = np.zeros(total, RELOCATION)
    part["section"] = np.repeat(targets, counts)
    part["offset"] = _words(blob, position, word)
    info = _words(blob, position + np.uint64(word), word)
    shift = np.uint64(32 if wide else 8)
    part["type"] = info & np.uint64((1 << int(shift)) - 1)
    symbol = (info >> shift).astype("i8")
    owner = np.repeat(headers["object"], counts)
    sizes = np.array([item.symbol_count for item in inputs.objects], "i8")
    wrong = np.flatnonzero(symbol >= sizes[owner])
    if len(wrong):
        _wrong_symbol(inputs, part[wrong[0]], int(symbol[wrong[0]]))
    first_symbols = np.array([item.first_symbol for item in inputs.objects], "i8")
    part["symbol"] = symbol + first_symbols[owner]
    if is_rela:
        addend = _words(blob, position + np.uint64(2 * word), word)
        part["addend"] = addend.view("i8") if wide else addend.astype("u4").view("i4")
        return part
    for row in np.unique(part["section"]).tolist():
        mine = np.flatnonzero(part["section"] == row)
        part["addend"][mine] = _implicit_addends(inputs, row, part[mine])
    return part


def _words(blob: NDArray[np.uint8], position: NDArray[np.uint64], word: int) -> NDArray[np.uint64]:
    """The little-endian words at byte positions `position`."""
    if not (position % np.uint64(word)).any():
        whole: NDArray[np.uint64] = blob.view(f"<u{word}")[position // np.uint64(word)]
        return whole.astype("u8")
    value = np.zeros(len(position), "u8")
    for k in range(word):
        value |= blob[position + np.uint64(k)].astype("u8") << np.uint64(8 * k)
    return value


def _wrong_symbol(inputs: Inputs, entry: Any, symbol: int) -> NoReturn:
    section = int(entry["section"])
    owner = inputs.owner(section)
    if not owner.symbol_count:
        _fail(owner.label, "the object has relocations but no symbol table")
    _fail(
        owner.label,
        f"a relocation of section '{inputs.names[section]}' names symbol {symbol}, the object "
        f"has {owner.symbol_count}",
    )


# Bytes of the field that an i386 relocation changes; 4 unless listed.
_REL_WIDTH: Final = {
    c.R_386_NONE: 0,
    c.R_386_16: 2,
    c.R_386_PC16: 2,
    c.R_386_8: 1,
    c.R_386_PC8: 1,
}


def _implicit_addends(inputs: Inputs, target: int, part: NDArray[Any]) -> NDArray[Any]:
    data = np.frombuffer(inputs.section_data(target), "u1")
    addends = np.zeros(len(part), "i8")
    for r_type in np.unique(part["type"]).tolist():
        width = _REL_WIDTH.get(r_type, 4)
        rows = np.flatnonzero(part["type"] == r_type)
        offsets = part["offset"][rows]
        if (offsets + np.uint64(width) > len(data)).any():
            _fail(
                inputs.owner(target).label,
                f"a relocation of section '{inputs.names[target]}' lies outside the section",
            )
        value = np.zeros(len(rows), "i8")
        for k in range(width):
            value |= data[offsets + np.uint64(k)].astype("i8") << (8 * k)
        if width:
            shift = 64 - 8 * width
            value = (value << shift) >> shift
        addends[rows] = value
    return addends
