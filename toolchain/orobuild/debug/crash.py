"""A panic of a kernel, understood: what happened, where, what denied it, and who is to blame.

Puts the facts of a panic block (`machine.console`) beside the image that printed it. Every fact may be
missing: a log that stops in the middle still says what it can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.debug.denial import Denial, denial, entry_of
from orobuild.debug.exceptions import PAGE_FAULT, ProcessorException, describe
from orobuild.debug.location import Location, locate
from orobuild.debug.suspects import Suspect, suspects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.page_tables import Entry
    from orobuild.elf.places import SourcePlaces
    from orobuild.lint.program import Program
    from orobuild.machine.console import Fact, Panic

REGISTERS: Final = (
    *("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"),
    *(f"r{number}" for number in range(8, 16)),
    *("rip", "rflags", "cs", "ss", "cr0", "cr2", "cr3", "cr4", "efer", "gs_base", "kernel_gs_base"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a backtrace. `symbol` is what the kernel called it, "" if it did not."""

    depth: int
    address: int
    is_return: bool
    location: Location
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class OtherCore:
    """What another core did when the panic stopped it; `location` is None for ring 3."""

    index: int
    apic: int | None
    program: str
    doing: str
    stopped: bool
    location: Location | None
    backtrace: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Crash:
    """A panic beside its image. What the log does not say is None or empty.

    `reason` is the kernel's own sentence; `exception` what the processor reported. `at` is the
    instruction, `accessed` what a page fault was about, `levels` the page-table entries on the way
    there and `denied` the flag among them that forbade it. `agreement` says whether the image
    itself asks for these permissions. `complete` is false if the log stops before the panic's end.
    """

    panic: Panic
    reason: str
    exception: ProcessorException | None
    registers: dict[str, int]
    core: int | None
    program: str
    at: Location | None
    accessed: Location | None
    levels: tuple[Entry, ...]
    denied: Denial | None
    agreement: str
    suspects: tuple[Suspect, ...]
    backtrace: tuple[Frame, ...]
    cores: tuple[OtherCore, ...]
    doubts: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the panic's end was seen."""
        return self.panic.complete


def understand(panic: Panic, program: Program, places: SourcePlaces) -> Crash:
    """The panic, with its addresses looked up in `program`."""
    reading = _Reading(panic, program, places)
    registers = reading.registers()
    exception = reading.exception(registers)
    at = reading.find(registers.get("rip"))
    accessed = None
    levels: tuple[Entry, ...] = ()
    denied = None
    if exception is not None and exception.vector == PAGE_FAULT:
        accessed = reading.find(registers.get("cr2"))
        levels = reading.levels()
        denied = denial(levels, exception.error)
    backtrace = reading.backtrace("backtrace")
    return Crash(
        panic=panic,
        reason=reading.reason(),
        exception=exception,
        registers=registers,
        core=reading.first("core"),
        program=reading.word("program"),
        at=at,
        accessed=accessed,
        levels=levels,
        denied=denied,
        agreement=_agreement(accessed, levels, exception),
        suspects=suspects(program, exception, registers, at, accessed, levels),
        backtrace=backtrace,
        cores=reading.cores(),
        doubts=_doubts(backtrace),
    )


