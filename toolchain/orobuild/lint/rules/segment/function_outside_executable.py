"""A function symbol is in no executable segment.

## What it does

Reports each defined symbol of type STT_FUNC (or STT_GNU_IFUNC) whose address no executable
segment contains, by virtual, physical or declared run address; also those of sections that are
not allocated at all.

## Why is this bad?

The symbol says that this is code, and the segment says that it cannot run. No direct branch may
name it yet (its address may be in a table that is filled at run time), but whoever calls it takes
an instruction-fetch page fault.

## Example

```gas
    .section .rodata
    .type timer_handler, @function
timer_handler:
    iretq
```

## Fix

```gas
    .section .text, "ax", @progbits
    .type timer_handler, @function
timer_handler:
    iretq
```

If it is data, say `.type NAME, @object`.

## Source

gABI, Symbol Table, STT_FUNC: "the symbol is associated with a function or other executable code".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.finding import Evidence
from orobuild.lint.program.segments import describe_section
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.symbols import ImageSymbol

SHOWN = 8


def check(program: Program) -> Iterator[Finding]:
    """One finding a section, naming its functions."""
    by_section: dict[int, list[ImageSymbol]] = {}
    for symbol in program.symbols.function_symbols():
        section = program.elf.sections[symbol.section]
        if not section.is_alloc or program.executable(symbol.address) is None:
            by_section.setdefault(symbol.section, []).append(symbol)
    for index, symbols in by_section.items():
        section = program.elf.sections[index]
        first = symbols[0]
        segment = program.segment_at(first.address) if section.is_alloc else None
        where = f"{segment}, which is not executable" if segment else "no segment"
        names = ", ".join(s.name for s in symbols[1 : SHOWN + 1])
        if len(symbols) > SHOWN + 1:
            names += f" and {len(symbols) - SHOWN - 1} more"
        yield program.finding(
            f"function {first.name} is in section {describe_section(section)} in {where}: calling "
            "it is a page fault",
            hint='put it into a section with flags "ax", or say `.type NAME, @object` of data',
            notes=[f"so are {names}"] if names else (),
            evidence=Evidence(
                address=first.address,
                symbol=first.name,
                section=describe_section(section),
                segment=str(segment) if segment else None,
            ),
        )


RULE = Rule("SEG017", "function-outside-executable", __doc__, check)
