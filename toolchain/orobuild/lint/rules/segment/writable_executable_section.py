"""A section is writable and executable at once.

## What it does

Reports each allocated section that has both SHF_WRITE and SHF_EXECINSTR.

## Why is this bad?

The linker puts such a section into a segment that is writable and executable, or, where the
script forces another one, into a segment that refuses one of the two. Either the image can be
overwritten while it runs, or it faults.

## Example

```gas
.section .trampoline, "awx", @progbits
```

## Fix

Split what is written from what is executed:

```gas
.section .trampoline, "ax", @progbits
.section .trampoline.data, "aw", @progbits
```

## Source

gABI, Sections, SHF_WRITE and SHF_EXECINSTR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.segments import describe_section
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding a section."""
    for section in program.sections:
        if section.is_writable and section.is_executable:
            yield program.finding(
                f"section {describe_section(section)} at {section.sh_addr:#x} is writable and "
                "executable: whatever is written there can run",
                hint='split it into code ("ax") and data ("aw")',
                evidence=program.evidence(section.sh_addr),
            )


RULE = Rule("SEG003", "writable-executable-section", __doc__, check)
