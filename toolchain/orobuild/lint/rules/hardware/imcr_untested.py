"""The interrupt mode configuration register is written without a test that there is one.

## What it does

Looks for `out` to port 0x22 of the constant 0x70 (which selects the IMCR) in a function that has not
branched on anything before it.

## Why is this bad?

Only machines whose MP table sets IMCRP have that register. Elsewhere ports 0x22 and 0x23 belong to the
chipset: on some, the write changes its configuration.

## Example

```c
void apic_enable(void) { outb(0x22, 0x70); outb(0x23, 1); }
```

## Fix

```c
    if (mp->features2 & IMCRP) { outb(0x22, 0x70); outb(0x23, 1); }
```

## Source

Intel MultiProcessor Specification 1.4 §3.6.2.1, §4.1 (feature byte 2, bit 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Instruction, Mnemonic, OpKind, Register

from orobuild.lint.program.spans import reached
from orobuild.lint.program.values import Constant
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

PORT, SELECT = 0x22, 0x70
AL = frozenset((Register.AL,))


def check(program: Program) -> Iterator[Finding]:
    """One finding for each write."""
    for site in program.notable.of(Mnemonic.OUT):
        if _selects(program, site) and not _is_guarded(program, site):
            yield program.finding(
                f"{program.place(site)} selects the IMCR without having tested IMCRP: where there is "
                "none, the port is the chipset's",
                hint="do it only if feature byte 2 of the MP floating pointer has bit 7",
                evidence=program.evidence(site),
            )


def _selects(program: Program, site: int) -> bool:
    machine, instruction = program.notable.machine_at(site)
    if instruction is None:
        return False
    port = (
        int(instruction.immediate(0))
        if instruction.op0_kind == OpKind.IMMEDIATE8
        else _number(machine.registers.get("rdx"), 0xFFFF)
    )
    written = _number(machine.registers.get("rax"), 0xFF)
    return port == PORT and SELECT in (written, _low_byte(program.notable.line(site)))


def _low_byte(line: list[Instruction]) -> int | None:
    """The constant that was put into `al` last, where the rest of the register is not known."""
    for instruction in reversed(line[:-1]):
        if instruction.op0_kind == OpKind.REGISTER and instruction.op0_register in AL:
            is_move = instruction.mnemonic == Mnemonic.MOV
            constant = is_move and instruction.op1_kind == OpKind.IMMEDIATE8
            return int(instruction.immediate(1)) if constant else None
    return None


def _number(value: object, mask: int) -> int | None:
    return value.number & mask if isinstance(value, Constant) else None


def _is_guarded(program: Program, site: int) -> bool:
    """Whether a way through the function passes the write by, and meets the way behind it."""
    function = program.function_at(site)
    if function is None:
        return True

    def stops(instruction: Instruction) -> bool:
        return bool(instruction.ip == site)

    around = {i.ip for i in reached(program, function[0], stops) if i.ip != site}
    behind = {i.ip for i in reached(program, site, lambda _: False) if i.ip != site}
    return not around.isdisjoint(behind)


RULE = Rule("HW002", "imcr-untested", __doc__, check)
