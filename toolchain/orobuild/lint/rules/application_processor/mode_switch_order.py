"""Long mode is entered without a step that must come before.

## What it does

Follows the 16- and 32-bit code that the image or the configuration declares, from where it is
entered, to each far transfer into 64-bit code, and looks at what has been done before CR0 was
last written: CR4 (PAE), CR3 and EFER (LME). Real mode straight to long mode is legal. Constants
that are known must have the bit. 64-bit code must not be reached by anything but a far transfer.

## Why is this bad?

Enabling paging with LME but without PAE, or before CR3 points to tables, is a general
protection fault or a triple fault on a processor that has no IDT yet: it restarts, or never reports.

## Example

```gas
    movl %eax, %cr0             # PE and PG
    movl $0xc0000080, %ecx
    wrmsr                       # LME comes too late
    ljmpl $8, $long_mode
```

## Fix

PAE, CR3, EFER.LME, then CR0 with PE and PG, then the far jump.

## Source

Intel SDM Vol. 3A §9.8.5 (initialising IA-32e mode), §2.2.1; AMD APM Vol. 2 §14.6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Decoder, FlowControl, Instruction, Mnemonic, OpKind, Register, RegisterExt

from orobuild.lint.program.spans import reached
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

PAE, LME, PG = 1 << 5, 1 << 8, 1 << 31
MSR_EFER = 0xC0000080
STEPS = {"PAE": "CR4.PAE", "CR3": "CR3", "LME": "EFER.LME"}
FAR = frozenset((OpKind.FAR_BRANCH16, OpKind.FAR_BRANCH32))
JUMPS = frozenset((FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH))
IMMEDIATES = frozenset(
    (OpKind.IMMEDIATE32, OpKind.IMMEDIATE16, OpKind.IMMEDIATE8TO32, OpKind.IMMEDIATE8TO16)
)
MAX_STATES = 4096
MAX_DEPTH = 2  # of calls that are looked into
CR0, CR3, CR4 = (frozenset((r,)) for r in (Register.CR0, Register.CR3, Register.CR4))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each transfer and missing step."""
    if not any(width != 64 for _, _, width in program.widths):
        return
    seen: set[tuple[int, str]] = set()
    for root in program.flow.roots:
        region = program.region_at(root.address)
        if region is None or region.width == 64:
            continue
        for address, missing in _walk(program, root.address):
            if (address, missing) in seen:
                continue
            seen.add((address, missing))
            yield program.finding(
                f"64-bit code is entered at {program.place(address)} {missing}",
                hint="PAE, CR3, EFER.LME, then CR0 with PE and PG, then a far jump",
                evidence=program.evidence(address),
            )


def _walk(program: Program, start: int) -> Iterator[tuple[int, str]]:
    """(address of the transfer, what is wrong) on the ways from `start`."""
    # done: steps so far; before_paging: those that were done when CR0 was last written
    first: tuple[int, frozenset[str], frozenset[str] | None] = (start, frozenset(), None)
    pending, seen = [first], {first}
    while pending and len(seen) < MAX_STATES:
        address, done, before = pending.pop()
        region = program.region_at(address)
        if region is None:
            continue
        decoder = Decoder(region.width, region.data, ip=address)
        decoder.position = address - region.start
        known: dict[object, int] = {}
        for instruction in decoder:
            if instruction.is_invalid:
                break
            step = _step(instruction, known)
            if step == "CR0":
                before = done
            elif step is not None:
                done = done | {step}
            if instruction.flow_control == FlowControl.CALL:
                inside = _inside(program, int(instruction.near_branch_target))
                done = done | (inside - {"CR0"})
                before = done if "CR0" in inside else before
            _learn(instruction, known)
            kind = instruction.flow_control
            if kind in JUMPS and instruction.op0_kind not in FAR:
                target = int(instruction.near_branch_target)
                other = program.region_at(target)
                if other is not None and other.width == 64:
                    yield instruction.ip, "by a near jump: the code segment is still another one"
                state = (target, done, before)
                if state not in seen and other is not None and other.width != 64:
                    seen.add(state)
                    pending.append(state)
            elif _enters_long_mode(program, instruction):
                for name, what in STEPS.items():
                    if before is None:
                        yield instruction.ip, "without a write to CR0 that enables paging"
                        break
                    if name not in before:
                        yield instruction.ip, f"and {what} is not set when CR0 enables paging"
            if kind not in (
                FlowControl.NEXT,
                FlowControl.CONDITIONAL_BRANCH,
                FlowControl.CALL,
                FlowControl.INTERRUPT,
            ):
                break


