"""A vector's way to compiled code lacks a `swapgs` that it needs, or has one too many.

## What it does

Follows every way from the stubs of a table in `vector-tables` through assembly (as `.oro.code`
lists it) to the first compiled function, and counts `swapgs`. Where some vector has a way with
one `swapgs` (from ring 3) and one without (from ring 0), each vector must have both, and none
may execute two. A way that has tested the saved CS (`testb $3` of memory, then `jz` or `jnz`) is
held to what it found: one `swapgs` from ring 3, none from ring 0. A way from ring 0 that goes on
to read GS.base, as paranoid entries do, may swap.

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

from orobuild.lint.program.entry_paths import Arrival, EntryPaths
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.tables import VectorTable

BOTH = frozenset((0, 1))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each set of `swapgs` counts that is wrong, naming the vectors."""
    if not program.vector_tables or not EntryPaths.known(program):
        return
    paths = EntryPaths(program)
    for table in program.vector_tables:
        counts: dict[int, frozenset[int]] = {}
        starts: dict[int, int] = {}
        arrivals: dict[int, list[Arrival]] = {}
        for vector, _, pointer in table.entries:
            start = program.executable(pointer)
            if start is None or not paths.is_assembly(start):
                continue
            arrivals[vector] = paths.arrivals(start)
            swaps = frozenset(a.swaps for a in arrivals[vector])
            if swaps:
                counts[vector], starts[vector] = swaps, start
        if BOTH not in counts.values():
            continue
        groups: dict[frozenset[int], list[int]] = {}
        for vector, swaps in counts.items():
            if swaps != BOTH:
                groups.setdefault(swaps, []).append(vector)
        balanced = {v: a for v, a in arrivals.items() if counts.get(v) == BOTH}
        yield from _against_the_ring(program, table, balanced)
        for swaps, vectors in groups.items():
            first = vectors[0]
            others = f" and {len(vectors) - 1} more" if vectors[1:] else ""
            yield program.finding(
                f"vector {first}{others} of {table.name} ({program.place(starts[first])}) "
                f"{_fault(swaps)}: %gs is not the kernel's there",
                hint="swap exactly once, and only when the interrupted code is ring 3",
                evidence=program.evidence(
                    starts[first], facts=(("vectors", ", ".join(map(str, vectors))),)
                ),
            )


def _against_the_ring(
    program: Program, table: VectorTable, arrivals: Mapping[int, Sequence[Arrival]]
) -> Iterator[Finding]:
    """One finding a branch to compiled code whose count is not that of the ring tested before."""
    wrong: dict[tuple[int, int, int], list[int]] = {}
    for vector, found in arrivals.items():
        for a in found:
            if a.ring is not None and a.swaps != (1 if a.ring else 0):
                wrong.setdefault((a.branch, a.target, a.ring), []).append(vector)
    for (branch, target, ring), vectors in wrong.items():
        others = f" and {len(vectors) - 1} more" if vectors[1:] else ""
        lack = "without `swapgs`" if ring else "after `swapgs`"
        yield program.finding(
            f"vector {vectors[0]}{others} of {table.name} reaches {program.place(target)} from "
            f"ring {ring} {lack}: %gs is not the kernel's there",
            hint="swap exactly once, and only when the interrupted code is ring 3",
            evidence=program.evidence(branch, facts=(("vectors", ", ".join(map(str, vectors))),)),
        )


def _fault(swaps: frozenset[int]) -> str:
    if max(swaps) > 1:
        return f"may execute `swapgs` {max(swaps)} times before compiled code"
    if 1 not in swaps:
        return "reaches compiled code without `swapgs`, also from ring 3"
    return "reaches compiled code only after `swapgs`, also from ring 0"


RULE = Rule("IDT005", "swapgs-unbalanced", __doc__, check)
