"""The processor as abstract interpretation sees it: registers, memory, stack, DF, IF, AC and GS.

`Machine` is changed by one instruction at a time. It trusts that a store through a pointer of
unknown origin does not hit the stack or a frame, and that a C function keeps the System V ABI.
What it does not follow becomes unknown; it never makes up a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iced_x86 import (
    Instruction,
    InstructionInfoFactory,
    MemorySizeExt,
    Mnemonic,
    OpKind,
    Register,
    RegisterExt,
)

from orobuild.lint.program.accesses import WRITES
from orobuild.lint.program.values import (
    GS,
    STACK,
    Address,
    Compiled,
    Constant,
    Loaded,
    Original,
    Value,
    derived,
    moved,
    source,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES: Final[dict[Any, str]] = {
    getattr(Register, name.upper()): name
    for name in (
        *("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"),
        *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
        *("ds", "es", "fs", "gs"),
    )
}
GENERAL: Final = tuple(n for n in NAMES.values() if n not in ("rsp", "ds", "es", "fs", "gs"))
# System V ABI AMD64 1.0 §3.2.1, figure 3.4: what a called function may change.
CLOBBERED: Final = ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
CLOBBERED_32: Final = ("rax", "rcx", "rdx")  # System V ABI i386 §2.2.1
MAX_COPIED: Final = 512  # words of one `rep movs`
_NO_REGISTER: Final = frozenset((Register.NONE,))
_POINTER_SEGMENTS: Final = {Register.GS: GS, Register.FS: Original("fs")}
_PUSHA: Final = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi")
IF, DF, AC = 1 << 9, 1 << 10, 1 << 18


@dataclass(frozen=True, slots=True)
class Flags:
    """What is known beside registers and memory.

    `direction`, `interrupts` and `access` are DF, IF and AC: False, True or None. `swaps` counts
    `swapgs`, `ring` is that of the interrupted code as far as it was tested, `base_read` that the
    way asked for GS.base, `checked` the values that a branch depended on, `compared` those that
    the flags depend on now, and `ring_if_zero` the ring that a set zero flag means.
    """

    direction: bool | None = None
    interrupts: bool | None = None
    access: bool | None = None
    swaps: int = 0
    ring: int | None = None
    base_read: bool = False
    checked: frozenset[Value] = frozenset()
    compared: frozenset[Value] = frozenset()
    ring_if_zero: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A machine's state, for keeping: values by register, words by (base, offset)."""

    registers: frozenset[tuple[str, Value]]
    memory: frozenset[tuple[tuple[Value, int], Value]]
    flags: Flags


MAX_SWAPS: Final = 3


