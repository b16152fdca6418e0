"""Three programs that read this file see three different files.

## What it does

Reads the file with orobuild's own reader, with pyelftools and with LIEF, and reports each program
header, section header or symbol that they read differently. Off by default: loading LIEF takes
longer than all other rules together. `orobuild build` makes the same comparison for what it wrote.

## Why is this bad?

A file that a loader, a debugger and a linter understand differently cannot be judged by any of
them: what was checked is not what runs. Such files come from damaged tools, or are made on
purpose.

## Example

An `e_shnum` that counts fewer sections than the table holds, so that the section which is
executed is not among those that are listed.

## Fix

Link again with one tool. If the file is well-formed, report the reader that is wrong.

## Source

gABI, Object Files; the readings are those of pyelftools and LIEF as installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program


def check(program: Program) -> Iterator[Finding]:
    """One finding a disagreement."""
    from orobuild.elf.crosscheck import crosscheck

    for disagreement in crosscheck(bytes(program.elf.data), program.elf.path):
        yield program.finding(
            f"{disagreement.message}: what was checked is not what others read",
            hint="link again; if the file is well-formed, report the reader that is wrong",
        )


RULE = Rule("ELF001", "readers-disagree", __doc__, check, default=False)
