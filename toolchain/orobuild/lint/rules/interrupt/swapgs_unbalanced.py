"""A vector's way through the kernel lacks a `swapgs` that it needs, or has one too many.

## What it does

Follows every way from the stubs of the vector tables through assembly, and counts `swapgs`.
Where some way swaps, a way to compiled code that has tested the saved CS must have swapped once
if it came from ring 3 and not at all from ring 0; a way that swaps without having tested the
saved CS is reported, and so is a table's vector that never swaps. At `iret` the swaps must have
undone each other, and on the ways of `syscall` and of `resume-functions` to ring 3 exactly one more
must have been made before `sysret` and `iret`. A way that reads GS.base, as paranoid entries do, may swap
by what it read.

## Why is this bad?

With the program's GS base in ring 0, the first `%gs:` access of the kernel reads memory that the
program chose. With the kernel's swapped away on an interrupt from ring 0, it reads garbage.

## Example

```gas
isr_common:
    testb $3, 24(%rsp)
    jz 1f
1:  movq %gs:kernel_stack, %rsp     # the swapgs before the label is lost
```

## Fix

```gas
    testb $3, 24(%rsp)
    jz 1f
    swapgs
1:  movq %gs:kernel_stack, %rsp
```

## Source

Intel SDM Vol. 2B, SWAPGS; AMD APM Vol. 2 §4.5.3.
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
    from orobuild.lint.program.contract import Handler, Routine
    from orobuild.lint.program.machine import Flags
    from orobuild.lint.program.paths import Event

HINT = "swap exactly once, and only when the interrupted code is ring 3"


def check(program: Program) -> Iterator[Finding]:
    """One finding for each place and fault, naming the vectors."""
    events = program.contract.events_by_handlers(Kind.CALL, Kind.JUMP, Kind.IRET)
    if any(event.state.flags.swaps for event in events):
        yield from _ways_in(program, events)
    for routine in program.contract.routines:
        if routine.is_syscall or routine.is_called:
            yield from _ways_out(program, routine)


def _ways_in(program: Program, events: dict[Event, list[Handler]]) -> Iterator[Finding]:
    wrong: dict[tuple[int, str], list[Handler]] = {}
    for event, handlers in events.items():
        fault = _fault(event, event.state.flags)
        if fault is not None:
            wrong.setdefault((event.address, fault), []).extend(handlers)
    for (address, fault), handlers in wrong.items():
        who, fact = vectors(handlers)
        yield program.finding(
            f"{who} of {handlers[0].table} {fault} at {program.place(address)}: %gs is not the "
            "one that belongs there",
            hint=HINT,
            evidence=program.evidence(address, facts=(fact,)),
        )


def _fault(event: Event, flags: Flags) -> str | None:
    """What is wrong with the swaps on a way from an interrupt, None if nothing is."""
    if event.kind is Kind.IRET:
        odd = flags.swaps % 2 and not flags.base_read
        return "returns with `swapgs` executed an odd number of times" if odd else None
    if flags.swaps > 1 and not flags.base_read:
        return f"has executed `swapgs` {flags.swaps} times before compiled code"
    if flags.ring == 3 and flags.swaps != 1:
        return "reaches compiled code from ring 3 without `swapgs`"
    if flags.base_read:
        return None
    if flags.ring == 0 and flags.swaps:
        return "reaches compiled code from ring 0 after `swapgs`"
    if flags.ring is None and flags.swaps:
        return "reaches compiled code after `swapgs` without having tested the saved CS"
    if flags.ring is None:
        return "reaches compiled code without `swapgs`, also from ring 3"
    return None


def _ways_out(program: Program, routine: Routine) -> Iterator[Finding]:
    for event in routine.events:
        swaps = event.state.flags.swaps
        ring = (
            3 if event.kind is Kind.SYSRET else program.contract.resume_rings.get(routine.address)
        )
        if routine.is_syscall and event.kind in (Kind.CALL, Kind.JUMP):
            good, what = swaps == 1, "before compiled code"
        elif event.kind is Kind.SYSRET or (event.kind is Kind.IRET and ring is not None):
            kernel_base = swaps % 2 == routine.is_syscall
            good = kernel_base == (ring == 0)
            what = f"before it leaves for ring {ring}"
        else:
            continue
        if not good and not (event.state.flags.base_read and event.kind is not Kind.SYSRET):
            yield program.finding(
                f"{program.place(routine.address)} executes `swapgs` {swaps} times {what} at "
                f"{program.place(event.address)}: %gs is not the one that belongs there",
                hint="swap once on the way in and once on the way out",
                evidence=program.evidence(event.address),
            )


RULE = Rule("IDT005", "swapgs-unbalanced", __doc__, check)
