"""A symbol lies in memory of other permissions in one build of the kernel than in the other.

## What it does

With `orolint --compare FIRST.elf SECOND.elf`, looks up each symbol that both builds have and compares the
permissions of the segments that hold it, and whether any does.

## Why is this bad?

It is how the defect that this linter exists for shows: stubs without a `.section` line lay in `.text` in
debug builds and in read-only data in release builds. What was tested is not what is shipped.

## Example

```
debug:   isr_common in segment 1 (R E)
release: isr_common in segment 2 (R)
```

## Fix

Give the code a section of its own with flags, and the linker script a rule that places it.

## Source

gABI, Program Header (p_flags); GNU ld manual §3.7 (orphan sections are placed by heuristics).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.builds import BuildPair
    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(builds: BuildPair) -> Iterator[Finding]:
    """One finding for each symbol."""
    for first, second in builds.shared:
        before = _permissions(builds.first, first.address)
        after = _permissions(builds.second, second.address)
        if before != after:
            yield builds.second.finding(
                f"{second.name} is in memory that is {after}, and in {builds.first.elf.path} in memory "
                f"that is {before}: the two builds behave differently",
                hint="name its section, and place that section in the linker script",
                evidence=builds.second.evidence(second.address),
            )


def _permissions(program: Program, address: int) -> str:
    segment = program.segment_at(address)
    return segment.flags if segment is not None else "in no segment"


RULE = Rule("BLD001", "symbol-changes-permissions", __doc__, check, scope=Scope.BUILDS)
