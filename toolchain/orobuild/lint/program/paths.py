"""The ways through assembly from a place, by abstract interpretation, up to where they leave it.

A way ends where it jumps to compiled code, at `iret` and `sysret`, and where it cannot be followed
(an indirect jump, a return to a caller that is not known). A call of compiled code is an arrival
too, and the way goes on behind it; a call of assembly is followed into.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iced_x86 import Decoder, FlowControl, Instruction, InstructionInfoFactory, Mnemonic

from orobuild.lint.program.machine import Machine, Snapshot
from orobuild.lint.program.values import Compiled, Constant, Value, split
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.program.assembly_code import AssemblyCode
    from orobuild.lint.program.program import Program

MAX_STATES: Final = 8192  # of one exploration
WIDEN_AFTER: Final = 12  # states at one address: then what differs is forgotten
MAX_VISITS: Final = 128
MAX_BLOCK: Final = 4096  # instructions

_IRET: Final = frozenset((Mnemonic.IRET, Mnemonic.IRETD, Mnemonic.IRETQ))
_SYSRET: Final = frozenset((Mnemonic.SYSRET, Mnemonic.SYSRETQ, Mnemonic.SYSEXIT, Mnemonic.SYSEXITQ))
_STRAIGHT: Final = frozenset((FlowControl.NEXT, FlowControl.INTERRUPT))


class Kind(enum.Enum):
    """How a way leaves assembly."""

    CALL = "call"  # of compiled code; the way goes on
    JUMP = "jump"  # to compiled code
    RETURN = "ret"
    IRET = "iret"
    SYSRET = "sysret"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Event:
    """A way leaves assembly at the instruction at `address`, for `target` (None if not known).

    `state` is the machine before a jump or return, and behind the push of a call.
    """

    kind: Kind
    address: int
    target: int | None
    state: Snapshot


@dataclass(frozen=True, slots=True)
class Place:
    """A machine about to run the instruction at a virtual address."""

    address: int
    state: Snapshot


class Paths:
    """Explores ways; keeps what each block does, since all stubs share their common code."""

    def __init__(self, program: Program, assembly: AssemblyCode) -> None:
        self._program = program
        self._assembly = assembly
        self._blocks: dict[int, tuple[Instruction, ...]] = {}
        self._outcomes: dict[Place, tuple[Event | Place, ...]] = {}
        self._explored: dict[Place, tuple[Event, ...]] = {}
        self._factory = InstructionInfoFactory()

    def events(self, start: Place) -> tuple[Event, ...]:
        """How the ways from `start` leave assembly, each that differs once."""
        known = self._explored.get(start)
        if known is not None:
            return known
        found: dict[Event, None] = {}
        pending, seen = [start], {start}
        visits: dict[int, int] = {}
        while pending and len(seen) < MAX_STATES:
            place = pending.pop()
            for outcome in self.outcomes(place):
                if isinstance(outcome, Event):
                    found[outcome] = None
                    continue
                visits[outcome.address] = count = visits.get(outcome.address, 0) + 1
                if count > MAX_VISITS:
                    continue  # a stack that a loop lets grow
                then = _widened(outcome) if count > WIDEN_AFTER else outcome
                if then not in seen:
                    seen.add(then)
                    pending.append(then)
        result = self._explored[start] = tuple(found)
        return result

    def outcomes(self, place: Place) -> tuple[Event | Place, ...]:
        """What the straight line at a place leads to."""
        known = self._outcomes.get(place)
        if known is None:
            known = self._outcomes[place] = tuple(self._run(place))
        return known

    def block(self, address: int) -> tuple[Instruction, ...]:
        """The instructions from `address` up to and with the first that may go elsewhere."""
        block = self._blocks.get(address)
        if block is None:
            block = self._blocks[address] = tuple(self._decode(address))
        return block

    def _decode(self, address: int) -> Iterator[Instruction]:
        region = self._program.region_at(address)
        if region is None or region.width != self._program.default_width:
            return
        decoder = Decoder(region.width, region.data, ip=address)
        decoder.position = address - region.start
        for count, instruction in enumerate(decoder):
            if instruction.is_invalid or count >= MAX_BLOCK:
                return
            yield instruction
            if instruction.flow_control not in _STRAIGHT:
                return

    def _run(self, place: Place) -> Iterator[Event | Place]:
        machine = Machine(self._program.default_width // 8, place.state)
        block = self.block(place.address)
        for instruction in block:
            flow, mnemonic = instruction.flow_control, instruction.mnemonic
            if flow in _STRAIGHT:
                machine.step(instruction, self._factory)
            elif mnemonic in _IRET:
                yield Event(Kind.IRET, instruction.ip, None, machine.snapshot())
            elif mnemonic in _SYSRET:
                yield Event(Kind.SYSRET, instruction.ip, None, machine.snapshot())
            elif flow == FlowControl.RETURN:
                yield from self._return(machine, instruction)
            elif flow in (FlowControl.CALL, FlowControl.INDIRECT_CALL):
                yield from self._call(machine, instruction)
            elif flow in (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH):
                yield from self._branch(machine, instruction)
            else:
                yield Event(Kind.LOST, instruction.ip, None, machine.snapshot())
        if not block or block[-1].flow_control in _STRAIGHT:
            at = block[-1].ip if block else place.address
            yield Event(Kind.LOST, at, None, machine.snapshot())

    def _target(self, instruction: Instruction) -> int | None:
        target = int(instruction.near_branch_target) & self._program.address_mask
        return target if target and self._program.region_at(target) is not None else None

    def _is_compiled(self, target: int, branch: Instruction) -> bool:
        by_call = branch.flow_control == FlowControl.CALL
        return self._assembly.is_compiled(target, branch=branch.ip, by_call=by_call)

    def _return(self, machine: Machine, instruction: Instruction) -> Iterator[Event | Place]:
        before = machine.snapshot()
        back = machine.pop()
        if isinstance(back, Constant) and self._assembly.contains(back.number):
            yield Place(back.number, machine.snapshot())
        else:
            yield Event(Kind.RETURN, instruction.ip, None, before)

    def _call(self, machine: Machine, instruction: Instruction) -> Iterator[Event | Place]:
        target = None
        if instruction.flow_control == FlowControl.CALL:
            target = self._target(instruction)
            if target is None:
                return  # SEG001's and SEG014's to say
        machine.push(Constant(instruction.next_ip))
        inside = machine.snapshot()
        if target is not None and not self._is_compiled(target, instruction):
            yield Place(target, inside)
            return
        yield Event(Kind.CALL, instruction.ip, target, inside)
        if not self._assembly.contains(instruction.next_ip):
            return  # it does not come back
        machine.pop()
        machine.called(instruction.ip)
        yield Place(instruction.next_ip, machine.snapshot())

    def _branch(self, machine: Machine, instruction: Instruction) -> Iterator[Event | Place]:
        if instruction.flow_control != FlowControl.CONDITIONAL_BRANCH:
            yield from self._take(machine, instruction, machine.ring)
            return
        machine.checked |= machine.compared
        taken = passed = machine.ring
        zero = machine.ring_if_zero
        if zero is not None and instruction.mnemonic in (Mnemonic.JE, Mnemonic.JNE):
            taken, passed = (zero, 3 - zero)
            if instruction.mnemonic == Mnemonic.JNE:
                taken, passed = passed, taken
        # Where the same word was tested before, one of the two ways cannot be.
        if machine.ring is None or machine.ring == taken:
            yield from self._take(machine, instruction, taken)
        if machine.ring is None or machine.ring == passed:
            yield Place(instruction.next_ip, _with_ring(machine.snapshot(), passed))

    def _take(
        self, machine: Machine, instruction: Instruction, ring: int | None
    ) -> Iterator[Event | Place]:
        target = self._target(instruction)
        if target is None:
            return
        state = _with_ring(machine.snapshot(), ring)
        if self._is_compiled(target, instruction):
            yield Event(Kind.JUMP, instruction.ip, target, state)
        else:
            yield Place(target, state)


def _with_ring(state: Snapshot, ring: int | None) -> Snapshot:
    return (
        state if state.flags.ring == ring else replace(state, flags=replace(state.flags, ring=ring))
    )


def _widened(place: Place) -> Place:
    """Without what a loop may count: numbers and pointers in general registers, but for `rsp`."""
    state = place.state
    registers = frozenset(
        (name, value) for name, value in state.registers if name == "rsp" or not _counts(value)
    )
    memory = frozenset((where, None if _counts(v) else v) for where, v in state.memory)
    flags = replace(state.flags, compared=frozenset())
    return Place(place.address, Snapshot(registers, memory, flags))


def _counts(value: Value) -> bool:
    return isinstance(value, Constant | Compiled) or bool(split(value)[1])
