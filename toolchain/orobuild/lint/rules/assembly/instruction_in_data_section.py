"""An instruction stands in a section that is not executable.

## What it does

Reports instructions in a section without the flag `x`, by the flags that the file gives it or
that its name stands for. One finding for each label. `.rodata*`, notes and string sections are
ASM006's.

## Why is this bad?

The linker places the section among data, the kernel maps it without execute permission, and
the first instruction fetched from it is a page fault.

## Example

```asm
.section .data
handler:
    iretq
```

## Fix

```asm
.section .text,"ax",@progbits
handler:
    iretq
```

## Source

gABI, *Section Attribute Flags*: SHF_EXECINSTR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.misplaced import findings, is_constant_or_note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.model import AssemblyModel


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a label."""
    yield from findings(model, lambda section: not is_constant_or_note(section))


RULE = Rule("ASM005", "instruction-in-data-section", __doc__, check, scope=Scope.SOURCE)
