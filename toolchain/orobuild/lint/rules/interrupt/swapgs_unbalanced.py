"""A vector's way to compiled code lacks the `swapgs` that the others have, or has two.

## What it does

Follows every way from the stubs of a table in `vector-tables` through assembly (as `.oro.code`
lists it) to the first compiled function, and counts `swapgs`. Where some vector has a way with
one `swapgs` (from ring 3) and one without (from ring 0), each vector must have both, and none
may execute two.

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

from orobuild.lint.program.entry_paths import EntryPaths
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

BOTH = frozenset((0, 1))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each set of `swapgs` counts that is wrong, naming the vectors."""
    if not program.vector_tables or not EntryPaths.known(program):
        return
    paths = EntryPaths(program)
    for table in program.vector_tables:
        counts: dict[int, frozenset[int]] = {}
        starts: dict[int, int] = {}
        for vector, _, pointer in table.entries:
            start = program.executable(pointer)
            if start is None or not paths.is_assembly(start):
                continue
            swaps = frozenset(a.swaps for a in paths.arrivals(start))
            if swaps:
                counts[vector], starts[vector] = swaps, start
        if BOTH not in counts.values():
            continue
        groups: dict[frozenset[int], list[int]] = {}
        for vector, swaps in counts.items():
            if swaps != BOTH:
                groups.setdefault(swaps, []).append(vector)
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


def _fault(swaps: frozenset[int]) -> str:
    if max(swaps) > 1:
        return f"may execute `swapgs` {max(swaps)} times before compiled code"
    if 1 not in swaps:
        return "reaches compiled code without `swapgs`, also from ring 3"
    return "reaches compiled code only after `swapgs`, also from ring 0"


RULE = Rule("IDT005", "swapgs-unbalanced", __doc__, check)
