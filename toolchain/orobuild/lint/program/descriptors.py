"""Descriptor tables that `lidt` and `lgdt` load: where they lie, and what the file holds there.

From the instruction to its operand, from the operand to the table, from the table to its gates. A
table that lies in memory that the file does not fill is made at run time, and nothing is said here.
Formats: Intel SDM Vol. 3A §3.5.1 (operand), §6.11 (32-bit gates), §6.14.1 (64-bit gates).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iced_x86 import FlowControl, InstructionInfoFactory, Mnemonic

from orobuild.lint.program.machine import NAMES, Machine
from orobuild.lint.program.tables import VectorTable
from orobuild.lint.program.values import ABSOLUTE, Constant, Original

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orobuild.lint.program.flow import ControlFlow
    from orobuild.lint.program.program import Program

VECTORS: Final = 256
_OPCODE: Final = b"\x0f\x01"  # lgdt /2, lidt /3
_LOADS: Final = {2: Mnemonic.LGDT, 3: Mnemonic.LIDT}
_WIDE: Final = struct.Struct("<HHBBHII")
_NARROW: Final = struct.Struct("<HHBBH")
_ATTRIBUTES_AT: Final = 5  # in gates of both widths
PRESENT, SYSTEM = 0x80, 0x10
INTERRUPT_GATES: Final = (0xE, 0xF)  # interrupt and trap gates of the machine's width


@dataclass(frozen=True, slots=True)
class TableLoad:
    """An instruction at virtual address `site` that loads a descriptor table.

    `base` is the table's virtual address, `limit` its last byte's offset, None if it is not known.
    """

    site: int
    is_interrupt: bool
    base: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Gate:
    """A descriptor of an interrupt table: its fields as they stand there.

    `address` is the virtual address of the descriptor, `pieces` are the pieces of the handler's
    address from the lowest (16, 16 and, in 64-bit tables, 32 bits), `reserved` what must be 0.
    """

    vector: int
    address: int
    pieces: tuple[int, ...]
    selector: int
    ist: int
    attributes: int
    reserved: int

    @property
    def handler(self) -> int:
        """The virtual address where the processor goes."""
        return self.pieces[0] | self.pieces[1] << 16 | sum(p << 32 for p in self.pieces[2:])

    @property
    def kind(self) -> int:
        """The type field."""
        return self.attributes & 0xF

    @property
    def leads_to_code(self) -> bool:
        """Whether it is an interrupt or trap gate of the machine's width."""
        return not self.attributes & SYSTEM and self.kind in INTERRUPT_GATES


@dataclass(frozen=True, slots=True)
class InterruptTable:
    """A table of gates that is in the file. `length` counts those that are not present too.

    `gates` are the present ones; `is_constant` tells that no segment lets it be written.
    """

    name: str
    address: int
    length: int
    gates: tuple[Gate, ...]
    site: int
    is_constant: bool


def table_loads(program: Program, flow: ControlFlow) -> tuple[TableLoad, ...]:
    """Every `lidt` and `lgdt` that control reaches and whose operand and table are known.

    `flow` may still be growing. Code of another width than the machine's is passed over: whose
    descriptors it loads depends on the mode that follows.
    """
    if not program.is_kernel:
        return ()
    found: dict[int, TableLoad] = {}
    for index, region in enumerate(flow.regions):
        if region.width != program.default_width:
            continue
        sites = [at for at in _sites(region.data) if region.start + at not in found]
        if not sites:
            continue
        runs = sorted(
            (start, end)
            for (of, start, _, _), end in zip(flow.runs, flow.ends, strict=False)
            if of == index
        )
        for at in sites:
            start = max((s for s, end in runs if s <= at < end), default=None)
            load = None if start is None else _load(program, flow, index, (start, at))
            if load is not None:
                found[load.site] = load
    return tuple(found[site] for site in sorted(found))


def _sites(data: bytes) -> Iterator[int]:
    at = data.find(_OPCODE)
    while 0 <= at < len(data) - 2:
        if data[at + 2] < 0xC0 and data[at + 2] >> 3 & 7 in _LOADS:
            # A prefix belongs to the instruction; one may be there: REX, segment, address size.
            yield from (at, at - 1) if at else (at,)
        at = data.find(_OPCODE, at + 1)


