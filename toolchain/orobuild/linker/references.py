"""Who defines and who refers to each global symbol: for --cref and --trace-symbol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.inputs import COMMON, UNDEFINED

if TYPE_CHECKING:
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.symbols import Symbols


@dataclass(frozen=True, slots=True)
class SymbolUse:
    """A global symbol: the objects that define it, the chosen one first, and those that only
    refer to it, each by its label."""

    name: str
    defined: tuple[str, ...]
    common: tuple[str, ...]
    referred: tuple[str, ...]


def symbol_uses(inputs: Inputs, symbols: Symbols) -> tuple[SymbolUse, ...]:
    """Every global symbol of the input, by name."""
    table = inputs.symbols
    by_number: dict[int, tuple[list[str], list[str], list[str]]] = {}
    for row in np.flatnonzero(table["info"] >> 4 != c.STB_LOCAL).tolist():
        number = int(symbols.of_row[row])
        if number < 0:
            continue
        section = int(table["section"][row])
        which = 2 if section == UNDEFINED else 1 if section == COMMON else 0
        uses = by_number.setdefault(number, ([], [], []))[which]
        label = inputs.objects[int(table["object"][row])].label
        if row == symbols.row[number]:
            uses.insert(0, label)
        else:
            uses.append(label)
    found = [
        SymbolUse(symbols.names[number], *map(tuple, uses)) for number, uses in by_number.items()
    ]
    return tuple(sorted(found, key=lambda use: use.name))


def cross_reference_table(uses: tuple[SymbolUse, ...]) -> str:
    """The table of --cref, as GNU ld prints it: the defining file first, then those that refer."""
    lines = ["", "Cross Reference Table", "", f"{'Symbol':<50}File"]
    for use in uses:
        name = use.name
        for label in (*use.defined, *use.common, *use.referred):
            if len(name) >= 50:
                lines.append(name)
                name = ""
            lines.append(f"{name:<50}{label}")
            name = ""
    return "\n".join(lines) + "\n"


def traced(uses: tuple[SymbolUse, ...], names: tuple[str, ...]) -> str:
    """What --trace-symbol says: a line for every mention of `names`."""
    lines = []
    for use in uses:
        if use.name in names:
            lines += [f"{label}: definition of {use.name}" for label in use.defined]
            lines += [f"{label}: common of {use.name}" for label in use.common]
            lines += [f"{label}: reference to {use.name}" for label in use.referred]
    return "".join(f"{line}\n" for line in lines)
