"""--wrap SYMBOL: who refers to SYMBOL gets `__wrap_SYMBOL`, who refers to `__real_SYMBOL` gets SYMBOL.

Only references are renamed, not definitions (ld manual, "Options", --wrap).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.inputs import UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orobuild.linker.inputs import Inputs


def wrapped_names(names: Iterable[str], wrap: Sequence[str]) -> set[str]:
    """The names that references to `names` mean."""
    return {_meant(name, wrap) for name in names}


def _meant(name: str, wrap: Sequence[str]) -> str:
    if name in wrap:
        return f"__wrap_{name}"
    real = name.removeprefix("__real_")
    return real if real != name and real in wrap else name


def wrap_references(inputs: Inputs, wrap: Sequence[str]) -> None:
    """Rename the references in the symbol table of `inputs`."""
    if not wrap:
        return
    table, strings = inputs.symbols, inputs.strings
    undefined = (table["section"] == UNDEFINED) & (table["info"] >> 4 != c.STB_LOCAL)
    for old in (*wrap, *(f"__real_{name}" for name in wrap)):
        number = strings.number(old.encode("utf-8", "surrogateescape"))
        new = strings.number(_meant(old, wrap).encode("utf-8", "surrogateescape"))
        # Renamed once: what becomes SYMBOL here is not wrapped again.
        rows = np.flatnonzero(undefined & (table["name"] == number))
        table["name"][rows] = new
        undefined[rows] = False
