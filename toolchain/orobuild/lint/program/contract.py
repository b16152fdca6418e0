"""The interrupt contract of an image: every way in and out of its kernel, explored once.

Ways in are the stubs of the vector tables and the entries of `syscall`; ways out begin in assembly
that compiled code calls with a frame. Both end in events (`paths`), which the rules judge.
"""

from __future__ import annotations

import fnmatch
import functools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from iced_x86 import Mnemonic

from orobuild.lint.program.assembly_code import GUESSED, AssemblyCode
from orobuild.lint.program.machine import NAMES, Flags, Snapshot
from orobuild.lint.program.paths import Event, Kind, Paths, Place
from orobuild.lint.program.returns import Returns
from orobuild.lint.program.stubs import ERROR_CODE_VECTORS, OPTIONAL_ERROR_CODE_VECTORS, stubs
from orobuild.lint.program.values import (
    ERROR_CODE,
    GS,
    STACK,
    VECTOR,
    Address,
    Constant,
    Loaded,
    Original,
    Value,
    split,
)
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.lint.program.program import Program
    from orobuild.lint.program.structures import Structure

MSR_LSTAR: Final = 0xC0000082
HARDWARE: Final = ("ss", "rsp", "rflags", "cs", "rip")  # Intel SDM Vol. 3A §6.14.2, top first
# The processor feature that gives each of these vectors an error code.
FEATURE_OF_VECTOR: Final = {21: "cet", 29: "sev-es", 30: "svm"}
_RETURN: Final = Original("the return address")
_ALIGNED: Final = "the stack aligned at"


@dataclass(frozen=True, slots=True)
class Handler:
    """A vector's stub and how the ways from it leave assembly."""

    table: str
    vector: int
    address: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Routine:
    """Assembly that something other than a vector enters, and how its ways end.

    `is_syscall` tells that `syscall` enters it, else compiled code calls it (`is_called`) or it
    is not known who comes.
    """

    address: int
    events: tuple[Event, ...]
    is_syscall: bool
    is_called: bool


