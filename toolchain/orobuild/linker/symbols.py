"""Symbol resolution: which object's definition each global name means.

Follows the gABI (Symbol Table, "Symbol Binding") and, where it is silent, the action table of
bfd/linker.c in binutils 2.40: a definition beats a common symbol beats a weak definition beats a
reference. COMDAT groups are decided here, since a dropped section's symbols define nothing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Note, Span, error
from orobuild.elf import constants as c
from orobuild.errors import InputError
from orobuild.linker import hash_order
from orobuild.linker.inputs import COMMON, UNDEFINED
from orobuild.linker.names import first_appearances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.diagnostics import Diagnostic
    from orobuild.linker.inputs import Inputs


class Kind(enum.IntEnum):
    """What is known about a global symbol; a higher value wins."""

    UNDEFINED_WEAK = 0
    UNDEFINED = 1
    WEAK = 2
    COMMON = 3
    DEFINED = 4


@dataclass(slots=True)
class Symbols:
    """The global symbols. Lists and arrays are parallel, indexed by the global's number.

    `kind` is what is known about it (`Kind`), `row` is the symbol table row that defines it (-1: none). `of_row[symbol row]` is the global
    that a row means, -1 for a local symbol. `dropped[section row]` marks sections of COMDAT
    groups that another object provides; `kept_by` says which object does.
    """

    names: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    kind: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, "i8"))
    row: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, "i8"))
    visibility: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, "i8"))
    size: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, "i8"))
    align: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, "i8"))
    of_row: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, "i8"))
    dropped: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    kept_by: dict[int, int] = field(default_factory=dict)
    common: dict[int, list[int]] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """The number of the global `name`, a new weak reference if it was not known."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self.names)
            self.names.append(name)
            self.kind = np.append(self.kind, int(Kind.UNDEFINED_WEAK))
            self.row = np.append(self.row, -1)
            self.visibility = np.append(self.visibility, c.STV_DEFAULT)
            self.size = np.append(self.size, 0)
            self.align = np.append(self.align, 0)
        return number

    def is_defined(self, name: str) -> bool:
        """Whether an object defines `name`."""
        number = self.numbers.get(name)
        return number is not None and bool(self.kind[number] >= Kind.WEAK)

    def meaning(self) -> NDArray[np.int64]:
        """The row that each symbol row means: its own, or the one that defines its global (-1:
        none)."""
        defining = np.append(self.row, -1)
        return np.where(self.of_row >= 0, defining[self.of_row], np.arange(len(self.of_row)))


# How constraining each STV_* is (gABI: internal, hidden, protected, default), and back.
_HUGE: Final = 1 << 62  # no image has room for it; what says more is damaged, and refused later
_CONSTRAINT: Final = np.array([0, 3, 2, 1])
_OF_CONSTRAINT: Final = np.array([c.STV_DEFAULT, c.STV_PROTECTED, c.STV_HIDDEN, c.STV_INTERNAL])


def resolve(
    inputs: Inputs,
    *,
    required: Sequence[str],
    overridden: frozenset[str],
    allocate: bool = True,
    first_counts: bool = False,
    sort_common: str | None = None,
) -> Symbols:
    """Resolve every global symbol.

    `required` are names to treat as referenced (-u, ENTRY, EXTERN); `overridden` names are
    assigned by the script, which wins over objects; `allocate` gives common symbols a place, by
    alignment if `sort_common` says how.
    Raises `InputError` for duplicates, unless the `first_counts`.
    """
    result = Symbols()
    result.dropped = np.zeros(len(inputs.names), bool)
    _drop_duplicate_groups(inputs, result)
    table = inputs.symbols
    result.of_row = np.full(len(table), -1, "i8")
    bindings = table["info"] >> 4
    rows = np.flatnonzero(bindings != c.STB_LOCAL)
    # The null symbol of each table is local; nothing else to leave out.
    sections = table["section"]
    in_dropped = (sections >= 0) & result.dropped[np.maximum(sections, 0)]
    defined_in = np.where(in_dropped, UNDEFINED, sections)
    visibility = table["other"][rows] & 3
    section = defined_in[rows]
    weak = bindings[rows] == c.STB_WEAK
    kind = np.where(weak, int(Kind.WEAK), int(Kind.DEFINED))
    kind[section == COMMON] = Kind.COMMON
    kind[section == UNDEFINED] = np.where(
        weak[section == UNDEFINED], int(Kind.UNDEFINED_WEAK), int(Kind.UNDEFINED)
    )
    target, order = first_appearances(table["name"][rows], len(inputs.strings))
    count = len(order)
    text = inputs.strings.text
    result.names = list(map(text.__getitem__, order.tolist()))
    result.numbers = dict(zip(result.names, range(count), strict=True))
    best = np.zeros(count, "i8")
    np.maximum.at(best, target, kind)
    # Of several rows of the best kind the first wins; written backwards, it is written last.
    winning = np.flatnonzero((kind == best[target]) & (kind >= Kind.WEAK))[::-1]
    row_of = np.full(count, -1, "i8")
    row_of[target[winning]] = rows[winning]
    strictest = np.zeros(count, "i8")
    np.maximum.at(strictest, target, _CONSTRAINT[visibility])
    result.kind = best
    result.row = row_of
    result.visibility = _OF_CONSTRAINT[strictest]
    result.size = np.where(row_of >= 0, table["size"][row_of], np.uint64(0)).astype("i8")
    result.align = np.zeros(count, "i8")
    for index in np.flatnonzero(kind == Kind.COMMON).tolist():
        row = int(rows[index])
        symbol = table[row]
        _merge_common(result, int(target[index]), row, int(symbol["size"]), int(symbol["value"]))
    result.of_row[rows] = target
    again = np.flatnonzero((kind == Kind.DEFINED) & (result.row[target] != rows))
    problems = [
        _duplicate(inputs, result.names[number], int(result.row[number]), int(rows[index]))
        for index, number in zip(again.tolist(), target[again].tolist(), strict=True)
        if result.names[number] not in overridden
    ]
    for name in required:
        number = result.number(name)
        if result.kind[number] == Kind.UNDEFINED_WEAK:
            result.kind[number] = Kind.UNDEFINED
    if problems and not first_counts:
        raise InputError(problems)
    if allocate:
        _allocate_common(inputs, result, overridden, sort_common)
    return result


