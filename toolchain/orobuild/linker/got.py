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
from orobuild.linker import hash_order
from orobuild.linker.inputs import ABSOLUTE
from orobuild.linker.relocation_types import Formula, table
from orobuild.linker.symbols import Kind
from orobuild.linker.tables import distinct, present

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.symbols import Symbols

TABLE_SYMBOL: Final = "_GLOBAL_OFFSET_TABLE_"
ENTRY_FORMULAS: Final = (Formula.GOT_RELATIVE, Formula.GOT_LOAD, Formula.GOT_ENTRY)
_BASE_FORMULAS: Final = (Formula.GOT_OFFSET, Formula.GOT_BASE, Formula.GOT_ENTRY)


@dataclass(slots=True)
class GlobalOffsetTable:
    """The table's section row (-1: none needed) and which symbol row has which entry.

    `base_row` is the section that _GLOBAL_OFFSET_TABLE_ names (-1: nobody asks). `base` is the
    address of _GLOBAL_OFFSET_TABLE_, `thread_start` and `thread_end` are those of the TLS block;
    all are known after layout.
    """

    row: int
    entry_size: int
    entry_of: dict[int, int] = field(default_factory=dict)
    symbols: list[int] = field(default_factory=list)
    address: int = 0
    base: int = 0
    thread_start: int = 0
    thread_end: int = 0
    base_row: int = -1

    def entries_of(self, symbols: NDArray[Any]) -> NDArray[np.uint64]:
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


@dataclass(frozen=True, slots=True)
class Relaxed:
    """An instruction's new bytes, from `before` bytes before the relocated field on."""

    data: bytes
    before: int
    r_type: int
    addend: int
    moved: int = 0


def relax(
    inputs: Inputs,
    symbols: Symbols,
    relocations: NDArray[Any],
    assigned: frozenset[str],
    indirect: NDArray[np.bool_],
    *,
    pie: bool = False,
    wanted: bool = True,
) -> tuple[NDArray[Any], list[Relaxation]]:
    """Turn GOT loads that a direct instruction can replace into direct relocations.

    `assigned` are the names that the script defines, `indirect` marks the symbol rows that mean
    indirect functions, whose address is known only when the image runs. `pie`: no address is
    known before, so that a load may at best become a `lea`. Nothing is done unless `wanted`.
    """
    kinds = relocations["type"]
    if indirect.any():
        kinds = np.where(indirect[relocations["symbol"]], 0, kinds)
    if inputs.e_machine == c.EM_386:
        chosen = np.flatnonzero(kinds == c.R_386_GOT32X)
    else:
        chosen = np.flatnonzero(
            (kinds == c.R_X86_64_GOTPCRELX)
            | (kinds == c.R_X86_64_REX_GOTPCRELX)
            | (kinds == c.R_X86_64_GOTPCREL)
        )
    if not len(chosen) or not wanted:
        return relocations, []
    relocations = relocations.copy()
    changes: list[Relaxation] = []
    for index in chosen.tolist():
        entry = relocations[index]
        number = int(symbols.of_row[entry["symbol"]])
        missing = (
            number >= 0
            and symbols.kind[number] <= Kind.UNDEFINED
            and symbols.names[number] not in assigned
        )
        change = _relaxed_i386(inputs, entry) if inputs.e_machine == c.EM_386 else None
        if inputs.e_machine != c.EM_386 and int(entry["addend"]) == -4:
            # The value of a symbol that is absolute, or 0 because nobody defines it, is known.
            fixed = missing and not _is_the_linkers(symbols.names[number])
            fixed = fixed or _is_absolute(inputs, symbols, entry)
            change = _relaxed(inputs, entry, known=fixed or not pie)
        elif pie and change is not None and change.r_type not in _PC_RELATIVE:
            change = None
        if change is None or (missing and change.r_type in _PC_RELATIVE):
            # The value of a weak symbol that nobody defines is 0, out of a branch's reach.
            continue
        start = int(entry["offset"]) - change.before
        changes.append(Relaxation(int(entry["section"]), start, change.data))
        relocations[index]["type"] = change.r_type
        relocations[index]["addend"] = change.addend
        relocations[index]["offset"] = int(entry["offset"]) + change.moved
    return relocations, changes


_PC_RELATIVE: Final = (c.R_X86_64_PC32, c.R_386_PC32)  # both are 2
# Opcodes `op r/m, reg` of add, or, adc, sbb, and, sub, xor, cmp; and test.
_ARITHMETIC: Final = (0x03, 0x0B, 0x13, 0x1B, 0x23, 0x2B, 0x33, 0x3B)
_TEST: Final = 0x85
_REX_W, _REX_R, _REX_B = 8, 4, 1


def _is_the_linkers(name: str) -> bool:
    """Whether the linker may yet define a symbol that nobody else does."""
    return name in (TABLE_SYMBOL, "_DYNAMIC", "__ehdr_start") or name.startswith(
        ("__start_", "__stop_")
    )


def _is_absolute(inputs: Inputs, symbols: Symbols, entry: Any) -> bool:
    number = int(symbols.of_row[entry["symbol"]])
    row = symbols.row[number] if number >= 0 else int(entry["symbol"])
    return row >= 0 and int(inputs.symbols["section"][row]) == ABSOLUTE


