"""The image asks for an executable stack.

## What it does

Reports a PT_GNU_STACK program header with PF_X.

## Why is this bad?

Whatever overflows a buffer on the stack can run it. One assembly file without the
`.note.GNU-stack` section is enough for a linker to ask for it.

## Example

```gas
    .text                       # and no .note.GNU-stack in the whole file
```

## Fix

```gas
    .section .note.GNU-stack, "", @progbits
```

or link with `-z noexecstack`.

## Source

GNU ld manual, `-z execstack`; LSB Core 5.0 §10.7, PT_GNU_STACK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.elf import constants as c
from orobuild.lint.finding import Evidence
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding a header."""
    for segment in program.segments:
        if segment.header.p_type == c.PT_GNU_STACK and segment.is_executable:
            yield program.finding(
                f"PT_GNU_STACK (segment {segment.index}) is {segment.flags}: what is written to "
                "the stack can run",
                hint='add `.section .note.GNU-stack, "", @progbits` to each assembly file',
                evidence=Evidence(segment=str(segment)),
            )


RULE = Rule("SEG013", "executable-stack", __doc__, check)
