"""The selectors in STAR give `sysret` a data segment of ring 0, or contradict the GDT's order.

## What it does

Where the image writes a known constant to STAR (MSR 0xC0000081), bits 63:48 must have RPL 3, and
bits 47:32 RPL 0.

## Why is this bad?

`sysret` loads SS from bits 63:48 plus 8. Intel's processors force its RPL to 3; AMD's do not: there
the program runs with an SS of ring 0, and the first `iretq` to it faults.

## Example

```c
write_msr(MSR_STAR, 0x18ull << 48 | 0x08ull << 32);
```

## Fix

```c
write_msr(MSR_STAR, (0x18ull | 3) << 48 | 0x08ull << 32);
```

## Source

AMD APM Vol. 3, SYSRET (SS.RPL is not forced); Intel SDM Vol. 3A §5.8.8; Vol. 2B, SYSRET.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

MSR_STAR = 0xC0000081


def check(program: Program) -> Iterator[Finding]:
    """One finding for each write."""
    for site, msr, _, high in program.notable.msr_writes:
        if msr != MSR_STAR or high is None:
            continue
        user, kernel = high >> 16 & 0xFFFF, high & 0xFFFF
        if user & 3 != 3:
            yield program.finding(
                f"{program.place(site)} writes STAR with the selector {user:#x} for `sysret`, whose "
                "RPL is not 3: on AMD's processors SS is of ring 0 then",
                hint="or 3 to bits 63:48",
                evidence=program.evidence(site),
            )
        if kernel & 3:
            yield program.finding(
                f"{program.place(site)} writes STAR with the selector {kernel:#x} for `syscall`, "
                "whose RPL is not 0",
                hint="bits 47:32 are the kernel's code selector",
                evidence=program.evidence(site),
            )


RULE = Rule("HW003", "star-selectors", __doc__, check)