class Contract:
    """The ways in and out of a kernel image."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.word = program.default_width // 8

    @cached_property
    def assembly(self) -> AssemblyCode:
        """Which code is assembly."""
        return AssemblyCode(self._program)

    @cached_property
    def paths(self) -> Paths:
        """The explorer of ways."""
        return Paths(self._program, self.assembly)

    # The structure that joins both halves

    @cached_property
    def structure(self) -> Structure | None:
        """The C structure that `frame-struct` names, None if there is none."""
        return self._program.structures.get(self._program.config.frame_struct)

    @cached_property
    def members(self) -> dict[int, str]:
        """By offset in bytes, what the frame's structure has there, as `Original` calls it."""
        if self.structure is None:
            return {}
        return {offset: MEMBERS[name] for name, offset in self.structure.members if name in MEMBERS}

    @cached_property
    def layout(self) -> dict[int, str]:
        """`members`; without that structure, what the entries hand over to their first function."""
        if self.members:
            return self.members
        for event in self.events_by_handlers(Kind.CALL, Kind.JUMP):
            registers = dict(event.state.registers)
            for name in ("rdi", "rsp"):
                base, offset = split(registers.get(name))
                words = {
                    at - offset: value.name
                    for (b, at), value in event.state.memory
                    if b == base and at >= offset and isinstance(value, Original)
                }
                if base is not None and "rip" in words.values() and len(words) >= 8:
                    return words
        return {}

    # Ways in

    @cached_property
    def handlers(self) -> tuple[Handler, ...]:
        """Every vector of every table whose stub is assembly."""
        found = []
        for table in self._program.vector_tables:
            if table.is_early:
                continue  # no program runs yet: nothing to swap, to give back or to hide
            pushes = {s.vector: s.pushed for s in stubs(self._program, table)}
            for vector, _, pointer in table.entries:
                start = self._program.executable(pointer)
                if start is None or not self.assembly.contains(start):
                    continue
                code = self.pushes_error_code(vector, pushes.get(vector))
                place = Place(start, interrupted(self.word, error_code=code))
                events = self._from_stub(place, vector)
                found.append(Handler(table.name, vector, start, events))
        return tuple(found)

    def _from_stub(self, start: Place, vector: int) -> tuple[Event, ...]:
        """The events of a stub, whose number is called `vector` where it leaves for common code.

        So stubs whose ways differ in nothing else share them.
        """
        numbers = {Constant(vector), Constant((vector - 256) & (1 << 8 * self.word) - 1)}
        found: dict[Event, None] = {}
        for outcome in self.paths.outcomes(start):
            if isinstance(outcome, Event):
                found[outcome] = None
                continue
            top = dict(outcome.state.registers).get("rsp")
            memory = frozenset(
                (where, VECTOR if value in numbers and (vector or where == split(top)) else value)
                for where, value in outcome.state.memory
            )
            then = Place(outcome.address, replace(outcome.state, memory=memory))
            found.update(dict.fromkeys(self.paths.events(then)))
        return tuple(found)

    def pushes_error_code(self, vector: int, pushed: int | None) -> bool:
        """Whether the processor pushes an error code for a vector.

        For 21, 29 and 30 it depends on the processor: `cpu-features` says so, else what the stub
        itself takes for granted by the bytes that it pushes.
        """
        if vector not in OPTIONAL_ERROR_CODE_VECTORS:
            return vector in ERROR_CODE_VECTORS
        features = self._program.config.cpu_features
        if features:
            return FEATURE_OF_VECTOR[vector] in features
        return pushed is None or pushed < 2 * self.word

    @cached_property
    def syscall_entries(self) -> tuple[int, ...]:
        """Where `syscall` arrives: what is written to LSTAR, and what the configuration names."""
        found: dict[int, None] = {}
        program = self._program
        for symbol in program.symbols if program.config.syscall_entries else ():
            if any(fnmatch.fnmatchcase(symbol.name, p) for p in program.config.syscall_entries):
                found[symbol.address] = None
        for _, msr, low, high in program.notable.msr_writes:
            if msr == MSR_LSTAR and low is not None:
                address = low if high is None else low & 0xFFFFFFFF | (high & 0xFFFFFFFF) << 32
                if program.region_at(address) is not None and self.assembly.contains(address):
                    found[address] = None
        return tuple(found)

    # Ways out

    @cached_property
    def routines(self) -> tuple[Routine, ...]:
        """The entries of system calls, and the assembly functions that are no vector's."""
        result: list[Routine] = []
        if not self._program.is_kernel and not self._program.vector_tables:
            return ()
        for address in self.syscall_entries:
            events = self.paths.events(Place(address, by_syscall()))
            result.append(Routine(address, events, is_syscall=True, is_called=False))
        known = {*self.syscall_entries, *(h.address for h in self.handlers)}
        for address in sorted(self._functions() - known):
            called = address in self._called_by_compiled_code
            events = self.paths.events(Place(address, by_call(self.word, known=called)))
            result.append(Routine(address, events, is_syscall=False, is_called=called))
        return tuple(result)

    def _functions(self) -> set[int]:
        program = self._program
        if self.assembly.knowledge != GUESSED:
            return {
                address
                for address, _ in program.functions
                if self.assembly.contains(address)
                and (region := program.region_at(address)) is not None
                and region.width == program.default_width
            }
        leaving = program.notable.of(*LEAVING)
        symbols = (program.symbols.at(site) for site in leaving)
        inside = {s.address for s in symbols if s is not None}
        return {a for a in inside if a in self._called_by_compiled_code}

    @cached_property
    def _called_by_compiled_code(self) -> frozenset[int]:
        """The assembly that a direct branch from compiled code enters."""
        found = set()
        for target, callers in self._program.notable.callers.items():
            if not self.assembly.contains(target):
                continue
            for caller in callers:
                if self.assembly.knowledge == GUESSED:
                    symbol = self._program.symbols.at(caller)
                    compiled = symbol is not None and symbol.is_function
                else:
                    compiled = not self.assembly.contains(caller)
                if compiled:
                    found.add(target)
                    break
        return frozenset(found)

    @cached_property
    def returns(self) -> Returns:
        """The ways out of the kernel."""
        return Returns(self)

    @cached_property
    def resume_rings(self) -> dict[int, int]:
        """By address, the ring that a routine of `resume-functions` always goes to."""
        rings = {"user": 3, "kernel": 0}
        return {
            symbol.address: rings[item.ring]
            for symbol in self._program.symbols
            for item in self._program.config.resume_functions
            if item.ring in rings and fnmatch.fnmatchcase(symbol.name, item.pattern)
        }

    # What a stack pointer's last bits are

    def alignment(self, value: Value) -> int | None:
        """A value modulo 16, None if it is not known."""
        base, offset = split(value)
        if isinstance(base, Constant):
            return (base.number + offset) % 16
        if base == STACK or (isinstance(base, Original) and base.name.startswith(_ALIGNED)):
            return offset % 16
        known = self._declared.get(base)
        return None if known is None else (known + offset) % 16

    @cached_property
    def _declared(self) -> dict[Value, int]:
        """What `stack-pointers` says of words that GS.base reaches."""
        result: dict[Value, int] = {}
        for item in self._program.config.stack_pointers:
            tag, _, member = item.member.partition(".")
            structure = self._program.structures.get(tag)
            offsets = dict(structure.members) if structure else {}
            if member in offsets:
                result[Loaded(GS, offsets[member])] = item.modulo
        return result

    def events_by_handlers(self, *kinds: Kind) -> dict[Event, list[Handler]]:
        """The events of these kinds that interrupts lead to, each with those that it concerns."""
        result: dict[Event, list[Handler]] = {}
        for handler in self.handlers:
            for event in handler.events:
                if event.kind in kinds:
                    result.setdefault(event, []).append(handler)
        return result


