"""Access to user memory is allowed by `stac` and not ended by `clac` on some way.

## What it does

Follows every way from each `stac` of a kernel that control reaches. It must meet `clac` before
it returns, and before it calls anything.

## Why is this bad?

With RFLAGS.AC set, SMAP is off: whatever the kernel does next can be made to read and write a
program's memory through a pointer that it trusts. The flag survives a return and a call.

## Example

```gas
    stac
    rep movsb
    testq %rcx, %rcx
    jnz 1f
    clac
1:  ret                     # with AC set where something was left to copy
```

## Fix

```gas
    rep movsb
    clac
```

## Source

Intel SDM Vol. 3A §4.6.1, Vol. 2A CLAC, STAC; Linux objtool, "call with UACCESS enabled".
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
BY_FRAME = frozenset((Mnemonic.IRETQ, Mnemonic.IRETD, Mnemonic.SYSRETQ))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each `stac` and the first return or call behind it."""
    for address in program.notable.of(Mnemonic.STAC):
        for instruction in reached(program, address, _stops):
            if instruction.mnemonic in BY_FRAME:
                continue
            what = LEAVES.get(instruction.flow_control)
            if what is not None:
                yield program.finding(
                    f"after `stac` at {program.place(address)} the kernel {what} at "
                    f"{program.place(instruction.ip)} without `clac`: SMAP stays off",
                    hint="put `clac` before it, on every way",
                    evidence=program.evidence(address),
                )
                break


def _stops(instruction: Instruction) -> bool:
    return bool(instruction.mnemonic == Mnemonic.CLAC)


RULE = Rule("FLG004", "user-access-left-open", __doc__, check)
