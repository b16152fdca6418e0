"""Jump tables of compilers: where an indirect jump can go when it jumps through one.

Two shapes are known: a table of addresses (`jmp *table(,%rax,8)`, also loaded into a register
first) and a table of 32-bit distances from itself (`movslq (%rcx,%rax,4)`, `add`, `jmp *%rax`).
An entry counts as long as it stays inside the function that jumps; anything else is the end of
the table or no table at all. What is not recognised stays unresolved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iced_x86 import ConditionCode, FlowControl, Instruction, Mnemonic, OpKind, Register

if TYPE_CHECKING:
    from orobuild.lint.program.program import Program

MAX_ENTRIES: Final = 4096
_NO_REGISTER: Final = frozenset((Register.NONE,))
_IMMEDIATES: Final = frozenset(
    (
        OpKind.IMMEDIATE8,
        OpKind.IMMEDIATE8TO32,
        OpKind.IMMEDIATE8TO64,
        OpKind.IMMEDIATE32,
        OpKind.IMMEDIATE32TO64,
    )
)


def targets(program: Program, line: list[Instruction], word: int) -> list[int]:
    """The virtual addresses that the indirect jump at the end of `line` may go to.

    `line` is the straight-line code up to and with the jump, `word` the size of an address.
    """
    jump = line[-1]
    function = program.function_at(jump.ip)
    if function is None:
        return []
    found = _table(line, word)
    if found is None:
        return []
    table, size = found
    limit = _bound(line) or MAX_ENTRIES
    data = program.read(table, limit * size)
    result = []
    for at in range(0, len(data) - size + 1, size):
        entry = int.from_bytes(data[at : at + size], "little", signed=size != word)
        address = entry if size == word else (table + entry) & program.address_mask
        if not function[0] <= address < function[1]:
            break
        result.append(address)
    return result


def _table(line: list[Instruction], word: int) -> tuple[int, int] | None:
    """(virtual address, bytes an entry) of the table that the jump at the end of `line` reads."""
    jump = line[-1]
    if jump.op0_kind == OpKind.MEMORY:
        address = _indexed(line, len(line) - 1, word)
        return None if address is None else (address, word)
    for at in range(len(line) - 2, max(-1, len(line) - 12), -1):
        load = line[at]
        if load.op1_kind != OpKind.MEMORY:
            continue
        if load.mnemonic == Mnemonic.MOVSXD:
            address = _indexed(line, at, 4)
            return None if address is None else (address, 4)
        if load.mnemonic == Mnemonic.MOV and load.op0_register == jump.op0_register:
            address = _indexed(line, at, word)
            return None if address is None else (address, word)
    return None


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
    """How many entries the comparison before the jump lets through: `cmp $n; ja` is n + 1."""
    for compare, branch in zip(reversed(line[:-2]), reversed(line[1:-1]), strict=True):
        if branch.flow_control != FlowControl.CONDITIONAL_BRANCH:
            continue
        if compare.mnemonic == Mnemonic.CMP and compare.op1_kind in _IMMEDIATES:
            extra = {ConditionCode.A: 1, ConditionCode.AE: 0}.get(branch.condition_code)
            if extra is not None:
                return min(int(compare.immediate(1)) + extra, MAX_ENTRIES)
    return None
