"""Final values: the address of every input section and of every symbol, as arrays.

Built once from a finished layout; relocation, the symbol table, the map and the checks read it.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.elf.lines import SourceLines
from orobuild.linker.evaluation import ABS, MASK
from orobuild.linker.inputs import ABSOLUTE
from orobuild.linker.symbols import Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.layout import Layout
    from orobuild.linker.placement import Placement
    from orobuild.linker.symbols import Symbols

_RELATIVE: Final = (c.R_X86_64_PC32, c.R_X86_64_PLT32)


@dataclass(slots=True)
class Resolution:
    """Addresses of a finished layout.

    `section_address[row]`, `symbol_value[row]`: u64 addresses. `live[row]`: the section is in the
    output. `symbol_live[row]`: the symbol has a value there (or is absolute). `target_section`:
    the section row that a symbol row finally lies in, -1 for none.
    """

    inputs: Inputs
    symbols: Symbols
    placement: Placement
    layout: Layout
    live: NDArray[np.bool_]
    section_address: NDArray[np.uint64]
    symbol_value: NDArray[np.uint64]
    symbol_size: NDArray[np.uint64]
    symbol_live: NDArray[np.bool_]
    symbol_weak_undefined: NDArray[np.bool_]
    target_section: NDArray[np.int64]
    undefined: frozenset[int] = frozenset()
    _functions: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)
    _lines: dict[int, SourceLines] = field(default_factory=dict)

    def global_value(self, name: str) -> tuple[int, Any] | None:
        """The address and section (`OutputSection`, ABS) of a defined global, else None."""
        script = self.layout.values.get(name)
        if script is not None:
            return script.value.address, script.home or script.value.section or ABS
        number = self.symbols.numbers.get(name)
        if number is None or self.symbols.kind[number] < Kind.WEAK:
            return None
        row = self.symbols.row[number]
        section = int(self.target_section[row])
        if section < 0:
            return int(self.symbol_value[row]), ABS
        return int(self.symbol_value[row]), self.placement.output_section(section)

    def enclosing(self, section: int, offset: int) -> str | None:
        """The name of the last symbol at or before `offset` of a section row."""
        if section not in self._functions:
            self._index_functions(section)
        starts, rows = self._functions[section]
        at = bisect.bisect_right(starts, offset) - 1
        return self.inputs.symbol_name(rows[at]) if at >= 0 else None

    def _index_functions(self, section: int) -> None:
        table = self.inputs.symbols
        kinds = table["info"] & 0xF
        named = (table["section"] == section) & (kinds != c.STT_SECTION) & (table["name"] != 0)
        rows = np.flatnonzero(named)
        order = np.argsort(table["value"][rows], kind="stable")
        rows = rows[order]
        self._functions[section] = (table["value"][rows].tolist(), rows.tolist())

    def target_name(self, entry: Any) -> str:
        """What a relocation refers to; a section symbol as the symbol or offset it means."""
        row = int(entry["symbol"])
        symbol = self.inputs.symbols[row]
        if int(symbol["info"]) & 0xF != c.STT_SECTION:
            return self.inputs.symbol_name(row)
        section, addend = int(symbol["section"]), int(entry["addend"])
        # A PC-relative addend is short of the target by the length of its field.
        near = (addend, addend + 4) if addend < 0 or int(entry["type"]) in _RELATIVE else (addend,)
        if section not in self._functions:
            self._index_functions(section)
        starts, rows = self._functions[section]
        for offset in reversed(near):
            at = bisect.bisect_left(starts, offset)
            if at < len(starts) and starts[at] == offset:
                return self.inputs.symbol_name(rows[at])
        return (
            f"{self.inputs.names[section]}{near[-1]:+#x}"
            if near[-1]
            else self.inputs.names[section]
        )

    def source_of(self, section: int, offset: int, name: str = "") -> str | None:
        """`file:line` of the declaration of `name`, else of a byte of a section row."""
        owner = int(self.inputs.sections["object"][section])
        lines = self._lines.get(owner)
        if lines is None:
            lines = self._lines[owner] = SourceLines(bytes(self.inputs.objects[owner].data))
        header = section - self.inputs.objects[owner].first_section
        return (lines.declaration(name) if name else None) or lines.at(header, offset)

    def symbols_of(self, section: int) -> list[str]:
        """The names of the symbols that a section row defines, by address."""
        if section not in self._functions:
            self._index_functions(section)
        return list(dict.fromkeys(self.inputs.symbol_name(r) for r in self._functions[section][1]))


def resolve_values(
    inputs: Inputs, symbols: Symbols, placement: Placement, layout: Layout
) -> Resolution:
    """Compute every address from the finished `layout`."""
    output_of = placement.output_of
    live = output_of >= 0
    removed = np.array([o.removed for o in placement.outputs] + [True, True], bool)
    bases = np.array([o.vma for o in placement.outputs] + [0, 0], "u8")
    section_address = bases[output_of] + layout.offset_of
    live &= ~removed[output_of] | (inputs.sections["size"] == 0)
    section_address[~live] = 0
    table = inputs.symbols
    meaning = symbols.meaning()
    of_row = symbols.of_row
    found = meaning >= 0
    target = np.where(found, table["section"][np.maximum(meaning, 0)], -1)
    base = np.where(target >= 0, section_address[np.maximum(target, 0)], np.uint64(0))
    value = np.where(found, table["value"][np.maximum(meaning, 0)] + base, np.uint64(0))
    size = np.where(found, table["size"][np.maximum(meaning, 0)], np.uint64(0))
    alive = (target == ABSOLUTE) | ((target >= 0) & live[np.maximum(target, 0)])
    # The null symbol of every object is the value 0.
    nulls = np.array([o.first_symbol for o in inputs.objects if o.symbol_count], "i8")
    alive[nulls] = True
    kinds = np.append(symbols.kind, 0)
    weak = (of_row >= 0) & (kinds[of_row] == Kind.UNDEFINED_WEAK)
    target = np.where(target >= 0, target, -1)
    undefined = set(np.flatnonzero(symbols.kind == Kind.UNDEFINED).tolist())
    _apply_script_symbols(symbols, layout, of_row, value, alive, weak, target, undefined)
    alive |= weak
    return Resolution(
        inputs,
        symbols,
        placement,
        layout,
        live,
        section_address,
        value,
        size,
        alive,
        weak,
        target,
        frozenset(undefined),
    )


def _apply_script_symbols(
    symbols: Symbols,
    layout: Layout,
    of_row: NDArray[np.int64],
    value: NDArray[np.uint64],
    alive: NDArray[np.bool_],
    weak: NDArray[np.bool_],
    target: NDArray[np.int64],
    undefined: set[int],
) -> None:
    """What the script assigns replaces what objects say."""
    count = len(symbols.names)
    is_script = np.zeros(count + 1, bool)
    script_value = np.zeros(count + 1, "u8")
    for name, script in layout.values.items():
        number = symbols.numbers.get(name)
        if number is not None:
            is_script[number] = True
            script_value[number] = script.value.address & MASK
            undefined.discard(number)
    rows = is_script[of_row]
    value[rows] = script_value[of_row[rows]]
    alive[rows] = True
    weak[rows] = False
    target[rows] = -1


__all__ = ["Resolution", "resolve_values"]
