"""An input pattern can never match: an earlier one takes everything that it would.

## What it does

Reports a section pattern that an earlier pattern covers: the same name, or a name that an
earlier `.name.*` matches, for every file and without exclusions.

## Why is this bad?

Each input section goes to the first pattern that matches it, in script order. The later rule
looks as if it placed (or kept, or discarded) something, and does nothing; the section is
somewhere else, with other permissions or another order.

## Example

```ld
.text : { *(.text .text.*) }
.isr  : { KEEP(*(.text.isr)) }          /* .text has it already */
```

## Fix

Put the more special pattern first:

```ld
.isr  : { KEEP(*(.text.isr)) }
.text : { *(.text .text.*) }
```

## Source

GNU ld manual §3.6.4.1: "If a file name matches more than one pattern, ... the linker will use
the first match in the linker script".
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from orobuild.diagnostics import Note, Severity
from orobuild.linker.script.nodes import InputStatement, OutputSection
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.linker.script.nodes import SectionPattern
    from orobuild.lint.finding import Finding
    from orobuild.lint.script import ScriptModel

WILDCARDS = re.compile(r"[*?\[\]\\]")


def check(model: ScriptModel) -> Iterator[Finding]:
    """One finding a pattern."""
    earlier: list[tuple[SectionPattern, str]] = []
    for section in model.script.statements:
        if not isinstance(section, OutputSection):
            continue
        taken: list[tuple[SectionPattern, str]] = []
        for statement in section.body:
            if not isinstance(statement, InputStatement):
                continue
            for pattern in statement.sections:
                cover = next((e for e in (*earlier, *taken) if _covers(e[0], pattern)), None)
                if cover is not None:
                    yield model.finding(
                        f"'{pattern.pattern}' in {section.name} never matches: "
                        f"'{cover[0].pattern}' in {cover[1]} takes those sections first",
                        pattern.span,
                        hint="move the more special pattern before the general one",
                        notes=[Note("the pattern that takes them", cover[0].span)],
                        symbol=pattern.pattern,
                    )
                elif _takes_all(statement, section) and not pattern.exclude_files:
                    taken.append((pattern, section.name))
        earlier += taken


def _takes_all(statement: InputStatement, section: OutputSection) -> bool:
    """Whether the statement's patterns hold for every file, in every link."""
    return (
        statement.file == "*"
        and not statement.exclude_files
        and not statement.with_flags
        and not statement.without_flags
        and section.constraint is None
    )


def _covers(general: SectionPattern, special: SectionPattern) -> bool:
    """Whether every name that `special` matches is one that `general` matches, for certain."""
    if general.pattern == special.pattern:
        return True
    stem = general.pattern.removesuffix("*")
    if general.pattern.endswith("*") and not WILDCARDS.search(stem):
        return WILDCARDS.split(special.pattern)[0].startswith(stem)
    return not WILDCARDS.search(special.pattern) and fnmatch.fnmatchcase(
        special.pattern, general.pattern
    )


RULE = Rule(
    "LDS005",
    "pattern-never-matches",
    __doc__,
    check,
    severity=Severity.WARNING,
    scope=Scope.SCRIPT,
)
