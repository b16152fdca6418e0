"""A section of data is in an executable segment.

## What it does

Reports each allocated section without SHF_EXECINSTR that an executable segment holds. A segment
that holds no instructions at all is reported as such. Notes, the ELF and program headers that a
linker puts at a segment's start and the dynamic linker's own tables are data like any other.

Programs that lld, gold or an older GNU ld linked without `-z separate-code` are laid out like
this, so that the rule finds something in many of a system's programs. It is only a warning there
and everywhere; raise it with `severity = { SEG006 = "error" }`.

## Why is this bad?

Every byte of it can be run: tables and strings become gadgets, and a wild jump into them executes
instead of faulting. It is also the layout in which a misplaced stub still works, until another
linker script separates code from data.

## Example

```ld
.text   : { *(.text .text.*) } :text
.rodata : { *(.rodata .rodata.*) }     /* still :text */
```

## Fix

```ld
.rodata : ALIGN(4096) { *(.rodata .rodata.*) } :rodata
```

For programs linked without a script: `-z separate-code`.

## Source

GNU ld manual, `-z separate-code`; gABI, Program Header, segment permissions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.finding import Evidence
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding a segment, naming the sections."""
    held: dict[int, list[str]] = {}
    code: set[int] = set()
    for section in program.sections:
        segment = program.segment_at(section.sh_addr)
        if segment is None or not segment.is_executable:
            continue
        if section.is_executable:
            code.add(segment.index)
        else:
            held.setdefault(segment.index, []).append(section.name)
    for index, names in held.items():
        segment = program.segments[index]
        shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if names[12:] else "")
        subject = "data" if index in code else "nothing but data"
        yield program.finding(
            f"{segment} is executable and holds {subject} ({shown}): every byte of it can run",
            hint="place data in a segment without PF_X (`-z separate-code` without a script)",
            evidence=Evidence(
                address=segment.start, segment=str(segment), facts=(("sections", shown),)
            ),
        )


RULE = Rule(
    "SEG006", "data-section-in-executable-segment", __doc__, check, severity=Severity.WARNING
)
