"""Where decoding starts: entry points, vector tables, function symbols, unwind tables.

Each root says whether it is certain: that the bytes there are code, of that width. What a
decoder sees behind a root that is not certain is believed only where something else agrees.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orobuild.lint.program.program import Program
    from orobuild.lint.program.tables import VectorTable


@dataclass(frozen=True, slots=True)
class Root:
    """`address` is virtual; `width` None means that of the region; `reason` is for people."""

    address: int
    width: int | None
    reason: str
    certain: bool = True


def entry_roots(program: Program) -> Iterator[Root]:
    """The ELF entry point and those of the boot protocols."""
    protocols = program.boot_entries
    shared = next((b for b in protocols if b.address is None), None)
    entry = program.elf.header.e_entry
    for boot in protocols:
        address = entry if boot.address is None else boot.address
        linked = program.executable(address)
        if linked is not None:
            yield Root(linked, boot.width, boot.protocol)
    if not entry or shared is not None:
        return
    linked = program.executable(entry)
    if linked is not None:
        same = next(
            (b for b in protocols if b.address in (entry, _physical(program, linked))), None
        )
        width = same.width if same else None
        yield Root(
            linked, width, "entry point", certain=bool(same or program.widths) or not protocols
        )


def _physical(program: Program, address: int) -> int | None:
    segment = program.segment_at(address)
    return address - segment.start + segment.header.p_paddr if segment else None


def vector_roots(program: Program, tables: Iterable[VectorTable]) -> Iterator[Root]:
    """Every handler that a vector table points to."""
    for table in tables:
        for index, _, pointer in table.entries:
            linked = program.executable(pointer)
            if linked is not None:
                yield Root(linked, None, f"vector {index} of {table.name}")


def function_roots(program: Program) -> Iterator[Root]:
    """Function symbols, and the functions that the unwind table lists in a stripped image.

    In an image that a boot loader enters, a function may be 16- or 32-bit code: it is certain only
    where somebody says which code is (the rest is then a compiler's, of the machine's width).
    """
    certain = bool(program.widths) or not program.boot_entries
    for address, _ in program.functions:
        yield Root(address, None, "function", certain=certain)


def untyped_roots(program: Program) -> Iterator[Root]:
    """Symbols without a type in executable sections: assembly labels, or data among code.

    Where assembly says which of its bytes are code, the others are data.
    """
    widths = program.widths
    executable = [s.is_executable for s in program.elf.sections]
    for address, section in program.symbols.untyped():
        if executable[section] and (not widths or _within(widths, address)):
            yield Root(address, None, "symbol", certain=False)


def _within(ranges: list[tuple[int, int, int]], address: int) -> bool:
    """Whether one of the sorted, disjoint (start, end, width) ranges holds `address`."""
    index = bisect_right(ranges, address, key=lambda item: item[0]) - 1
    return index >= 0 and address < ranges[index][1]
