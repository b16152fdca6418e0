"""A segment is writable and executable at once.

## What it does

Reports each PT_LOAD program header that has both PF_W and PF_X.

## Why is this bad?

Whoever can write a byte there can run it: one stray pointer becomes code execution, and page
tables built from the program headers inherit the mistake. It is also how data and code end up
in one page, so that neither can be protected.

## Example

```ld
PHDRS { all PT_LOAD FLAGS(7); }
```

## Fix

Give code, constants and data a segment each, with the least permissions:

```ld
PHDRS {
    text   PT_LOAD FLAGS(5);  /* R E */
    rodata PT_LOAD FLAGS(4);  /* R   */
    data   PT_LOAD FLAGS(6);  /* RW  */
}
```

## Source

gABI, Program Header, segment permissions; NIST SP 800-218 PW.6 and the W^X policy of OpenBSD.
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
    """One finding a segment."""
    for segment in program.loads:
        if segment.is_writable and segment.is_executable:
            held = [s.name for s in program.sections if segment.start <= s.sh_addr < segment.end]
            yield program.finding(
                f"{segment} is writable and executable: whatever is written there can run",
                hint="give code (R E) and data (RW) a segment each in the script's PHDRS",
                notes=[f"it holds {', '.join(held)}"] if held else (),
                evidence=Evidence(address=segment.start, segment=str(segment)),
            )


RULE = Rule("SEG002", "writable-executable-segment", __doc__, check)
