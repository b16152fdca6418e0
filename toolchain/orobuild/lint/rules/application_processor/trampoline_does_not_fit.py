"""The trampoline of the secondary processors does not fit where a start-up IPI can send them.

## What it does

For each of `trampolines`: its code must end below its parameters, or in its page; its parameters must fit
behind it (their size is that of `parameter-struct`); its run address, where one is declared, must be
a multiple of 4096 below 1 MiB and no vector from A0 to BF.

## Why is this bad?

A start-up IPI carries one byte: the page. A trampoline elsewhere is never reached, and code that
runs into its parameters is overwritten by the boot processor before it runs.

## Example

```toml
[tool.orobuild.lint.trampolines."trampoline_start..trampoline_end"]
run-address = 0xa0000           # vector A0 is reserved
```

## Fix

```toml
run-address = 0x8000
```

## Source

Intel SDM Vol. 3A §8.4.4.1, §10.6.1: vectors A0H to BFH of a SIPI are reserved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.trampolines import LinkedTrampoline, trampolines
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

PAGE, LIMIT = 4096, 1 << 20
RESERVED = range(0xA0000, 0xC0000)


def check(program: Program) -> Iterator[Finding]:
    """One finding for each fault of a trampoline."""
    for trampoline in trampolines(program):
        for fault in _faults(trampoline):
            yield program.finding(
                f"{trampoline.settings.region} {fault}",
                hint="a start-up IPI starts code at the beginning of a page below 1 MiB",
                evidence=program.evidence(trampoline.start),
            )


def _faults(trampoline: LinkedTrampoline) -> Iterator[str]:
    settings, size = trampoline.settings, trampoline.end - trampoline.start
    address, parameters = settings.run_address, settings.parameters
    room = parameters or settings.size
    if size > room:
        what = "runs into its parameters" if parameters else "does not fit its page"
        yield f"has {size} bytes and {what}: {room} are free"
    if parameters and parameters + (trampoline.parameter_size or 0) > settings.size:
        yield (
            f"has parameters of {trampoline.parameter_size or 0} bytes at {parameters:#x}, beyond "
            f"the end of its page of {settings.size}"
        )
    if address % PAGE:
        yield f"runs at {address:#x}, which is not the beginning of a page"
    if address + settings.size > LIMIT:
        yield f"runs at {address:#x}, which real mode cannot reach"
    elif address in RESERVED:
        yield f"runs at {address:#x}: vector {address >> 12:#x} of a start-up IPI is reserved"


RULE = Rule("AP001", "trampoline-does-not-fit", __doc__, check)
