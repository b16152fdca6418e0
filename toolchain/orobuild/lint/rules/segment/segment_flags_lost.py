"""A program header lacks flags that the configuration says it has.

## What it does

For each entry of `segment-flags`: the segment of every section that the pattern matches must have these
bits in `p_flags`. They may be any, but the ones that get lost are those that ELF leaves to the operating
system (`PF_MASKOS`, 0x0ff00000) and to the processor (`PF_MASKPROC`, 0xf0000000).

## Why is this bad?

A loader that was written for the kernel finds what to do with a segment in these flags: map it as global, as
user memory, not at all. Linkers set them as `FLAGS(...)` of the script says. Tools that write program
headers anew, as some `objcopy`, `strip` and packers do, keep `R`, `W` and `E` and drop the others
without a word; so does a script whose `PHDRS` were replaced by the default ones.

## Example

```toml
[tool.orobuild.lint.segment-flags]
".text*" = 0x00200005
```

```ld
PHDRS { text PT_LOAD FLAGS(5); }
```

## Fix

```ld
PHDRS { text PT_LOAD FLAGS(0x00200005); }
```

## Source

System V ABI, Program Header: `p_flags`; GNU ld manual, PHDRS: `FLAGS`.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from orobuild.elf import constants as c
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding for each entry and segment, naming the first of its sections."""
    for item in program.config.segment_flags:
        seen: set[int] = set()
        for section in program.sections:
            if not section.sh_flags & c.SHF_ALLOC or not fnmatch.fnmatchcase(
                section.name, item.pattern
            ):
                continue
            segment = program.segment_at(section.sh_addr)
            if segment is None or segment.index in seen:
                continue
            seen.add(segment.index)
            missing = item.flags & ~segment.header.p_flags
            if missing:
                yield program.finding(
                    f"{segment}, which has {section.name}, lacks {missing:#x} of the flags "
                    f"{item.flags:#x} in p_flags: they are {segment.header.p_flags:#x}",
                    hint="say FLAGS(...) in PHDRS of the linker script, and see that no tool writes the "
                    "program headers anew",
                    evidence=program.evidence(section.sh_addr),
                )


RULE = Rule("SEG020", "segment-flags-lost", __doc__, check)
