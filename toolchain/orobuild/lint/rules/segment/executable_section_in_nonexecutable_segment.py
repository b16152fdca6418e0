"""A section of instructions is in a segment that may not execute.

## What it does

Reports each allocated section with SHF_EXECINSTR of which a byte lies in a PT_LOAD segment
without PF_X (and in no segment with it).

## Why is this bad?

The section promises code and the segment forbids running it. Nothing shows until control gets
there: then the processor takes an instruction-fetch page fault. A linker script does this when
an output section inherits the `:phdr` of the one before it.

## Example

```ld
.rodata : { *(.rodata .rodata.*) } :rodata
.isr    : { *(.isr) }              /* still :rodata */
```

## Fix

```ld
.isr    : { *(.isr) } :text
```

## Source

GNU ld manual §3.8 PHDRS: a section without `:phdr` goes to the segments of the previous one.
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
        segment = program.segment_at(section.sh_addr)
        if section.is_executable and segment is not None and not segment.is_executable:
            yield program.finding(
                f"section {describe_section(section)} at {section.sh_addr:#x} holds instructions, "
                f"but {segment} is not executable: running them is a page fault",
                hint=f"place {section.name} in an executable segment (`:text` in the script)",
                evidence=program.evidence(section.sh_addr),
            )


RULE = Rule("SEG005", "executable-section-in-nonexecutable-segment", __doc__, check)
