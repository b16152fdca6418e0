"""Who names an address: direct branches to it, pointers to it in data, and addresses taken.

One pass over the image answers for many addresses at once. Code is decoded from symbol to symbol,
so that data between functions does not put the decoding out of step for long.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from iced_x86 import Decoder, FlowControl, OpKind

from orobuild.elf import constants as c

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from iced_x86 import Instruction

    from orobuild.lint.program import Program
    from orobuild.lint.program.segments import Region

Kind = Literal["jump", "conditional jump", "call", "pointer", "address"]

_KINDS: Final[dict[int, Kind]] = {
    FlowControl.UNCONDITIONAL_BRANCH: "jump",
    FlowControl.CONDITIONAL_BRANCH: "conditional jump",
    FlowControl.CALL: "call",
    FlowControl.XBEGIN_XABORT_XEND: "conditional jump",
}
_IMMEDIATES: Final = frozenset((OpKind.IMMEDIATE64, OpKind.IMMEDIATE32TO64, OpKind.IMMEDIATE32))


@dataclass(frozen=True, slots=True)
class Reference:
    """`source`, a virtual address, refers to `target`.

    `kind` is `jump`, `conditional jump` or `call` for a direct branch, `pointer` for a word in
    data, `address` for an instruction that loads it.
    """

    kind: Kind
    source: int
    target: int


def references(program: Program, targets: Collection[int]) -> dict[int, tuple[Reference, ...]]:
    """Everything that names one of the virtual addresses, by address, in order of the source."""
    wanted = frozenset(targets)
    found: dict[int, list[Reference]] = {target: [] for target in wanted}
    if wanted:
        for region in program.regions:
            for reference in _in_code(program, region, wanted):
                found[reference.target].append(reference)
        for reference in _in_data(program, wanted):
            found[reference.target].append(reference)
    return {
        target: tuple(sorted(rows, key=lambda row: row.source)) for target, rows in found.items()
    }


def _in_code(program: Program, region: Region, wanted: frozenset[int]) -> Iterator[Reference]:
    decoder = Decoder(region.width, region.data, ip=region.start)
    for low, high in _stretches(program, region):
        decoder.position = low - region.start
        decoder.ip = low
        for instruction in decoder:
            kind = _KINDS.get(instruction.flow_control)
            if kind is not None and instruction.near_branch_target in wanted:
                yield Reference(kind, instruction.ip, instruction.near_branch_target)
            elif kind is None:
                for target in _taken(instruction):
                    if target in wanted:
                        yield Reference("address", instruction.ip, target)
            if instruction.next_ip >= high:
                break


def _stretches(program: Program, region: Region) -> Iterator[tuple[int, int]]:
    """The region from one function's start to the next."""
    inside = {start for start, _ in program.functions if region.start < start < region.end}
    edges = [region.start, *sorted(inside), region.end]
    return itertools.pairwise(edges)


def _taken(instruction: Instruction) -> Iterator[int]:
    """Addresses that an instruction has in it: relative to rip, and whole ones."""
    if instruction.is_ip_rel_memory_operand:
        yield instruction.ip_rel_memory_address
    for operand in range(instruction.op_count):
        kind = instruction.op_kind(operand)
        if kind in _IMMEDIATES:
            yield instruction.immediate(operand) & 0xFFFFFFFFFFFFFFFF
        elif kind == OpKind.MEMORY and not instruction.is_ip_rel_memory_operand:
            yield instruction.memory_displacement


def _in_data(program: Program, wanted: frozenset[int]) -> Iterator[Reference]:
    """Words of data sections that are one of the addresses, at their natural alignment."""
    wide = program.elf.ei_class == c.ELFCLASS64
    size, layout = (8, "<Q") if wide else (4, "<I")
    patterns = {struct.pack(layout, target): target for target in wanted if target >> 8 * size == 0}
    for section in program.sections:
        if section.sh_flags & c.SHF_EXECINSTR or section.sh_type == c.SHT_NOBITS:
            continue
        data = bytes(program.elf.section_data(section))
        for pattern, target in patterns.items():
            at = data.find(pattern)
            while at >= 0:
                if (section.sh_addr + at) % size == 0:
                    yield Reference("pointer", section.sh_addr + at, target)
                at = data.find(pattern, at + 1)
