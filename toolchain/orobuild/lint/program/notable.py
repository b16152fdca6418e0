"""Where a kernel's code has instructions that only kernels have, found in one pass over it."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from iced_x86 import (
    Decoder,
    FlowControl,
    Instruction,
    InstructionInfoFactory,
    Mnemonic,
    OpKind,
    Register,
)

from orobuild.lint.program.machine import Machine
from orobuild.lint.program.values import STACK, Address, Constant, Original, Value, source

if TYPE_CHECKING:
    from orobuild.lint.program.program import Program

_WANTED: Final = frozenset(
    getattr(Mnemonic, name)
    for name in (
        *("IRET", "IRETD", "IRETQ", "SYSRET", "SYSRETQ", "SYSEXIT", "SYSEXITQ"),
        *("LIDT", "LGDT", "LTR", "WRMSR", "STI", "STAC", "STD", "OUT", "SWAPGS"),
    )
)
_MOV: Final = Mnemonic.MOV
_NO_REGISTER: Final = frozenset((Register.NONE,))
# Intel SDM Vol. 3A table 10-1: spurious vector; timer, LINT0, LINT1 and error.
APIC_OFFSETS: Final = frozenset((0xF0, 0x320, 0x350, 0x360, 0x370))
_LOW: Final = 0xFFFFFFFF
_BRANCHES: Final = frozenset((FlowControl.CALL, FlowControl.UNCONDITIONAL_BRANCH))
MAX_LINE: Final = 256  # instructions looked at before a site


class NotableInstructions:
    """The sites of privileged instructions, and what is known of the machine before each."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.sites: dict[Any, list[int]] = {}
        self.register_stores: list[int] = []  # of 32 bits, where a local APIC's register may be
        self.callers: dict[int, set[int]] = {}  # target -> direct calls and jumps to it
        if program.is_kernel:
            self._collect()
        starts: dict[int, set[int]] = {}
        for index, offset, _, _ in program.flow.runs if program.is_kernel else ():
            region = program.flow.regions[index]
            starts.setdefault(region.width, set()).add(region.start + offset)
        self._starts = {width: sorted(addresses) for width, addresses in starts.items()}
        self._factory = InstructionInfoFactory()

    def _collect(self) -> None:
        for _, decoder in self._program.flow.instructions():
            for instruction in decoder:
                kind = instruction.flow_control
                if kind in _BRANCHES:
                    target = int(instruction.near_branch_target)
                    self.callers.setdefault(target, set()).add(instruction.ip)
                    continue
                mnemonic = instruction.mnemonic
                if mnemonic == _MOV:
                    if _may_be_register(instruction):
                        self.register_stores.append(instruction.ip)
                elif mnemonic in _WANTED:
                    self.sites.setdefault(mnemonic, []).append(instruction.ip)

    def of(self, *mnemonics: Any) -> list[int]:
        """The virtual addresses of these instructions, ascending."""
        return sorted({address for m in mnemonics for address in self.sites.get(m, ())})

    def line(self, address: int) -> list[Instruction]:
        """The instructions that surely run before the one at `address`, and it, in order.

        From the last place that a branch goes to; what lies behind a call counts as run after it.
        """
        region = self._program.region_at(address)
        if region is None:
            return []
        starts = self._starts.get(region.width, [])
        index = bisect_right(starts, address) - 1
        start = max(starts[index] if index >= 0 else address, region.start)
        decoder = Decoder(region.width, region.data, ip=start)
        decoder.position = start - region.start
        result: list[Instruction] = []
        for instruction in decoder:
            result.append(instruction)
            if instruction.ip >= address:
                break
        return result[-MAX_LINE:] if result and result[-1].ip == address else []

    @cached_property
    def msr_writes(self) -> tuple[tuple[int, int, int | None, int | None], ...]:
        """(virtual address, MSR, low and high half if known) of each `wrmsr` whose MSR is known.

        Where a small function writes the MSR that it is told, the address is that of its call.
        """
        found = []
        for site in self.of(Mnemonic.WRMSR):
            machine, _ = self.machine_at(site)
            msr = machine.registers.get("rcx")
            if isinstance(msr, Constant):
                low, high = (_half(machine.registers.get(n)) for n in ("rax", "rdx"))
                found.append((site, msr.number & 0xFFFFFFFF, low, high))
                continue
            if source(msr) != Original("rdi"):
                continue
            for call in sorted(self.callers.get(self.line(site)[0].ip, ())):
                machine, _ = self.machine_at(call)
                msr, value = machine.registers.get("rdi"), machine.registers.get("rsi")
                if isinstance(msr, Constant):
                    number = value.number if isinstance(value, Constant) else None
                    halves = (None, None) if number is None else (number & _LOW, number >> 32)
                    found.append((call, msr.number & _LOW, *halves))
        return tuple(found)

    def machine_at(self, address: int) -> tuple[Machine, Instruction | None]:
        """What is known right before the instruction at `address`, and the instruction.

        Registers begin unknown where the straight line to it begins, but for the arguments of a
        function that begins there.
        """
        machine = Machine(self._program.default_width // 8)
        line = self.line(address)
        if line and self._program.symbols.is_start(line[0].ip):
            machine.registers.update((n, Original(n)) for n in ("rdi", "rsi", "rdx"))
            machine.registers["rsp"] = Address(STACK, -machine.word)
        for instruction in line[:-1]:
            if instruction.flow_control in (FlowControl.CALL, FlowControl.INDIRECT_CALL):
                machine.called(instruction.ip)
            elif instruction.flow_control in (FlowControl.NEXT, FlowControl.INTERRUPT):
                machine.step(instruction, self._factory)
        return machine, line[-1] if line else None


def _may_be_register(instruction: Instruction) -> bool:
    return (
        bool(instruction.op0_kind == OpKind.MEMORY)
        and instruction.memory_displacement & 0xFFF in APIC_OFFSETS
        and instruction.memory_index in _NO_REGISTER
    )


def _half(value: Value) -> int | None:
    return value.number if isinstance(value, Constant) else None
