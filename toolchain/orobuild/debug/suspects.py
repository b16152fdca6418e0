"""Which rules of the linter find the kind of defect that a crash looks like, and why.

A guess from evidence, said as such: a rule is named when something in the image or the registers
points to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.debug.exceptions import FAULT_FETCH, FAULT_WRITE, PAGE_FAULT
from orobuild.debug.references import references

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orobuild.debug.exceptions import ProcessorException
    from orobuild.debug.location import Location
    from orobuild.debug.page_tables import Entry
    from orobuild.lint.program import Program

_INVALID_OPCODE, _NOT_AVAILABLE, _DOUBLE_FAULT, _GENERAL_PROTECTION = 6, 7, 8, 13
_DIRECTION: Final = 1 << 10  # RFLAGS.DF
_UPPER: Final = 1 << 63
_VECTOR_REGISTERS: Final = ("mm", "st")
_RETURNS: Final = ("iret", "sysret")
_STRINGS: Final = ("movs", "stos", "lods", "scas", "cmps")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A rule (by code) and the sentence why it may be the one."""

    rule: str
    why: str


def suspects(
    program: Program,
    exception: ProcessorException | None,
    registers: Mapping[str, int],
    at: Location | None,
    accessed: Location | None,
    levels: Sequence[Entry],
) -> tuple[Suspect, ...]:
    """The likely rules, the likeliest first."""
    if exception is None:
        return ()
    found: list[Suspect] = []
    if exception.vector == PAGE_FAULT and accessed is not None:
        found += _page_fault(program, exception, accessed, levels)
    if at is not None and at.instruction is not None:
        found += _instruction(exception, registers, at.instruction.text)
    return tuple(found)


def _page_fault(
    program: Program, exception: ProcessorException, accessed: Location, levels: Sequence[Entry]
) -> Iterator[Suspect]:
    segment = accessed.segment
    assert segment is not None
    place = program.place(accessed.address)
    if exception.has(FAULT_FETCH) and not segment.is_executable:
        symbol = accessed.symbol
        starts = [accessed.address] if symbol is None else [symbol.address, accessed.address]
        named = [row for rows in references(program, starts).values() for row in rows]
        for row in named:
            if row.kind in ("jump", "conditional jump", "call"):
                yield Suspect("SEG001", f"the {row.kind} at {program.place(row.source)} goes there")
                return
        if any(row.kind == "pointer" for row in named):
            pointer = next(row for row in named if row.kind == "pointer")
            yield Suspect("SEG015", f"the table at {program.place(pointer.source)} names it")
            return
        yield Suspect("SEG017", f"{place} is in no executable segment")
    elif exception.has(FAULT_WRITE) and not segment.is_writable:
        yield Suspect("SEG007", f"{place} is written, and its segment is read-only")
    elif levels and (
        (exception.has(FAULT_FETCH) and any(level.no_execute for level in levels))
        or (exception.has(FAULT_WRITE) and not all(level.write for level in levels))
    ):
        yield Suspect("SEG008", f"{place} has other permissions in the image than in its page")


def _instruction(
    exception: ProcessorException, registers: Mapping[str, int], text: str
) -> Iterator[Suspect]:
    mnemonic = text.split()[0] if text else ""
    words = text.split()
    if exception.vector in (_INVALID_OPCODE, _NOT_AVAILABLE) and any(
        f"%{kind}" in text or f"%{prefix}mm" in text
        for kind in _VECTOR_REGISTERS
        for prefix in "xyz"
    ):
        yield Suspect("FLG002", f"'{text}' uses vector registers")
    if mnemonic.startswith(_RETURNS) and exception.vector != PAGE_FAULT:
        yield Suspect("IDT006", f"'{mnemonic}' met a frame that is not what it needs")
        yield Suspect("IDT002", "an error code that is missing or double shifts the frame")
    gs_base = registers.get("gs_base")
    if "%gs:" in text and gs_base is not None and not gs_base & _UPPER:
        yield Suspect("IDT005", f"'{text}' uses a gs base that is not the kernel's, {gs_base:#x}")
    if registers.get("rflags", 0) & _DIRECTION and any(
        word.startswith(_STRINGS) for word in words[:2]
    ):
        yield Suspect("IDT004", f"'{text}' ran with the direction flag set")