def _relaxed(inputs: Inputs, entry: Any, *, known: bool) -> Relaxed | None:
    """What the instruction becomes; None if it stays (elf_x86_64_convert_load_reloc of BFD).

    `known`: the address can be an operand.
    """
    offset, r_type = int(entry["offset"]), int(entry["type"])
    data = inputs.section_data(int(entry["section"]))
    if offset < 2 or offset + 4 > len(data):
        return None
    opcode, modrm = data[offset - 2], data[offset - 1]
    if r_type == c.R_X86_64_GOTPCREL:
        if opcode == 0x8B and modrm & 0xC7 == 0x05:
            return Relaxed(b"\x8d" + bytes((modrm,)), 2, c.R_X86_64_PC32, -4)
        return None
    if opcode == 0xFF and modrm == 0x15:
        return Relaxed(b"\x67\xe8", 2, c.R_X86_64_PC32, -4)
    if opcode == 0xFF and modrm == 0x25:
        return Relaxed(b"\xe9\0\0\0\0\x90", 2, c.R_X86_64_PC32, -4, moved=-1)
    if modrm & 0xC7 != 0x05:
        return None
    register = modrm >> 3 & 7
    if not known:
        lea = Relaxed(b"\x8d" + bytes((modrm,)), 2, c.R_X86_64_PC32, -4)
        return lea if opcode == 0x8B else None
    if opcode == 0x8B:
        new = bytes((0xC7, 0xC0 | register))
    elif opcode == _TEST:
        new = bytes((0xF7, 0xC0 | register))
    elif opcode in _ARITHMETIC:
        new = bytes((0x81, 0xC0 | register | opcode & 0x38))
    else:
        return None
    if r_type == c.R_X86_64_GOTPCRELX:
        return Relaxed(new, 2, c.R_X86_64_32, 0)
    if offset < 3:
        return None
    rex = data[offset - 3]
    wide = bool(rex & _REX_W)
    if opcode == 0x8B:
        rex &= ~_REX_W if not wide else 0xFF
    rex = (rex & ~_REX_R) | (rex & _REX_R) >> 2
    return Relaxed(bytes((rex,)) + new, 3, c.R_X86_64_32S if wide else c.R_X86_64_32, 0)


def _relaxed_i386(inputs: Inputs, entry: Any) -> Relaxed | None:
    """The same for i386 (elf_i386_convert_load_reloc): loads of an address become constants."""
    offset = int(entry["offset"])
    data = inputs.section_data(int(entry["section"]))
    if offset < 2 or offset + 4 > len(data) or int(entry["addend"]):
        return None
    opcode, modrm = data[offset - 2], data[offset - 1]
    # a displacement of 32 bits, with a base register or without one
    if modrm & 0xC0 != 0x80 and modrm & 0xC7 != 0x05:
        return None
    register = modrm >> 3 & 7
    if opcode == 0xFF and register == 2:
        return Relaxed(b"\x67\xe8", 2, c.R_386_PC32, -4)
    if opcode == 0xFF and register == 4:
        return Relaxed(b"\xe9\0\0\0\0\x90", 2, c.R_386_PC32, -4, moved=-1)
    if opcode == 0x8B:
        return Relaxed(bytes((0xC7, 0xC0 | register)), 2, c.R_386_32, 0)
    if opcode == _TEST:
        return Relaxed(bytes((0xF7, 0xC0 | register)), 2, c.R_386_32, 0)
    if opcode in _ARITHMETIC:
        new = bytes((0x81, 0xC0 | register | opcode & 0x38))
        return Relaxed(new, 2, c.R_386_32, 0)
    return None


def _add_table(inputs: Inputs, symbols: Symbols, name: str, entries: int, entry_size: int) -> int:
    row = inputs.add_section(
        0,
        name,
        type=c.SHT_PROGBITS,
        flags=c.SHF_ALLOC | c.SHF_WRITE,
        size=entries * entry_size,
        align=entry_size,
        entsize=entry_size,
    )
    inputs.contents[row] = bytes(entries * entry_size)
    symbols.dropped = np.append(symbols.dropped, False)
    return row


def build(
    inputs: Inputs, relocations: NDArray[Any], symbols: Symbols, *, also: bool
) -> GlobalOffsetTable:
    """Decide the table's entries and append its sections to `inputs` if they are needed.

    `also` is whether something else stands in `.got.plt`, which then has its header.
    """
    types = table(inputs.e_machine)
    entry_size = 8 if inputs.ei_class == c.ELFCLASS64 else 4
    with_entry = [t for t, kind in types.items() if kind.formula in ENTRY_FORMULAS]
    with_base = [t for t, kind in types.items() if kind.formula in _BASE_FORMULAS]
    got = GlobalOffsetTable(-1, entry_size)
    kinds = relocations["type"]
    rows = np.zeros(0, "i8")
    if present(kinds, with_entry):
        rows = distinct(relocations["symbol"][np.isin(kinds, with_entry)])
    numbers = symbols.of_row[rows]
    got.symbols = rows[numbers < 0].tolist()
    got.entry_of = {row: place for place, row in enumerate(got.symbols)}
    by_number: dict[int, list[int]] = {}
    for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
        if number >= 0:
            by_number.setdefault(number, []).append(row)
    for number in hash_order.walk(symbols.names, by_number):
        got.entry_of |= dict.fromkeys(by_number[number], len(got.symbols))
        got.symbols.append(by_number[number][0])
    if got.symbols:
        got.row = _add_table(inputs, symbols, ".got", len(got.symbols), entry_size)
    named = symbols.numbers.get(TABLE_SYMBOL)
    used = named is not None and (symbols.of_row[relocations["symbol"]] == named).any()
    if used or also or got.symbols or present(kinds, with_base):
        # The psABI reserves the first three entries; a static image leaves them zero.
        got.base_row = _add_table(inputs, symbols, ".got.plt", 3, entry_size)
    return got
