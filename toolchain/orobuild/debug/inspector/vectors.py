"""`oro isr` and `oro idt`: where interrupts go, and whether the processor may execute that.

Intel SDM Vol. 3A §6.10 to §6.14 (gates of 8 bytes in 32-bit mode, of 16 in 64-bit mode).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from orobuild.debug.exceptions import NAMES
from orobuild.debug.inspector.paging import is_executable
from orobuild.debug.inspector.target import EFER_LMA
from orobuild.debug.translation import CR0_PG
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.debug.inspector.view import View
    from orobuild.lint.program import Program

_VECTORS: Final = 256
_TYPES: Final = {
    0x5: "task", 0x6: "interrupt 16", 0x7: "trap 16", 0xE: "interrupt", 0xF: "trap",
}  # fmt: skip
_STUB: Final = 64  # bytes of a stub that are looked at
_JUMPS: Final = 4
_ALIKE: Final = 4  # so many rows in a row become one


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate: `handler` is its offset, `kind` its type in words, `raw` its bytes."""

    vector: int
    present: bool
    handler: int
    selector: int
    ist: int
    dpl: int
    kind: str
    raw: bytes


def gates(view: View) -> tuple[Gate, ...]:
    """The gates of the selected processor's table. Raises `UsageError` where it has none."""
    processor = view.target.processor
    if not processor.registers.get("cr0", 0) & 1:
        raise UsageError(
            "the processor is in real mode: it has no descriptor table for interrupts yet"
        )
    base, limit = processor.tables["idt"]
    size = 16 if processor.registers.get("efer", 0) & EFER_LMA else 8
    count = min((limit + 1) // size, _VECTORS)
    data = view.target.memory(base, count * size)
    if len(data) < size:
        raise UsageError(f"the interrupt descriptor table at {base:#x} cannot be read")
    return tuple(
        _gate(at // size, data[at : at + size]) for at in range(0, len(data) // size * size, size)
    )


def _gate(vector: int, raw: bytes) -> Gate:
    value = int.from_bytes(raw, "little")
    handler = value & 0xFFFF | value >> 32 & 0xFFFF0000
    ist = 0
    if len(raw) == 16:
        handler |= (value >> 64 & 0xFFFFFFFF) << 32
        ist = value >> 32 & 7
    kind = value >> 40 & 0x1F
    return Gate(
        vector=vector,
        present=bool(value >> 47 & 1),
        handler=handler,
        selector=value >> 16 & 0xFFFF,
        ist=ist,
        dpl=value >> 45 & 3,
        kind=_TYPES.get(kind, f"no gate ({kind:#x})"),
        raw=raw,
    )


def isr(view: View, words: Sequence[str]) -> str:
    """Every handler with its permissions; runs of vectors that are alike are one row."""
    everything = "-a" in words
    chosen = _chosen([word for word in words if word != "-a"], "oro isr [-a] [VECTOR]")
    found = gates(view)
    present = [gate for gate in found if gate.present]
    lines = [_summary(view, found, present)]
    shown = [gate for gate in present if chosen is None or gate.vector == chosen]
    if chosen is not None and not shown:
        raise UsageError(f"vector {chosen} has no gate")
    rows = [_row(view, gate) for gate in shown]
    titles = ("vector", "", "gate", "DPL", "IST", "handler", "", "page", "section")
    rows_shown = [row for _, row in rows] if everything else list(_together(rows))
    lines += view.columns(titles, rows_shown)
    return "".join(f"{line}\n" for line in lines)


def _chosen(words: Sequence[str], usage: str) -> int | None:
    if not words:
        return None
    if len(words) > 1 or not re.fullmatch(r"0x[0-9a-fA-F]{1,2}|\d{1,3}", words[0]):
        raise UsageError(f"usage: {usage}, a number up to 255")
    number = int(words[0], 0)
    if number >= _VECTORS:
        raise UsageError(f"vector {number} is more than 255")
    return number


def _summary(view: View, found: Sequence[Gate], present: Sequence[Gate]) -> str:
    processor = view.target.processor
    base, limit = processor.tables["idt"]
    bad = [gate for gate in present if not _right(view, gate)]
    head = (
        f"IDT at {view.place(base)}, limit {limit:#x}: {len(present)} of {len(found)} gates present"
    )
    if not present:
        return head
    if bad:
        who = ", ".join(str(gate.vector) for gate in bad[:8]) + (" ..." if len(bad) > 8 else "")
        return f"{head}; {view.bad(f'{len(bad)} cannot be executed')}: {who}"
    return f"{head}; {view.good('every handler can be executed')}"


def _right(view: View, gate: Gate) -> bool:
    _, page, section = _rights(view, gate)
    return not page.startswith("!") and not section.startswith("!")


def path(view: View, handler: int) -> Iterator[int]:
    """The handler, and where it jumps without asking: stubs lead to code that many share."""
    from orobuild import iced

    here = handler
    for _ in range(_JUMPS):
        yield here
        decoder = iced.Decoder(64, view.target.memory(here, _STUB), ip=here)
        target = None
        for instruction in decoder:
            if instruction.flow_control == iced.FlowControl.UNCONDITIONAL_BRANCH:
                target = instruction.near_branch_target
            if instruction.flow_control != iced.FlowControl.NEXT:
                break
        if target is None:
            return
        here = target


def _rights(view: View, gate: Gate) -> tuple[str, str, str]:
    """The handler's name, what its page is, what its section is; a `!` where that is wrong."""
    name = view.name(gate.handler)
    if not view.target.processor.control.cr0 & CR0_PG:
        page = "no paging"
    else:
        page = "x"
        for step in path(view, gate.handler):
            executable = is_executable(view, step)
            if not executable:
                what = "unmapped" if executable is None else "NX"
                where = view.name(step) or f"{step:#x}"
                page = f"!{what}" if step == gate.handler else f"!{what}: {where}"
                break
    section = ""
    if view.program is not None:
        for step in path(view, gate.handler):
            section = _section(view.program, step)
            if section.startswith("!"):
                break
        else:
            section = _section(view.program, gate.handler)
    return name, page, section


def _section(program: Program, address: int) -> str:
    """The section that the file has there, and its segment's flags."""
    segment, header = program.segment_at(address), program.section_at(address)
    if segment is None:
        return "outside the image"
    flags = segment.flags.replace(" ", "")
    named = f"{header.name} {flags}" if header else flags
    return named if segment.is_executable else f"!{named}"


def _row(view: View, gate: Gate) -> tuple[int, tuple[str, ...]]:
    name, page, section = _rights(view, gate)
    kind = gate.kind if gate.kind in ("interrupt", "trap") else f"!{gate.kind}"
    exception = NAMES.get(gate.vector, ("", ""))[0]
    return gate.vector, (
        str(gate.vector), exception, kind, str(gate.dpl), str(gate.ist or "-"),
        f"{gate.handler:#x}", name, page, section,
    )  # fmt: skip


def _together(rows: Sequence[tuple[int, tuple[str, ...]]]) -> Iterator[tuple[str, ...]]:
    """The rows, with those of interrupts that differ in nothing but their number as one."""

    def likeness(item: tuple[int, tuple[str, ...]]) -> tuple[object, ...]:
        vector, row = item
        number = vector if row[1] else -1  # an exception is like nothing else
        spelt = f"{vector}|{vector:02x}|{vector:#x}"
        pattern = re.sub(rf"(?<!\d)0*(?:{spelt})(?![\da-f])", "*", row[6])
        return number, *row[2:5], pattern, *row[7:]

    for _, alike in groupby(rows, key=likeness):
        group = list(alike)
        if len(group) < _ALIKE:
            yield from (row for _, row in group)
            continue
        first, last = group[0][1], group[-1][1]
        pattern = str(likeness(group[0])[4])
        yield (f"{first[0]}-{last[0]}", "", *first[2:5], first[5], pattern, *first[7:])


def idt(view: View, words: Sequence[str]) -> str:
    """The gates as the processor reads them."""
    chosen = _chosen(words, "oro idt [VECTOR]")
    base, limit = view.target.processor.tables["idt"] if view.target.processor else (0, 0)
    found = gates(view)
    if chosen is not None and chosen >= len(found):
        raise UsageError(f"the table ends before vector {chosen}: its limit is {limit:#x}")
    rows = [
        (
            str(gate.vector), gate.raw.hex(), "P" if gate.present else "-", gate.kind, str(gate.dpl),
            str(gate.ist), f"{gate.selector:#x}", f"{gate.handler:#x}", view.name(gate.handler),
        )
        for gate in found
        if gate.vector == chosen or (chosen is None and any(gate.raw))
    ]  # fmt: skip
    titles = ("vector", "bytes", "P", "gate", "DPL", "IST", "selector", "offset", "")
    lines = [f"base {view.place(base)}, limit {limit:#x}", *view.columns(titles, rows)]
    return "".join(f"{line}\n" for line in lines)
