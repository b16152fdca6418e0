"""A program comes back from the kernel with a register that is not its own.

## What it does

At every `iret` and `sysret` that resumes what an interrupt or system call saved, compares each
general register (in 32-bit code the data segment registers too) with what it was: it must be
untouched, or loaded from the slot that it was saved to. What a system call may change is left out
(`rax`, `rcx`, `r11` and the argument registers; see IDT011). The slots are those that the entry
pushed, or the members of `frame-struct`.

## Why is this bad?

A thread comes back with two of its values swapped or with one of the kernel's. It crashes far
away, rarely, and in code that is correct.

## Example

```gas
    push %rcx
    push %rdx
    call handle
    pop %rcx                # from the slot of rdx
    pop %rdx
    iretq
```

## Fix

Pop in the reverse order of the pushes.

## Source

System V ABI AMD64 1.0 §3.2.1 (registers that belong to the caller), §A.2.1 (what a system call
changes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.contract import vectors
from orobuild.lint.program.machine import GENERAL
from orobuild.lint.program.paths import Kind
from orobuild.lint.program.returns import SEGMENTS
from orobuild.lint.program.values import Constant, Derived
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.contract import Contract, Handler
    from orobuild.lint.program.returns import Leaving

PRESERVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")


def check(program: Program) -> Iterator[Finding]:
    """One finding for each way out and set of registers that are wrong."""
    contract = program.contract
    wrong: dict[tuple[int, tuple[tuple[str, str], ...]], list[Handler]] = {}
    for leaving in contract.returns.all:
        if not contract.returns.restores(leaving):
            continue
        faults = tuple(_faults(contract, leaving))
        if faults:
            wrong.setdefault((leaving.event.address, faults), []).extend(leaving.handlers)
    for (address, faults), handlers in wrong.items():
        who, fact = vectors(handlers) if handlers else ("", None)
        register, held = faults[0]
        of = f", for {who}," if who else ""
        yield program.finding(
            f"at {program.place(address)}{of} {register} holds {held}: the interrupted program "
            "goes on with a value that is not its own",
            hint="load each register from the slot that it was saved to",
            notes=[f"{r} holds {h}" for r, h in faults[1:]],
            evidence=program.evidence(address, facts=(fact,) if fact else ()),
        )


def _faults(contract: Contract, leaving: Leaving) -> Iterator[tuple[str, str]]:
    registers = dict(leaving.event.state.registers)
    names = PRESERVED if leaving.event.kind is Kind.SYSRET else GENERAL
    if contract.word == 4:
        names = (*(n for n in names if not n[1].isdigit()), *SEGMENTS)
    for name in names:
        value = registers.get(name)
        member = contract.returns.member(leaving, value)
        shown = name if contract.word == 8 or name in SEGMENTS else "e" + name[1:]
        if isinstance(value, Derived) or value is None or member == name:
            continue
        if member is not None:
            yield shown, f"what was saved of {member}"
        elif contract.returns.foreign(leaving, value):
            yield shown, "the kernel's value"
        elif isinstance(value, Constant) and name not in SEGMENTS:
            yield shown, f"the constant {value}"


RULE = Rule("IDT008", "register-not-restored", __doc__, check)
