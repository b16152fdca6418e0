"""The columns of the linker's tables: numpy record types, one row a section, symbol or relocation.

Fields are aligned: numpy is several times slower where they are not. Where a column holds the
number of a section or symbol, the table's owner says in which numbering: an object's own
(`objects.Batch`) or that of all objects (`inputs.Inputs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

# `name` is a number of `names.Names`; `link`, `info` are as in the file.
SECTION: Final = np.dtype(
    [
        ("object", "<i4"),
        ("name", "<i4"),
        ("type", "<u4"),
        ("link", "<u4"),
        ("info", "<u4"),
        ("flags", "<u8"),
        ("offset", "<u8"),
        ("size", "<u8"),
        ("align", "<u8"),
        ("entsize", "<u8"),
    ],
    align=True,
)
# `section` is a number or one of the constants below.
SYMBOL: Final = np.dtype(
    [
        ("object", "<i4"),
        ("name", "<i4"),
        ("info", "u1"),
        ("other", "u1"),
        ("shndx", "<u4"),
        ("section", "<i8"),
        ("value", "<u8"),
        ("size", "<u8"),
    ],
    align=True,
)
# `implicit` marks SHT_REL entries, whose addend is in the section.
RELOCATION: Final = np.dtype(
    [
        ("section", "<i4"),
        ("symbol", "<i4"),
        ("offset", "<u8"),
        ("type", "<u4"),
        ("implicit", "<u4"),
        ("addend", "<i8"),
    ],
    align=True,
)
# values of the `section` column of a symbol that is in no section
UNDEFINED: Final = -1
ABSOLUTE: Final = -2
COMMON: Final = -3


# Relocation types are below this; larger ones are no types.
_FEW: Final = 1024


def relocation_table(entries: Sequence[tuple[int, int, int, int, int]]) -> NDArray[Any]:
    """A table of (section, offset, symbol, type, addend)."""
    made = np.zeros(len(entries), RELOCATION)
    for column, values in zip(
        ("section", "offset", "symbol", "type", "addend"), zip(*entries, strict=True), strict=False
    ):
        made[column] = values
    return made


def select(table: NDArray[Any], keep: NDArray[np.bool_]) -> NDArray[Any]:
    """The rows of a table where `keep` is set, at thrice the speed of `table[keep]`; the table
    itself if that is all of them."""
    return table if keep.all() else table.compress(keep)


def present(types: NDArray[np.uint32], wanted: Iterable[int]) -> bool:
    """Whether a column of small numbers has any of `wanted`."""
    counts = np.bincount(np.minimum(types, _FEW))
    return any(number < len(counts) and counts[number] for number in wanted)


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The different ones of `values`, in ascending order.

    As `np.unique`, which would import numpy's masked arrays: a tenth of a small link's time.
    """
    ordered = np.sort(values)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
