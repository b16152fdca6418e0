"""A handler table points to an address that may not execute.

## What it does

Reads the arrays of pointers whose symbols the configuration names (`vector-tables`), and reports
those that hold an address outside every executable segment. Null entries are vectors without a
handler and are passed.

## Why is this bad?

The descriptor table is filled from such an array at run time. The first event of that vector
makes the processor fetch an instruction from a page that forbids it: a page fault with error
code 0x11 whose `cr2` is the handler itself; for the page-fault vector, a triple fault.

## Example

```toml
[tool.orobuild.lint]
vector-tables = ["isr_handlers"]
```

```gas
    .section .rodata
isr_32: push $32            # no .section line: in .rodata
    jmp isr_common
isr_handlers: .quad isr_32
```

## Fix

Put the handlers into an executable section:

```gas
    .section .text.isr, "ax", @progbits
isr_32: push $32
```

## Source

Intel SDM Vol. 3A §6.10 to §6.12 (interrupt descriptors), §4.7 (page-fault error code).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.finding import Evidence
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

SHOWN = 4


def check(program: Program) -> Iterator[Finding]:
    """One finding a table."""
    for table in program.vector_tables:
        wrong = [e for e in table.entries if program.executable(e[2]) is None]
        if not wrong:
            continue
        index, slot, pointer = wrong[0]
        segment = program.segment_at(pointer)
        where = f"{segment}, which is not executable" if segment else "no segment"
        more = f", and {len(wrong) - 1} more entries likewise" if wrong[1:] else ""
        yield program.finding(
            f"entry {index} of {table.name} points to {program.place(pointer)} in {where}{more}: "
            "the first event of that vector is a page fault",
            hint='put the handlers into a section with flags "ax" that an X segment holds',
            notes=[f"entry {i}: {p:#x} {program.place(p)}" for i, _, p in wrong[:SHOWN]],
            evidence=Evidence(
                address=slot,
                symbol=table.name,
                segment=str(segment) if segment else None,
                facts=(("entries", ", ".join(str(i) for i, _, _ in wrong)),),
            ),
        )


RULE = Rule("SEG015", "vector-outside-executable", __doc__, check)
