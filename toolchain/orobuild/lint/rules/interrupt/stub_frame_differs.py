"""An interrupt stub leaves another frame than its neighbours: the error code is missing or double.

## What it does

Counts the bytes that each stub of a table in `vector-tables` pushes before it jumps to common
code. All stubs that share common code must leave the same frame: those of vectors for which the
processor pushes an error code itself (8, 10 to 14, 17) push one word less than the others.
Vectors 21, 29 and 30, which have one only on some processors, may do either.

## Why is this bad?

With one word too many or too few, the common code reads every field of the frame from its
neighbour's place, and `iretq` takes an error code for a return address.

## Example

```gas
isr_13: push $0             # the processor has pushed an error code already
    push $13
    jmp isr_common
```

## Fix

```gas
isr_13: push $13
    jmp isr_common
```

## Source

Intel SDM Vol. 3A table 6-1 and §6.13; AMD APM Vol. 2 table 8-1.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from orobuild.lint.program.stubs import (
    ERROR_CODE_VECTORS,
    OPTIONAL_ERROR_CODE_VECTORS,
    show_vectors,
    stubs,
)
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.stubs import Stub

MINIMUM = 4  # fewer stubs of one kind show no convention
VECTORS = 256


def check(program: Program) -> Iterator[Finding]:
    """One finding a stub."""
    word = program.default_width // 8
    for table in program.vector_tables:
        found = stubs(program, table)
        if table.length != VECTORS and not show_vectors(found):
            continue  # perhaps a table of something else, whose index is no vector
        groups: dict[int, list[Stub]] = {}
        for stub in found:
            groups.setdefault(stub.leaves_to, []).append(stub)
        for common, group in groups.items():
            frames = Counter(_frame(stub, word) for stub in group if _is_plain(stub))
            if len(group) < MINIMUM or not frames:
                continue
            usual, votes = frames.most_common(1)[0]
            if 2 * votes <= len(group):
                continue
            for stub in group:
                allowed = {usual}
                if stub.vector in OPTIONAL_ERROR_CODE_VECTORS:
                    allowed.add(usual - word)
                if _frame(stub, word) not in allowed:
                    yield _finding(program, stub, common, usual, word)


def _is_plain(stub: Stub) -> bool:
    return stub.vector not in OPTIONAL_ERROR_CODE_VECTORS


def _frame(stub: Stub, word: int) -> int:
    """The bytes on the stack above the five words that every interrupt pushes."""
    return stub.pushed + (word if stub.vector in ERROR_CODE_VECTORS else 0)


def _finding(program: Program, stub: Stub, common: int, usual: int, word: int) -> Finding:
    frame = _frame(stub, word)
    difference = (frame - usual) // word
    words = f"{abs(difference)} word{'s' if abs(difference) > 1 else ''}"
    which = "too many" if difference > 0 else "too few"
    error_code = (
        "the processor pushes an error code for it"
        if stub.vector in ERROR_CODE_VECTORS
        else "the processor pushes no error code for it"
    )
    return program.finding(
        f"the stub of vector {stub.vector}, {program.place(stub.address)}, leaves {words} "
        f"{which} for {program.place(common)}: every field of the frame is read from its "
        "neighbour's place",
        hint=f"{error_code}; push a synthetic one exactly where it does not",
        evidence=program.evidence(
            stub.address,
            facts=(("bytes pushed", str(stub.pushed)), ("vector", str(stub.vector))),
        ),
    )


RULE = Rule("IDT002", "stub-frame-differs", __doc__, check)
