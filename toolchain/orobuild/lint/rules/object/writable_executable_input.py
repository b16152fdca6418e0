"""An object has a section that is writable and executable at once.

## What it does

Reports each allocated section with both SHF_WRITE and SHF_EXECINSTR.

## Why is this bad?

One such input makes the output section, and without FLAGS in the script the whole segment,
writable and executable. See `SEG003`.

## Example

```gas
.section .trampoline, "awx", @progbits
```

## Fix

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
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.relocatable import RelocatableModel


def check(model: RelocatableModel) -> Iterator[Finding]:
    """One finding a section."""
    for section in model.elf.sections:
        if section.is_alloc and section.is_writable and section.is_executable:
            yield model.finding(
                f"section {describe_section(section)} is writable and executable: whatever is "
                "written there can run",
                hint='split it into code ("ax") and data ("aw")',
                section=section,
            )


RULE = Rule("OBJ003", "writable-executable-input", __doc__, check, scope=Scope.OBJECT)
