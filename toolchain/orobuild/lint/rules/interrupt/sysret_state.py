"""`sysret` resumes with another return address, flags or stack pointer than the program's.

## What it does

At every `sysret` on a way from `syscall`, and in assembly that C calls to resume the frame of a
system call, checks where its three registers come from: `rcx` from the saved return address, `r11`
from the saved flags, `rsp` from the saved stack pointer. A first entry into a program, whose
values no frame holds, is passed.

## Why is this bad?

`sysret` believes these registers. With `rsp` still the kernel's, the program runs on a kernel
stack; with `r11` from another slot it runs with interrupts off or with IOPL 3.

## Example

```gas
    movq FRAME_RIP(%rdi), %rcx
    movq FRAME_RSP(%rdi), %r11      # the flags are another member
```

## Fix

```gas
    movq FRAME_RFLAGS(%rdi), %r11
```

## Source

Intel SDM Vol. 2B, SYSRET: RIP from RCX, RFLAGS from R11; the stack pointer is software's matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.paths import Kind
from orobuild.lint.program.values import Derived
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

# What each register must come from; `syscall` itself puts two of them into rcx and r11.
SOURCES = {"rcx": ("rip", "rcx"), "r11": ("rflags", "r11"), "rsp": ("rsp",)}


def check(program: Program) -> Iterator[Finding]:
    """One finding for each `sysret` and register that is wrong."""
    returns = program.contract.returns
    seen: set[tuple[int, str]] = set()
    for leaving in returns.all:
        if leaving.event.kind is not Kind.SYSRET or not returns.restores(leaving):
            continue
        registers = dict(leaving.event.state.registers)
        for name, allowed in SOURCES.items():
            value = registers.get(name)
            member = returns.member(leaving, value)
            if value is None or isinstance(value, Derived) or member in allowed:
                continue
            if member is None and not returns.foreign(leaving, value):
                continue
            if (leaving.event.address, name) in seen:
                continue
            seen.add((leaving.event.address, name))
            held = f"what was saved of {member}" if member else "the kernel's value"
            yield program.finding(
                f"at `sysret`, {program.place(leaving.event.address)}, {name} holds {held} instead "
                f"of the program's {allowed[0]}",
                hint=f"load {name} from the {allowed[0]} of the frame",
                evidence=program.evidence(leaving.event.address),
            )


RULE = Rule("IDT009", "sysret-state", __doc__, check)
