"""The code in which secondary processors start, as the configuration describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orobuild.lint.program.widths import resolve_region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iced_x86 import Decoder, Instruction

    from orobuild.lint.config import Trampoline
    from orobuild.lint.program.program import Program


@dataclass(frozen=True, slots=True)
class LinkedTrampoline:
    """A trampoline in an image: `start` and `end` are virtual addresses of its bytes."""

    settings: Trampoline
    start: int
    end: int
    parameter_size: int | None

    @property
    def page_end(self) -> int:
        """The first address behind the page, if the trampoline ran where it is linked."""
        return self.start + self.settings.size


def trampolines(program: Program) -> tuple[LinkedTrampoline, ...]:
    """Every trampoline of the configuration that this image has.

    One configuration serves all images of a project, programs without such code among them; what a
    kernel lacks, CFG001 says. Raises `UsageError` for a region that is empty.
    """
    result = []
    for item in program.config.trampolines:
        if not all(name in program.symbols.by_name for name in item.region.split("..")) and (
            program.elf.section(item.region) is None
        ):
            continue
        start, end = resolve_region(program.elf, program.symbols, item.region)
        structure = program.structures.get(item.parameter_struct)
        result.append(LinkedTrampoline(item, start, end, structure.size if structure else None))
    return tuple(result)


def instructions(
    program: Program, trampoline: LinkedTrampoline
) -> Iterator[tuple[int, Instruction]]:
    """(width, instruction) of what control reaches in a trampoline, in order of address."""
    for width, decoder in program.flow.instructions():
        for instruction in _inside(decoder, trampoline):
            yield width, instruction


def _inside(decoder: Decoder, trampoline: LinkedTrampoline) -> Iterator[Instruction]:
    if decoder.ip >= trampoline.end:
        return
    if decoder.ip + decoder.max_position <= trampoline.start:
        return
    for instruction in decoder:
        if trampoline.start <= instruction.ip < trampoline.end:
            yield instruction