def _load(
    program: Program, flow: ControlFlow, index: int, place: tuple[int, int]
) -> TableLoad | None:
    """The load at an offset, if an instruction begins there on the line from `start`."""
    region = flow.regions[index]
    start, at = place
    decoder = flow.decoder(index, start)
    machine = Machine(program.default_width // 8)
    machine.registers.update((name, Original(name)) for name in NAMES.values())
    factory = InstructionInfoFactory()
    for instruction in decoder:
        if instruction.ip >= region.start + at:
            break
        if instruction.flow_control in (FlowControl.CALL, FlowControl.INDIRECT_CALL):
            machine.called(instruction.ip)
        elif instruction.flow_control in (FlowControl.NEXT, FlowControl.INTERRUPT):
            machine.step(instruction, factory)
    else:
        return None
    if instruction.ip != region.start + at or instruction.mnemonic not in _LOADS.values():
        return None
    base, offset = machine.operand_address(instruction)
    word = program.default_width // 8
    if base is None:
        return None
    if base == ABSOLUTE:
        operand = program.linked(offset)
        if operand is None:
            return None
        data = program.read(operand, 2 + word)
        if len(data) < 2 + word:
            return None
        limit: int | None = int.from_bytes(data[:2], "little")
        address = program.pointer(operand + 2)
    else:
        value = machine.memory.get((base, offset + 2))
        if not isinstance(value, Constant):
            return None
        address, limit = value.number, None
    table = program.linked(address) if address else None
    if table is None or limit == 0:
        return None
    return TableLoad(instruction.ip, instruction.mnemonic == Mnemonic.LIDT, table, limit)


def interrupt_tables(program: Program, loads: tuple[TableLoad, ...]) -> tuple[InterruptTable, ...]:
    """The interrupt tables among `loads` of which the file holds a gate."""
    found: dict[int, InterruptTable] = {}
    entry = _WIDE.size if program.default_width == 64 else _NARROW.size
    for load in loads:
        if not load.is_interrupt or load.base in found:
            continue
        size = _size(program, load, entry)
        data = program.read(load.base, size)
        gates = gates_in(load.base, dict(enumerate(data)), entry) if any(data) else ()
        if gates:
            segment = program.segment_at(load.base)
            name = program.symbols.name(load.base) or f"the table at {load.base:#x}"
            constant = segment is not None and not segment.is_writable
            found[load.base] = InterruptTable(
                name, load.base, size // entry, gates, load.site, constant
            )
    return tuple(found.values())


def gates_in(base: int, content: Mapping[int, int], size: int) -> tuple[Gate, ...]:
    """The present gates of a table at `base`, of `size` bytes each, of which all bytes are known.

    `content` has the table's bytes by offset.
    """
    wide = size == _WIDE.size
    layout = _WIDE if wide else _NARROW
    gates = []
    for vector in range(VECTORS):
        at = vector * size
        if not content.get(at + _ATTRIBUTES_AT, 0) & PRESENT:
            continue
        # The last four bytes of a 64-bit gate are reserved, and nobody need write them.
        needed = size - 4 if wide else size
        if any(at + i not in content for i in range(needed)):
            continue
        data = bytes(content.get(at + i, 0) for i in range(size))
        low, selector, third, attributes, middle, *more = layout.unpack(data)
        ist = third & 7 if wide else 0
        pieces = (low, middle, *more[:1])
        rest = (third & ~7 | more[1] << 8) if wide else third
        gates.append(Gate(vector, base + at, pieces, selector, ist, attributes, rest))
    return tuple(gates)


def _size(program: Program, load: TableLoad, entry: int) -> int:
    """The table's size in bytes: by its limit, else up to the end of its symbol or the next one."""
    if load.limit is not None:
        return min(load.limit + 1, VECTORS * entry)
    symbol = program.symbols.at(load.base)
    if symbol is None or symbol.address != load.base:
        return 0
    following = (s.address for s in program.symbols if s.address > load.base)
    return min(symbol.size or min(following, default=load.base) - load.base, VECTORS * entry)


def mended(program: Program, gate: Gate) -> tuple[int, str] | None:
    """Where a gate's pieces lead when they are put together as somebody may have meant it, and how.

    None where they lead to code as they are, or in no way.
    """
    if program.executable(gate.handler) is not None:
        return None
    low, middle, *rest = gate.pieces
    high = rest[0] if rest else 0
    ways = [(middle | low << 16 | high << 32, "its two lowest pieces are exchanged")]
    if rest:
        ways += [
            (low | middle << 16 | 0xFFFFFFFF << 32, "its bits 63:32 are lost"),
            (
                low | (high & 0xFFFF) << 16 | (0xFFFF << 16 | middle) << 32,
                "its upper pieces are exchanged",
            ),
        ]
    for address, what in ways:
        if program.executable(address) is not None:
            return address, what
    return None


def as_vector_table(program: Program, table: InterruptTable) -> VectorTable:
    """An interrupt table as an array of handlers; a handler's address that is split wrong is mended."""
    entries = []
    for gate in table.gates:
        if gate.leads_to_code:
            other = mended(program, gate)
            entries.append((gate.vector, gate.address, other[0] if other else gate.handler))
    length = table.length if table.is_constant and table.length == VECTORS else 0
    return VectorTable(table.name, table.address, length, tuple(entries), loaded_at=table.site)


def segment_descriptor(program: Program, selector: int) -> int | None:
    """The 8 bytes that a selector names in the segment descriptor table, None if not known.

    Known is what every `lgdt` of a table that the file holds agrees about; a table, or a descriptor
    of zeros, that is filled at run time is not.
    """
    found = set()
    for load in program.table_loads:
        if load.is_interrupt:
            continue
        at = selector & ~7
        data = program.read(load.base + at, 8)
        inside = load.limit is None or at + 7 <= load.limit
        if not inside or len(data) < 8 or not any(program.read(load.base, at + 8)):
            return None
        found.add(int.from_bytes(data, "little"))
    value = found.pop() if len(found) == 1 else None
    return value or None
