"""Long mode is entered without a step that must come before.

## What it does

Follows the 16- and 32-bit code that the image or the configuration declares, from where it is
entered, to each far transfer into 64-bit code, and looks at what has been done before CR0 was
last written: CR4 (PAE), CR3 and EFER (LME). Real mode straight to long mode is legal. Constants
that are known must have the bit. 64-bit code must not be reached by anything but a far transfer.

## Why is this bad?

Enabling paging with LME but without PAE, or before CR3 points to tables, is a general
protection fault or a triple fault on a processor that has no IDT yet: it restarts, or never reports.

## Example

```gas
    movl %eax, %cr0             # PE and PG
    movl $0xc0000080, %ecx
    wrmsr                       # LME comes too late
    ljmpl $8, $long_mode
```

## Fix

PAE, CR3, EFER.LME, then CR0 with PE and PG, then the far jump.

## Source

Intel SDM Vol. 3A §9.8.5 (initialising IA-32e mode), §2.2.1; AMD APM Vol. 2 §14.6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.mode_switches import Transfer

STEPS = {"PAE": "CR4.PAE", "CR3": "CR3", "LME": "EFER.LME"}


def check(program: Program) -> Iterator[Finding]:
    """One finding for each transfer and missing step."""
    seen: set[tuple[int, str]] = set()
    for transfer in program.mode_switches:
        for missing in _missing(transfer):
            if (transfer.address, missing) in seen:
                continue
            seen.add((transfer.address, missing))
            yield program.finding(
                f"64-bit code is entered at {program.place(transfer.address)} {missing}",
                hint="PAE, CR3, EFER.LME, then CR0 with PE and PG, then a far jump",
                evidence=program.evidence(transfer.address),
            )


def _missing(transfer: Transfer) -> Iterator[str]:
    if transfer.is_near:
        yield "by a near jump: the code segment is still another one"
    elif transfer.before is None:
        yield "without a write to CR0 that enables paging"
    else:
        for name, what in STEPS.items():
            if name not in transfer.before:
                yield f"and {what} is not set when CR0 enables paging"


RULE = Rule("AP002", "mode-switch-order", __doc__, check)
