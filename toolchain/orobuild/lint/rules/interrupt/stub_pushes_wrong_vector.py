"""An interrupt stub pushes another vector's number.

## What it does

Follows each entry of the tables that `vector-tables` names from its stub's first instruction to
its jump to common code, and compares the last constant that it pushes with its place in the
table. The comparison is made only where the convention shows: most stubs of the table push their
own number (as 8 bits, signed or not).

## Why is this bad?

The common code dispatches by that number. A timer interrupt that says it is a keyboard interrupt
is acknowledged nowhere and never comes again; an exception with the wrong number is handled as
another one.

## Example

```gas
isr_33: push $32            # copied from the line above
    jmp isr_common
```

## Fix

Generate stubs from one macro with a counter:

```gas
    .set vector, 0
    .rept 256
    isr_stub %vector
    .set vector, vector + 1
    .endr
```

## Source

Intel SDM Vol. 3A §6.2 (vector numbers), §6.12 (the processor does not pass the vector).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.stubs import pushes_vector, show_vectors, stubs
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding a stub."""
    for table in program.vector_tables:
        found = [s for s in stubs(program, table) if s.immediate is not None]
        if not show_vectors(found):
            continue
        for stub in found:
            if not pushes_vector(stub):
                yield program.finding(
                    f"the stub of vector {stub.vector}, {program.place(stub.address)}, pushes "
                    f"{stub.immediate}: the common code takes it for another vector",
                    hint=f"push {stub.vector}; generate stubs from a counter",
                    notes=[f"entry {stub.vector} of {table.name} points to {stub.address:#x}"],
                    evidence=program.evidence(
                        stub.immediate_at,
                        facts=(("vector", str(stub.vector)), ("pushes", str(stub.immediate))),
                    ),
                )


RULE = Rule("IDT001", "stub-pushes-wrong-vector", __doc__, check)
