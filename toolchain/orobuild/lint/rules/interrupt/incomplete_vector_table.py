"""A handler table leaves vectors without a handler.

## What it does

Reports a table of `vector-tables` with at least 32 entries that has fewer than 256, or null
pointers among them.

## Why is this bad?

An interrupt or exception whose descriptor is not present becomes a general protection fault that
names the descriptor, and if that one is missing too, a double fault. A spurious interrupt on an
unexpected vector then stops the machine.

## Example

```gas
isr_handlers: .quad isr_0, isr_1, 0, isr_3
```

## Fix

Fill all 256, with a stub that reports an unexpected vector where nothing better is known.

## Source

Intel SDM Vol. 3A §6.10 (empty descriptor slots are not present), §6.13 (error code of the fault).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.finding import Evidence
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

EXCEPTIONS = 32
VECTORS = 256


def check(program: Program) -> Iterator[Finding]:
    """One finding a table."""
    for table in program.vector_tables:
        present = {index for index, _, _ in table.entries}
        missing = [i for i in range(max(table.length, VECTORS)) if i not in present]
        if table.length >= EXCEPTIONS and missing:
            shown = ", ".join(map(str, missing[:8])) + (", ..." if missing[8:] else "")
            yield program.finding(
                f"{table.name} has no handler for {len(missing)} vectors ({shown}): each is a "
                "general protection fault when it comes",
                hint="point them at a stub that reports an unexpected vector",
                evidence=Evidence(
                    address=table.address,
                    symbol=table.name,
                    facts=(("missing", ", ".join(map(str, missing))),),
                ),
            )


RULE = Rule("IDT003", "incomplete-vector-table", __doc__, check, severity=Severity.WARNING)
