"""A loadable program header is writable and executable at once.

## What it does

Reports each PT_LOAD line of PHDRS whose `FLAGS` have both PF_W (2) and PF_X (1).

## Why is this bad?

Whatever is written there can run. See `SEG002`, which says the same of the image.

## Example

```ld
PHDRS { kernel PT_LOAD FLAGS(7); }
```

## Fix

```ld
PHDRS {
    text PT_LOAD FLAGS(5);
    data PT_LOAD FLAGS(6);
}
```

## Source

GNU ld manual §3.8 PHDRS; gABI, Program Header, segment permissions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.elf.constants import PF_W, PF_X
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.script import ScriptModel


def check(model: ScriptModel) -> Iterator[Finding]:
    """One finding a line."""
    both = PF_W | PF_X
    for header in model.program_headers.values():
        if header.is_load and header.flags is not None and header.flags & both == both:
            yield model.finding(
                f"PT_LOAD '{header.name}' is writable and executable: whatever is written there "
                "can run",
                header.span,
                hint="split it: FLAGS(5) for code, FLAGS(6) for data",
                symbol=header.name,
            )


RULE = Rule("LDS002", "writable-executable-phdr", __doc__, check, scope=Scope.SCRIPT)
