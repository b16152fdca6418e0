"""Interrupt stubs: what each handler of a vector table pushes before it leaves for common code.

A stub is the straight line from a table's entry to the first jump or call out of it. Only what
changes the stack pointer by a known amount is followed; a stub that does anything else is not
understood, and rules say nothing about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iced_x86 import (
    Decoder,
    FlowControl,
    Instruction,
    InstructionInfoFactory,
    Mnemonic,
    OpKind,
    Register,
    RegisterExt,
)

from orobuild.lint.program.accesses import WRITES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.lint.program.program import Program
    from orobuild.lint.program.tables import VectorTable

MAX_INSTRUCTIONS: Final = 24
MINIMUM: Final = 8  # fewer stubs show no convention

# Intel SDM Vol. 3A table 6-1, AMD APM Vol. 2 table 8-1: vectors for which the processor pushes an
# error code. #CP (21), #VC (29) and #SX (30) exist only with CET, SEV-ES and SVM.
ERROR_CODE_VECTORS: Final = frozenset((8, 10, 11, 12, 13, 14, 17))
OPTIONAL_ERROR_CODE_VECTORS: Final = frozenset((21, 29, 30))

_IMMEDIATES: Final = frozenset(
    (
        OpKind.IMMEDIATE8,
        OpKind.IMMEDIATE16,
        OpKind.IMMEDIATE32,
        OpKind.IMMEDIATE8TO16,
        OpKind.IMMEDIATE8TO32,
        OpKind.IMMEDIATE8TO64,
        OpKind.IMMEDIATE32TO64,
    )
)


@dataclass(frozen=True, slots=True)
class Stub:
    """A stub that was understood.

    `pushed` is how many bytes it leaves on the stack, `immediate` the last constant that it
    pushed (as a signed number, None if none) with the address of that instruction, `leaves_to`
    the virtual address of the code that it goes to.
    """

    vector: int
    address: int
    pushed: int
    immediate: int | None
    immediate_at: int
    leaves_to: int


def pushes_vector(stub: Stub) -> bool:
    """Whether the stub's constant is its vector; `push $imm8` sign-extends from 128 on."""
    return stub.immediate is not None and stub.immediate in (stub.vector, stub.vector - 256)


def show_vectors(found: Sequence[Stub]) -> bool:
    """Whether most of a table's stubs push their place in it: then the place is a vector."""
    right = sum(1 for stub in found if pushes_vector(stub))
    return right >= MINIMUM and 2 * right > len(found)


def stubs(program: Program, table: VectorTable) -> tuple[Stub, ...]:
    """The stubs of a table that are understood, by vector."""
    found = []
    for vector, _, pointer in table.entries:
        address = program.executable(pointer)
        stub = _walk(program, vector, address) if address is not None else None
        if stub is not None:
            found.append(stub)
    return tuple(found)


def _walk(program: Program, vector: int, address: int) -> Stub | None:
    region = program.region_at(address)
    if region is None or region.width == 16:
        return None
    word = region.width // 8
    decoder = Decoder(region.width, region.data, ip=address)
    decoder.position = address - region.start
    factory = InstructionInfoFactory()
    pushed, immediate, immediate_at = 0, None, address
    for count, instruction in enumerate(decoder):
        if count >= MAX_INSTRUCTIONS:
            return None
        flow = instruction.flow_control
        if flow in (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CALL):
            if not instruction.near_branch_target:
                return None
            pushed += word if flow == FlowControl.CALL else 0
            target = instruction.near_branch_target & program.address_mask
            return Stub(vector, address, pushed, immediate, immediate_at, target)
        if flow != FlowControl.NEXT:
            return None
        if instruction.mnemonic == Mnemonic.PUSH:
            if instruction.stack_pointer_increment != -word:
                return None
            if instruction.op0_kind in _IMMEDIATES:
                immediate, immediate_at = _signed(instruction), instruction.ip
            pushed += word
            continue
        moved = _moves_stack(instruction)
        if moved is not None:
            pushed += moved
        elif any(
            _is_stack_pointer(used.register) and used.access in WRITES
            for used in factory.info(instruction).used_registers()
        ):
            return None
    return None


def _is_stack_pointer(register: Any) -> bool:
    return bool(RegisterExt.full_register(register) == Register.RSP)


def _signed(instruction: Instruction) -> int:
    value = int(instruction.immediate(0))
    return value - (1 << 64) if value >> 63 else value


def _moves_stack(instruction: Instruction) -> int | None:
    """By how many bytes `sub $n, %rsp` and its like lower the stack pointer, None for others."""
    if not _is_stack_pointer(instruction.op0_register):
        return None
    if instruction.op1_kind in _IMMEDIATES and instruction.mnemonic in (Mnemonic.SUB, Mnemonic.ADD):
        value = int(instruction.immediate(1))
        value = value - (1 << 64) if value >> 63 else value
        return value if instruction.mnemonic == Mnemonic.SUB else -value
    return None