def _inside(program: Program, function: int, depth: int = 0) -> frozenset[str]:
    """What a called function does for long mode, in whichever order, and those that it calls."""
    found: set[str] = set()
    for instruction in reached(program, function, lambda _: False):
        step = _step(instruction, {})
        if step is not None:
            found.add(step)
        if instruction.flow_control == FlowControl.CALL and depth < MAX_DEPTH:
            found |= _inside(program, int(instruction.near_branch_target), depth + 1)
    return frozenset(found)


def _step(instruction: Instruction, known: dict[object, int]) -> str | None:
    """What the instruction does for long mode; a constant without the bit does nothing."""
    if instruction.mnemonic == Mnemonic.WRMSR:
        value = known.get(Register.EAX)
        is_efer = known.get(Register.ECX, MSR_EFER) == MSR_EFER
        return "LME" if is_efer and (value is None or value & LME) else None
    if instruction.mnemonic != Mnemonic.MOV or instruction.op0_kind != OpKind.REGISTER:
        return None
    value = known.get(instruction.op1_register) if instruction.op1_kind == OpKind.REGISTER else None
    if instruction.op0_register in CR4:
        return "PAE" if value is None or value & PAE else None
    if instruction.op0_register in CR3:
        return "CR3"
    if instruction.op0_register in CR0:
        return "CR0" if value is None or value & PG else None
    return None


def _learn(instruction: Instruction, known: dict[object, int]) -> None:
    if instruction.mnemonic in (Mnemonic.RDMSR, Mnemonic.CPUID):
        for register in (Register.EAX, Register.EDX):
            known.pop(register, None)
        if instruction.mnemonic == Mnemonic.CPUID:
            known.pop(Register.ECX, None)
        return
    if instruction.flow_control == FlowControl.CALL:
        known.clear()
        return
    if instruction.op0_kind != OpKind.REGISTER:
        return
    register = RegisterExt.full_register32(instruction.op0_register)
    if instruction.op_count == 2 and instruction.op1_kind in IMMEDIATES:
        number = int(instruction.immediate(1)) & 0xFFFFFFFF
        if instruction.mnemonic == Mnemonic.MOV and RegisterExt.size(instruction.op0_register) == 4:
            known[register] = number
            return
        if instruction.mnemonic == Mnemonic.OR and register in known:
            known[register] |= number
            return
    if instruction.mnemonic not in (Mnemonic.CMP, Mnemonic.TEST):
        known.pop(register, None)


def _enters_long_mode(program: Program, instruction: Instruction) -> bool:
    if instruction.op0_kind in FAR:
        wide = instruction.op0_kind == OpKind.FAR_BRANCH32
        target = instruction.far_branch32 if wide else instruction.far_branch16
        linked = program.executable(int(target))
        region = program.region_at(linked) if linked is not None else None
        return region is not None and region.width == 64
    far = instruction.mnemonic in (Mnemonic.JMP, Mnemonic.RETF) and (
        instruction.is_jmp_far_indirect or instruction.mnemonic == Mnemonic.RETF
    )
    after = program.region_at(instruction.next_ip)
    return bool(far) and after is not None and after.width == 64


RULE = Rule("AP002", "mode-switch-order", __doc__, check)
