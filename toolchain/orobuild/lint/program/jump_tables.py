"""Jump tables of compilers: where an indirect jump can go when it jumps through one.

Two shapes are known: a table of addresses (`jmp *table(,%rax,8)`, also loaded into a register
first) and a table of 32-bit distances from itself (`movslq (%rcx,%rax,4)`, `add`, `jmp *%rax`).
The number of entries is certain where the index is compared with a constant right before the
jump. Elsewhere entries are read as long as they stay inside the function that jumps, which may
run into the next table: such targets are only probable. What is not recognised stays unresolved.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from iced_x86 import (
    ConditionCode,
    FlowControl,
    Instruction,
    Mnemonic,
    OpKind,
    Register,
    RegisterExt,
)

if TYPE_CHECKING:
    from orobuild.lint.program.program import Program

MAX_ENTRIES: Final = 4096
_ENTRY: Final = {  # by bytes and whether signed
    (4, False): struct.Struct("<I"),
    (8, False): struct.Struct("<Q"),
    (4, True): struct.Struct("<i"),
}
_NO_REGISTER: Final = frozenset((Register.NONE,))
_EXTRA: Final = {ConditionCode.A: 1, ConditionCode.AE: 0}
_COPIES: Final = frozenset((Mnemonic.MOV, Mnemonic.MOVZX, Mnemonic.MOVSXD))
_IMMEDIATES: Final = frozenset(
    (
        OpKind.IMMEDIATE8,
        OpKind.IMMEDIATE8TO32,
        OpKind.IMMEDIATE8TO64,
        OpKind.IMMEDIATE32,
        OpKind.IMMEDIATE32TO64,
    )
)


def targets(program: Program, line: list[Instruction], word: int) -> tuple[list[int], bool]:
    """The virtual addresses that the indirect jump at the end of `line` may go to, and if for sure.

    `line` is the straight-line code up to and with the jump, `word` the size of an address.
    """
    function = program.function_at(line[-1].ip)
    found = _table(line, word)
    if function is None or found is None:
        return [], False
    table, at, size = found
    bound = _bound(line[: at + 1])
    low, high = function
    data = program.read(table, (bound or MAX_ENTRIES) * size)
    base = 0 if size == word else table
    result: list[int] = []
    for (entry,) in _ENTRY[size, size != word].iter_unpack(data[: len(data) // size * size]):
        if not low <= base + entry < high:
            return result, False
        result.append(base + entry)
    return result, bound is not None


def _table(line: list[Instruction], word: int) -> tuple[int, int, int] | None:
    """(virtual address, index in `line` of the load, bytes an entry) of the table jumped through."""
    jump = line[-1]
    if jump.op0_kind == OpKind.MEMORY:
        return _load(line, len(line) - 1, word)
    for at in range(len(line) - 2, max(-1, len(line) - 12), -1):
        load = line[at]
        if load.op1_kind != OpKind.MEMORY:
            continue
        if load.mnemonic == Mnemonic.MOVSXD:
            return _load(line, at, 4)
        if load.mnemonic == Mnemonic.MOV and load.op0_register == jump.op0_register:
            return _load(line, at, word)
    return None


def _load(line: list[Instruction], at: int, size: int) -> tuple[int, int, int] | None:
    address = _indexed(line, at, size)
    return None if address is None else (address, at, size)


def _indexed(line: list[Instruction], at: int, scale: int) -> int | None:
    """The constant part of a memory operand `table(base,index,scale)`, if it is constant."""
    operand = line[at]
    if operand.memory_index in _NO_REGISTER or operand.memory_index_scale != scale:
        return None
    displacement = int(operand.memory_displacement)
    if operand.memory_base in _NO_REGISTER:
        return displacement
    for instruction in reversed(line[:at]):
        if instruction.op0_kind != OpKind.REGISTER:
            continue
        if instruction.op0_register == operand.memory_base:
            known = instruction.mnemonic == Mnemonic.LEA and instruction.is_ip_rel_memory_operand
            return int(instruction.ip_rel_memory_address) + displacement if known else None
    return None


def _bound(line: list[Instruction]) -> int | None:
    """How many values the index of the last instruction can have: `cmp $n; ja` leaves n + 1.

    None unless the comparison is of the index itself, or of what it was copied from.
    """
    register = RegisterExt.full_register(line[-1].memory_index)
    extra = None  # set once a branch that follows the comparison is seen
    for instruction in reversed(line[:-1]):
        if instruction.flow_control == FlowControl.CONDITIONAL_BRANCH:
            extra = _EXTRA.get(instruction.condition_code)
        elif instruction.flow_control != FlowControl.NEXT:
            return None
        elif instruction.op0_kind == OpKind.REGISTER and register == RegisterExt.full_register(
            instruction.op0_register
        ):
            if instruction.mnemonic == Mnemonic.CMP:
                if extra is None or instruction.op1_kind not in _IMMEDIATES:
                    return None
                return min(int(instruction.immediate(1)) + extra, MAX_ENTRIES)
            if instruction.mnemonic == Mnemonic.TEST:
                continue
            if instruction.mnemonic not in _COPIES or instruction.op1_kind != OpKind.REGISTER:
                return None
            register = RegisterExt.full_register(instruction.op1_register)
    return None
