"""What stays refers to what the kernel gives away once it runs.

## What it does

For each region of `discarded`: reports code outside it that branches into it, or has an address in it as
an operand or constant, and data outside it with a pointer into it. Functions that match one of the
region's patterns run before it is gone, and may.

## Why is this bad?

A kernel gives its start-up code and tables back to the allocator and unmaps them. Who comes there
later meets a page fault, or worse, whatever the page is used for now. It shows when a rare path is
taken, long after the start.

## Example

```toml
[tool.orobuild.lint.discarded]
".init" = ["kernel_main", "init_*"]
```

```c
void hotplug(void) { init_core(); }     /* init_core is in .init */
```

## Fix

Move what is needed later out of the region, or name the function if it runs before:

```c
void core_start(void);      /* in .text */
```

## Source

Linux, Documentation/kernel-hacking/hacking.rst, `__init`; scripts/mod/modpost.c, section mismatches.
"""

from __future__ import annotations

import fnmatch
import struct
from typing import TYPE_CHECKING

from iced_x86 import FlowControl, OpKind

from orobuild.elf import constants as c
from orobuild.lint.program.accesses import named_address
from orobuild.lint.program.widths import resolve_region
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iced_x86 import Instruction

    from orobuild.elf.structures import SectionHeader
    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

BRANCHES = frozenset(
    (FlowControl.CALL, FlowControl.CONDITIONAL_BRANCH, FlowControl.UNCONDITIONAL_BRANCH)
)
NEAR = frozenset((OpKind.NEAR_BRANCH16, OpKind.NEAR_BRANCH32, OpKind.NEAR_BRANCH64))
CONSTANTS = frozenset((OpKind.IMMEDIATE32, OpKind.IMMEDIATE32TO64, OpKind.IMMEDIATE64))
TOOLS = (".eh_frame", ".debug", ".note", ".orc_unwind", ".oro.")  # tables about code, not users


def check(program: Program) -> Iterator[Finding]:
    """One finding for each function or object and region."""
    gone = []
    for item in program.config.discarded:
        ends = item.region.split("..")
        if program.elf.section(item.region) or all(n in program.symbols.by_name for n in ends):
            first, behind = resolve_region(program.elf, program.symbols, item.region)
            gone.append((first, behind, item.region, item.users))
    if not gone:
        return
    seen: set[tuple[str, int]] = set()
    for place, address, how in (*_in_code(program), *_in_data(program)):
        for start, end, region, users in gone:
            if not start <= address < end or any(s <= place < e for s, e, _, _ in gone):
                continue
            symbol = program.symbols.at(place)
            name = symbol.name if symbol is not None else f"{place:#x}"
            if (name, start) in seen or any(fnmatch.fnmatchcase(name, p) for p in users):
                continue
            seen.add((name, start))
            yield program.finding(
                f"{program.place(place)} {how} {program.place(address)}, which is given away with "
                f"{region} once the kernel runs",
                hint=f"move it out of {region}, or name '{name}' in [lint.discarded] if it runs before",
                evidence=program.evidence(place, facts=(("refers to", f"{address:#x}"),)),
            )


def _in_code(program: Program) -> Iterator[tuple[int, int, str]]:
    """(virtual address, address that it names, how) of the operands of code that is reached."""
    for _, decoder in program.flow.instructions():
        for instruction in decoder:
            yield from _named(instruction, program.address_mask)


def _named(instruction: Instruction, mask: int) -> Iterator[tuple[int, int, str]]:
    at = instruction.ip
    if instruction.flow_control in BRANCHES and instruction.op0_kind in NEAR:
        yield at, instruction.near_branch_target & mask, "goes to"
        return
    address = named_address(instruction, mask)
    if address is not None:
        yield at, address, "refers to"
    for index in range(instruction.op_count):
        if instruction.op_kind(index) in CONSTANTS:
            yield at, instruction.immediate(index) & mask, "has the address of"


def _in_data(program: Program) -> Iterator[tuple[int, int, str]]:
    """The same of the aligned words of data."""
    word = struct.Struct("<I" if program.elf.ei_class == c.ELFCLASS32 else "<Q")
    for section in program.sections:
        if section.sh_type != c.SHT_PROGBITS or _is_code_or_tool(section):
            continue
        skip = -section.sh_addr % word.size
        data = program.elf.section_data(section)[skip:]
        data = data[: len(data) // word.size * word.size]
        for index, (value,) in enumerate(word.iter_unpack(data)):
            if value:
                place = section.sh_addr + skip + index * word.size
                yield place, program.relative_addends.get(place, value), "points to"


def _is_code_or_tool(section: SectionHeader) -> bool:
    return section.is_executable or section.name.startswith(TOOLS)


RULE = Rule("SEG019", "discarded-segment-referenced", __doc__, check)
