"""A way into long mode leaves EFER.NXE clear, and another of the same kernel sets it.

## What it does

Compares the ways from 16- and 32-bit code into 64-bit code. Where one sets NXE, the kernel's page
tables use the no-execute bit; reports one that enables paging with an EFER that it made itself, from
a constant or from `rdmsr`, without NXE. A kernel whose 64-bit code writes EFER may set the bit before
it loads those tables, and is passed.

## Why is this bad?

While NXE is clear, bit 63 of a table entry is reserved: the first access through such an entry is a
page fault with the reserved bit set in its error code. A processor that starts has no IDT yet: it
restarts, or never reports.

## Example

```gas
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax            # LME alone, for the tables that the boot processor made
    wrmsr
```

## Fix

```gas
    orl $0x900, %eax            # LME and NXE
```

## Source

Intel SDM Vol. 3A §4.1.4, §4.6 (IA32_EFER.NXE and XD), §4.7 (reserved bits).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.mode_switches import MSR_EFER, UNKNOWN_NXE
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding for each transfer."""
    switches = [t for t in program.mode_switches if not t.is_near and t.before is not None]
    if not any("NXE" in (t.before or ()) for t in switches):
        return
    efer = (site for site, msr, _, _ in program.notable.msr_writes if msr == MSR_EFER)
    if any((region := program.region_at(site)) and region.width == 64 for site in efer):
        return
    for address in sorted({t.address for t in switches}):
        ways = [t.before or frozenset() for t in switches if t.address == address]
        if any("LME" in way and not way & {"NXE", UNKNOWN_NXE} for way in ways):
            yield program.finding(
                f"64-bit code is entered at {program.place(address)} with EFER.NXE clear, which "
                "another way into it sets: in the kernel's page tables bit 63 is reserved then",
                hint="set NXE together with LME",
                evidence=program.evidence(address),
            )


RULE = Rule("AP004", "no-execute-not-enabled", __doc__, check)
