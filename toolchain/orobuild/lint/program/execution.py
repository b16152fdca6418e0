"""Running a kernel's start-up code on paper: what it puts into its descriptor tables.

Code that fills tables takes constants and addresses, loops a known number of times, and depends on
little else: it can be run without a machine. What is not known stays so (`bits`); a branch that
depends on it ends the run, as does an instruction that goes elsewhere than direct branches do.
Trusted is what `machine` trusts: a store through an unknown pointer hits nothing of interest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from iced_x86 import (
    ConditionCode,
    Decoder,
    FlowControl,
    Instruction,
    InstructionInfoFactory,
    MemorySizeExt,
    Mnemonic,
    OpKind,
    Register,
    RegisterExt,
)

from orobuild.lint.program.accesses import WRITES
from orobuild.lint.program.bits import (
    MASK,
    Pointer,
    Word,
    added,
    conjoined,
    disjoined,
    joined,
    shifted,
    spread,
    truncated,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.lint.program.program import Program

MAX_STEPS: Final = 40_000
MAX_DEPTH: Final = 12  # calls inside each other
MAX_COPIED: Final = 65536  # bytes of one memset or memcpy
_CLOBBERED: Final = ("RAX", "RCX", "RDX", "RSI", "RDI", "R8", "R9", "R10", "R11")
_NONE: Final = frozenset((Register.NONE,))
_BASES: Final = frozenset((Register.FS, Register.GS))
_HIGH_BYTES: Final = frozenset((Register.AH, Register.BH, Register.CH, Register.DH))


@dataclass(slots=True)
class TableRegister:
    """What `lgdt`, `lidt` or `ltr` at virtual address `site` has loaded."""

    site: int
    base: Word
    limit: Word


@dataclass(slots=True)
class Run:
    """What a run has done: `memory` holds bytes by (base, offset), the base "" for addresses.

    A byte is a number, or eight bits of a word, or None where something unknown was stored.
    `loads` are by mnemonic, the last of each.
    """

    memory: dict[tuple[str, int], Word] = field(default_factory=dict)
    loads: dict[str, TableRegister] = field(default_factory=dict)


class Execution:
    """A processor that runs an image's code from a function's start, on `run`."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._factory = InstructionInfoFactory()
        self._width = program.default_width
        self._word = self._width // 8
        self.run = Run()
        self._registers: dict[Any, Word] = {
            getattr(Register, name): Pointer(name.lower(), 0)
            for name in (
                *("RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI"),
                *(f"R{i}" for i in range(8, 16)),
            )
        }
        self._flags: tuple[Word, Word, int, str] | None = None
        self.steps = 0

    # Memory

    def byte(self, base: str, offset: int) -> Word:
        """A byte of memory: as it was stored, else as the file has it where nobody writes."""
        if (base, offset) in self.run.memory:
            return self.run.memory[base, offset]
        if base:
            return None
        segment = self._program.segment_at(offset)
        if segment is None or segment.is_writable:
            return None
        data = self._program.read(offset, 1)
        return data[0] if len(data) else None

    def load(self, pointer: Word, size: int) -> Word:
        """The `size` bytes that a pointer points to."""
        place = _place(pointer)
        if place is None or size > 8:
            return None
        base, offset = place
        pieces = [self.byte(base, offset + i) for i in range(size)]
        if all(isinstance(piece, int) for piece in pieces):
            return sum(p << 8 * i for i, p in enumerate(pieces) if isinstance(p, int))
        return joined([bit for piece in pieces for bit in spread(piece)[:8]])

    def store(self, pointer: Word, value: Word, size: int) -> None:
        """Put the lowest `size` bytes of a value where a pointer points to."""
        place = _place(pointer)
        if place is None:
            return
        base, offset = place
        if isinstance(value, int):
            for i in range(size):
                self.run.memory[base, offset + i] = value >> 8 * i & 0xFF if i < 8 else None
            return
        bits = spread(value)
        for i in range(size):
            self.run.memory[base, offset + i] = joined(bits[8 * i : 8 * i + 8]) if i < 8 else None

    # Operands

    def _address(self, instruction: Instruction) -> Word:
        if instruction.memory_segment in _BASES:
            return None
        if instruction.is_ip_rel_memory_operand:
            return int(instruction.ip_rel_memory_address)
        total: Word = int(instruction.memory_displacement) & MASK
        if instruction.memory_base not in _NONE:
            base = self._registers.get(RegisterExt.full_register(instruction.memory_base))
            assert isinstance(total, int)
            total = added(base, total)
        if instruction.memory_index not in _NONE:
            index = self._registers.get(RegisterExt.full_register(instruction.memory_index))
            if not isinstance(index, int):
                return None
            total = added(total, index * instruction.memory_index_scale)
        if isinstance(total, int):
            return total & ((1 << self._width) - 1)
        return total

    def read(self, instruction: Instruction, index: int) -> Word:
        """The value of an operand."""
        kind = instruction.op_kind(index)
        if kind == OpKind.REGISTER:
            register = instruction.op_register(index)
            value = self._registers.get(RegisterExt.full_register(register))
            if register in _HIGH_BYTES:
                return truncated(shifted(value, -8), 1)
            return truncated(value, RegisterExt.size(register))
        if kind == OpKind.MEMORY:
            return self.load(
                self._address(instruction), MemorySizeExt.size(instruction.memory_size)
            )
        try:
            return int(instruction.immediate(index)) & MASK
        except ValueError:
            return None

    def write(self, instruction: Instruction, index: int, value: Word) -> None:
        """Set an operand; 32-bit registers clear their upper halves, smaller ones keep the rest."""
        if instruction.op_kind(index) == OpKind.MEMORY:
            size = MemorySizeExt.size(instruction.memory_size)
            self.store(self._address(instruction), value, size)
            return
        register = instruction.op_register(index)
        full, size = RegisterExt.full_register(register), RegisterExt.size(register)
        if full not in self._registers:
            return
        if size >= 4:
            self._registers[full] = truncated(value, size)
            return
        old, new = spread(self._registers[full]), spread(value)
        low = 8 if register in _HIGH_BYTES else 0
        high = low + 8 * size
        self._registers[full] = joined((*old[:low], *new[: high - low], *old[high:]))

    def _size(self, instruction: Instruction, index: int = 0) -> int:
        if instruction.op_kind(index) == OpKind.REGISTER:
            return RegisterExt.size(instruction.op_register(index))
        return MemorySizeExt.size(instruction.memory_size)

    # Control

    def start(self, address: int, limit: int = MAX_STEPS) -> Run:
        """Run from a virtual address until the function returns, halts, or the way is lost.

        At most `limit` instructions.
        """
        at: int | None = address
        returns: list[int] = []
        while self.steps < limit:
            self.steps += 1
            region = self._program.region_at(at) if at is not None else None
            if region is None or at is None or region.width != self._width:
                break
            decoder = Decoder(region.width, region.data, ip=at)
            decoder.position = at - region.start
            at = self._step(decoder.decode(), returns)
        return self.run

    def _step(self, instruction: Instruction, returns: list[int]) -> int | None:
        """Run one instruction; the address of the next, None where the way is lost."""
        flow = instruction.flow_control
        if flow == FlowControl.NEXT:
            if instruction.is_invalid or instruction.mnemonic == Mnemonic.HLT:
                return None
            handler = _HANDLERS.get(instruction.mnemonic)
            if handler is not None:
                handler(self, instruction)
            else:
                self._forget(instruction)
            return int(instruction.next_ip)
        target = int(instruction.near_branch_target)
        if flow == FlowControl.UNCONDITIONAL_BRANCH and target:
            return target
        if flow == FlowControl.CONDITIONAL_BRANCH:
            taken = self._holds(instruction.condition_code)
            if taken is None:
                return None
            return target if taken else int(instruction.next_ip)
        if flow == FlowControl.CALL and target:
            return self._call(instruction, target, returns)
        if flow == FlowControl.INDIRECT_BRANCH:
            place = self.read(instruction, 0)  # through a jump table, mostly
            return place if isinstance(place, int) else None
        if flow == FlowControl.INDIRECT_CALL:
            self._clobber()
            return int(instruction.next_ip)
        if flow == FlowControl.RETURN and returns and instruction.mnemonic == Mnemonic.RET:
            self._registers[Register.RSP] = added(self._registers[Register.RSP], self._word)
            return returns.pop()
        if instruction.mnemonic == Mnemonic.RETF:
            back = self.load(self._registers[Register.RSP], self._word)
            self._registers[Register.RSP] = added(self._registers[Register.RSP], 2 * self._word)
            return back if isinstance(back, int) else None
        return None

    def _call(self, instruction: Instruction, target: int, returns: list[int]) -> int:
        symbol = self._program.symbols.at(target)
        name = symbol.name if symbol is not None and symbol.address == target else ""
        if self._width == 64 and name in ("memset", "memcpy", "memmove"):
            self._copy(name)
            self._clobber()
            return int(instruction.next_ip)
        if len(returns) >= MAX_DEPTH:
            self._clobber()
            return int(instruction.next_ip)
        returns.append(int(instruction.next_ip))
        self._registers[Register.RSP] = added(self._registers[Register.RSP], -self._word & MASK)
        self.store(self._registers[Register.RSP], int(instruction.next_ip), self._word)
        return target

    def _copy(self, name: str) -> None:
        """`memset` and `memcpy`, by the System V ABI."""
        to, of, count = (self._registers[getattr(Register, n)] for n in ("RDI", "RSI", "RDX"))
        if not isinstance(count, int) or count > MAX_COPIED:
            return
        if name == "memset":
            values = [truncated(of, 1)] * count
        else:
            values = [self.load(added(of, i), 1) for i in range(count)]
        for i, value in enumerate(values):
            self.store(added(to, i), value, 1)

    def _clobber(self) -> None:
        for name in _CLOBBERED:
            self._registers[getattr(Register, name)] = None
        self._flags = None

    def _forget(self, instruction: Instruction) -> None:
        """What an instruction that is not followed writes is not known."""
        info = self._factory.info(instruction)
        for used in info.used_registers():
            full = RegisterExt.full_register(used.register)
            if used.access in WRITES and full in self._registers:
                self._registers[full] = None
        if instruction.op0_kind == OpKind.MEMORY and any(
            memory.access in WRITES for memory in info.used_memory()
        ):
            self.write(instruction, 0, None)
        if instruction.rflags_modified:
            self._flags = None

    # Flags

    def _holds(self, condition: Any) -> bool | None:
        if self._flags is None:
            return None
        left, right, size, how = self._flags
        if not isinstance(left, int) or not isinstance(right, int):
            return None
        mask, sign = (1 << 8 * size) - 1, 1 << 8 * size - 1
        left, right = left & mask, right & mask
        result = {"-": left - right, "+": left + right, "&": left & right}[how] & mask
        zero, negative = result == 0, bool(result & sign)
        carry = {"-": left < right, "+": result < left, "&": False}[how]
        signs = {"-": (left ^ right) & (left ^ result), "+": ~(left ^ right) & (left ^ result)}
        overflow = bool(signs.get(how, 0) & sign)
        table = {
            ConditionCode.E: zero,
            ConditionCode.NE: not zero,
            ConditionCode.B: carry,
            ConditionCode.AE: not carry,
            ConditionCode.BE: carry or zero,
            ConditionCode.A: not carry and not zero,
            ConditionCode.S: negative,
            ConditionCode.NS: not negative,
            ConditionCode.L: negative != overflow,
            ConditionCode.GE: negative == overflow,
            ConditionCode.LE: zero or negative != overflow,
            ConditionCode.G: not zero and negative == overflow,
        }
        return table.get(condition)

    # Instructions

    def _mov(self, i: Instruction) -> None:
        self.write(i, 0, self.read(i, 1))

    def _movsx(self, i: Instruction) -> None:
        value, size = self.read(i, 1), self._size(i, 1)
        if isinstance(value, int) and value >> 8 * size - 1:
            value |= MASK & ~((1 << 8 * size) - 1)
        self.write(i, 0, value if isinstance(value, int) else None)

    def _lea(self, i: Instruction) -> None:
        self.write(i, 0, self._address(i))

    def _add(self, i: Instruction) -> None:
        left, right, size = self.read(i, 0), self.read(i, 1), self._size(i)
        minus = i.mnemonic in (Mnemonic.SUB, Mnemonic.CMP)
        self._flags = (left, right, size, "-" if minus else "+")
        if i.mnemonic == Mnemonic.CMP:
            return
        if isinstance(right, int):
            value = added(left, -right & MASK if minus else right)
        else:
            value = None if minus or not isinstance(left, int) else added(right, left)
        self.write(i, 0, truncated(value, size))

    def _inc(self, i: Instruction) -> None:
        left, size = self.read(i, 0), self._size(i)
        up = i.mnemonic == Mnemonic.INC
        self._flags = (left, 1, size, "+" if up else "-")
        self.write(i, 0, truncated(added(left, 1 if up else MASK), size))

    def _and(self, i: Instruction) -> None:
        left, right, size = self.read(i, 0), self.read(i, 1), self._size(i)
        self._flags = (left, right, size, "&")
        if i.mnemonic != Mnemonic.TEST:
            self.write(i, 0, truncated(conjoined(left, right), size))

    def _or(self, i: Instruction) -> None:
        value = truncated(disjoined(self.read(i, 0), self.read(i, 1)), self._size(i))
        self._flags = (value, MASK, self._size(i), "&")
        self.write(i, 0, value)

    def _xor(self, i: Instruction) -> None:
        left, right = self.read(i, 0), self.read(i, 1)
        if i.op0_kind == i.op1_kind == OpKind.REGISTER and i.op0_register == i.op1_register:
            value: Word = 0
        elif isinstance(left, int) and isinstance(right, int):
            value = left ^ right
        else:
            value = None
        self._flags = (value, MASK, self._size(i), "&")
        self.write(i, 0, truncated(value, self._size(i)))

    def _shift(self, i: Instruction) -> None:
        value, size = self.read(i, 0), self._size(i)
        count = self.read(i, 1)
        if isinstance(count, int):
            count &= 63 if size == 8 else 31
            up = i.mnemonic == Mnemonic.SHL
            result = shifted(value, count if up else -count, size=size)
            self._flags = (result, MASK, size, "&")
        else:
            result, self._flags = None, None
        self.write(i, 0, result)

    def _choose(self, i: Instruction) -> None:
        """`setcc` and `cmovcc`."""
        holds = self._holds(i.condition_code)
        if i.op_count == 1:
            self.write(i, 0, None if holds is None else int(holds))
        else:
            value = self.read(i, 0) if holds is False else self.read(i, 1)
            self.write(i, 0, None if holds is None else value)

    def _push(self, i: Instruction) -> None:
        size = -int(i.stack_pointer_increment)
        value = self.read(i, 0)
        self._registers[Register.RSP] = added(self._registers[Register.RSP], -size & MASK)
        self.store(self._registers[Register.RSP], value, size)

    def _pop(self, i: Instruction) -> None:
        size = int(i.stack_pointer_increment)
        value = self.load(self._registers[Register.RSP], size)
        self._registers[Register.RSP] = added(self._registers[Register.RSP], size)
        self.write(i, 0, value)

    def _leave(self, _: Instruction) -> None:
        stack = self._registers[Register.RBP]
        self._registers[Register.RBP] = self.load(stack, self._word)
        self._registers[Register.RSP] = added(stack, self._word)

    def _string(self, i: Instruction) -> None:
        """`rep stos` and `rep movs` upwards with a known count."""
        size = _STRING_SIZE[i.mnemonic]
        to, of = self._registers[Register.RDI], self._registers[Register.RSI]
        count = self._registers[Register.RCX] if i.has_rep_prefix else 1
        copies = i.mnemonic in _COPIES
        if isinstance(count, int) and count * size <= MAX_COPIED:
            value = self._registers[Register.RAX]
            for n in range(count):
                word = self.load(added(of, n * size), size) if copies else value
                self.store(added(to, n * size), word, size)
            self._registers[Register.RDI] = added(to, count * size)
            self._registers[Register.RSI] = added(of, count * size) if copies else of
        else:
            self._registers[Register.RDI] = None
            self._registers[Register.RSI] = None if copies else of
        if i.has_rep_prefix:
            self._registers[Register.RCX] = 0

    def _load_table(self, i: Instruction) -> None:
        pointer = self._address(i)
        name = "lgdt" if i.mnemonic == Mnemonic.LGDT else "lidt"
        base = self.load(added(pointer, 2), self._word)
        self.run.loads[name] = TableRegister(i.ip, base, self.load(pointer, 2))

    def _load_task(self, i: Instruction) -> None:
        self.run.loads["ltr"] = TableRegister(i.ip, truncated(self.read(i, 0), 2), None)


