"""An interrupt reaches compiled code with the direction flag as the interrupted code left it.

## What it does

Follows every way from the stubs of a table in `vector-tables` through assembly (as `.oro.code`
lists it) to the first compiled function, and reports those without a `cld`. Images without
`.oro.code` are passed: nothing tells their assembly from compiled code.

## Why is this bad?

The ABI promises compilers that DF is clear. A user program that runs `std` before the interrupt
makes the kernel's `rep movs` copy backwards, over whatever lies below its destination.

## Example

```gas
isr_common:
    push_registers
    jmp interrupt_entry     # compiled code
```

## Fix

```gas
isr_common:
    cld
    push_registers
    jmp interrupt_entry
```

## Source

System V ABI AMD64 1.0 §3.2.1 (DF is clear on entry to a function); Intel SDM Vol. 3A §6.12.1 (a
gate does not change DF).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.entry_paths import EntryPaths
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding a branch to compiled code, naming the vectors that take it."""
    if not program.vector_tables or not EntryPaths.known(program):
        return
    paths = EntryPaths(program)
    for table in program.vector_tables:
        wrong: dict[tuple[int, int], list[int]] = {}
        for vector, _, pointer in table.entries:
            start = program.executable(pointer)
            if start is None or not paths.is_assembly(start):
                continue
            for arrival in paths.arrivals(start):
                if not arrival.direction_clear:
                    wrong.setdefault((arrival.branch, arrival.target), []).append(vector)
        for (branch, target), vectors in wrong.items():
            different = sorted(set(vectors))
            others = f" and {len(different) - 1} more vectors" if different[1:] else ""
            yield program.finding(
                f"vector {different[0]}{others} of {table.name} reaches {program.place(target)} "
                f"from {program.place(branch)} without `cld`: compiled code copies backwards if "
                "the interrupted program has set DF",
                hint="put `cld` before the branch",
                evidence=program.evidence(
                    branch, facts=(("vectors", ", ".join(map(str, different))),)
                ),
            )


RULE = Rule("IDT004", "direction-flag-unknown", __doc__, check)
