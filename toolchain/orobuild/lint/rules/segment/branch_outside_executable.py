"""A direct branch or call names an address that is in no executable segment.

## What it does

Follows control from every entry point, vector table and function symbol along direct jumps,
conditional branches, calls and loops, and reports each target that no executable segment
contains: not by virtual address, not by physical address (`p_paddr`, where code runs before
paging), and not by a declared run address. The finding names the symbol at the target, the
section and segment that hold it (or that it has none), and the branches that lead to it.

## Why is this bad?

The processor takes a page fault at the target's first instruction: error code 0x11, `cr2` equal
to the instruction's own address. Linkers accept such an image without a word, even with every
warning fatal, because to them a jump into `.rodata` is a relocation like any other. For an
interrupt stub it shows on the first interrupt, and only in the build whose layout put it there.

## Example

```gas
    .section .rodata
limits: .quad 0, 0xffff
isr_common:                 # no .section line: still in .rodata
    push %rax
    iretq
    .section .text, "ax"
isr_32: push $32
    jmp isr_common
```

## Fix

Put the code into an executable section, and that section into an executable segment:

```gas
    .section .text, "ax"
isr_common:
```

A custom section needs its flags: `.section .isr` without `"ax"` is not even allocated, and a
branch to it becomes a branch to address 0. In a linker script, the output section needs a
`:phdr` whose `FLAGS` include `PF_X` (1).

## Source

Intel SDM Vol. 3A §4.6 (access rights, XD) and §4.7 (page-fault error code: bit 4 is an
instruction fetch).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.finding import Evidence
from orobuild.lint.program.segments import describe_section
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding, Step
    from orobuild.lint.program import Program
    from orobuild.lint.program.flow import Exit
    from orobuild.lint.program.segments import Segment

SHOWN_STEPS = 8
SMALL = 0x10000


def check(program: Program) -> Iterator[Finding]:
    """One finding a target, however many branches name it."""
    for exit_ in program.flow.exits.values():
        finding = _check_exit(program, exit_)
        if finding is not None:
            yield finding


def _check_exit(program: Program, exit_: Exit) -> Finding | None:
    target = exit_.target
    segment = program.segment_at(target)
    unplaced = program.symbols.unplaced_at(target) if segment is None else None
    if target == 0 and unplaced is None:
        return None  # nothing was resolved: SEG014
    if unplaced is None and not _is_proved(program, exit_, segment):
        return None
    root, path = program.flow.path(program, target, exit_.sites[0])
    instruction = path[-1].instruction.partition(" ")[0]
    where = f"{instruction} at {path[-1].address:#x} ({path[-1].place})"
    hint = 'put the code into a section with flags "ax" that the script places in an X segment'
    if unplaced is not None:
        section = program.elf.sections[unplaced.section]
        name, holder = unplaced.name, describe_section(section)
        why = f"in section {holder}, which is not allocated: it is in no segment"
        hint = f'write the flags: .section {section.name}, "ax", @progbits'
        evidence = Evidence(address=target, symbol=name, section=holder, root=root, path=path)
    else:
        named = program.symbols.name(target)
        name = f"{named} ({target:#x})" if named else f"{target:#x}"
        evidence = program.evidence(target, root=root, path=path)
        if segment is None:
            why = "which is in no segment"
        else:
            held = f"in section {evidence.section}, " if evidence.section else "in "
            why = f"{held}{segment}, which is not executable"
    return program.finding(
        f"{where} goes to {name}, {why}: fetching it is a page fault",
        hint=hint,
        notes=_notes(root, path, exit_.branches),
        evidence=evidence,
    )


def _is_proved(program: Program, exit_: Exit, segment: Segment | None) -> bool:
    """Whether the branch is surely one, and not data or code of another width decoded as such.

    A decoder that runs past a call that never returns reads padding, and sees branches to
    random addresses. Such an address is hardly ever one of the image's own, or close to 0 (what
    an undefined symbol leaves); where a function's extent is known, decoding stops at its end.
    """
    if program.symbols.is_start(exit_.target):
        return True
    if not exit_.certain:
        return False
    if segment is not None or exit_.target < SMALL:
        return True
    return program.in_known_function(exit_.branch)


def _notes(root: str, path: tuple[Step, ...], branches: int) -> list[str]:
    notes = [f"reached from {root}"]
    shown = path if len(path) <= SHOWN_STEPS else (*path[: SHOWN_STEPS // 2], *path[-4:])
    for i, step in enumerate(shown):
        if len(shown) < len(path) and i == SHOWN_STEPS // 2:
            notes.append(f"... {len(path) - len(shown)} more branches ...")
        notes.append(f"{step.address:#x} ({step.place}): {step.instruction}")
    if branches > 1:
        notes.append(f"{branches - 1} more branches go to the same place")
    return notes


RULE = Rule("SEG001", "branch-outside-executable", __doc__, check)
