"""The pieces of an address in a descriptor are not those of the address.

## What it does

Takes the gates of the interrupt tables that `lidt` loads, those in the file and those that start-up code
is seen to fill when it is run on paper, and puts the pieces of each address together as the processor
does. Reports a gate that leads to no executable byte so, but does when two pieces change places, or
when bits 63:32 are those of the kernel's half; and a gate that was filled and leads nowhere. Of a task
state segment that `ltr` loads, each bit of the address must be where the processor looks for it.

## Why is this bad?

Descriptors keep addresses in pieces that are not beside each other: bits 15:0, then the selector, then
bits 31:16, and 63:32 behind. A piece in a wrong place sends the first interrupt of that vector to an
address that is not mapped: a page fault inside the delivery, then a double fault.

## Example

```gas
idt:    .word handler >> 16     # the upper half first
        .word 8, 0x8e00
        .word handler & 0xffff
```

## Fix

```gas
idt:    .word handler & 0xffff
        .word 8, 0x8e00
        .word handler >> 16
```

## Source

Intel SDM Vol. 3A §6.11, figure 6-2 (32-bit gates); §6.14.1, figure 6-8 (64-bit gates).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.descriptors import mended
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.bits import Pointer
    from orobuild.lint.program.descriptors import Gate
    from orobuild.lint.program.startup import TaskState


def check(program: Program) -> Iterator[Finding]:
    """One finding for each table and fault, naming the first gate, and for each task state segment."""
    filled = program.startup.interrupt_tables
    for table in (*program.interrupt_tables, *filled):
        faults: dict[str, list[Gate]] = {}
        for gate in table.gates:
            fault = _fault(program, gate, was_filled=table in filled)
            if fault is not None:
                faults.setdefault(fault, []).append(gate)
        for fault, gates in faults.items():
            other = mended(program, gates[0])
            meant = f" (it should be {program.place(other[0])}, {other[0]:#x})" if other else ""
            more = f" and {len(gates) - 1} more" if gates[1:] else ""
            yield program.finding(
                f"the gate of vector {gates[0].vector}{more} in {table.name} leads to "
                f"{gates[0].handler:#x}, which is no code: {fault}{meant}",
                hint="bits 15:0 at offset 0, bits 31:16 at offset 6, bits 63:32 at offset 8",
                notes=[f"{program.place(table.site)} loads the table"],
                evidence=program.evidence(
                    gates[0].address, facts=(("vectors", ", ".join(str(g.vector) for g in gates)),)
                ),
            )
    for state in program.startup.task_states:
        bit = _misplaced(state)
        if bit is not None:
            yield program.finding(
                f"the descriptor of the task state segment that {program.place(state.site)} loads has "
                f"something else where bit {bit} of the address belongs",
                hint="bits 23:0 at bit 16, bits 31:24 at bit 56, bits 63:32 in the second half",
                evidence=program.evidence(state.site),
            )


def _fault(program: Program, gate: Gate, *, was_filled: bool) -> str | None:
    """What is wrong with a gate's pieces; of a table of gates or of handlers in the file, what leads
    nowhere at all is SEG015's and IDT003's."""
    if not gate.leads_to_code or program.executable(gate.handler) is not None:
        return None
    other = mended(program, gate)
    if other is not None:
        return other[1]
    if not was_filled or _stands_in_the_file(program, gate):
        return None
    return "its pieces are those of no function"


def _stands_in_the_file(program: Program, gate: Gate) -> bool:
    """Whether an array of handlers has the gate's address for its vector: then its pieces are right."""
    for table in program.vector_tables:
        pointers = {index: pointer for index, _, pointer in table.entries}
        if gate.vector < table.length and pointers.get(gate.vector, 0) == gate.handler:
            return True
    return False


def _misplaced(state: TaskState) -> int | None:
    """The lowest bit of a task state segment's address that is not in its place."""
    bits = state.base_bits
    pointers = [bit[0] for bit in bits if isinstance(bit, tuple)]
    if not pointers or any(pointer != pointers[0] for pointer in pointers):
        return None
    pointer: Pointer = pointers[0]
    wrong = (i for i, bit in enumerate(bits[: state.width]) if bit != (pointer, i))
    return next(wrong, None)


RULE = Rule("HW004", "descriptor-base-split", __doc__, check)
