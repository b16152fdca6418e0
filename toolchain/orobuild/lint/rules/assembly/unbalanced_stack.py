"""A function returns with something left on the stack, or inline assembly ends so.

## What it does

Follows `push`, `pop` and constant changes of the stack pointer through a function (from a global
label or one with `.type …, @function` to the next such label), along its branches, and reports a
`ret` at which the stack is not as deep as at the start. A block of inline assembly inside a
function is followed to its end. Where anything else changes the stack pointer, where two ways
disagree, or behind a macro that cannot be seen, nothing is said; and a `ret` right behind a `push`
is a jump, not a return.

## Why is this bad?

`ret` takes the top of the stack for the address to return to. With one word too many there it
jumps to a saved register's value; with one too few it takes its caller's. After inline assembly the
compiler's own `ret` does the same.

## Example

```asm
.section .text,"ax",@progbits
.type read_flags, @function
read_flags:
    push %rbx
    pushf
    pop  %rax
    ret
.size read_flags, . - read_flags
```

## Fix

```asm
.section .text,"ax",@progbits
.type read_flags, @function
read_flags:
    push %rbx
    pushf
    pop  %rax
    pop  %rbx
    ret
.size read_flags, . - read_flags
```

## Source

Intel SDM Vol. 2, RET: "transfers program control to a return address located on the top of the
stack"; System V ABI AMD64 §3.2.1.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from orobuild.diagnostics import Note
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.events import Kind
from orobuild.lint.source.stack_depth import ENDS, depths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.events import Event
    from orobuild.lint.source.model import AssemblyModel

_SLOTS = {".code16": 2, ".code16gcc": 4, ".code32": 4, ".code64": 8}
_WIDE = re.compile(r"\br(?:[abcd]x|[sd]i|[sbi]p|[89]|1[0-5])\b")
_NARROW = re.compile(r"\be(?:[abcd]x|[sd]i|[sb]p)\b")
_RETURNS = frozenset(("ret", "retq", "retl", "retw"))


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a return, one a block."""
    if not model.reading.complete:
        return
    slot, seen = 4 if _is_narrow(model) else 8, 0
    for start, stop, is_block in _stretches(model):
        for event in model.events[seen:start]:
            slot = _SLOTS.get(event.word, slot)
        seen = start
        yield from _check(model, model.events[start:stop], slot, is_block=is_block)


def _is_narrow(model: AssemblyModel) -> bool:
    """Whether a file that does not say its width is for 32 bits: it names no wider register."""
    text = " ".join(e.text for e in model.events if e.kind is Kind.INSTRUCTION)
    return _WIDE.search(text) is None and _NARROW.search(text) is not None


def _stretches(model: AssemblyModel) -> Iterator[tuple[int, int, bool]]:
    """(first event, end, whether it is a block inside a function) of what is followed."""
    parts = [(0, len(model.events), True)]
    if model.is_embedded:
        parts = [(b.events.start, b.events.stop, b.at_file_scope) for b in model.reading.blocks]
    functions = _functions(model)
    for start, stop, has_functions in parts:
        if not has_functions:
            yield start, stop, True
            continue
        heads = [
            i
            for i in range(start, stop)
            if model.events[i].kind is Kind.LABEL and model.events[i].word in functions
        ]
        for head, end in pairwise([*heads, stop]):
            if not _is_reached_from_above(model, start, head):
                yield head, end, False


def _functions(model: AssemblyModel) -> set[str]:
    """The names that are global or a function's."""
    names: set[str] = set()
    for event in model.events:
        if event.kind is Kind.SYMBOL and event.word in (".globl", ".global"):
            names |= {name.strip() for name in event.text.split(",")}
        elif event.kind is Kind.SYMBOL and event.word == ".type" and "func" in event.text.lower():
            names.add(event.text.replace(" ", ",").partition(",")[0].strip())
    return names


def _is_reached_from_above(model: AssemblyModel, start: int, head: int) -> bool:
    """Whether the instruction before a label runs on into it, with a depth of its own."""
    section = model.events[head].section
    for index in range(head - 1, start - 1, -1):
        event = model.events[index]
        if event.kind in (Kind.INSTRUCTION, Kind.UNKNOWN) and event.section is section:
            return ENDS.fullmatch(event.word) is None
    return False


def _check(
    model: AssemblyModel, events: Sequence[Event], slot: int, *, is_block: bool
) -> Iterator[Finding]:
    if any(e.conditional for e in events) or any(e.word in _SLOTS for e in events):
        return
    before: Event | None = None
    known = depths(events, slot)
    name = events[0].word if events and not is_block else None
    subject = "inline assembly" if name is None else f"'{name}'"
    for index, event in enumerate(events):
        if event.kind is not Kind.INSTRUCTION:
            continue
        depth = known.get(index)
        is_jump = before is not None and before.word.startswith("push")
        before = event
        if depth and not is_jump and event.word in _RETURNS and not event.text.strip():
            yield model.finding(
                f"{subject} returns with {_amount(depth)} the stack than at its start: it jumps to "
                "what lies there",
                event.place,
                hint="pop what was pushed on every way to this 'ret'",
                notes=[Note("followed from here", events[0].place.span)],
                symbol=name,
                section=event.section,
            )
    depth = known.get(len(events))
    if is_block and depth and before is not None:
        yield model.finding(
            f"inline assembly ends with {_amount(depth)} the stack than at its start: the "
            "compiler's own accesses and its 'ret' are off by that",
            before.place,
            hint="pop what was pushed before the assembly ends",
            notes=[Note("followed from here", events[0].place.span)],
            section=before.section,
        )


def _amount(depth: int) -> str:
    count = f"{abs(depth)} byte{'' if abs(depth) == 1 else 's'}"
    return f"{count} more on" if depth > 0 else f"{count} fewer on"


RULE = Rule("ASM003", "unbalanced-stack", __doc__, check, scope=Scope.SOURCE)
