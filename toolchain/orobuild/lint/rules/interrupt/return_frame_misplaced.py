"""`iret` pops something else than the processor's frame.

## What it does

Follows the ways from the stubs of the vector tables through assembly, past the C functions that
they call and that come back, to `iret`, and the ways of assembly that C calls to resume a frame
(`mov %rdi, %rsp`). There `rsp` must point to the saved `rip`, with `cs`, `rflags`, `rsp` and
`ss` above it. A frame that the code pushes itself, to enter a program for the first time, is passed.

## Why is this bad?

With one word left on the stack, or one dropped too many, the processor takes the error code or a
selector for a return address: a general protection fault in ring 0, or a jump to an address that
an attacker chose.

## Example

```gas
    pop %rax
    addq $8, %rsp           # the vector; the error code is still there
    iretq
```

## Fix

```gas
    pop %rax
    addq $16, %rsp          # the vector and the error code
    iretq
```

## Source

Intel SDM Vol. 3A §6.14.3 (IRET in 64-bit mode), §6.12.1 (in 32-bit mode).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.contract import HARDWARE, vectors
from orobuild.lint.program.paths import Kind
from orobuild.lint.program.values import STACK, Constant, Original, split
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.contract import Contract, Handler
    from orobuild.lint.program.returns import Leaving

POPPED = tuple(reversed(HARDWARE))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each `iret`, with the first fault of the ways to it."""
    contract = program.contract
    wrong: dict[int, tuple[str, list[Handler]]] = {}
    for leaving in contract.returns.all:
        if leaving.event.kind is not Kind.IRET:
            continue
        fault = _fault(contract, leaving)
        if fault is not None:
            wrong.setdefault(leaving.event.address, (fault, []))[1].extend(leaving.handlers)
    for address, (fault, handlers) in wrong.items():
        who, fact = vectors(handlers) if handlers else ("", None)
        of = f", for {who}," if who else ""
        yield program.finding(
            f"`iret` at {program.place(address)}{of} finds {fault}: the processor returns to "
            "a word that is no address of the interrupted program",
            hint="drop exactly what was pushed above the frame: the vector and the error code",
            evidence=program.evidence(address, facts=(fact,) if fact else ()),
        )


def _fault(contract: Contract, leaving: Leaving) -> str | None:
    words = contract.returns.popped(leaving)
    first = words[0]
    if leaving.routine is not None:
        base, offset = split(dict(leaving.event.state.registers).get("rsp"))
        if contract.returns.frame(leaving)[0] != base or base is None:
            return None
        member = contract.layout.get(offset)
        if (
            member == "rip"
            or not contract.layout
            or (base, offset) in dict(leaving.event.state.memory)
        ):
            return None
        return f"the frame's {member or f'byte {offset}'} where rip belongs"
    base, offset = split(dict(leaving.event.state.registers).get("rsp"))
    if base != STACK:
        return None
    if isinstance(first, Original) and first.name != "rip":
        return f"{first} where rip belongs"
    if isinstance(first, Constant) and offset < -5 * contract.word:
        return f"the constant {first} where rip belongs"
    if offset > -5 * contract.word:
        return "less than a whole frame"
    for name, word in zip(POPPED[1:3], words[1:3], strict=True):
        if first == Original("rip") and isinstance(word, Original) and word.name != name:
            return f"{word} where {name} belongs"
    return None


RULE = Rule("IDT007", "return-frame-misplaced", __doc__, check)
