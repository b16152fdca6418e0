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

from typing import TYPE_CHECKING

from iced_x86 import InstructionInfoFactory

from orobuild.lint.program.accesses import WRITES, named_address
from orobuild.lint.program.trampolines import trampolines
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.trampolines import LinkedTrampoline


def check(program: Program) -> Iterator[Finding]:
    """One finding for each instruction."""
    linked = trampolines(program)
    if not linked:
        return
    factory = InstructionInfoFactory()
    for _, decoder in program.flow.instructions():
        for instruction in decoder:
            address = named_address(instruction, program.address_mask)
            if address is None or not _is_read_only(program, address):
                continue
            for trampoline in linked:
                if _concerns(program, trampoline, address, instruction.ip) and any(
                    memory.access in WRITES for memory in factory.info(instruction).used_memory()
                ):
                    yield program.finding(
                        f"{program.place(instruction.ip)} writes to {program.place(address)}, in the "
                        f"trampoline {trampoline.settings.region}, whose segment has no W",
                        hint="write to the copy at its run address, or keep what is filled in in a "
                        "writable section",
                        evidence=program.evidence(instruction.ip),
                    )


def _is_read_only(program: Program, address: int) -> bool:
    segment = program.segment_at(address)
    return segment is not None and not segment.is_writable


def _concerns(program: Program, trampoline: LinkedTrampoline, address: int, site: int) -> bool:
    """Whether what `site` does to `address` is done to the trampoline where it is linked."""
    if not trampoline.start <= address < trampoline.end:
        return False
    return not trampoline.start <= site < trampoline.end or not _is_copied(program, trampoline)


def _is_copied(program: Program, trampoline: LinkedTrampoline) -> bool:
    """Whether it runs elsewhere than where it is linked or loaded."""
    run = trampoline.settings.run_address
    segment = program.segment_at(trampoline.start)
    loaded = trampoline.start - segment.start + segment.header.p_paddr if segment else None
    return run not in (trampoline.start, loaded)


RULE = Rule("AP005", "trampoline-written-where-linked", __doc__, check)