class Machine:
    """Registers by name, memory by (base, offset), flags; `word` is bytes of a push."""

    def __init__(self, word: int, snapshot: Snapshot | None = None) -> None:
        self.word = word
        self.mask = (1 << 8 * word) - 1
        self.registers: dict[str, Value] = {}
        self.memory: dict[tuple[Value, int], Value] = {}
        self.direction: bool | None = None
        self.interrupts: bool | None = None
        self.access: bool | None = None
        self.swaps = 0
        self.ring: int | None = None
        self.base_read = False
        self.checked: frozenset[Value] = frozenset()
        self.compared: frozenset[Value] = frozenset()
        self.ring_if_zero: int | None = None
        if snapshot is not None:
            self.registers.update(snapshot.registers)
            self.memory.update(snapshot.memory)
            for name in Flags.__slots__:
                setattr(self, name, getattr(snapshot.flags, name))

    def snapshot(self) -> Snapshot:
        """The state as a value."""
        flags = Flags(*(getattr(self, name) for name in Flags.__slots__))
        known = frozenset((n, v) for n, v in self.registers.items() if v is not None)
        return Snapshot(known, frozenset(self.memory.items()), flags)

    # Memory

    def load(self, base: Value, offset: int, size: int) -> Value:
        """The word at `base` + `offset`; a smaller read is a part of it."""
        if base is None:
            return None
        if (base, offset) in self.memory:
            value = self.memory[base, offset]
        else:
            value = None if base == STACK else Loaded(base, offset)
        return value if size == self.word else derived(value)

    def store(self, base: Value, offset: int, value: Value, size: int) -> None:
        """Put `size` bytes at `base` + `offset`; words that overlap become unknown."""
        if base is None:
            return
        for at in range(offset - self.word + 1, offset + max(size, 1)):
            if at != offset and (base, at) in self.memory:
                self.memory[base, at] = None
        self.memory[base, offset] = value if size == self.word else derived(value)

    def push(self, value: Value, size: int | None = None) -> None:
        """Lower the stack pointer and store."""
        size = size or self.word
        pointer = moved(self.registers.get("rsp"), -size, self.mask)
        self.registers["rsp"] = pointer
        self.store(*split(pointer), value, size)

    def pop(self, size: int | None = None) -> Value:
        """Load and raise the stack pointer."""
        size = size or self.word
        pointer = self.registers.get("rsp")
        value = self.load(*split(pointer), size) if pointer is not None else None
        self.registers["rsp"] = moved(pointer, size, self.mask)
        return value

    def operand_address(self, instruction: Instruction) -> tuple[Value, int]:
        """(base, offset) of a memory operand; the base is None if it is not known."""
        base: Value
        segment = _POINTER_SEGMENTS.get(instruction.memory_segment)
        displacement = int(instruction.memory_displacement)
        if displacement >> 63:
            displacement -= 1 << 64
        if instruction.memory_index not in _NO_REGISTER:
            return None, 0
        if instruction.is_ip_rel_memory_operand:
            base, offset = (Constant(0), int(instruction.ip_rel_memory_address))
        elif instruction.memory_base in _NO_REGISTER:
            base, offset = (Constant(0), displacement & self.mask)
        else:
            pointer = self.registers.get(_name(instruction.memory_base))
            base, offset = split(moved(pointer, displacement, self.mask))
            if pointer is None:
                return None, 0
        if segment is None:
            return base, offset
        return (segment, offset) if base == Constant(0) else (None, 0)

    # Operands

    def read(self, instruction: Instruction, index: int) -> Value:
        """The value of an operand."""
        kind = instruction.op_kind(index)
        if kind == OpKind.REGISTER:
            register = instruction.op_register(index)
            value = self.registers.get(_name(register))
            whole = RegisterExt.size(register) >= self.word or RegisterExt.is_segment_register(
                register
            )
            if whole or isinstance(value, Constant):
                size = RegisterExt.size(register)
                if isinstance(value, Constant) and size < self.word and not whole:
                    return Constant(value.number & ((1 << 8 * size) - 1))
                return value
            return derived(value)
        if kind == OpKind.MEMORY:
            size = MemorySizeExt.size(instruction.memory_size)
            return self.load(*self.operand_address(instruction), size)
        if kind in _IMMEDIATES:
            return Constant(int(instruction.immediate(index)) & self.mask)
        return None

    def write(self, instruction: Instruction, index: int, value: Value) -> None:
        """Set an operand."""
        if instruction.op_kind(index) == OpKind.MEMORY:
            size = MemorySizeExt.size(instruction.memory_size)
            self.store(*self.operand_address(instruction), value, size)
        elif instruction.op_kind(index) == OpKind.REGISTER:
            register = instruction.op_register(index)
            size = RegisterExt.size(register)
            if size >= 4 and size < self.word and not isinstance(value, Constant):
                value = derived(value)
            elif size < 4 and not RegisterExt.is_segment_register(register):
                value = derived(self.registers.get(_name(register)))
            self.registers[_name(register)] = value

    # Instructions

    def step(self, instruction: Instruction, factory: InstructionInfoFactory) -> None:
        """Change the machine as an instruction without a branch changes it."""
        handler = _HANDLERS.get(instruction.mnemonic)
        if instruction.rflags_modified:
            self.compared, self.ring_if_zero = frozenset(), None
        if handler is not None:
            handler(self, instruction)
            return
        sources = [self.read(instruction, i) for i in range(instruction.op_count)]
        if instruction.rflags_modified:
            self.compared = frozenset(
                source(v) for v in sources if v is not None and not isinstance(v, Constant)
            )
        of = [v for v in sources if v is not None and not isinstance(v, Constant)]
        computed = derived(of[0]) if len({source(v) for v in of}) == 1 else None
        info = factory.info(instruction)
        for memory in info.used_memory():
            if memory.access in WRITES and instruction.op0_kind == OpKind.MEMORY:
                self.write(instruction, 0, computed)
                break
        for used in info.used_registers():
            if used.access in WRITES:
                name = NAMES.get(RegisterExt.full_register(used.register))
                if name is not None:
                    first = instruction.op0_kind == OpKind.REGISTER and name == _name(
                        instruction.op0_register
                    )
                    self.registers[name] = computed if first else None

    def called(self, address: int) -> None:
        """Change the machine as a C function does that comes back from the call at `address`."""
        pointer = self.registers.get("rsp")
        for name in CLOBBERED if self.word == 8 else CLOBBERED_32:
            self.registers[name] = Compiled(address, name)
        base, offset = split(pointer)
        if pointer is not None:
            for where in [w for w in self.memory if w[0] == base and w[1] < offset]:
                del self.memory[where]
        self.compared, self.ring_if_zero = frozenset(), None


