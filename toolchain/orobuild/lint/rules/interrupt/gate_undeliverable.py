"""A gate of the interrupt table cannot be taken, or can be taken by those who must not.

## What it does

Reads the present gates of the interrupt tables that `lidt` loads, those that the file holds and those
that start-up code is seen to fill when it is run on paper: the type must be one of the machine's width; a 64-bit gate's stack index must be 0 to 7; the selector must
name a present code segment of the table that `lgdt` loads (of 64 bits, in a 64-bit kernel), as far as
that is in the file; and a vector for which the processor pushes an error code must not be open to
`int` in ring 3.

## Why is this bad?

A gate of the wrong type or with a wrong selector is a general protection fault in place of the
interrupt, and for the vector 13 itself a double fault. A program that executes `int $14` enters the
handler without an error code on the stack: every word of the frame is another one then.

## Example

```gas
    .word handler_low, 0x10, 0x8e00, handler_middle     # 0x10 is the data segment
```

## Fix

```gas
    .word handler_low, 0x08, 0x8e00, handler_middle
```

## Source

Intel SDM Vol. 3A §6.11, §6.12.1.3 (flag usage, DPL), §6.13, §6.14.1 (type, IST), §3.4.5 (descriptors).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.descriptors import segment_descriptor
from orobuild.lint.program.stubs import ERROR_CODE_VECTORS
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.descriptors import Gate

TASK_GATE, NARROW_GATES = 5, (6, 7)
PRESENT, NOT_SYSTEM, EXECUTABLE = 1 << 47, 1 << 44, 1 << 43
LONG = 1 << 53


def check(program: Program) -> Iterator[Finding]:
    """One finding for each fault, naming the first gate."""
    for table in (*program.interrupt_tables, *program.startup.interrupt_tables):
        faults: dict[str, list[Gate]] = {}
        for gate in table.gates:
            for fault in _faults(program, gate):
                faults.setdefault(fault, []).append(gate)
        for fault, gates in faults.items():
            more = f" (and {len(gates) - 1} more)" if gates[1:] else ""
            yield program.finding(
                f"the gate of vector {gates[0].vector}{more} in {table.name} {fault}",
                notes=[f"{program.place(table.site)} loads the table"],
                evidence=program.evidence(
                    gates[0].address, facts=(("vectors", ", ".join(str(g.vector) for g in gates)),)
                ),
            )


def _faults(program: Program, gate: Gate) -> Iterator[str]:
    wide = program.default_width == 64
    if not gate.leads_to_code:
        if wide or gate.attributes & 0x10 or gate.kind not in (TASK_GATE, *NARROW_GATES):
            yield f"has the type {gate.attributes & 0x1F:#x}: no interrupt or trap gate"
        elif gate.kind in NARROW_GATES and gate.pieces[1]:
            yield "has a 16-bit type: the processor ignores bits 31:16 of the handler's address"
        return
    if wide and gate.reserved & 0xF8:
        yield f"has the stack index {gate.reserved & 0xF8 | gate.ist:#x}: there are seven"
    if not gate.selector & ~7:
        yield "has the null selector"
    else:
        known = segment_descriptor(program, gate.selector)
        if known is not None and known & (PRESENT | NOT_SYSTEM | EXECUTABLE) != (
            PRESENT | NOT_SYSTEM | EXECUTABLE
        ):
            yield f"has the selector {gate.selector:#x}, which names no present code segment"
        elif known is not None and wide and not known & LONG:
            yield f"has the selector {gate.selector:#x}, whose code segment is not of 64 bits"
    if gate.attributes >> 5 & 3 == 3 and gate.vector in ERROR_CODE_VECTORS:
        yield "is open to `int` in ring 3, which pushes no error code"


RULE = Rule("IDT015", "gate-undeliverable", __doc__, check)
