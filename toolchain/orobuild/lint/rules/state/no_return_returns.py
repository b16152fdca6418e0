"""A function that must never return has a way to a return instruction.

## What it does

Follows every way from the beginning of each function that `no-return` names, along jumps and past
calls (of other such functions excepted: control does not come back from them). None may reach
`ret`.

## Why is this bad?

A kernel with one way in and one way out leaves its stack for good at each entry: what a `ret` would
take for a return address is a leftover of an earlier event.

## Example

```c
_Noreturn void run_context(void)
{
    if (current)
        resume(current);
}                               /* without a current thread it returns */
```

## Fix

```c
    for (;;)
        idle();
```

## Source

ISO C11 §6.7.4: a `_Noreturn` function that returns has undefined behaviour; objtool, "unreachable
instruction" and noreturn lists.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from iced_x86 import FlowControl, Instruction, Mnemonic

from orobuild.lint.program.spans import reached
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

RETURNS = frozenset((Mnemonic.RET, Mnemonic.RETF))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each function."""
    patterns = program.config.no_return
    if not patterns:
        return
    functions = {
        symbol.address: symbol
        for symbol in program.symbols
        if symbol.is_function and any(fnmatch.fnmatchcase(symbol.name, p) for p in patterns)
    }

    def stops(instruction: Instruction) -> bool:
        return bool(
            instruction.flow_control in (FlowControl.CALL, FlowControl.UNCONDITIONAL_BRANCH)
            and instruction.near_branch_target in functions
        )

    for address, symbol in functions.items():
        for instruction in reached(program, address, stops):
            if instruction.mnemonic in RETURNS:
                yield program.finding(
                    f"{symbol.name} must not return, and does at {program.place(instruction.ip)}: "
                    "there is nothing to return to",
                    hint="end every way in a loop or in a function that does not return either",
                    evidence=program.evidence(instruction.ip, facts=(("function", symbol.name),)),
                )
                break


RULE = Rule("STATE001", "no-return-returns", __doc__, check)
