"""The configuration names a symbol or structure that the kernel does not have.

## What it does

Looks for every name of `[tool.orobuild.lint]` in a kernel's symbols: `vector-tables`, `no-return`,
`general-registers-only`, `resume-functions`, `syscall-entries`, `trampolines` and `discarded`; and for structures
(`frame-struct`, `parameter-struct`, `stack-pointers`) in its debugging information. A function that
only the debugging information knows has been inlined, and counts as there. An image without symbols
is passed, and so are programs, which share the configuration with the kernel.

## Why is this bad?

A rule that is told what to look at by name finds nothing under a name that is not there, and says
so by its silence: the check is off, and nobody notices.

## Example

```toml
[tool.orobuild.lint]
no-return = ["run_contxt"]
```

## Fix

```toml
[tool.orobuild.lint]
no-return = ["run_context"]
```

A project with two kernels of which one has the name leaves the rule out for the other with
`per-file-ignores`.

## Source

This linter's configuration: docs/configuration.md.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.diagnostics import Span, did_you_mean
from orobuild.lint.rule import Rule
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.config import LintConfig
    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

WILD = frozenset("*?[")


def check(program: Program) -> Iterator[Finding]:
    """One finding for each name."""
    if program.elf.symbol_table is None or not program.is_kernel:
        return
    names = {symbol.name for symbol in program.symbols}
    for key, pattern in _patterns(program.config):
        if not fnmatch.filter(names, pattern) and not _is_in_source(program, pattern):
            yield _finding(program, key, pattern, f"no symbol is called '{pattern}'", names)
    regions = [("trampolines", t.region) for t in program.config.trampolines]
    regions += [("discarded", d.region) for d in program.config.discarded]
    for key, region in regions:
        for name in region.split("..") if program.elf.section(region) is None else ():
            if name not in names:
                message = f"no section or symbol is called '{name}'"
                yield _finding(program, key, name, message, names)
    if program.elf.section(".debug_info") is None:
        return
    for key, name in _structures(program.config):
        tag, _, member = name.partition(".")
        structure = program.structures.get(tag)
        if structure is None:
            message = f"the debugging information has no structure '{tag}'"
            yield _finding(program, key, tag, message, set())
        elif member and member not in dict(structure.members):
            message = f"the structure '{tag}' has no member '{member}'"
            members = {m for m, _ in structure.members}
            yield _finding(program, key, member, message, members, place=name)


def _patterns(config: LintConfig) -> Iterator[tuple[str, str]]:
    for key, patterns in (
        ("vector-tables", config.vector_tables),
        ("no-return", config.no_return),
        ("general-registers-only", tuple(p.lstrip("!") for p in config.general_registers_only)),
        ("resume-functions", tuple(r.pattern for r in config.resume_functions)),
        ("syscall-entries", config.syscall_entries),
        ("discarded", tuple(user for d in config.discarded for user in d.users)),
    ):
        for pattern in patterns:
            yield key, pattern


def _structures(config: LintConfig) -> Iterator[tuple[str, str]]:
    if config.frame_struct:
        yield "frame-struct", config.frame_struct
    for trampoline in config.trampolines:
        if trampoline.parameter_struct:
            yield "parameter-struct", trampoline.parameter_struct
    for pointer in config.stack_pointers:
        yield "stack-pointers", pointer.member


def _is_in_source(program: Program, name: str) -> bool:
    """Whether a name stands in the debugging information: that of a function without a symbol."""
    section = program.elf.section(".debug_str")
    if WILD & set(name) or section is None:
        return False
    return b"\0" + name.encode() + b"\0" in b"\0" + program.elf.section_data(section).tobytes()


def _finding(
    program: Program, key: str, word: str, message: str, known: set[str], place: str = ""
) -> Finding:
    finding = program.finding(
        f"[tool.orobuild.lint] {key}: {message} in {Path(program.elf.path).name}: what it is to "
        "check is not checked",
        hint=did_you_mean(word, known),
    )
    span = _span(program.config, place or word)
    return finding if span is None else replace(finding, span=span, line=span.line)


def _span(config: LintConfig, word: str) -> Span | None:
    """Where the configuration says `word`, None if its file is not known."""
    from orobuild.configuration import FILES, locate

    for name in FILES if config.root else ():
        file = Path(config.root) / name
        if file.is_file() and (span := locate(file, word)).line:
            return span
    return None


RULE = Rule("CFG001", "name-not-in-image", __doc__, check)
