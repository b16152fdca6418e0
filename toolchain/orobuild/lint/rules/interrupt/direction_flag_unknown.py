"""An interrupt reaches compiled code with the direction flag as the interrupted code left it.

## What it does

Follows every way from the stubs of the vector tables through assembly to each compiled function
that it calls or jumps to, and reports those without a `cld`. Assembly is told from compiled code
by `.oro.code`, by debugging information, or by function symbols.

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

from orobuild.lint.program.contract import vectors
from orobuild.lint.program.paths import Kind
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.contract import Handler


def check(program: Program) -> Iterator[Finding]:
    """One finding a branch to compiled code, naming the vectors that take it."""
    wrong: dict[tuple[int, int], list[Handler]] = {}
    arrivals = program.contract.events_by_handlers(Kind.CALL, Kind.JUMP)
    for event, handlers in arrivals.items():
        if event.state.flags.direction is not False and event.target is not None:
            wrong.setdefault((event.address, event.target), []).extend(handlers)
    for (branch, target), handlers in wrong.items():
        who, fact = vectors(handlers)
        yield program.finding(
            f"{who} of {handlers[0].table} reaches {program.place(target)} "
            f"from {program.place(branch)} without `cld`: compiled code copies backwards if "
            "the interrupted program has set DF",
            hint="put `cld` before the branch",
            evidence=program.evidence(branch, facts=(fact,)),
        )


RULE = Rule("IDT004", "direction-flag-unknown", __doc__, check)
