"""`sysret` is reached without a test that the return address is canonical.

## What it does

At every `sysret` on a way from `syscall`, and in assembly that C calls to resume a system call,
looks for a branch on the way that depends on the value in `rcx` (or on what a C function
returned, which may have looked), or for an operation that made it canonical, such as `shl` and `sar`.

## Why is this bad?

On Intel's processors `sysret` to an address that is not canonical faults in ring 0, after the stack
pointer is the program's already: the exception's frame lands where the program says. A
program gets there by `syscall` in the last two bytes below the hole, or by changing its saved
`rip` through a debugger.

## Example

```gas
    movq FRAME_RIP(%rsp), %rcx
    swapgs
    sysretq
```

## Fix

```gas
    movq FRAME_RIP(%rsp), %rcx
    movq %rcx, %rdx
    shrq $47, %rdx
    jnz leave_by_iret
    swapgs
    sysretq
```

## Source

Intel SDM Vol. 2B, SYSRET, "Instruction ordering"; CVE-2012-0217.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.paths import Kind
from orobuild.lint.program.values import Compiled, Constant, Derived
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.paths import Event


def check(program: Program) -> Iterator[Finding]:
    """One finding for each `sysret`."""
    returns = program.contract.returns
    bad = {
        leaving.event.address
        for leaving in returns.all
        if leaving.event.kind is Kind.SYSRET
        and program.contract.word == 8
        and returns.restores(leaving)
        and not _is_checked(leaving.event)
    }
    for address in sorted(bad):
        yield program.finding(
            f"`sysret` at {program.place(address)} is reached without a test of rcx: an address "
            "that is not canonical faults in ring 0 on the program's stack",
            hint="shift a copy of rcx right by 47, and leave by iretq if anything is left",
            evidence=program.evidence(address),
        )


def _is_checked(event: Event) -> bool:
    value = dict(event.state.registers).get("rcx")
    if value is None or isinstance(value, Derived | Constant):
        return True
    checked = event.state.flags.checked
    return value in checked or any(isinstance(v, Compiled) for v in checked)


RULE = Rule("IDT010", "sysret-not-canonical", __doc__, check)
