"""The ways from 16- and 32-bit code into long mode, and what has been done before each.

Owns what a step is: which instruction sets up what (Intel SDM Vol. 3A §9.8.5). Judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iced_x86 import Decoder, FlowControl, Instruction, Mnemonic, OpKind, Register, RegisterExt

from orobuild.lint.program.spans import reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.program.program import Program

PAE, LME, NXE, PG = 1 << 5, 1 << 8, 1 << 11, 1 << 31
MSR_EFER = 0xC0000080
FAR = frozenset((OpKind.FAR_BRANCH16, OpKind.FAR_BRANCH32))
JUMPS = frozenset((FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH))
IMMEDIATES = frozenset(
    (OpKind.IMMEDIATE32, OpKind.IMMEDIATE16, OpKind.IMMEDIATE8TO32, OpKind.IMMEDIATE8TO16)
)
MAX_STATES = 4096
MAX_DEPTH = 2  # of calls that are looked into
CR0, CR3, CR4 = (frozenset((r,)) for r in (Register.CR0, Register.CR3, Register.CR4))
UNKNOWN_NXE = "NXE?"  # EFER is written with a value that is not known


@dataclass(frozen=True, slots=True)
class Transfer:
    """A branch at virtual address `address` into 64-bit code, near or far.

    `before` are the steps that were done when CR0 was last written (`PAE`, `CR3`, `LME`, `NXE`,
    `UNKNOWN_NXE`), None if it was not written on the way.
    """

    address: int
    is_near: bool
    before: frozenset[str] | None


@dataclass(slots=True)
class _Registers:
    """Constants in registers since the block began; `added` are bits set in what `rdmsr` gave."""

    known: dict[object, int]
    added: dict[object, int]

    def forget(self, *registers: object) -> None:
        for register in registers:
            self.known.pop(register, None)
            self.added.pop(register, None)


def transfers(program: Program) -> Iterator[Transfer]:
    """Every branch into long mode from the narrower code that control reaches, each way once."""
    if not any(width != 64 for _, _, width in program.widths):
        return
    seen: set[Transfer] = set()
    for root in program.flow.roots:
        region = program.region_at(root.address)
        if region is None or region.width == 64:
            continue
        for transfer in _walk(program, root.address):
            if transfer not in seen:
                seen.add(transfer)
                yield transfer


def _walk(program: Program, start: int) -> Iterator[Transfer]:
    """The transfers on the ways from `start`."""
    # done: steps so far; before_paging: those that were done when CR0 was last written
    first: tuple[int, frozenset[str], frozenset[str] | None] = (start, frozenset(), None)
    pending, seen = [first], {first}
    while pending and len(seen) < MAX_STATES:
        address, done, before = pending.pop()
        region = program.region_at(address)
        if region is None:
            continue
        decoder = Decoder(region.width, region.data, ip=address)
        decoder.position = address - region.start
        registers = _Registers({}, {})
        for instruction in decoder:
            if instruction.is_invalid:
                break
            steps = _steps(instruction, registers)
            before = done if "CR0" in steps else before
            done = done | (steps - {"CR0"})
            if instruction.flow_control == FlowControl.CALL:
                inside = _inside(program, int(instruction.near_branch_target))
                done = done | (inside - {"CR0"})
                before = done if "CR0" in inside else before
            _learn(instruction, registers)
            kind = instruction.flow_control
            if kind in JUMPS and instruction.op0_kind not in FAR:
                target = int(instruction.near_branch_target)
                other = program.region_at(target)
                if other is not None and other.width == 64:
                    yield Transfer(instruction.ip, is_near=True, before=before)
                state = (target, done, before)
                if state not in seen and other is not None and other.width != 64:
                    seen.add(state)
                    pending.append(state)
            elif _enters_long_mode(program, instruction):
                yield Transfer(instruction.ip, is_near=False, before=before)
            if kind not in (
                FlowControl.NEXT,
                FlowControl.CONDITIONAL_BRANCH,
                FlowControl.CALL,
                FlowControl.INTERRUPT,
            ):
                break


def _inside(program: Program, function: int, depth: int = 0) -> frozenset[str]:
    """What a called function does for long mode, in whichever order, and those that it calls."""
    found: set[str] = set()
    for instruction in reached(program, function, lambda _: False):
        found |= _steps(instruction, _Registers({}, {}))
        if instruction.flow_control == FlowControl.CALL and depth < MAX_DEPTH:
            found |= _inside(program, int(instruction.near_branch_target), depth + 1)
    return frozenset(found)


def _steps(instruction: Instruction, registers: _Registers) -> frozenset[str]:
    """What the instruction does for long mode; a constant without the bit does nothing."""
    known = registers.known
    if instruction.mnemonic == Mnemonic.WRMSR:
        if known.get(Register.ECX, MSR_EFER) != MSR_EFER:
            return frozenset()
        value = known.get(Register.EAX)
        bits = registers.added.get(Register.EAX) if value is None else value
        nxe = UNKNOWN_NXE if bits is None else "NXE" if bits & NXE else ""
        lme = "LME" if value is None or value & LME else ""
        return frozenset((nxe, lme)) - {""}
    if instruction.mnemonic != Mnemonic.MOV or instruction.op0_kind != OpKind.REGISTER:
        return frozenset()
    value = known.get(instruction.op1_register) if instruction.op1_kind == OpKind.REGISTER else None
    step = None
    if instruction.op0_register in CR4:
        step = "PAE" if value is None or value & PAE else None
    elif instruction.op0_register in CR3:
        step = "CR3"
    elif instruction.op0_register in CR0:
        step = "CR0" if value is None or value & PG else None
    return frozenset() if step is None else frozenset((step,))


def _learn(instruction: Instruction, registers: _Registers) -> None:
    if instruction.mnemonic in (Mnemonic.RDMSR, Mnemonic.CPUID):
        registers.forget(Register.EAX, Register.EDX)
        if instruction.mnemonic == Mnemonic.CPUID:
            registers.forget(Register.ECX)
        else:
            registers.added[Register.EAX] = 0
        return
    if instruction.flow_control == FlowControl.CALL:
        registers.known.clear()
        registers.added.clear()
        return
    if instruction.op0_kind != OpKind.REGISTER:
        return
    register = RegisterExt.full_register32(instruction.op0_register)
    bits = _set_bits(instruction)
    if bits is not None:
        for table in (registers.known, registers.added):
            if register in table:
                table[register] |= bits
        return
    is_constant = instruction.op_count == 2 and instruction.op1_kind in IMMEDIATES
    if instruction.mnemonic not in (Mnemonic.CMP, Mnemonic.TEST):
        registers.forget(register)
    if (
        is_constant
        and instruction.mnemonic == Mnemonic.MOV
        and RegisterExt.size(instruction.op0_register) == 4
    ):
        registers.known[register] = int(instruction.immediate(1)) & 0xFFFFFFFF


def _set_bits(instruction: Instruction) -> int | None:
    """The bits that `or` and `bts` with a constant set, None for other instructions."""
    if instruction.op_count != 2:
        return None
    if instruction.mnemonic == Mnemonic.OR and instruction.op1_kind in IMMEDIATES:
        return int(instruction.immediate(1)) & 0xFFFFFFFF
    if instruction.mnemonic == Mnemonic.BTS and instruction.op1_kind == OpKind.IMMEDIATE8:
        return 1 << (int(instruction.immediate(1)) & 31)
    return None


def _enters_long_mode(program: Program, instruction: Instruction) -> bool:
    if instruction.op0_kind in FAR:
        wide = instruction.op0_kind == OpKind.FAR_BRANCH32
        target = instruction.far_branch32 if wide else instruction.far_branch16
        linked = program.executable(int(target))
        region = program.region_at(linked) if linked is not None else None
        return region is not None and region.width == 64
    far = instruction.mnemonic in (Mnemonic.JMP, Mnemonic.RETF) and (
        instruction.is_jmp_far_indirect or instruction.mnemonic == Mnemonic.RETF
    )
    after = program.region_at(instruction.next_ip)
    return bool(far) and after is not None and after.width == 64