class _Reading:
    """The facts of one panic block, with look-ups of addresses done together."""

    def __init__(self, panic: Panic, program: Program, places: SourcePlaces) -> None:
        self.panic = panic
        self.program = program
        self.places = places

    def first(self, key: str) -> int | None:
        """The number behind the first `key=` of the block."""
        for fact in self.panic.facts:
            if key in fact.values:
                return fact.integer(key)
        return None

    def word(self, key: str) -> str:
        """The text behind the first `key=` of the block, "" without one."""
        return self.panic.values.get(key, "")

    def reason(self) -> str:
        for fact in self.panic.facts:
            text = fact.text("reason") if fact.kind == "reason" else None
            if text and " " in text and "=" not in text:
                return text
        return ""

    def registers(self) -> dict[str, int]:
        found = {name: self.first(name) for name in REGISTERS}
        return {name: value for name, value in found.items() if value is not None}

    def exception(self, registers: dict[str, int]) -> ProcessorException | None:
        vector = self.first("vector")
        if vector is None:
            return None
        return describe(vector, self.first("error") or 0, registers)

    def levels(self) -> tuple[Entry, ...]:
        facts = [fact for fact in self.panic.facts if fact.kind == "walk"]
        found = [entry_of(fact.values["walk"], fact.integer("entry")) for fact in facts]
        return tuple(level for level in found if level is not None)

    def find(self, address: int | None, *, is_return: bool = False) -> Location | None:
        if address is None:
            return None
        where = address - 1 if is_return else address
        found = locate(
            self.program, [where], places=self.places, before=2, after=2, with_references=False
        )[0]
        return found if found.segment is not None else None

    def backtrace(self, kind: str) -> tuple[Frame, ...]:
        facts = [fact for fact in self.panic.facts if fact.kind == kind]
        return self.frames(facts, kind)

    def frames(self, facts: Sequence[Fact], kind: str) -> tuple[Frame, ...]:
        rip = self.first("rip")
        frames = []
        for fact in facts:
            depth, address = fact.integer(kind), fact.integer("address")
            if depth is None or address is None:
                continue
            # The first may be where the processor was; all others are where calls return to.
            is_return = depth > 0 or address != rip
            location = self.find(address, is_return=is_return) or Location(
                address, address, "virtual"
            )
            frames.append(Frame(depth, address, is_return, location, fact.values.get("symbol", "")))
        return tuple(frames)

    def cores(self) -> tuple[OtherCore, ...]:
        cores: list[tuple[Fact, list[Fact]]] = []
        for fact in self.panic.facts:
            if fact.kind == "stopped":
                cores.append((fact, []))
            elif fact.kind == "stopped_backtrace" and cores:
                cores[-1][1].append(fact)
        found = []
        for fact, trace in cores:
            index = fact.integer("index")
            if index is None:
                continue
            user = fact.values.get("doing") == "program"
            found.append(
                OtherCore(
                    index,
                    fact.integer("core_apic"),
                    fact.values.get("program", ""),
                    fact.values.get("doing", ""),
                    fact.values["stopped"] == "yes",
                    None if user else self.find(fact.integer("at")),
                    self.frames(trace, "stopped_backtrace"),
                )
            )
        return tuple(found)


def _agreement(
    accessed: Location | None, levels: Sequence[Entry], exception: ProcessorException | None
) -> str:
    """Whether the image asks for the permissions that the page tables gave."""
    if accessed is None or accessed.segment is None or not levels or exception is None:
        return ""
    if not all(level.present for level in levels):
        return f"the image has {accessed.segment} there, but the page is not mapped"
    mapped = "R" + "W" * all(level.write for level in levels)
    mapped += "X" * (not any(level.no_execute for level in levels))
    flags = accessed.segment.flags.replace(" ", "").replace("E", "X")
    section = accessed.section.name if accessed.section else "the byte"
    if mapped == flags:
        return f"the image asks for that: {section} is in {accessed.segment}"
    return (
        f"the page is mapped {mapped}, but the image asks for {flags}: "
        f"{section} is in {accessed.segment}"
    )


def _doubts(backtrace: Sequence[Frame]) -> tuple[str, ...]:
    """Signs that the image is not the one that printed the log."""
    named = [frame for frame in backtrace if frame.symbol not in ("", "?")]
    wrong = [
        frame
        for frame in named
        if frame.location.symbol is None
        or frame.symbol.partition("+")[0] != frame.location.symbol.name
    ]
    if not wrong:
        return ()
    first = wrong[0]
    said = f"the kernel called {first.address:#x} '{first.symbol}'"
    return (f"{said}, the image calls it '{first.location.name}': the log is of another build",)
