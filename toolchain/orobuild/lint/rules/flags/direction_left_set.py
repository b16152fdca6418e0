"""The direction flag is set by `std` and not cleared on some way.

## What it does

Follows every way from each `std` of a kernel that control reaches. It must meet `cld` before it
returns, and before it calls anything.

## Why is this bad?

The ABI promises compilers that DF is clear. The next `rep movs` or `rep stos` of compiled code
runs backwards, over whatever lies below its destination.

## Example

```gas
memmove_backwards:
    std
    rep movsb
    ret
```

## Fix

```gas
    std
    rep movsb
    cld
    ret
```

## Source

System V ABI AMD64 1.0 §3.2.1: DF is clear on entry to and return from a function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import FlowControl, Instruction, Mnemonic

from orobuild.lint.program.spans import reached
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

LEAVES = {
    FlowControl.RETURN: "returns",
    FlowControl.CALL: "calls a function",
    FlowControl.INDIRECT_CALL: "calls a function",
}
RESTORES = frozenset((Mnemonic.CLD, Mnemonic.POPFQ, Mnemonic.POPFD))
BY_FRAME = frozenset((Mnemonic.IRETQ, Mnemonic.IRETD, Mnemonic.SYSRETQ))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each `std` and the first return or call behind it."""
    for address in program.notable.of(Mnemonic.STD):
        for instruction in reached(program, address, _stops):
            what = LEAVES.get(instruction.flow_control)
            if what is not None and instruction.mnemonic not in BY_FRAME:
                yield program.finding(
                    f"after `std` at {program.place(address)} the kernel {what} at "
                    f"{program.place(instruction.ip)} without `cld`: compiled code copies backwards",
                    hint="put `cld` before it, on every way",
                    evidence=program.evidence(address),
                )
                break


def _stops(instruction: Instruction) -> bool:
    return instruction.mnemonic in RESTORES


RULE = Rule("FLG005", "direction-left-set", __doc__, check)