def _merge_common(result: Symbols, target: int, row: int, size: int, align: int) -> None:
    """gABI: a common symbol's st_value is its alignment; the largest size and alignment win."""
    if result.kind[target] > Kind.COMMON:
        return
    if size > result.size[target]:
        result.row[target] = row
        result.size[target] = min(size, _HUGE)
    result.align[target] = max(result.align[target], min(align, _HUGE - 1), 1)


def _allocate_common(
    inputs: Inputs, result: Symbols, overridden: frozenset[str], sort_common: str | None
) -> None:
    """Give every object with common symbols a NOBITS section called COMMON that holds them.

    What the script assigns needs no room."""
    owners: dict[int, list[int]] = {}
    numbers = np.flatnonzero(result.kind == Kind.COMMON)
    objects = inputs.symbols["object"][result.row[numbers]]
    for number, owner in zip(numbers.tolist(), objects.tolist(), strict=True):
        if result.names[number] not in overridden:
            owners.setdefault(owner, []).append(number)
    made: list[dict[str, int]] = []
    places: list[tuple[list[int], list[int]]] = []
    for owner, mine in owners.items():
        mine[:] = hash_order.walk(result.names, mine)
        if sort_common is not None:
            # GNU ld tells apart alignments up to 16.
            sign = 1 if sort_common == "ascending" else -1
            ranks = {number: sign * min(int(result.align[number]), 16) for number in mine}
            mine.sort(key=ranks.__getitem__)
        size, align = 0, 1
        offsets = []
        for number in mine:
            alignment = int(result.align[number])
            if alignment & (alignment - 1):
                _bad_common(inputs, result, number)
            size = -(-size // alignment) * alignment
            offsets.append(size)
            size += int(result.size[number])
            align = max(align, alignment)
        made.append({"object": owner, "size": size, "align": align})
        places.append((mine, offsets))
    rows = inputs.add_sections("COMMON", made, type=c.SHT_NOBITS, flags=c.SHF_ALLOC | c.SHF_WRITE)
    result.dropped = np.append(result.dropped, np.zeros(len(rows), bool))
    for row, (mine, offsets) in zip(rows, places, strict=True):
        result.common[row] = mine
        inputs.symbols["section"][result.row[mine]] = row
        inputs.symbols["value"][result.row[mine]] = offsets


def _bad_common(inputs: Inputs, result: Symbols, number: int) -> None:
    owner = inputs.objects[inputs.symbols["object"][result.row[number]]]
    raise InputError(
        error(
            f"common symbol '{result.names[number]}' has alignment {result.align[number]}, "
            "which is not a power of two",
            Span(owner.label),
            rule="elf",
        )
    )


def symbol_place(inputs: Inputs, row: int) -> str:
    """Where a symbol row is defined: `.text+0x10`, `absolute`."""
    symbol = inputs.symbols[row]
    if symbol["section"] >= 0:
        return f"{inputs.names[symbol['section']]}+{int(symbol['value']):#x}"
    return "absolute"


def _duplicate(inputs: Inputs, name: str, first: int, second: int) -> Diagnostic:
    def where(row: int) -> tuple[str, str]:
        owner = inputs.objects[inputs.symbols["object"][row]]
        return owner.label, symbol_place(inputs, row)

    first_path, first_place = where(first)
    second_path, second_place = where(second)
    return error(
        f"duplicate symbol '{name}': defined again in {second_place}",
        Span(second_path),
        rule="duplicate-symbol",
        notes=[Note(f"first defined here, in {first_place}", Span(first_path))],
        hint="make one of them static (.local) or weak, or rename it",
    )


def _drop_duplicate_groups(inputs: Inputs, result: Symbols) -> None:
    """Keep the first COMDAT group of each signature, and of each `.gnu.linkonce.` section."""
    sections = inputs.sections
    kept: dict[str, int] = {}
    for row in np.flatnonzero(sections["type"] == c.SHT_GROUP).tolist():
        header = sections[row]
        number = int(header["object"])
        owner = inputs.objects[number]
        words = np.frombuffer(inputs.section_data(row), "<u4")
        members = words[1:].astype("i8")
        if not len(words) or (members >= owner.section_count).any():
            raise InputError(
                error("a section group names a section that does not exist", Span(owner.label))
            )
        if not int(words[0]) & c.GRP_COMDAT:
            continue
        signature = _signature(inputs, owner, int(header["info"]))
        winner = kept.setdefault(signature, number)
        if winner != number:
            rows = members + owner.first_section
            result.dropped[rows] = True
            result.kept_by.update(dict.fromkeys(rows.tolist(), winner))
    for row in inputs.rows_beginning(".gnu.linkonce."):
        number = int(sections["object"][row])
        winner = kept.setdefault(inputs.names[row], number)
        if winner != number:
            result.dropped[row] = True
            result.kept_by[row] = winner


def _signature(inputs: Inputs, owner: Any, index: int) -> str:
    if not 0 < index < owner.symbol_count:
        raise InputError(
            error(
                f"a section group is signed by symbol {index}, which does not exist",
                Span(owner.label),
            )
        )
    return inputs.symbol_name(owner.first_symbol + index)
