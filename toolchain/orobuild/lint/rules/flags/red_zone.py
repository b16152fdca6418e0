"""Kernel code keeps data below the stack pointer.

## What it does

Looks at the code of a kernel image (one that a boot loader enters, or that lies in the upper half
of the address space) for memory operands below `rsp`: directly (`-8(%rsp)`), or through `rbp` in
a function whose frame is smaller than the locals that it addresses.

## Why is this bad?

The 128 bytes below `rsp` belong to a user program's leaf functions because signals leave them
alone. An interrupt that arrives in ring 0 pushes its frame right there. The data is overwritten
at a random moment, in the one function that happened to be interrupted.

## Example

```
clang -O2 -c sched.c                    # x86-64 ABI: the red zone is on
```

## Fix

```
clang -O2 -mno-red-zone -c sched.c
```

In assembly, lower `rsp` before writing.

## Source

System V ABI AMD64 1.0 §3.2.2 (the red zone), §A.2.2 (the kernel's use); Intel SDM Vol. 3A §6.14.2
(the stack frame of an interrupt without a stack switch).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from iced_x86 import Decoder, FlowControl, Instruction, Mnemonic, OpKind, Register

from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

# These compute an address or hint; they do not touch memory.
_HARMLESS = frozenset((Mnemonic.LEA, Mnemonic.NOP, Mnemonic.ENDBR64))
_STACK = frozenset((Register.RSP, Register.RBP))
_FRAME = frozenset((Register.RBP,))
_NO_INDEX = frozenset((Register.NONE,))
_PROLOGUE = 32  # instructions


def check(program: Program) -> Iterator[Finding]:
    """One finding a function (or stretch of code without one)."""
    if not program.is_kernel:
        return
    functions = sorted((start, start + size) for start, size in program.functions if size)
    starts = [start for start, _ in functions]
    reported: set[int] = set()
    lowest: dict[int, tuple[int, int]] = {}  # function -> (lowest rbp displacement, its address)
    for width, decoder in program.flow.instructions():
        if width != 64:
            continue
        for instruction in decoder:
            base = instruction.memory_base
            if base not in _STACK:
                continue
            below = (1 << 64) - instruction.memory_displacement
            if below > 1 << 63 or instruction.mnemonic in _HARMLESS or _is_barrier(instruction):
                continue
            if instruction.memory_index not in _NO_INDEX:
                continue  # an index may bring it back above the stack pointer
            address = instruction.ip
            index = bisect_right(starts, address) - 1
            inside = index >= 0 and address < functions[index][1]
            key = starts[index] if inside else address
            if base in _FRAME:
                if inside and below > lowest.get(key, (0, 0))[0]:
                    lowest[key] = (below, address)
            elif key not in reported:
                reported.add(key)
                yield _finding(program, address, f"{below} bytes below rsp")
    for start, (below, address) in lowest.items():
        frame = _frame(program, start)
        if start not in reported and frame is not None and below > frame:
            yield _finding(
                program,
                address,
                f"{below} bytes below rbp, where its frame is {frame} bytes",
            )


def _is_barrier(instruction: Instruction) -> bool:
    """`lock addl $0, -4(%rsp)` orders memory and keeps nothing: Linux's and Xen's `smp_mb`."""
    return bool(
        instruction.has_lock_prefix
        and instruction.mnemonic in (Mnemonic.ADD, Mnemonic.OR, Mnemonic.XOR)
        and instruction.op1_kind != OpKind.REGISTER
        and instruction.immediate(1) == 0
    )


def _finding(program: Program, address: int, where: str) -> Finding:
    return program.finding(
        f"{program.place(address)} keeps data {where}: the next interrupt in ring 0 overwrites it",
        hint="compile kernel code with -mno-red-zone; in assembly, lower rsp first",
        evidence=program.evidence(address),
    )


def _frame(program: Program, start: int) -> int | None:
    """The bytes between `rbp` and `rsp` after a function's prologue; None if it has none."""
    region = program.region_at(start)
    if region is None:
        return None
    decoder = Decoder(region.width, region.data, ip=start)
    decoder.position = start - region.start
    frame: int | None = None
    for count, instruction in enumerate(decoder):
        if count >= _PROLOGUE or instruction.flow_control != FlowControl.NEXT:
            break
        if _copies_stack_pointer(instruction):
            frame = 0
        elif frame is None:
            continue
        elif instruction.mnemonic == Mnemonic.PUSH:
            frame += 8
        elif instruction.op0_register == Register.RSP and instruction.mnemonic != Mnemonic.CMP:
            if instruction.mnemonic != Mnemonic.SUB or instruction.op1_kind == OpKind.REGISTER:
                return None  # aligned or sized at run time
            frame += instruction.immediate(1)
    return frame


def _copies_stack_pointer(instruction: Instruction) -> bool:
    return bool(
        instruction.mnemonic == Mnemonic.MOV
        and instruction.op0_register == Register.RBP
        and instruction.op1_kind == OpKind.REGISTER
        and instruction.op1_register == Register.RSP
    )


RULE = Rule("FLG001", "red-zone", __doc__, check)
