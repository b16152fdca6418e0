"""The pieces of an address in a descriptor are not those of the address.

## What it does

Finds the interrupt table that `lidt` loads, as far as the file holds it, and puts the pieces of each
present gate's address together as the processor does. Reports a gate that leads to no executable
byte so, but does when two pieces change places, or when bits 63:32 are those of the kernel's half.

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


def check(program: Program) -> Iterator[Finding]:
    """One finding a gate."""
    for table in program.interrupt_tables:
        for gate in table.gates:
            other = mended(program, gate) if gate.leads_to_code else None
            if other is None:
                continue
            meant, what = other
            yield program.finding(
                f"the gate of vector {gate.vector} in {table.name} leads to {gate.handler:#x}, "
                f"which is no code: it is {program.place(meant)} ({meant:#x}) of which {what}",
                hint="bits 15:0 at offset 0, bits 31:16 at offset 6, bits 63:32 at offset 8",
                notes=[f"{program.place(table.site)} loads the table"],
                evidence=program.evidence(gate.address),
            )


RULE = Rule("HW004", "descriptor-base-split", __doc__, check)
