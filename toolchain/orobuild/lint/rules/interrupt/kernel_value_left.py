"""A system call comes back with a value of the kernel in a register.

## What it does

At every `sysret` that resumes a system call, looks at the registers that a called function may
change (`rdi`, `rsi`, `rdx`, `r8`, `r9`, `r10`): each must be the program's own, zero or another
constant, and not what a C function of the kernel left there.

## Why is this bad?

What is left is a pointer into the kernel, more often than not: a program reads where the kernel,
its stacks and its objects lie, which is what address space randomisation is to hide.

## Example

```gas
    call syscall_dispatch
    pop %r11
    pop %rcx
    sysretq                     # rdi, rsi, rdx, r8 to r10: whatever the function left
```

## Fix

```gas
    xorl %edi, %edi
    xorl %esi, %esi             # and so on: or save and restore them
```

## Source

System V ABI AMD64 1.0 §A.2.1 (a system call changes only rcx, r11 and rax); Linux
`arch/x86/entry/entry_64.S`, which restores all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.paths import Kind
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

ARGUMENTS = ("rdi", "rsi", "rdx", "r8", "r9", "r10")


def check(program: Program) -> Iterator[Finding]:
    """One finding for each `sysret`, naming the registers."""
    returns = program.contract.returns
    wrong: dict[int, dict[str, None]] = {}
    for leaving in returns.all:
        if leaving.event.kind is not Kind.SYSRET or not returns.restores(leaving):
            continue
        registers = dict(leaving.event.state.registers)
        for name in ARGUMENTS:
            if returns.foreign(leaving, registers.get(name)):
                wrong.setdefault(leaving.event.address, {})[name] = None
    for address, names in sorted(wrong.items()):
        yield program.finding(
            f"`sysret` at {program.place(address)} leaves the kernel's value in "
            f"{', '.join(names)}: a program reads it",
            hint="set them to zero, or restore what the program had",
            evidence=program.evidence(address, facts=(("registers", ", ".join(names)),)),
        )


RULE = Rule("IDT011", "kernel-value-left", __doc__, check)