def _name(register: Any) -> str:
    full = RegisterExt.full_register(register)
    return NAMES.get(full, str(int(full)))


_IMMEDIATES: Final = frozenset(
    (
        OpKind.IMMEDIATE8,
        OpKind.IMMEDIATE16,
        OpKind.IMMEDIATE32,
        OpKind.IMMEDIATE64,
        OpKind.IMMEDIATE8TO16,
        OpKind.IMMEDIATE8TO32,
        OpKind.IMMEDIATE8TO64,
        OpKind.IMMEDIATE32TO64,
    )
)


def _push(m: Machine, i: Instruction) -> None:
    m.push(m.read(i, 0), -int(i.stack_pointer_increment))


def _pop(m: Machine, i: Instruction) -> None:
    value = m.pop(int(i.stack_pointer_increment))
    m.write(i, 0, value)


def _pusha(m: Machine, i: Instruction) -> None:
    stack = m.registers.get("rsp")
    for name in _PUSHA:
        m.push(stack if name == "rsp" else m.registers.get(name), 4)


def _popa(m: Machine, i: Instruction) -> None:
    for name in reversed(_PUSHA):
        value = m.pop(4)
        if name != "rsp":
            m.registers[name] = value


def _pushf(m: Machine, i: Instruction) -> None:
    m.push(None, -int(i.stack_pointer_increment))


def _popf(m: Machine, i: Instruction) -> None:
    value = m.pop(int(i.stack_pointer_increment))
    known = isinstance(value, Constant)
    bits = value.number if isinstance(value, Constant) else 0
    m.direction = bool(bits & DF) if known else None
    m.interrupts = bool(bits & IF) if known else None
    m.access = bool(bits & AC) if known else None


def _mov(m: Machine, i: Instruction) -> None:
    m.write(i, 0, m.read(i, 1))


def _lea(m: Machine, i: Instruction) -> None:
    base, offset = m.operand_address(i)
    if i.memory_base in _NO_REGISTER and not i.is_ip_rel_memory_operand and base is None:
        m.write(i, 0, None)
        return
    m.write(i, 0, moved(base, offset, m.mask))


def _add(m: Machine, i: Instruction) -> None:
    left, right = m.read(i, 0), m.read(i, 1)
    m.compared = frozenset(source(v) for v in (left, right) if not isinstance(v, Constant | None))
    if isinstance(right, Constant) and isinstance(left, Address | Constant | Original | Loaded):
        number = right.number - (m.mask + 1) if right.number > m.mask >> 1 else right.number
        distance = number if i.mnemonic == Mnemonic.ADD else -number
        m.write(i, 0, moved(left, distance, m.mask))
        return
    m.write(i, 0, derived(left) if isinstance(right, Constant) else None)


def _and(m: Machine, i: Instruction) -> None:
    left, right = m.read(i, 0), m.read(i, 1)
    _compare_ring(m, left, right)
    if isinstance(left, Constant) and isinstance(right, Constant):
        m.write(i, 0, Constant(left.number & right.number))
        return
    is_stack = i.op0_kind == OpKind.REGISTER and _name(i.op0_register) == "rsp"
    if is_stack and isinstance(right, Constant) and not right.number & 15:
        # Rounded down: what lies there is not known, but its alignment is.
        m.write(i, 0, STACK if left is None else Original(f"the stack aligned at {i.ip:#x}"))
        return
    m.compared |= {source(v) for v in (left, right) if not isinstance(v, Constant | None)}
    m.write(i, 0, derived(left))


def _xor(m: Machine, i: Instruction) -> None:
    same = (
        i.op0_kind == OpKind.REGISTER
        and i.op1_kind == OpKind.REGISTER
        and i.op0_register == i.op1_register
    )
    if same and RegisterExt.size(i.op0_register) >= 4:
        m.write(i, 0, Constant(0))
        return
    left, right = m.read(i, 0), m.read(i, 1)
    m.compared = frozenset(source(v) for v in (left, right) if not isinstance(v, Constant | None))
    m.write(i, 0, derived(left) if isinstance(right, Constant) else None)


def _shift(m: Machine, i: Instruction) -> None:
    left, right = m.read(i, 0), m.read(i, 1)
    m.compared = frozenset(source(v) for v in (left,) if not isinstance(v, Constant | None))
    if isinstance(left, Constant) and isinstance(right, Constant):
        count = right.number & 63
        up = i.mnemonic == Mnemonic.SHL
        m.write(i, 0, Constant((left.number << count if up else left.number >> count) & m.mask))
        return
    m.write(i, 0, derived(left) if not isinstance(left, Constant) else None)


