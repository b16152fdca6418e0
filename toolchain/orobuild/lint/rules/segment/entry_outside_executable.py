"""An entry point is in no executable segment.

## What it does

Looks up `e_entry` and every entry that a boot protocol header in the image declares (Multiboot,
Multiboot2, EFI entries of Multiboot2, PVH) and reports one that no executable segment contains,
by virtual, physical or declared run address. `e_entry` of 0 means that there is none.

## Why is this bad?

The first instruction faults, or the loader jumps to whatever happens to be in memory there.
GNU ld only warns when it cannot find the entry symbol, and then uses the start of `.text` or 0.

## Example

```gas
    .section .boot              # no flags: not allocated
    .globl _start
_start: cli
```

## Fix

```gas
    .section .boot, "ax", @progbits
    .globl _start
_start: cli
```

## Source

gABI, ELF Header, e_entry; Multiboot2 Specification 2.0 §3.1.5 (entry address tag); Xen
`elfnote.h`, XEN_ELFNOTE_PHYS32_ENTRY.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.finding import Evidence
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding an entry; an address that two protocols share is reported once."""
    entries: dict[int, str] = {}
    if program.elf.header.e_entry:
        entries[program.elf.header.e_entry] = "the entry point"
    for boot in program.boot_entries:
        if boot.address is not None:
            entries.setdefault(boot.address, f"the {boot.protocol} address")
    for address, name in entries.items():
        if program.executable(address) is None:
            yield _finding(program, address, name)


def _finding(program: Program, address: int, name: str) -> Finding:
    segment, view = program.segment_at(address), ""
    if segment is None:
        segment = program.segment_at_physical(address)
        view = " by physical address"
    unplaced = program.symbols.unplaced_at(address) if segment is None else None
    if segment is not None:
        linked = address if not view else address - segment.header.p_paddr + segment.start
        where = f"is at {program.place(linked)} in {segment}{view}, which is not executable"
        evidence = program.evidence(linked)
    elif unplaced is not None:
        section = program.elf.sections[unplaced.section].name
        where = f"is {unplaced.name} in section {section}, which is not allocated"
        evidence = Evidence(address=address, symbol=unplaced.name, section=section)
    else:
        where = "is in no segment"
        evidence = Evidence(address=address)
    return program.finding(
        f"{name} {address:#x} {where}: the first instruction cannot be fetched",
        hint='put the entry code into a section with flags "ax" that an X segment holds',
        evidence=evidence,
    )


RULE = Rule("SEG004", "entry-outside-executable", __doc__, check)
