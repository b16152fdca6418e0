"""The I/O permission map begins inside the task state segment's own fields.

## What it does

Runs the function that loads the task register on paper, and reports a task state segment that it
makes with an I/O map offset below the end of the fixed fields (0x68) and not beyond the limit; and one
whose limit does not hold the fixed fields.

## Why is this bad?

The processor takes what lies at the offset for the map: each bit that is 0 opens a port to ring 3.
A segment that was cleared and whose offset was forgotten has its map at 0, where its zeros and stack
pointers are: programs may then use most ports. A limit below 0x67 is an invalid-TSS fault at the
first interrupt from ring 3.

## Example

```c
memset(&tss, 0, sizeof(tss));
tss.rsp0 = top;                     /* io_map_base stays 0 */
```

## Fix

```c
tss.io_map_base = sizeof(tss);      /* beyond the limit: no port is open */
```

## Source

Intel SDM Vol. 3A §7.2.2 (limit), §7.7 (64-bit TSS); Vol. 1 §19.5.2 (I/O permission bit map).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.startup import TSS_SIZE
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding for each fault of a task state segment."""
    for state in program.startup.task_states:
        limit, io_map = state.limit, state.io_map
        if limit is not None and limit < TSS_SIZE - 1:
            yield program.finding(
                f"{program.place(state.site)} loads a task state segment with the limit {limit:#x}: "
                f"its fields need {TSS_SIZE - 1:#x}",
                hint="the limit is the size less 1",
                evidence=program.evidence(state.site),
            )
        elif io_map is not None and io_map < TSS_SIZE and (limit is None or io_map <= limit):
            yield program.finding(
                f"{program.place(state.site)} loads a task state segment whose I/O map is at "
                f"{io_map:#x}, among its own fields: where they are 0, ports are open to ring 3",
                hint=f"set the offset to the segment's size ({TSS_SIZE:#x}), beyond the limit",
                evidence=program.evidence(state.site),
            )


RULE = Rule("HW005", "io-map-inside-tss", __doc__, check)