def _compare(m: Machine, i: Instruction) -> None:
    left, right = m.read(i, 0), m.read(i, 1)
    m.compared = frozenset(source(v) for v in (left, right) if not isinstance(v, Constant | None))
    _compare_ring(m, left, right, equal=i.mnemonic == Mnemonic.CMP)


def _compare_ring(m: Machine, left: Value, right: Value, *, equal: bool = False) -> None:
    """`test $3` of the saved CS (zero: ring 0), or `cmp` of it with a selector."""
    if not isinstance(right, Constant) or source(left) != Original("cs"):
        return
    if equal:
        m.ring_if_zero = right.number & 3
    elif right.number & 3:
        m.ring_if_zero = 0


def _xchg(m: Machine, i: Instruction) -> None:
    left, right = m.read(i, 0), m.read(i, 1)
    m.write(i, 0, right)
    m.write(i, 1, left)


def _leave(m: Machine, i: Instruction) -> None:
    m.registers["rsp"] = m.registers.get("rbp")
    m.registers["rbp"] = m.pop()


def _flag(name: str, *, value: bool) -> Callable[[Machine, Instruction], None]:
    def apply(m: Machine, i: Instruction) -> None:
        setattr(m, name, value)

    return apply


def _swapgs(m: Machine, i: Instruction) -> None:
    m.swaps = min(m.swaps + 1, MAX_SWAPS)


def _read_base(m: Machine, i: Instruction) -> None:
    m.base_read = True
    if i.mnemonic == Mnemonic.RDMSR:
        m.registers["rax"] = m.registers["rdx"] = None
    else:
        m.write(i, 0, None)


def _string(m: Machine, i: Instruction) -> None:
    """`rep movs` with a known count copies words; every other string instruction is not followed."""
    if not i.is_string_instruction:
        return  # movsd between vector registers
    to, of, count = (m.registers.get(n) for n in ("rdi", "rsi", "rcx"))
    size = {Mnemonic.MOVSQ: 8, Mnemonic.MOVSD: 4}.get(i.mnemonic)
    whole = size == m.word and i.has_rep_prefix and m.direction is False
    if whole and isinstance(count, Constant) and count.number <= MAX_COPIED:
        for n in range(count.number):
            base, offset = split(moved(of, n * m.word, m.mask))
            value = m.load(base, offset, m.word) if of is not None else None
            m.store(*split(moved(to, n * m.word, m.mask)), value, m.word)
        m.registers["rcx"] = Constant(0)
        m.registers["rsi"] = moved(of, count.number * m.word, m.mask)
        m.registers["rdi"] = moved(to, count.number * m.word, m.mask)
        return
    for name in ("rdi", "rsi", "rcx") if i.has_rep_prefix else ("rdi", "rsi"):
        m.registers[name] = None


_HANDLERS: Final[dict[Any, Callable[[Machine, Instruction], None]]] = {
    Mnemonic.PUSH: _push,
    Mnemonic.POP: _pop,
    Mnemonic.PUSHAD: _pusha,
    Mnemonic.POPAD: _popa,
    Mnemonic.PUSHF: _pushf,
    Mnemonic.PUSHFD: _pushf,
    Mnemonic.PUSHFQ: _pushf,
    Mnemonic.POPF: _popf,
    Mnemonic.POPFD: _popf,
    Mnemonic.POPFQ: _popf,
    Mnemonic.MOV: _mov,
    Mnemonic.LEA: _lea,
    Mnemonic.ADD: _add,
    Mnemonic.SUB: _add,
    Mnemonic.AND: _and,
    Mnemonic.XOR: _xor,
    Mnemonic.SHL: _shift,
    Mnemonic.SHR: _shift,
    Mnemonic.TEST: _compare,
    Mnemonic.CMP: _compare,
    Mnemonic.BT: _compare,
    Mnemonic.XCHG: _xchg,
    Mnemonic.LEAVE: _leave,
    Mnemonic.CLD: _flag("direction", value=False),
    Mnemonic.STD: _flag("direction", value=True),
    Mnemonic.CLI: _flag("interrupts", value=False),
    Mnemonic.STI: _flag("interrupts", value=True),
    Mnemonic.CLAC: _flag("access", value=False),
    Mnemonic.STAC: _flag("access", value=True),
    Mnemonic.SWAPGS: _swapgs,
    Mnemonic.RDMSR: _read_base,
    Mnemonic.RDGSBASE: _read_base,
    Mnemonic.MOVSQ: _string,
    Mnemonic.MOVSD: _string,
    Mnemonic.MOVSB: _string,
    Mnemonic.MOVSW: _string,
}
