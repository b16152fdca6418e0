"""The ways from an interrupt stub to the first compiled code, and what they do to DF and GS.

Assembly and compiled code are told apart by `.oro.code`: what it does not list, a compiler wrote.
An image without it has no entry paths. A path ends unknown at an indirect jump, at a return, and
at a call of another assembly routine (which may do what is being looked for).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iced_x86 import Decoder, FlowControl, Instruction, Mnemonic, OpKind

from orobuild.lint.program.widths import SECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.program.program import Program

MAX_STATES: Final = 4096
MAX_SWAPS: Final = 3
_LOADS_FLAGS: Final = frozenset((Mnemonic.POPF, Mnemonic.POPFD, Mnemonic.POPFQ))


@dataclass(frozen=True, slots=True)
class Arrival:
    """Control reaches compiled code: at `target`, by the branch at `branch`.

    `direction_clear` tells whether DF is 0 for sure, `swaps` how many `swapgs` were executed,
    `ring` what the path has found out about the interrupted code: 0, 3 or None.
    """

    target: int
    branch: int
    direction_clear: bool
    swaps: int
    ring: int | None = None


@dataclass(frozen=True, slots=True)
class _State:
    address: int
    direction_clear: bool
    swaps: int
    ring: int | None = None
    tested: bool = False  # the zero flag tells whether the saved CS is of ring 0


class EntryPaths:
    """Follows stubs; keeps what it has decoded, since all stubs share their common code."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._starts = [start for start, _, _ in program.widths]
        self._blocks: dict[int, list[Instruction]] = {}

    @staticmethod
    def known(program: Program) -> bool:
        """Whether the image tells assembly from compiled code."""
        return program.elf.section(SECTION) is not None and bool(program.widths)

    def is_assembly(self, address: int) -> bool:
        """Whether `.oro.code` lists this virtual address."""
        index = bisect_right(self._starts, address) - 1
        return index >= 0 and address < self._program.widths[index][1]

    def arrivals(self, start: int) -> list[Arrival]:
        """Where control first reaches compiled code from `start`, each way that differs once."""
        found: dict[Arrival, None] = {}
        pending = [_State(start, direction_clear=False, swaps=0)]
        seen = set(pending)
        while pending and len(seen) < MAX_STATES:
            for outcome in self._block(pending.pop()):
                if isinstance(outcome, Arrival):
                    found[outcome] = None
                elif outcome not in seen:
                    seen.add(outcome)
                    pending.append(outcome)
        return list(found)

    def _block(self, state: _State) -> Iterator[_State | Arrival]:
        """What follows from running the straight line at `state`."""
        clear, swaps, ring, tested = state.direction_clear, state.swaps, state.ring, state.tested
        for instruction in self.decode(state.address):
            flow, mnemonic = instruction.flow_control, instruction.mnemonic
            if mnemonic == Mnemonic.CLD:
                clear = True
            elif mnemonic == Mnemonic.STD or mnemonic in _LOADS_FLAGS:
                clear = False
            elif mnemonic == Mnemonic.SWAPGS:
                swaps = min(swaps + 1, MAX_SWAPS)
            elif mnemonic in _READS_BASE:
                ring = None
            if _tests_ring(instruction):
                tested = True
            elif instruction.rflags_modified:
                tested = False
            if flow == FlowControl.NEXT or flow == FlowControl.INTERRUPT:
                continue
            taken = passed = ring
            if tested and mnemonic in _ZERO_BRANCHES:
                taken, passed = (0, 3) if mnemonic == Mnemonic.JE else (3, 0)
            if flow in _DIRECT and instruction.near_branch_target:
                target = instruction.near_branch_target & self._program.address_mask
                # A target outside the code is SEG001's, not an arrival.
                if not self.is_assembly(target) and self._program.region_at(target) is not None:
                    yield Arrival(target, instruction.ip, clear, swaps, taken)
                elif self.is_assembly(target) and flow != FlowControl.CALL:
                    yield _State(target, clear, swaps, taken, tested)
            if flow == FlowControl.CONDITIONAL_BRANCH:
                yield _State(instruction.next_ip, clear, swaps, passed, tested)
            return

    def decode(self, address: int) -> list[Instruction]:
        """The instructions from `address` up to and with the first that may go elsewhere."""
        if address not in self._blocks:
            block: list[Instruction] = []
            region = self._program.region_at(address)
            if region is not None and region.width == self._program.default_width:
                decoder = Decoder(region.width, region.data, ip=address)
                decoder.position = address - region.start
                for instruction in decoder:
                    block.append(instruction)
                    if instruction.flow_control not in _STRAIGHT or len(block) >= MAX_STATES:
                        break
            self._blocks[address] = block
        return self._blocks[address]


def _tests_ring(instruction: Instruction) -> bool:
    """`testb $3, CS(%rsp)` at any width: the requested privilege level of a selector in memory."""
    return (
        bool(instruction.mnemonic == Mnemonic.TEST)
        and bool(instruction.op0_kind == OpKind.MEMORY)
        and bool(instruction.op1_kind != OpKind.REGISTER)
        and int(instruction.immediate(1)) in _RING_BITS
    )


_RING_BITS: Final = frozenset((1, 2, 3))
_ZERO_BRANCHES: Final = frozenset((Mnemonic.JE, Mnemonic.JNE))
_READS_BASE: Final = frozenset((Mnemonic.RDMSR, Mnemonic.RDGSBASE))
_STRAIGHT: Final = frozenset((FlowControl.NEXT, FlowControl.INTERRUPT))
_DIRECT: Final = frozenset(
    (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH, FlowControl.CALL)
)
