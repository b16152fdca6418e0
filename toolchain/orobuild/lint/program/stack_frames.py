"""What lies on the stack when an interrupt's entry code hands its frame to compiled code.

Each stub is followed through assembly with a model of the stack: what the processor pushed, then
every push. The model is read where the entry code takes the frame's address for its C function
(`mov %rsp, %rdi`). What is not understood ends the path; it never makes up a slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iced_x86 import (
    FlowControl,
    Instruction,
    InstructionInfoFactory,
    Mnemonic,
    OpAccess,
    OpKind,
    Register,
    RegisterExt,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.program.entry_paths import EntryPaths
    from orobuild.lint.program.program import Program

# Intel SDM Vol. 3A §6.14.2: in this order, from the top of the stack down.
HARDWARE: Final = ("ss", "rsp", "rflags", "cs", "rip")
ERROR_CODE: Final = "error_code"
UNKNOWN: Final = "?"
MAX_STATES: Final = 2048
MAX_DEPTH: Final = 512

_WRITES: Final = frozenset(
    (OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE)
)
_NAMES: Final = {
    getattr(Register, name.upper()): name
    for name in (
        *("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp"),
        *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
    )
}

# A slot: a register's name, one of HARDWARE, ERROR_CODE, a pushed constant, or UNKNOWN.
Slot = str | int


@dataclass(frozen=True, slots=True)
class Frame:
    """The stack at `address` of the hand-over, from `rsp` upwards, eight bytes a slot."""

    address: int
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class _State:
    address: int
    stack: tuple[Slot, ...]  # the last is the top
    changed: frozenset[str]  # registers that no longer hold the interrupted code's value


class StackFrames:
    """Follows stubs with a model of the stack; `paths` decodes and knows what is assembly."""

    def __init__(self, program: Program, paths: EntryPaths) -> None:
        self._program = program
        self._paths = paths
        self._factory = InstructionInfoFactory()

    def frames(self, start: int, *, error_code: bool) -> list[Frame]:
        """The frames that the stub at `start` hands over, one for each way that differs.

        `error_code` tells whether the processor pushes one for its vector.
        """
        stack: tuple[Slot, ...] = (*HARDWARE, ERROR_CODE) if error_code else HARDWARE
        pending = [_State(start, stack, frozenset())]
        seen = set(pending)
        found: dict[Frame, None] = {}
        while pending and len(seen) < MAX_STATES:
            for outcome in self._run(pending.pop()):
                if isinstance(outcome, Frame):
                    found[outcome] = None
                elif outcome not in seen:
                    seen.add(outcome)
                    pending.append(outcome)
        return list(found)

    def _run(self, state: _State) -> Iterator[_State | Frame]:
        stack, changed = list(state.stack), set(state.changed)
        for instruction in self._paths.decode(state.address):
            flow = instruction.flow_control
            if flow in (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH):
                target = instruction.near_branch_target & self._program.address_mask
                if self._paths.is_assembly(target):
                    yield _State(target, tuple(stack), frozenset(changed))
                if flow == FlowControl.CONDITIONAL_BRANCH:
                    yield _State(instruction.next_ip, tuple(stack), frozenset(changed))
                return
            if flow != FlowControl.NEXT:
                return
            if _hands_over(instruction):
                yield Frame(instruction.ip, tuple(reversed(stack)))
                return
            if not self._apply(instruction, stack, changed) or len(stack) > MAX_DEPTH:
                return

    def _apply(self, instruction: Instruction, stack: list[Slot], changed: set[str]) -> bool:
        """Change the model as the instruction changes the machine; False if that is not known."""
        mnemonic = instruction.mnemonic
        if mnemonic == Mnemonic.PUSH:
            if instruction.stack_pointer_increment != -8:
                return False
            stack.append(_pushed(instruction, changed))
            return True
        if mnemonic in (Mnemonic.SUB, Mnemonic.ADD) and _is(instruction.op0_register, Register.RSP):
            if instruction.op1_kind == OpKind.REGISTER:
                return False
            amount = int(instruction.immediate(1))
            amount = amount - (1 << 64) if amount >> 63 else amount
            lower = amount if mnemonic == Mnemonic.SUB else -amount
            if lower % 8 or lower > 8 * MAX_DEPTH or -lower > 8 * len(stack):
                return False
            if lower >= 0:
                stack.extend([UNKNOWN] * (lower // 8))
            else:
                del stack[len(stack) + lower // 8 :]
            return True
        if _is(instruction.memory_base, Register.RSP) and self._stores(instruction):
            return self._store(instruction, stack, changed)
        for used in self._factory.info(instruction).used_registers():
            if used.access in _WRITES:
                full = RegisterExt.full_register(used.register)
                if _is(full, Register.RSP):
                    return False
                if full in _NAMES:
                    changed.add(_NAMES[full])
        return True

    def _stores(self, instruction: Instruction) -> bool:
        return any(used.access in _WRITES for used in self._factory.info(instruction).used_memory())

    def _store(self, instruction: Instruction, stack: list[Slot], changed: set[str]) -> bool:
        """`mov %reg, n(%rsp)` fills a slot; any other store leaves it unknown."""
        offset = int(instruction.memory_displacement)
        index = len(stack) - 1 - offset // 8
        if not _is(instruction.memory_index, Register.NONE) or offset % 8:
            return False
        if not 0 <= index < len(stack):
            return False
        register = instruction.op1_register
        is_move = instruction.mnemonic == Mnemonic.MOV and register in _NAMES
        name = _NAMES[register] if is_move else UNKNOWN
        stack[index] = UNKNOWN if name in changed else name
        return True


def _is(register: Any, expected: Any) -> bool:
    return bool(register == expected)


def _hands_over(instruction: Instruction) -> bool:
    """`mov %rsp, %rdi`: the frame is the C function's first argument (psABI §3.2.3)."""
    return (
        bool(instruction.mnemonic == Mnemonic.MOV)
        and _is(instruction.op0_register, Register.RDI)
        and bool(instruction.op1_kind == OpKind.REGISTER)
        and _is(instruction.op1_register, Register.RSP)
    )


def _pushed(instruction: Instruction, changed: set[str]) -> Slot:
    if instruction.op0_kind == OpKind.REGISTER:
        name = _NAMES.get(instruction.op0_register, UNKNOWN)
        return UNKNOWN if name in changed else name
    if instruction.op0_kind == OpKind.MEMORY:
        return UNKNOWN
    value = int(instruction.immediate(0))
    return value - (1 << 64) if value >> 63 else value
