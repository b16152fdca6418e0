"""The local APIC's timer is programmed before the APIC is enabled.

## What it does

Finds writes of known local vector table registers (timer, LINT0, LINT1, error) and of the spurious
vector register, as x2APIC MSRs or in a page of registers that one pointer names, and reports a function that writes an entry and afterwards, on the
same straight line, the spurious vector register with its enable bit.

## Why is this bad?

While the software-enable bit is clear, every entry of the local vector table is masked and cannot be
unmasked: the write is lost. QEMU forgives it, real processors do not, and the timer never ticks.

## Example

```c
wrmsr(X2APIC_LVT_TIMER, VECTOR | PERIODIC);
wrmsr(X2APIC_SPURIOUS, 0x1ff);
```

## Fix

Enable the APIC first: the spurious vector register, then the entries.

## Source

Intel SDM Vol. 3A §10.4.7.2: after a software disable all LVT mask bits are set and cannot be cleared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.notable import APIC_OFFSETS
from orobuild.lint.program.values import STACK, Constant
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

X2APIC = 0x800
SPURIOUS, ENTRIES = 0x0F, frozenset((0x32, 0x35, 0x36, 0x37))
ENABLE, MASKED = 1 << 8, 1 << 16
Order = dict[tuple[int, object], list[tuple[int, int, int | None]]]


def check(program: Program) -> Iterator[Finding]:
    """One finding for each entry that is written too early."""
    order: Order = {}
    for site, msr, low, _ in program.notable.msr_writes:
        if X2APIC <= msr < X2APIC + 0x40:
            _add(program, order, site, (msr - X2APIC, low), None)
    for site in program.notable.register_stores:
        machine, instruction = program.notable.machine_at(site)
        if instruction is None:
            continue
        base, offset = machine.operand_address(instruction)
        if base is None or base == STACK or offset & 0xFFF not in APIC_OFFSETS:
            continue
        value = machine.read(instruction, 1)
        number = value.number & 0xFFFFFFFF if isinstance(value, Constant) else None
        _add(program, order, site, ((offset & 0xFFF) >> 4, number), (base, offset >> 12))
    for writes in order.values():
        enables = [
            at for at, register, number in writes if register == SPURIOUS and (number or 0) & ENABLE
        ]
        for at, register, number in writes:
            unmasks = register in ENTRIES and not (number is not None and number & MASKED)
            if unmasks and enables and at < enables[0]:
                yield program.finding(
                    f"{program.place(at)} programs the local vector table before "
                    f"{program.place(enables[0])} enables the APIC: the entry stays masked",
                    hint="write the spurious vector register first",
                    evidence=program.evidence(at),
                )


def _add(
    program: Program, order: Order, site: int, write: tuple[int, int | None], registers: object
) -> None:
    """Remember a write by the straight line that it stands on, and by the block of registers."""
    line = program.notable.line(site)
    if line:
        order.setdefault((line[0].ip, registers), []).append((site, *write))


RULE = Rule("HW001", "timer-before-spurious-vector", __doc__, check)
