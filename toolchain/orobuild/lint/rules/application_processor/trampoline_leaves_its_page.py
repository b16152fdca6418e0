"""The trampoline refers to something that stays behind when it is copied.

## What it does

For each of `trampolines`: relative branches and `rip`-relative operands must stay in its page, 16-bit
code may only use addresses below 64 KiB that lie in the page (at its run address, or counted from
its start where `ds` is the page).

## Why is this bad?

The distance is that of the place where the code was linked. The copy branches, or reads, as far
from where it runs: whatever lies there.

## Example

```gas
.code64
long_mode:
    call early_init                 # linked in .text, called from the copy at 0x8000
```

## Fix

```gas
    movabsq $early_init, %rax
    call *%rax
```

## Source

Intel SDM Vol. 2A CALL, JMP (relative displacement); Vol. 3A §8.4.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import FlowControl, Instruction, OpKind, Register

from orobuild.lint.program.trampolines import LinkedTrampoline, instructions, trampolines
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

RELATIVE = frozenset(
    (
        FlowControl.UNCONDITIONAL_BRANCH,
        FlowControl.CONDITIONAL_BRANCH,
        FlowControl.CALL,
    )
)
NEAR = frozenset((OpKind.NEAR_BRANCH16, OpKind.NEAR_BRANCH32, OpKind.NEAR_BRANCH64))
NONE = frozenset((Register.NONE,))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each instruction."""
    for trampoline in trampolines(program):
        for width, instruction in instructions(program, trampoline):
            fault = _fault(trampoline, width, instruction)
            if fault is not None:
                yield program.finding(
                    f"{program.place(instruction.ip)} {fault}: the copy of "
                    f"{trampoline.settings.region} goes elsewhere",
                    hint="use an absolute address in a register, or move it into the trampoline",
                    evidence=program.evidence(instruction.ip),
                )


def _fault(trampoline: LinkedTrampoline, width: int, instruction: Instruction) -> str | None:
    if instruction.flow_control in RELATIVE and instruction.op0_kind in NEAR:
        target = int(instruction.near_branch_target)
        if width == 16:
            base = instruction.ip & ~0xFFFF
            inside = trampoline.start <= base + target < trampoline.end
        else:
            inside = trampoline.start <= target < trampoline.end
        return None if inside else "branches out of the page by a distance"
    if instruction.is_ip_rel_memory_operand:
        address = int(instruction.ip_rel_memory_address)
        if not trampoline.start <= address < trampoline.page_end:
            return "reaches out of the page by a distance"
        return None
    absolute = instruction.memory_base in NONE and instruction.memory_index in NONE
    has_memory = any(instruction.op_kind(i) == OpKind.MEMORY for i in range(instruction.op_count))
    if width == 16 and has_memory and absolute:
        address = int(instruction.memory_displacement)
        run = trampoline.settings.run_address
        if not any(low <= address < low + trampoline.settings.size for low in {0, run}):
            return f"uses address {address:#x}, which is not in the page"
    return None


RULE = Rule("AP003", "trampoline-leaves-its-page", __doc__, check)
