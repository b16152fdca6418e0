"""Indirect functions (STT_GNU_IFUNC) of a static image: who is called is decided at start-up.

Every one that is used gets a slot in `.igot.plt`, which the C runtime fills by the IRELATIVE
relocations between `__rela_iplt_start` and `__rela_iplt_end`, and a PLT entry that jumps through
the slot. All of it is made as sections with ordinary relocations, so that the phases after this
one need not know. The rules are those of _bfd_elf_allocate_ifunc_dyn_relocs (bfd/elf-ifunc.c) and
bfd/elf64-x86-64.c of binutils 2.40.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker import hash_order
from orobuild.linker.inputs import SYMBOL
from orobuild.linker.relocation_types import Formula, table
from orobuild.linker.tables import RELOCATION, relocation_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.symbols import Symbols

# Through the GOT, relative to the place: as well relative to the slot.
_LOADS: Final = (Formula.GOT_RELATIVE, Formula.GOT_LOAD)
# jmp *slot(%rip), or jmp *slot in i386; xchg %ax, %ax. The slot first holds the entry's middle.
_ENTRY: Final = b"\xff\x25\0\0\0\0\x66\x90"
_MIDDLE: Final = 6


@dataclass(slots=True)
class IndirectFunctions:
    """`rows` are the sections that were made, to be placed; `relocations` fill them. `quiet` are
    those that the C runtime fills anew, wherever the image is loaded."""

    rows: tuple[int, ...] = ()
    quiet: frozenset[int] = frozenset()
    relocations: NDArray[Any] = field(default_factory=lambda: np.zeros(0, RELOCATION))


@dataclass(slots=True)
class _Function:
    """One indirect function: the symbol row that defines it and how it is used.

    `uses` are indices of relocations: `loads` go through the GOT, `stores` are addresses in
    writable data, which the resolver's answer can replace. Any other use needs a PLT entry;
    `compared` ones make its address that of the function.
    """

    row: int
    number: int
    called: bool = False
    compared: bool = False
    loads: list[int] = field(default_factory=list)
    stores: list[int] = field(default_factory=list)
    others: list[int] = field(default_factory=list)


def indirect_rows(inputs: Inputs, symbols: Symbols) -> NDArray[np.bool_]:
    """Which symbol rows mean an indirect function that the input defines."""
    if not ((inputs.symbols["info"] & 0xF) == c.STT_GNU_IFUNC).any():
        return np.zeros(len(inputs.symbols), bool)
    meaning = symbols.meaning()
    at = np.maximum(meaning, 0)
    found: NDArray[np.bool_] = (meaning >= 0) & (
        (inputs.symbols["info"][at] & 0xF) == c.STT_GNU_IFUNC
    )
    return found & (inputs.symbols["section"][at] >= 0)


def build(inputs: Inputs, symbols: Symbols, relocations: NDArray[Any]) -> IndirectFunctions:
    """Make the tables and turn the references in `relocations`, in place, to them."""
    indirect = indirect_rows(inputs, symbols)
    if not indirect.any():
        return IndirectFunctions()
    flags = inputs.sections["flags"][relocations["section"]]
    uses = np.flatnonzero(indirect[relocations["symbol"]] & ((flags & np.uint64(c.SHF_ALLOC)) != 0))
    if not len(uses):
        return IndirectFunctions()
    functions = _functions(inputs, symbols, relocations, uses)
    by_number = {f.number: f for f in functions.values() if f.number >= 0}
    globals_ = [by_number[number] for number in hash_order.walk(symbols.names, by_number)]
    locals_ = [functions[row] for row in sorted(functions) if functions[row].number < 0]
    tables = _Tables(inputs, symbols, relocations)
    tables.add([*globals_, *locals_])
    # GNU ld fills the table from its end: locals, then globals.
    return tables.finish([*locals_, *globals_])


class _Tables:
    """The PLT, its slots, the GOT entries and the IRELATIVE relocations, being made."""

    def __init__(self, inputs: Inputs, symbols: Symbols, relocations: NDArray[Any]) -> None:
        self._inputs = inputs
        self._symbols = symbols
        self._relocations = relocations
        self._machine = _MACHINES[inputs.e_machine]
        self._made = _Symbols(inputs, symbols)
        self._filling: list[tuple[int, int, int, int, int]] = []
        # what IRELATIVE relocations change: (symbol, resolver) at the start and, by PLT entry
        self._direct: list[tuple[int, int]] = []
        self._of_entry: dict[int, tuple[int, int]] = {}

    def add(self, functions: list[_Function]) -> None:
        """Make what `functions`, in the order of their entries, need."""
        machine, word = self._machine, self._machine.word
        entries = [function for function in functions if function.called]
        loaded = [f for f in functions if f.loads and (f.compared or not f.called)]
        self._plt = self._section(".iplt", _ENTRY * len(entries), _EXECUTABLE, 8)
        self._slots = self._section(".igot.plt", bytes(word * len(entries)), _WRITABLE, word)
        self._got = self._section(".got", bytes(word * len(loaded)), _WRITABLE, word)
        for place, function in enumerate(entries):
            at = place * len(_ENTRY)
            entry = self._made.add(self._plt, at)
            slot = self._made.add(self._slots, place * word)
            resolver = self._made.copy(function.row)
            self._of_entry[function.row] = (slot, resolver)
            self._filling.append((self._plt, at + 2, slot, machine.jump, machine.bias))
            if machine.sh_type == c.SHT_RELA:
                self._fill(self._slots, place * word, entry, _MIDDLE)
            self._relocations["symbol"][function.others] = entry
            self._relocations["symbol"][function.stores] = entry
            if function in loaded:
                got = loaded.index(function) * word
                self._fill(self._got, got, entry, 0)
                self._load(function, self._made.add(self._got, got))
            else:
                self._load(function, slot)
        for function in functions:
            if not function.called:
                self._answer_in_place(function, loaded)

    def _answer_in_place(self, function: _Function, loaded: list[_Function]) -> None:
        """A function that is never called by name needs no PLT: its address is what is stored."""
        resolver = self._made.copy(function.row)
        for index in function.stores:
            entry = self._relocations[index]
            place = self._made.add(int(entry["section"]), int(entry["offset"]))
            self._direct.append((place, resolver))
            entry["type"] = 0
        if function in loaded:
            slot = self._made.add(self._got, loaded.index(function) * self._machine.word)
            self._direct.append((slot, resolver))
            self._load(function, slot)

    def _load(self, function: _Function, slot: int) -> None:
        """Loads of the GOT entry become loads of `slot`."""
        types = table(self._inputs.e_machine)
        for index in function.loads:
            entry = self._relocations[index]
            wide = types[int(entry["type"])].width == 8
            entry["symbol"] = slot
            entry["type"] = c.R_X86_64_PC64 if wide else c.R_X86_64_PC32

    def _fill(self, section: int, offset: int, symbol: int, addend: int) -> None:
        self._filling.append((section, offset, symbol, self._machine.absolute, addend))

    def _section(
        self, name: str, content: bytes, flags: int, align: int, sh_type: int = c.SHT_PROGBITS
    ) -> int:
        """The row of a new section; -1 if it would be empty."""
        if not content:
            return -1
        row = self._inputs.add_section(
            0, name, type=sh_type, flags=flags, size=len(content), align=align
        )
        self._inputs.contents[row] = content
        self._symbols.dropped = np.append(self._symbols.dropped, False)
        return row

    def finish(self, functions: list[_Function]) -> IndirectFunctions:
        """Make the IRELATIVE relocations, the last of them for the first of `functions`."""
        machine, word = self._machine, self._machine.word
        entries = [self._of_entry[f.row] for f in reversed(functions) if f.called]
        pairs = [*self._direct, *entries]
        filled = np.zeros(len(pairs), machine.entry)
        filled["info"] = machine.irelative
        flags, sh_type = c.SHF_ALLOC, machine.sh_type
        row = self._section(machine.name, filled.tobytes(), flags, word, sh_type)
        for place, (target, resolver) in enumerate(pairs):
            at = place * machine.entry.itemsize
            self._fill(row, at, target, 0)
            if sh_type == c.SHT_RELA:
                self._fill(row, at + 2 * word, resolver, 0)
            else:
                section, offset = self._made.place(target)
                self._fill(section, offset, resolver, 0)
        self._made.finish()
        rows = (self._plt, self._slots, self._got, row)
        filling = relocation_table(self._filling)
        quiet = frozenset((self._slots, row))
        return IndirectFunctions(tuple(r for r in rows if r >= 0), quiet, filling)


_EXECUTABLE: Final = c.SHF_ALLOC | c.SHF_EXECINSTR
_WRITABLE: Final = c.SHF_ALLOC | c.SHF_WRITE


@dataclass(frozen=True, slots=True)
class _Machine:
    """What differs between the machines: the table of IRELATIVE relocations and how jumps name
    their slot. `bias` is the addend of the jump."""

    name: str
    sh_type: int
    entry: np.dtype[Any]
    word: int
    irelative: int
    absolute: int
    jump: int
    bias: int


_MACHINES: Final = {
    c.EM_X86_64: _Machine(
        ".rela.iplt",
        c.SHT_RELA,
        np.dtype([("offset", "<u8"), ("info", "<u8"), ("addend", "<u8")]),
        8,
        c.R_X86_64_IRELATIVE,
        c.R_X86_64_64,
        c.R_X86_64_PC32,
        -4,
    ),
    c.EM_386: _Machine(
        ".rel.iplt",
        c.SHT_REL,
        np.dtype([("offset", "<u4"), ("info", "<u4")]),
        4,
        c.R_386_IRELATIVE,
        c.R_386_32,
        c.R_386_32,
        0,
    ),
}


def _functions(
    inputs: Inputs, symbols: Symbols, relocations: NDArray[Any], uses: NDArray[np.int64]
) -> dict[int, _Function]:
    """The functions that `uses` refer to, by the row that defines them."""
    types = table(inputs.e_machine)
    found: dict[int, _Function] = {}
    for index in uses.tolist():
        entry = relocations[index]
        number = int(symbols.of_row[entry["symbol"]])
        row = symbols.row[number] if number >= 0 else int(entry["symbol"])
        function = found.setdefault(row, _Function(row, number))
        r_type = int(entry["type"])
        formula = types[r_type].formula if r_type in types else Formula.ABSOLUTE
        flags = int(inputs.sections["flags"][entry["section"]])
        if formula in _LOADS:
            function.loads.append(index)
        elif r_type == c.R_X86_64_64 and inputs.e_machine == c.EM_X86_64 and flags & c.SHF_WRITE:
            function.stores.append(index)
        else:
            function.others.append(index)
            function.called = True
            function.compared |= formula is not Formula.RELATIVE or not flags & c.SHF_EXECINSTR
    for function in found.values():
        function.compared |= bool(function.stores)
    return found


class _Symbols:
    """Nameless symbols that are being added to the inputs."""

    def __init__(self, inputs: Inputs, symbols: Symbols) -> None:
        self._inputs = inputs
        self._symbols = symbols
        self._first = len(inputs.symbols)
        self._rows: list[tuple[int, int]] = []

    def add(self, section: int, value: int) -> int:
        """The row of a symbol at `value` bytes into a section."""
        self._rows.append((section, value))
        return self._first + len(self._rows) - 1

    def copy(self, row: int) -> int:
        """A symbol at the same place as another."""
        symbol = self._inputs.symbols[row]
        return self.add(int(symbol["section"]), int(symbol["value"]))

    def place(self, row: int) -> tuple[int, int]:
        """The section and offset of a symbol that was added."""
        return self._rows[row - self._first]

    def finish(self) -> None:
        """Put them into the table."""
        extra = np.zeros(len(self._rows), SYMBOL)
        extra["section"] = [section for section, _ in self._rows]
        extra["value"] = [value for _, value in self._rows]
        extra["object"] = self._inputs.sections["object"][extra["section"]]
        self._inputs.symbols = np.concatenate([self._inputs.symbols, extra])
        locals_ = np.full(len(self._rows), -1, "i8")
        self._symbols.of_row = np.concatenate([self._symbols.of_row, locals_])