def vectors(handlers: Sequence[Handler]) -> tuple[str, tuple[str, str]]:
    """Handlers in words, `vector 3 and 20 more vectors`, and as a fact that lists them."""
    numbers = sorted({h.vector for h in handlers})
    more = f" and {len(numbers) - 1} more vectors" if numbers[1:] else ""
    return f"vector {numbers[0]}{more}", ("vectors", ", ".join(map(str, numbers)))


LEAVING: Final = tuple(
    getattr(Mnemonic, name)
    for name in ("IRET", "IRETD", "IRETQ", "SYSRET", "SYSRETQ", "SYSEXIT", "SYSEXITQ")
)
_REGISTERS: Final = tuple(n for n in NAMES.values() if n not in ("rsp", "ds", "es", "fs", "gs"))
_NARROW: Final = {"e" + n[1:]: n for n in _REGISTERS if not n[1].isdigit()}
MEMBERS: Final = {  # what kernels call the members of their frames
    **dict.fromkeys(("rflags", "eflags", "flags"), "rflags"),
    **dict.fromkeys(("error_code", "errcode", "error", "err", "errno"), "error_code"),
    **dict.fromkeys(("vector", "interrupt", "int_no", "trapno", "int_num", "vec"), "vector"),
    **dict.fromkeys(("eip", "rip", "ip"), "rip"),
    **dict.fromkeys(("rsp", "esp", "sp", "useresp", "user_esp", "userrsp"), "rsp"),
    **{name: name for name in ("cs", "ss", *_REGISTERS)},
    **_NARROW,
}


@functools.cache  # 256 stubs begin with one of two machines
def interrupted(word: int, *, error_code: bool) -> Snapshot:
    """The machine at the first instruction of a stub.

    In 64-bit mode the processor aligns the stack to 16 bytes before it pushes (Intel SDM Vol. 3A
    §6.14.2). In 32-bit mode the frame is that of an interrupt from ring 3.
    """
    pushed: list[Value] = [Original(name) for name in HARDWARE]
    if error_code:
        pushed.append(ERROR_CODE)
    registers: dict[str, Value] = {n: Original(n) for n in NAMES.values()}
    registers["rsp"] = Address(STACK, -word * len(pushed))
    memory: dict[tuple[Value, int], Value] = {
        (STACK, -word * (i + 1)): value for i, value in enumerate(pushed)
    }
    flags = Flags(interrupts=False)
    return Snapshot(frozenset(registers.items()), frozenset(memory.items()), flags)


def by_syscall() -> Snapshot:
    """The machine where `syscall` arrives: DF and IF as SFMASK should leave them, both clear."""
    registers = frozenset((n, Original(n)) for n in NAMES.values())
    return Snapshot(registers, frozenset(), Flags(False, interrupts=False, ring=3))


def by_call(word: int, *, known: bool) -> Snapshot:
    """The machine at a routine's first instruction; `known` if compiled code has called it."""
    registers: dict[str, Value] = {n: Original(n) for n in NAMES.values()}
    memory: dict[tuple[Value, int], Value] = {}
    registers.pop("rsp")
    if known:
        registers["rsp"] = Address(STACK, -word)
        memory[STACK, -word] = _RETURN
    flags = Flags(direction=False)
    return Snapshot(frozenset(registers.items()), frozenset(memory.items()), flags)
