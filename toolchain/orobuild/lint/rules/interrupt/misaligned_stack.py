"""Compiled code is entered with a misaligned stack.

## What it does

Follows the ways from the stubs of the vector tables, from `syscall` and through the assembly
functions of a 64-bit kernel, and computes `rsp` modulo 16 where it is known: the processor aligns
it before it pushes a frame, symbols have addresses, and `stack-pointers` says what lies in memory.
At the first instruction of every compiled function it must be 8, as a `call` on an aligned stack leaves it.

## Why is this bad?

Compilers use `movaps` for locals, and trust that the stack is aligned: the instruction raises a
general protection fault. It shows when somebody adds a local, or compiles with another option.

## Example

```gas
    push %rax                   # 5 words of the processor, error code, vector, and this: 8
    movq %rsp, %rdi
    call handle                 # at its first instruction rsp is a multiple of 16, minus 16
```

## Fix

```gas
    push %rax
    movq %rsp, %rdi
    subq $8, %rsp
    call handle
    addq $8, %rsp
```

## Source

System V ABI AMD64 1.0 §3.2.2: `rsp + 8` is a multiple of 16 when control is transferred to a function's
entry point; Intel SDM Vol. 3A §6.14.2 (the processor aligns the stack).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.contract import vectors
from orobuild.lint.program.paths import Kind
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.contract import Contract, Handler
    from orobuild.lint.program.paths import Event

EXPECTED = 8


def check(program: Program) -> Iterator[Finding]:
    """One finding for each branch to compiled code."""
    contract = program.contract
    if contract.word != 8:
        return
    wrong: dict[int, tuple[Event, list[Handler]]] = {}
    for event, handlers in contract.events_by_handlers(Kind.CALL, Kind.JUMP).items():
        if _is_misaligned(contract, event):
            wrong.setdefault(event.address, (event, []))[1].extend(handlers)
    for routine in contract.routines:
        for event in routine.events:
            if event.kind in (Kind.CALL, Kind.JUMP) and _is_misaligned(contract, event):
                wrong.setdefault(event.address, (event, []))
    for address, (event, handlers) in wrong.items():
        who, fact = vectors(handlers) if handlers else ("", None)
        target = program.place(event.target) if event.target is not None else "compiled code"
        modulo = contract.alignment(dict(event.state.registers).get("rsp"))
        of = f" for {who}" if who else ""
        yield program.finding(
            f"{target} is entered from {program.place(address)}{of} with rsp {modulo} modulo 16 "
            f"instead of {EXPECTED}: its first movaps faults",
            hint="align the stack before the branch; a jump in place of a call lacks 8 bytes",
            evidence=program.evidence(address, facts=(fact,) if fact else ()),
        )


def _is_misaligned(contract: Contract, event: Event) -> bool:
    modulo = contract.alignment(dict(event.state.registers).get("rsp"))
    return modulo is not None and modulo != EXPECTED


RULE = Rule("IDT012", "misaligned-stack", __doc__, check)
