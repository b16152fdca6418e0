"""The global offset table, and the relaxations that avoid it.

A static link knows every address, so a load through the GOT becomes a direct one where the
instruction allows it (psABI AMD64 1.0, B.2 "Optimize GOTPCRELX Relocations"). What cannot be
relaxed gets an entry in a `.got` section that the linker makes and the script places.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.relocation_types import Formula, table
from orobuild.linker.symbols import Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.symbols import Symbols

_ENTRY_FORMULAS: Final = (Formula.GOT_RELATIVE, Formula.GOT_LOAD, Formula.GOT_ENTRY)
_BASE_FORMULAS: Final = (Formula.GOT_OFFSET, Formula.GOT_BASE, Formula.GOT_ENTRY)


@dataclass(slots=True)
class GlobalOffsetTable:
    """The table's section row (-1: none needed) and which symbol row has which entry.

    `base` is the address of _GLOBAL_OFFSET_TABLE_, `thread_end` that of the end of the TLS
    block; both are known after layout.
    """

    row: int
    entry_size: int
    entry_of: dict[int, int] = field(default_factory=dict)
    symbols: list[int] = field(default_factory=list)
    address: int = 0
    base: int = 0
    thread_end: int = 0

    def entries_of(self, symbols: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The addresses of the entries of symbol rows."""
        numbers = [self.entry_of[row] for row in symbols.tolist()]
        return np.array(numbers, "u8") * np.uint64(self.entry_size) + np.uint64(self.address)

    def write(self, resolution: Resolution, image: NDArray[np.uint8], offset: int) -> None:
        """Put the entries' values into `image` at file offset `offset`."""
        values = resolution.symbol_value[self.symbols]
        data = values.astype("<u8" if self.entry_size == 8 else "<u4").view("u1")
        image[offset : offset + len(data)] = data


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Instruction bytes that replace others: `data` at `offset` of a section row."""

    section: int
    offset: int
    data: bytes


def relax(
    inputs: Inputs, symbols: Symbols, relocations: NDArray[Any]
) -> tuple[NDArray[Any], list[Relaxation]]:
    """Turn GOT loads that a direct instruction can replace into direct relocations."""
    if inputs.e_machine != c.EM_X86_64:
        return relocations, []
    kinds = relocations["type"]
    chosen = np.flatnonzero(
        (kinds == c.R_X86_64_GOTPCRELX)
        | (kinds == c.R_X86_64_REX_GOTPCRELX)
        | (kinds == c.R_X86_64_GOTPCREL)
    )
    if not len(chosen):
        return relocations, []
    relocations = relocations.copy()
    changes: list[Relaxation] = []
    for index in chosen.tolist():
        entry = relocations[index]
        if int(entry["addend"]) != -4:
            continue
        number = int(symbols.of_row[entry["symbol"]])
        if number >= 0 and symbols.kind[number] <= Kind.UNDEFINED:
            # It may be the script's, anywhere in the address space; the table is always right.
            continue
        change = _relaxed(inputs, entry)
        if change is None:
            continue
        data, r_type, addend = change
        changes.append(Relaxation(int(entry["section"]), int(entry["offset"]) - 2, data))
        relocations[index]["type"] = r_type
        relocations[index]["addend"] = addend
        if data[-1:] == b"\x90":
            # `jmp *` has its displacement one byte earlier.
            relocations[index]["offset"] = entry["offset"] - np.uint64(1)
            relocations[index]["addend"] = addend
    return relocations, changes


def _relaxed(inputs: Inputs, entry: Any) -> tuple[bytes, int, int] | None:
    """The new opcode bytes, relocation type and addend; None if the instruction stays."""
    offset = int(entry["offset"])
    data = inputs.section_data(int(entry["section"]))
    if offset < 2 or offset + 4 > len(data):
        return None
    opcode, modrm = data[offset - 2], data[offset - 1]
    if opcode == 0x8B and modrm & 0xC7 == 0x05:
        return bytes((0x8D, modrm)), c.R_X86_64_PC32, -4
    if int(entry["type"]) == c.R_X86_64_GOTPCREL:
        return None
    if opcode == 0xFF and modrm == 0x15:
        return b"\x67\xe8", c.R_X86_64_PC32, -4
    if opcode == 0xFF and modrm == 0x25:
        return b"\xe9\0\0\0\0\x90", c.R_X86_64_PC32, -4
    return None


def build(inputs: Inputs, relocations: NDArray[Any], symbols: Symbols) -> GlobalOffsetTable:
    """Decide the table's entries and append its section to `inputs` if one is needed."""
    types = table(inputs.e_machine)
    entry_size = 8 if inputs.ei_class == c.ELFCLASS64 else 4
    with_entry = [t for t, kind in types.items() if kind.formula in _ENTRY_FORMULAS]
    with_base = [t for t, kind in types.items() if kind.formula in _BASE_FORMULAS]
    got = GlobalOffsetTable(-1, entry_size)
    rows = relocations["symbol"][np.isin(relocations["type"], with_entry)]
    by_meaning: dict[int, int] = {}
    for row in np.unique(rows).tolist():
        number = int(symbols.of_row[row])
        key = -1 - number if number >= 0 else row
        if key not in by_meaning:
            by_meaning[key] = len(got.symbols)
            got.symbols.append(row)
        got.entry_of[row] = by_meaning[key]
    needs_base = np.isin(relocations["type"], with_base).any()
    named = symbols.numbers.get("_GLOBAL_OFFSET_TABLE_")
    if got.symbols or needs_base or named is not None:
        got.row = inputs.add_section(
            0,
            ".got",
            type=c.SHT_PROGBITS,
            flags=c.SHF_ALLOC | c.SHF_WRITE,
            size=len(got.symbols) * entry_size,
            align=entry_size,
            entsize=entry_size,
        )
        inputs.contents[got.row] = bytes(len(got.symbols) * entry_size)
        symbols.dropped = np.append(symbols.dropped, False)
    return got
