"""The frame that an interrupt entry pushes is not the C structure that its handler reads.

## What it does

Follows the stubs of the vector tables and the entries of `syscall` through assembly with a model
of registers and memory, up to each compiled function whose first argument (or second, or the
stack itself in 32-bit code) points to a frame, and compares what lies there with the structure
that `frame-struct` names, as the image's DWARF describes it: members called like a register must
hold that register as it was interrupted, `rip`, `cs`, `rflags`, `rsp` and `ss` what the processor
pushed, `vector` the vector, and `error_code` the processor's error code or a constant. The frame of a system
call may be partial: what it holds must be right. Other members are passed. Needs debugging information.

## Why is this bad?

Every handler reads, and every return restores, the wrong registers: a thread comes back with two
of its values swapped, which shows far away and rarely.

## Example

```gas
.macro push_registers
    pushq %rdi              # struct frame has rdi below rsi
    pushq %rsi
```

```c
struct frame { uint64_t rdi, rsi, ...; };
```

## Fix

Push from the last member to the first, or change the structure with the macro.

## Source

Intel SDM Vol. 3A §6.14.2 (the frame in 64-bit mode).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.program.contract import vectors
from orobuild.lint.program.paths import Kind
from orobuild.lint.program.values import STACK, Constant, Original, Value, split
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.contract import Contract, Handler
    from orobuild.lint.program.paths import Event

Difference = tuple[str, Value]  # a member, and what is in its place

# What `syscall` keeps of the interrupted code, by the member that it belongs to (Intel SDM Vol. 2B).
BY_SYSCALL = {"rip": "rcx", "rflags": "r11"}


def check(program: Program) -> Iterator[Finding]:
    """One finding for each place of hand-over and set of members that are wrong."""
    contract = program.contract
    if not contract.members:
        return
    wrong: dict[tuple[int, tuple[Difference, ...]], list[Handler]] = {}
    for event, handlers in contract.events_by_handlers(Kind.CALL, Kind.JUMP).items():
        differences = tuple(_differences(contract, event, partial=False))
        if differences:
            wrong.setdefault((event.address, differences), []).extend(handlers)
    for (address, differences), handlers in wrong.items():
        who, fact = vectors(handlers)
        yield _finding(program, address, f"for {who}", differences, fact)
    for routine in contract.routines:
        if not routine.is_syscall:
            continue
        for event in routine.events:
            if event.kind in (Kind.CALL, Kind.JUMP):
                differences = tuple(_differences(contract, event, partial=True))
                if differences:
                    who = f"for system calls ({program.place(routine.address)})"
                    yield _finding(program, event.address, who, differences, None)


def _finding(
    program: Program,
    address: int,
    who: str,
    differences: tuple[Difference, ...],
    fact: tuple[str, str] | None,
) -> Finding:
    member, value = differences[-1]
    name = program.config.frame_struct
    return program.finding(
        f"at {program.place(address)}, {who}, struct {name} has {member} where the frame has "
        f"{_held(value)}: the handler reads the wrong value",
        hint="push from the structure's last member to its first",
        notes=[f"{m}: the frame has {_held(v)}" for m, v in reversed(differences[:-1])],
        evidence=program.evidence(
            address, facts=(("member", member), *((fact,) if fact is not None else ()))
        ),
    )


def _held(value: Value) -> str:
    return "something else" if value is None else str(value)


def _differences(contract: Contract, event: Event, *, partial: bool) -> Iterator[Difference]:
    """Each member that is not in its place, from the lowest offset to the highest.

    The frame is where the first argument points that points to interrupted registers at all.
    """
    memory = dict(event.state.memory)
    for base, offset in _candidates(event, memory):
        words = {at: memory.get((base, offset + at)) for at in contract.members}
        held = sum(1 for value in words.values() if isinstance(value, Original))
        if 2 * held < len(words) and not (partial and 3 * held >= len(words)):
            continue
        for at, meaning in sorted(contract.members.items()):
            value = words[at]
            missing = (base, offset + at) not in memory
            if partial and missing:
                continue
            if not _is_right(meaning, value, partial=partial):
                yield meaning, value
        return


def _candidates(
    event: Event, memory: Mapping[tuple[Value, int], Value]
) -> Iterator[tuple[Value, int]]:
    """Where the arguments point (System V ABI AMD64 §3.2.3; i386 §2.2.3: on the stack)."""
    registers = dict(event.state.registers)
    for name in ("rdi", "rsi"):
        if registers.get(name) is not None:
            yield split(registers[name])
    base, offset = split(registers.get("rsp"))
    if base is None:
        return
    argument = memory.get((base, offset + 4))
    if argument is not None and argument != STACK:
        yield split(argument)


def _is_right(meaning: str, value: Value, *, partial: bool) -> bool:
    if meaning == "vector":  # which one is IDT001's question
        return isinstance(value, Constant) or value == Original("vector")
    if meaning == "error_code":
        is_number = isinstance(value, Constant) or value == Original("vector")
        return is_number or value == Original("error_code")
    if partial and meaning in ("cs", "ss"):
        return True
    expected = BY_SYSCALL.get(meaning, meaning) if partial else meaning
    return value == Original(expected)


RULE = Rule("IDT006", "frame-differs-from-structure", __doc__, check)
