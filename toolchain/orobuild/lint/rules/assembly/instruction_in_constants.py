"""An instruction stands among notes, constants or strings.

## What it does

Reports instructions in `.rodata*`, `.note*` and sections of mergeable constants or strings
(flags `M`, `S`), unless the section is given `x`. One finding for each label.

## Why is this bad?

Constants are mapped read-only and not executable; strings and constants with the flag `M` are
moreover merged, cut and reordered by the linker, and notes are read by loaders as records. The
code is either never executable, or not even there as it was written.

## Example

```asm
.section .rodata
stub:
    push $32
    jmp  isr_common
```

## Fix

```asm
.section .text,"ax",@progbits
stub:
    push $32
    jmp  isr_common
```

## Source

gABI, *Special Sections* (`.rodata`, `.note`) and *Section Attribute Flags* (SHF_MERGE,
SHF_STRINGS).
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
    yield from findings(model, is_constant_or_note)


RULE = Rule("ASM006", "instruction-in-constants", __doc__, check, scope=Scope.SOURCE)
