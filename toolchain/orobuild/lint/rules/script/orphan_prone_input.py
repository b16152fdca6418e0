"""Sections that every compiler makes are placed by no rule, and not discarded.

## What it does

Looks in a script for compiled code (it takes `.text` from all files, and one of `COMMON`, `.comment`,
`.eh_frame`, `.debug_*`, `.init_array` and their like) for the sections that compilers emit unasked: `.text.unlikely` (cold code) beside `.text`, `.rodata.str1.1` and `.rodata.cst16` (strings,
constants) beside `.rodata`; and `.eh_frame` and `.note.gnu.property`, which a kernel seldom wants.
Each must match a pattern, if only one of `/DISCARD/`. A script for `INSERT` is passed.

## Why is this bad?

An orphan goes where the linker thinks fit, into whatever segment is there, and the script's symbols
for the beginning and the end of things do not hold it. `.note.gnu.property` comes first in the
image, where the boot protocol's header had to be: the loader does not find it any more.

## Example

```ld
SECTIONS { .text : { *(.text) }  .rodata : { *(.rodata) }  .bss : { *(.bss COMMON) } }
```

## Fix

```ld
SECTIONS {
    .text   : { *(.text .text.*) }
    .rodata : { *(.rodata .rodata.*) }
    .bss    : { *(.bss COMMON) }
    /DISCARD/ : { *(.eh_frame .note.GNU-stack .note.gnu.* .comment) }
}
```

## Source

GNU ld manual §3.6.4.2 (`-ffunction-sections`), §3.6.7 (output section discarding), §3.10.4 (orphans).
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.linker.script.nodes import InputStatement, OutputSection
from orobuild.lint.rule import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.linker.script.nodes import SectionPattern
    from orobuild.lint.finding import Finding
    from orobuild.lint.script import ScriptModel

# By the name that a script knows, what compilers make beside it without being asked.
BESIDE = {
    ".text": (".text.unlikely",),
    ".rodata": (".rodata.str1.1", ".rodata.cst16"),
}
UNWANTED = (".eh_frame", ".note.gnu.property")
# Who takes these expects the output of a compiler; a boot sector's script does not.
COMPILED = ("COMMON", ".comment", ".eh_frame", ".debug_", ".init_array", ".ctors", ".gnu.linkonce")


def check(model: ScriptModel) -> Iterator[Finding]:
    """One finding for each of the known names, and one for what should be discarded."""
    patterns: list[SectionPattern] = []
    taken: dict[str, SectionPattern] = {}
    for section in model.script.statements:
        if not isinstance(section, OutputSection):
            continue
        if section.inserted:
            return
        for statement in section.body:
            if not isinstance(statement, InputStatement):
                continue
            if not statement.sections:
                return  # whole files by name: somebody knows what is in them
            patterns += statement.sections
            for pattern in statement.sections if statement.file == "*" else ():
                taken.setdefault(pattern.pattern, pattern)
    if not any(_matches(p, ".text") for p in taken.values()):
        return
    if not any(p.pattern.startswith(COMPILED) for p in patterns):
        return
    for name, others in BESIDE.items():
        missing = [other for other in others if not any(_matches(p, other) for p in patterns)]
        if name in taken and missing:
            yield model.finding(
                f"'{name}' is placed, and no pattern takes {_listed(missing)}, which compilers emit "
                "beside it: orphans",
                taken[name].span,
                hint=f"write *({name} {name}.*)",
                symbol=name,
            )
    missing = [name for name in UNWANTED if not any(_matches(p, name) for p in patterns)]
    if missing:
        yield model.finding(
            f"no pattern takes {_listed(missing)}, which compilers emit into every object: orphans, "
            "perhaps before everything else",
            next(iter(taken.values())).span,
            hint=f"write /DISCARD/ : {{ *({' '.join(missing)}) }}",
        )


def _matches(pattern: SectionPattern, name: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern.pattern)


def _listed(names: list[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


RULE = Rule(
    "LDS006",
    "orphan-prone-input",
    __doc__,
    check,
    severity=Severity.WARNING,
    scope=Scope.SCRIPT,
)
