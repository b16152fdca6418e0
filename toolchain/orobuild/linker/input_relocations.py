"""The relocations that a link applies: those of the sections that it may place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.elf.reader import ElfError
from orobuild.linker.tables import distinct, select

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs


def _fail(path: str, message: str) -> NoReturn:
    raise ElfError(error(message, Span(path), rule="elf"))


def live_relocations(inputs: Inputs, live: NDArray[np.bool_]) -> NDArray[Any]:
    """The relocations of every section whose row is set in `live`, dtype `RELOCATION`.

    SHT_REL addends are read from the section's bytes. Raises `InputError` for an entry naming a
    symbol that does not exist.
    """
    table = inputs.relocations
    table = select(table, live[table["section"]])
    wrong = table["symbol"] < 0
    if wrong.any():
        entry = table[int(np.argmax(wrong))]
        _wrong_symbol(inputs, entry, ~int(entry["symbol"]))
    implicit = table["implicit"] != 0
    if implicit.any():
        order = np.flatnonzero(implicit)
        order = order[np.argsort(table["section"][order], kind="stable")]
        rows, starts = np.unique(table["section"][order], return_index=True)
        for row, mine in zip(rows.tolist(), np.split(order, starts[1:]), strict=True):
            table["addend"][mine] = _implicit_addends(inputs, row, table[mine])
    return table


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
    for r_type in distinct(part["type"]).tolist():
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