def _place(pointer: Word) -> tuple[str, int] | None:
    if isinstance(pointer, int):
        return "", pointer
    return (pointer.base, pointer.offset) if isinstance(pointer, Pointer) else None


_STRING_SIZE: Final[dict[Any, int]] = {
    getattr(Mnemonic, stem + letter): size
    for stem in ("STOS", "MOVS")
    for letter, size in (("B", 1), ("W", 2), ("D", 4), ("Q", 8))
}
_COPIES: Final = frozenset(getattr(Mnemonic, "MOVS" + letter) for letter in "BWDQ")
_CHOOSING: Final = tuple(
    getattr(Mnemonic, stem + condition)
    for stem in ("SET", "CMOV")
    for condition in ("E", "NE", "B", "AE", "BE", "A", "S", "NS", "L", "GE", "LE", "G")
)
_HANDLERS: Final[dict[Any, Callable[[Execution, Instruction], None]]] = {
    **dict.fromkeys((Mnemonic.MOV, Mnemonic.MOVZX), Execution._mov),
    **dict.fromkeys((Mnemonic.MOVSX, Mnemonic.MOVSXD), Execution._movsx),
    Mnemonic.LEA: Execution._lea,
    **dict.fromkeys((Mnemonic.ADD, Mnemonic.SUB, Mnemonic.CMP), Execution._add),
    **dict.fromkeys((Mnemonic.INC, Mnemonic.DEC), Execution._inc),
    **dict.fromkeys((Mnemonic.AND, Mnemonic.TEST), Execution._and),
    Mnemonic.OR: Execution._or,
    Mnemonic.XOR: Execution._xor,
    **dict.fromkeys((Mnemonic.SHL, Mnemonic.SHR), Execution._shift),
    **dict.fromkeys(_CHOOSING, Execution._choose),
    Mnemonic.PUSH: Execution._push,
    Mnemonic.POP: Execution._pop,
    Mnemonic.LEAVE: Execution._leave,
    **dict.fromkeys(_STRING_SIZE, Execution._string),
    **dict.fromkeys((Mnemonic.LGDT, Mnemonic.LIDT), Execution._load_table),
    Mnemonic.LTR: Execution._load_task,
}
