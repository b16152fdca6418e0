"""Inline assembly ends in another section than it began in.

## What it does

Reports a block of inline assembly (`asm` of C and C++; `asm!`, `naked_asm!` and `global_asm!` of
Rust) that changes the section and does not change it back: with `.section` or `.pushsection`
inside a function, with a section other than `.text` outside one.

## Why is this bad?

What the compiler emits next goes into that section. In a function it is the rest of the function:
clang 14 puts it into `.data` without a word. After a block at file scope gcc 12 at `-O2` puts *the
functions of the whole file* into `.rodata`, and every compiler puts the next such block there. The
first call is a page fault.

## Example

```c
asm(".section .rodata\\n"
    "message: .asciz \"hello\"\\n");
int answer(void) { return 42; }     /* in .rodata, says gcc -O2 */
```

## Fix

```c
asm(".pushsection .rodata,\"a\",@progbits\\n"
    "message: .asciz \"hello\"\\n"
    ".popsection\\n");
int answer(void) { return 42; }
```

## Source

The Rust Reference, *Inline assembly*, Directives support; GCC manual, *Basic Asm*: the compiler
does not know what a block does to the assembler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Note
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.model import AssemblyModel
    from orobuild.lint.source.reading import BlockReading


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a block."""
    if not model.reading.complete:
        return
    for block in model.reading.blocks:
        finding = _check(model, block)
        if finding is not None:
            yield finding


def _check(model: AssemblyModel, block: BlockReading) -> Finding | None:
    if block.pushed is None or not (block.pushed or block.leaves is not None):
        return None
    if not block.pushed and block.leaves is not None and block.leaves.name == ".text":
        return None
    events = [model.events[i] for i in block.events if model.events[i].kind is Kind.SECTION]
    if not events or any(e.conditional for e in events):
        return None
    section = events[-1].section
    name = section.name if section is not None else "?"
    what = "pushed and never popped" if block.pushed else "left as it is"
    victims = "the rest of the function goes"
    if block.at_file_scope:
        victims = "the next such block and whatever the compiler emits next go"
    return model.finding(
        f"section '{name}' is {what} at the end of the assembly: {victims} there too",
        events[-1].place,
        hint=f"write .pushsection {name} before it and .popsection at the end",
        notes=[]
        if section is None or section.is_executable
        else [Note(f"'{name}' is not executable: code in it is a page fault")],
        section=section,
        symbol=name,
    )


RULE = Rule("ASM002", "section-left-changed", __doc__, check, scope=Scope.SOURCE)
