"""A gate switches to an interrupt stack that the task state segment does not have.

## What it does

Takes the gates of the interrupt tables, those in the file and those that start-up code is seen to
fill when it is run on paper, and the task state segments that the functions with `ltr` make; reports
a gate's stack index whose entry is null in all of them when those functions are done.

## Why is this bad?

The processor loads `rsp` from the entry and pushes the frame below address 0: a page fault inside the
delivery of the exception. For the double fault, which the index is there for, that is a triple fault.

## Example

```c
idt[8].ist = 1;
memset(&tss, 0, sizeof(tss));       /* and tss.ist[0] is never set */
```

## Fix

```c
tss.ist[0] = (uint64_t)(double_fault_stack + sizeof(double_fault_stack));
```

## Source

Intel SDM Vol. 3A §6.14.5 (interrupt stack table), §7.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding for each stack."""
    tables = (*program.interrupt_tables, *program.startup.interrupt_tables)
    used: dict[int, tuple[str, list[int]]] = {}
    for table in tables:
        for gate in table.gates:
            if gate.ist and gate.leads_to_code:
                used.setdefault(gate.ist, (table.name, []))[1].append(gate.vector)
    states = program.startup.task_states if used else ()
    if not states:
        return
    missing = frozenset.intersection(*(state.missing for state in states))
    for index, (name, vectors) in sorted(used.items()):
        if index in missing:
            shown = ", ".join(map(str, sorted(set(vectors))))
            yield program.finding(
                f"the gates of {name} for vector {shown} switch to interrupt stack {index}, which is "
                f"null in the task state segment that {program.place(states[0].site)} loads",
                hint=f"set entry {index} of the interrupt stack table before ltr",
                evidence=program.evidence(states[0].site, facts=(("vectors", shown),)),
            )


RULE = Rule("HW006", "ist-without-stack", __doc__, check)
