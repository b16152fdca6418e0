"""#DB, NMI, #DF or #MC decides by the saved CS alone whether to `swapgs`.

## What it does

In kernels that use `syscall` and `swapgs`, looks at the ways of vectors 1, 2, 8 and 18 from their
stubs to compiled code. A way that has found ring 0 in the saved CS must go on to read GS.base
(`rdmsr`, `rdgsbase`) before it trusts it.

## Why is this bad?

`syscall` and `sysret` run a few instructions in ring 0 with the program's GS base and stack
pointer. These four exceptions can arrive there: the saved CS says ring 0, and %gs is the
program's. The first `%gs:` access of the handler then goes where the program wanted.

## Example

```gas
nmi:
    testb $3, 8(%rsp)
    jz 1f
    swapgs
1:  call nmi_handler
```

## Fix

```gas
1:  movl $0xc0000101, %ecx
    rdmsr
    testl %edx, %edx
    js 2f                       # the kernel's GS base is negative
    swapgs
2:  call nmi_handler
```

## Source

Intel SDM Vol. 3A §6.14.4, §6.14.5; Linux `Documentation/arch/x86/entry_64.rst`; CVE-2018-8897.
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
    from orobuild.lint.program.contract import Handler

ANYWHERE = frozenset((1, 2, 8, 18))  # may arrive at any instruction


def check(program: Program) -> Iterator[Finding]:
    """One finding for each branch to compiled code."""
    contract = program.contract
    if not any(r.is_syscall for r in contract.routines):
        return
    events = contract.events_by_handlers(Kind.CALL, Kind.JUMP)
    if not any(e.state.flags.swaps for e in events):
        return
    wrong: dict[int, list[Handler]] = {}
    for event, handlers in events.items():
        flags = event.state.flags
        concerned = [h for h in handlers if h.vector in ANYWHERE]
        if concerned and flags.ring == 0 and not flags.base_read:
            wrong.setdefault(event.address, []).extend(concerned)
    for address, handlers in wrong.items():
        who, fact = vectors(handlers)
        yield program.finding(
            f"{who} of {handlers[0].table} reaches compiled code from {program.place(address)} with "
            "the saved CS as only proof that %gs is the kernel's: between `syscall` and `swapgs` "
            "it is the program's",
            hint="read GS.base and swap if it is not the kernel's",
            evidence=program.evidence(address, facts=(fact,)),
        )


RULE = Rule("IDT014", "ring-from-saved-cs", __doc__, check)
