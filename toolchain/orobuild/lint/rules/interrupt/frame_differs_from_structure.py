"""The frame that an interrupt entry pushes is not the C structure that its handler reads.

## What it does

Follows the stubs of the tables in `vector-tables` through assembly (as `.oro.code` lists it) with
a model of the stack, up to where the entry code takes the frame's address (`mov %rsp, %rdi`), and
compares what lies there with the structure that `frame-struct` names, as the image's DWARF
describes it: members called like a register must hold that register as it was interrupted,
`rip`, `cs`, `rflags`, `rsp` and `ss` what the processor pushed, `vector` the vector, and
`error_code` the processor's error code or a constant. Other members are passed. Needs debugging
information.

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

from orobuild.lint.program.entry_paths import EntryPaths
from orobuild.lint.program.stack_frames import ERROR_CODE, HARDWARE, UNKNOWN, Slot, StackFrames
from orobuild.lint.program.structures import find_structure
from orobuild.lint.program.stubs import ERROR_CODE_VECTORS, OPTIONAL_ERROR_CODE_VECTORS
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program
    from orobuild.lint.program.stack_frames import Frame
    from orobuild.lint.program.structures import Structure

Difference = tuple[str, Slot | None]  # a member, and what is in its place

REGISTERS = frozenset(
    [
        "rax",
        "rbx",
        "rcx",
        "rdx",
        "rsi",
        "rdi",
        "rbp",
        "r8",
        "r9",
        "r10",
        "r11",
        "r12",
        "r13",
        "r14",
        "r15",
    ],
)
MEMBERS = {  # what kernels call the members that are no registers
    **dict.fromkeys(("rflags", "eflags", "flags"), "rflags"),
    **dict.fromkeys(("error_code", "errcode", "error", "err"), ERROR_CODE),
    **dict.fromkeys(("vector", "interrupt", "int_no", "trapno"), "vector"),
    **{name: name for name in (*HARDWARE, *REGISTERS)},
}


def check(program: Program) -> Iterator[Finding]:
    """One finding for each place of hand-over and member that is wrong."""
    name = program.config.frame_struct
    if not name or not program.vector_tables or not EntryPaths.known(program):
        return
    structure = find_structure(program.elf, name)
    if structure is None:
        return
    paths = EntryPaths(program)
    model = StackFrames(program, paths)
    wrong: dict[tuple[int, tuple[Difference, ...]], list[int]] = {}
    for table in program.vector_tables:
        for vector, _, pointer in table.entries:
            start = program.executable(pointer)
            if start is None or not paths.is_assembly(start):
                continue
            for key in _wrong(model, structure, vector, start):
                wrong.setdefault(key, []).append(vector)
    for (address, differences), vectors in wrong.items():
        others = f" and {len(vectors) - 1} more vectors" if vectors[1:] else ""
        member, slot = differences[-1]
        yield program.finding(
            f"at {program.place(address)}, for vector {vectors[0]}{others}, struct {name} has "
            f"{member} where the stack has {_held(slot)}: the handler reads the wrong value",
            hint="push from the structure's last member to its first",
            notes=[f"{m}: the stack has {_held(s)}" for m, s in reversed(differences[:-1])],
            evidence=program.evidence(
                address, facts=(("member", member), ("vectors", ", ".join(map(str, vectors))))
            ),
        )


def _held(slot: Slot | None) -> str:
    if slot is None:
        return "nothing that was pushed"
    return "something else" if slot == UNKNOWN else str(slot)


def _wrong(
    model: StackFrames, structure: Structure, vector: int, start: int
) -> list[tuple[int, tuple[Difference, ...]]]:
    """(place of hand-over, differences) of each frame of a vector that is wrong.

    Whether vectors 21, 29 and 30 have an error code depends on the processor: either will do.
    """
    choices = [vector in ERROR_CODE_VECTORS]
    if vector in OPTIONAL_ERROR_CODE_VECTORS:
        choices = [False, True]
    results = []
    for error_code in choices:
        frames = model.frames(start, error_code=error_code)
        found = [(f.address, tuple(_differences(structure, f))) for f in frames]
        results.append([(address, differences) for address, differences in found if differences])
    return min(results, key=lambda result: sum(len(d) for _, d in result))


def _differences(structure: Structure, frame: Frame) -> Iterator[Difference]:
    """Each member that is known and not in its place, from the lowest offset to the highest."""
    for member, offset in structure.members:
        meaning = MEMBERS.get(member)
        if meaning is None or offset % 8:
            continue
        index = offset // 8
        slot = frame.slots[index] if index < len(frame.slots) else None
        if meaning == "vector":
            right = isinstance(slot, int)  # which one is IDT001's question
        elif meaning == ERROR_CODE:
            right = slot == ERROR_CODE or isinstance(slot, int)
        else:
            right = slot == meaning
        if not right:
            yield member, slot


RULE = Rule("IDT006", "frame-differs-from-structure", __doc__, check)
