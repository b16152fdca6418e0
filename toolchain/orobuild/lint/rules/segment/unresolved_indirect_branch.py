"""An indirect branch whose targets cannot be read from the image: the proof stops there.

## What it does

Lists, by function, the reachable indirect jumps whose jump table was not found or has no known
end, and the indirect calls. What they reach is looked at only if something else reaches it too: a
function symbol, a vector table, another branch. The rule is off unless its whole code is
selected, and its findings are notes: it says how far the others' proofs go.

## Why is this bad?

A function pointer may hold any address. Where it is filled at run time nothing in the image shows
that its target is executable, and a rule that is silent about it has proved nothing.

## Example

```gas
    call *handler(%rip)     # .data: whoever writes it decides
```

## Fix

Where the set of targets is known, branch through a table of constants behind a comparison:

```gas
    cmpl $3, %eax
    ja 1f
    jmp *table(,%rax,8)
```

## Source

Intel SDM Vol. 2A, CALL and JMP with an operand in a register or in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

SHOWN = 8


def check(program: Program) -> Iterator[Finding]:
    """One finding a function, or a branch where no symbol names one."""
    functions: dict[str, list[int]] = {}
    for address in sorted(program.flow.unresolved):
        name = (program.symbols.name(address) or "").partition("+")[0] or f"{address:#x}"
        functions.setdefault(name, []).append(address)
    for name, branches in functions.items():
        more = f" and {len(branches) - SHOWN} more" if len(branches) > SHOWN else ""
        where = ", ".join(f"{a:#x}" for a in branches[:SHOWN]) + more
        many = "es" if branches[1:] else ""
        yield program.finding(
            f"{name} has {len(branches)} indirect branch{many} without known targets: nothing "
            "proves that they are executable",
            evidence=program.evidence(branches[0], facts=(("branches", where),)),
        )


RULE = Rule(
    "SEG018",
    "unresolved-indirect-branch",
    __doc__,
    check,
    severity=Severity.NOTE,
    default=False,
)
