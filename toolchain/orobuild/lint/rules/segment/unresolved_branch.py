"""A direct call or jump goes to address 0: its symbol was never resolved.

## What it does

Reports each direct branch whose target is exactly 0, where nothing executable is. A branch behind
a test that the decoder can evaluate (a weak symbol's address compared with 0, as compilers write
it) is never executed and is passed.

Programs that are linked statically with the GNU C library have such calls in the paths that
cancel a thread, when the part of the library that defines their target is not linked in. They are
reported: nothing in the image proves that these paths are never taken.

## Why is this bad?

It is what an undefined weak symbol, a discarded section or a relocation that nobody applied
leaves behind. The processor fetches from page 0: a page fault if the page is not mapped, and
whatever the firmware left there if it is.

## Example

```c
extern void late_init(void) __attribute__((weak));
void init(void) { late_init(); }        /* nobody defines it */
```

## Fix

Define the symbol, or test it before the call:

```c
if (late_init)
    late_init();
```

## Source

gABI, Symbol Table: an undefined weak symbol has the value 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.constants import never_executed
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """At most one finding: the first branch to 0, and how many there are."""
    exit_ = program.flow.exits.get(0)
    if exit_ is None or program.symbols.unplaced_at(0) is not None:
        return  # a symbol of a section that is not allocated has the address 0: SEG001
    site = next((s for s in exit_.sites if not never_executed(program, s)), None)
    if site is None:
        return
    root, path = program.flow.path(program, 0, site)
    last = path[-1]
    notes = [
        f"reached from {root}",
        *(f"{s.address:#x} ({s.place}): {s.instruction}" for s in path),
    ]
    if exit_.branches > 1:
        notes.append(f"{exit_.branches - 1} more branches go to 0, some perhaps never executed")
    mnemonic = last.instruction.partition(" ")[0]
    yield program.finding(
        f"{mnemonic} at {last.address:#x} ({last.place}) goes to address 0: its symbol was never "
        "resolved",
        hint="define the symbol, or test a weak one before calling it",
        notes=notes,
        evidence=program.evidence(last.address, root=root, path=path),
    )


RULE = Rule("SEG014", "unresolved-branch", __doc__, check)
