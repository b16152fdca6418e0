"""Code writes to the trampoline where it is linked, in a segment that is mapped read-only.

## What it does

For each of `trampolines`: no instruction of the image may write to one of its bytes by a fixed address as
long as the segment that holds them has no `W`. The trampoline's own code may, if it is copied: what it
reaches by a distance is then the copy.

## Why is this bad?

The trampoline is code, so it lies in a segment with `R E`, and that is how a kernel maps it. Filling
in the page tables' address or the stack there faults as soon as `CR0.WP` is set; without it the code of
all processors is silently written to. What is to be filled in belongs in the copy.

## Example

```gas
    movq %rax, trampoline_stack(%rip)   # in .text
```

## Fix

```gas
    movq %rax, RUN_ADDRESS + trampoline_stack - trampoline(%rbx)
```

Here `%rbx` is where the kernel has the physical memory mapped, and the copy is made before.

## Source

Intel SDM Vol. 3A §4.6.1 (write access to read-only pages in supervisor mode).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iced_x86 import InstructionInfoFactory, OpKind, Register

from orobuild.lint.program.accesses import WRITES
from orobuild.lint.program.trampolines import trampolines
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iced_x86 import Instruction

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.trampolines import LinkedTrampoline

_NONE: Final = {Register.NONE}


def check(program: Program) -> Iterator[Finding]:
    """One finding for each instruction."""
    linked = trampolines(program)
    if not linked:
        return
    factory = InstructionInfoFactory()
    for _, decoder in program.flow.instructions():
        for instruction in decoder:
            address = _fixed_address(program, instruction)
            if address is None:
                continue
            for trampoline in linked:
                if not trampoline.start <= address < trampoline.end:
                    continue
                if _is_copied(program, trampoline) and (
                    trampoline.start <= instruction.ip < trampoline.end
                ):
                    continue
                segment = program.segment_at(address)
                if segment is None or segment.is_writable:
                    continue
                if any(m.access in WRITES for m in factory.info(instruction).used_memory()):
                    yield program.finding(
                        f"{program.place(instruction.ip)} writes to {program.place(address)}, in the "
                        f"trampoline {trampoline.settings.region}, whose segment has no W",
                        hint="write to the copy at its run address, or keep what is filled in in a "
                        "writable section",
                        evidence=program.evidence(instruction.ip),
                    )


def _fixed_address(program: Program, instruction: Instruction) -> int | None:
    """The virtual address of an instruction's memory operand, if no register takes part."""
    if instruction.is_ip_rel_memory_operand:
        return int(instruction.ip_rel_memory_address)
    if {instruction.memory_base, instruction.memory_index} != _NONE:
        return None
    if not any(instruction.op_kind(i) == OpKind.MEMORY for i in range(instruction.op_count)):
        return None
    return int(instruction.memory_displacement) & program.address_mask


def _is_copied(program: Program, trampoline: LinkedTrampoline) -> bool:
    """Whether it runs elsewhere than where it is linked or loaded."""
    run = trampoline.settings.run_address
    segment = program.segment_at(trampoline.start)
    loaded = trampoline.start - segment.start + segment.header.p_paddr if segment else None
    return run not in (trampoline.start, loaded)


RULE = Rule("AP005", "trampoline-written-where-linked", __doc__, check)
