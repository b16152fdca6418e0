"""Constants along a straight line of code, enough to see that a branch can never be taken.

Compilers guard a call of a weak symbol with a test of its address. When nobody defines it, the
linker leaves `mov $0, %eax; test %rax, %rax; je` before a `call 0`: dead code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iced_x86 import (
    ConditionCode,
    FlowControl,
    Instruction,
    InstructionInfoFactory,
    Mnemonic,
    OpKind,
    RegisterExt,
)

from orobuild.elf import constants as c
from orobuild.lint.program.accesses import WRITES

if TYPE_CHECKING:
    from orobuild.lint.program.program import Program

MAX_LINKS: Final = 2
_IMMEDIATES: Final = frozenset(
    (
        OpKind.IMMEDIATE8,
        OpKind.IMMEDIATE8TO32,
        OpKind.IMMEDIATE8TO64,
        OpKind.IMMEDIATE32,
        OpKind.IMMEDIATE32TO64,
    )
)


def never_executed(program: Program, site: tuple[int, int]) -> bool:
    """Whether a branch lies behind a test whose outcome is constant.

    `site` is the index of the run and the branch's virtual address. Looks at the way on which
    the branch was first reached, `MAX_LINKS` branches back.
    """
    flow = program.flow
    run, branch = site
    for _ in range(MAX_LINKS):
        region = flow.runs[run][0]
        guard = _skipped_after(program, flow.straight_line(run, branch))
        if guard is not None and not flow.is_entered(region, guard, branch):
            return True
        _, _, parent, source = flow.runs[run]
        if source < 0:
            return False
        run, branch = parent, flow.regions[flow.runs[parent][0]].start + source
    return False


def _skipped_after(program: Program, line: list[Instruction]) -> int | None:
    """The address of a test that keeps control from reaching the branch at the end of `line`.

    None when control may run along the line to its end, and take the branch there.
    """
    registers: dict[int, int] = {}
    zero: bool | None = None
    resume = line[0].ip
    factory = InstructionInfoFactory()
    for instruction in line:
        if instruction.ip < resume:
            continue  # jumped over
        if instruction.flow_control == FlowControl.CONDITIONAL_BRANCH and zero is not None:
            taken = {ConditionCode.E: zero, ConditionCode.NE: not zero}.get(
                instruction.condition_code
            )
            if instruction is line[-1]:
                return instruction.ip if taken is False else None
            if taken:
                resume = instruction.near_branch_target
                if not instruction.ip < resume <= line[-1].ip:
                    return int(instruction.ip)
                continue
        if instruction.flow_control in (FlowControl.CALL, FlowControl.INDIRECT_CALL):
            registers.clear()
            zero = None
            continue
        outcome = _compared(program, instruction, registers)
        if outcome is not None or instruction.rflags_modified:
            zero = outcome
        value = _assigned(program, instruction)
        for used in factory.info(instruction).used_registers():
            if used.access in WRITES:
                registers.pop(RegisterExt.full_register(used.register), None)
        if value is not None:
            registers[RegisterExt.full_register(instruction.op0_register)] = value
    return None


def _memory(program: Program, instruction: Instruction) -> int | None:
    """The value of a slot of the global offset table that the instruction reads, if it is one.

    Nobody changes such a slot after linking unless a dynamic relocation says so.
    """
    if not instruction.is_ip_rel_memory_operand:
        return None
    address = instruction.ip_rel_memory_address
    section = program.section_at(address)
    if section is None or section.name != ".got" or section.sh_type == c.SHT_NOBITS:
        return None
    if address in program.relocated_places:
        return None
    offset = address - section.sh_addr
    return int.from_bytes(program.elf.section_data(section)[offset : offset + 8], "little")


def _assigned(program: Program, instruction: Instruction) -> int | None:
    """The constant that the instruction puts into a whole register, if it does."""
    if instruction.op0_kind != OpKind.REGISTER or RegisterExt.size(instruction.op0_register) < 4:
        return None
    if instruction.mnemonic == Mnemonic.MOV and instruction.op1_kind in (
        OpKind.IMMEDIATE32,
        OpKind.IMMEDIATE32TO64,
        OpKind.IMMEDIATE64,
    ):
        return int(instruction.immediate(1))
    if instruction.mnemonic == Mnemonic.MOV and instruction.op1_kind == OpKind.MEMORY:
        return _memory(program, instruction)
    if instruction.mnemonic == Mnemonic.LEA and instruction.is_ip_rel_memory_operand:
        return int(instruction.ip_rel_memory_address)
    if (
        instruction.mnemonic == Mnemonic.XOR
        and instruction.op1_kind == OpKind.REGISTER
        and instruction.op0_register == instruction.op1_register
    ):
        return 0
    return None


def _compared(program: Program, instruction: Instruction, registers: dict[int, int]) -> bool | None:
    """The zero flag after comparing a known value with a constant, else None."""
    value = None
    if instruction.op0_kind == OpKind.REGISTER:
        value = registers.get(RegisterExt.full_register(instruction.op0_register))
    elif instruction.op0_kind == OpKind.MEMORY:
        value = _memory(program, instruction)
    if value is None:
        return None
    if instruction.mnemonic == Mnemonic.TEST:
        same = instruction.op0_register == instruction.op1_register
        return value == 0 if instruction.op1_kind == OpKind.REGISTER and same else None
    if instruction.mnemonic == Mnemonic.CMP and instruction.op1_kind in _IMMEDIATES:
        return value == instruction.immediate(1)
    return None
