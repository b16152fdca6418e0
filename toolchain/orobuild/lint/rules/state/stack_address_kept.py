"""The address of something on the kernel stack is stored where it outlives the entry.

## What it does

With `transient-stack = true`, follows straight lines of compiled kernel code and reports a
pointer into the stack (`lea -16(%rbp), %rax`) that is stored in static memory or through %gs.

## Why is this bad?

A kernel whose every entry begins at the top of the stack anew overwrites what an earlier entry
left there. The pointer then leads into another event's locals.

## Example

```c
static struct request *pending;
void ask(void) { struct request r = {...}; pending = &r; run_context(); }
```

## Fix

Keep what must survive in the thread, or in static memory.

## Source

Intel SDM Vol. 3A §6.14.5 (a stack switch begins at the same top each time); CERT C DCL30-C.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import FlowControl, Mnemonic, OpKind, Register, RegisterExt

from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iced_x86 import Instruction

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

STACK = frozenset((Register.RSP, Register.RBP))
NONE = frozenset((Register.NONE,))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each store."""
    if not program.config.transient_stack or not program.is_kernel:
        return
    for width, decoder in program.flow.instructions():
        if width != 64:
            continue
        pointers: set[object] = set()
        for instruction in decoder:
            if instruction.flow_control != FlowControl.NEXT:
                pointers.clear()
            elif pointers and _keeps(instruction, pointers):
                if not program.contract.assembly.contains(instruction.ip):
                    yield program.finding(
                        f"{program.place(instruction.ip)} stores the address of something on the "
                        "kernel stack in static memory: the next entry overwrites it",
                        hint="keep it in the thread, or make it static",
                        evidence=program.evidence(instruction.ip),
                    )
            elif instruction.op0_kind == OpKind.REGISTER:
                full = RegisterExt.full_register(instruction.op0_register)
                takes = instruction.mnemonic == Mnemonic.LEA and instruction.memory_base in STACK
                if takes and full not in STACK:
                    pointers.add(full)
                else:
                    pointers.discard(full)


def _keeps(instruction: Instruction, pointers: set[object]) -> bool:
    if instruction.mnemonic != Mnemonic.MOV or instruction.op0_kind != OpKind.MEMORY:
        return False
    if instruction.op1_kind != OpKind.REGISTER or instruction.op1_register not in pointers:
        return False
    return bool(instruction.is_ip_rel_memory_operand) or (
        instruction.memory_base in NONE and instruction.memory_index in NONE
    )


RULE = Rule("STATE002", "stack-address-kept", __doc__, check)
