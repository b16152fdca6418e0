"""The kernel enables interrupts although it promises to run with interrupts off.

## What it does

With `interrupts-off = true`, reports every `sti` that control reaches and that `hlt` does not
follow directly. `sti; hlt` waits for an interrupt: none
is lost between the two, since `sti` takes effect after the next instruction.

## Why is this bad?

A kernel that is not preemptible keeps its data consistent by having interrupts off. One `sti` in a
helper lets the timer in while a run queue is half linked.

## Example

```c
void console_wait(void) { __asm__ volatile("sti"); while (!ready) pause(); }
```

## Fix

Do without, or wait in the idle loop: `sti; hlt`.

## Source

Intel SDM Vol. 2B, STI (the instruction after it runs with interrupts still inhibited).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Decoder, Mnemonic

from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding for each `sti`."""
    if not program.config.interrupts_off:
        return
    for address in program.notable.of(Mnemonic.STI):
        if not _halts_next(program, address):
            yield program.finding(
                f"{program.place(address)} enables interrupts in the kernel: an interrupt arrives "
                "where the kernel does not expect one",
                hint="only `sti; hlt` waits safely",
                evidence=program.evidence(address),
            )


def _halts_next(program: Program, address: int) -> bool:
    region = program.region_at(address)
    if region is None:
        return False
    decoder = Decoder(region.width, region.data, ip=address)
    decoder.position = address - region.start
    decoder.decode()
    return decoder.can_decode and decoder.decode().mnemonic == Mnemonic.HLT


RULE = Rule("IDT013", "interrupts-enabled", __doc__, check)
