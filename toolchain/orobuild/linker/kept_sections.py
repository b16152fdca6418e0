"""Debug information of sections that another object provides: it describes the kept ones.

Of equal COMDAT groups the first is linked. What debug sections say about the sections of the
others is turned to the section of the same name and size in the first
(_bfd_elf_check_kept_section of bfd/elflink.c, binutils 2.40).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.inputs import SYMBOL
from orobuild.linker.tables import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.symbols import Symbols

DEBUGGING: Final = re.compile(r"\.z?debug.*|\.line|\.stab.*|\.gdb_index|\.gnu\.linkonce\.wi\..*")


def describe_kept_sections(
    inputs: Inputs, symbols: Symbols, relocations: NDArray[Any]
) -> NDArray[Any]:
    """The relocations, those of debug sections turned to the sections that are linked."""
    home = inputs.symbols["section"][relocations["symbol"]]
    lost = (home >= 0) & symbols.dropped[np.maximum(home, 0)]
    lost &= symbols.of_row[relocations["symbol"]] < 0
    chosen = np.flatnonzero(lost)
    if not len(chosen):
        return relocations
    kept = {row: _kept(inputs, symbols, row) for row in distinct(home[chosen]).tolist()}
    names = inputs.names
    relocations = relocations.copy()
    extra: list[Any] = []
    made: dict[int, int] = {}
    for index in chosen.tolist():
        entry = relocations[index]
        target = kept[int(home[index])]
        if target < 0 or not DEBUGGING.fullmatch(names[int(entry["section"])]):
            continue
        row = int(entry["symbol"])
        if row not in made:
            made[row] = len(inputs.symbols) + len(extra)
            symbol = inputs.symbols[row].copy()
            # A symbol of the linker's own: where it lies matters, its name would be a second one.
            symbol["section"], symbol["name"] = target, 0
            symbol["object"] = inputs.sections["object"][target]
            if int(symbol["info"]) & 0xF != c.STT_SECTION:
                entry["addend"] += int(symbol["value"])
                symbol["value"] = 0
            symbol["info"] = c.STT_SECTION
            extra.append(symbol)
        elif int(inputs.symbols["info"][row]) & 0xF != c.STT_SECTION:
            entry["addend"] += int(inputs.symbols["value"][row])
        entry["symbol"] = made[row]
    if extra:
        inputs.symbols = np.concatenate([inputs.symbols, np.array(extra, SYMBOL)])
        locals_ = np.full(len(extra), -1, "i8")
        symbols.of_row = np.concatenate([symbols.of_row, locals_])
    return relocations


def _kept(inputs: Inputs, symbols: Symbols, row: int) -> int:
    """The section that is linked in the place of a dropped one; -1 if there is none like it."""
    winner = symbols.kept_by.get(row)
    if winner is None:
        return -1
    item = inputs.objects[winner]
    size = inputs.sections["size"][row]
    for other in range(item.first_section, item.first_section + item.section_count):
        if inputs.names[other] == inputs.names[row] and not symbols.dropped[other]:
            return other if inputs.sections["size"][other] == size else -1
    return -1
