"""The data segment of DATA_SEGMENT_ALIGN … DATA_SEGMENT_END, and what of it becomes read-only.

Its start is chosen in two steps: once everything has a size, it may move so that a page of memory
is saved, or, with `-z relro`, so that DATA_SEGMENT_RELRO_END falls on a page boundary
(fold_segment_align of ld/ldexp.c and lang_size_relro_segment of ld/ldlang.c, binutils 2.40).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orobuild.linker.evaluation import MASK, align
from orobuild.linker.output import InputRun
from orobuild.linker.script import nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orobuild.linker.output import OutputSection
    from orobuild.linker.placement import Placement


class _Phase(enum.Enum):
    MEASURING = enum.auto()
    SAVING_A_PAGE = enum.auto()
    ENDING_ON_A_PAGE = enum.auto()


@dataclass(slots=True)
class DataSegment:
    """Addresses and sizes in bytes; `relro_end` is 0 unless the script asks and `relro` is set."""

    relro: bool
    base: int | None = None
    end: int | None = None
    relro_end: int = 0
    _relro_offset: int = 0
    _max_page: int = 1
    _common_page: int = 1
    _first_base: int = 0
    _expected_end: int = 0
    _phase: _Phase = _Phase.MEASURING

    def start(self, dot: int, max_page: int, common_page: int) -> int:
        """DATA_SEGMENT_ALIGN(max_page, common_page) at `dot`."""
        self._max_page, self._common_page = max(1, max_page), max(1, common_page)
        address = align(dot, self._max_page)
        if self._phase is _Phase.ENDING_ON_A_PAGE:
            assert self.base is not None
            return self.base
        if self._phase is _Phase.SAVING_A_PAGE:
            if self._common_page < self._max_page:
                address += (dot + self._common_page - 1) & (self._max_page - self._common_page)
            return address & MASK
        if not self.relro:
            address += dot & (self._max_page - 1)
        self.base = address & MASK
        return self.base

    def read_only_until(self, offset: int, address: int) -> int:
        """DATA_SEGMENT_RELRO_END(offset, address): where the location counter goes."""
        if self.base is None or not self.relro:
            return address
        self._relro_offset = offset
        self.relro_end = address + offset
        page = self._max_page
        if self._phase is _Phase.ENDING_ON_A_PAGE and self.relro_end & (page - 1):
            self.relro_end = align(self.relro_end, page)
            return self.relro_end - offset & MASK
        return address

    def settle(self, outputs: Sequence[OutputSection]) -> bool:
        """Choose the start for good; whether another walk is needed. `outputs` in header order."""
        if self.base is None or self.end is None:
            return False
        if self._phase is _Phase.ENDING_ON_A_PAGE and self.relro_end > self._expected_end:
            # Assignments in the script made it grow: the first start was no worse.
            self._expected_end = self.relro_end
            self.base = self._first_base
            return True
        if self._phase is not _Phase.MEASURING:
            return False
        if self.relro_end:
            self._phase = _Phase.ENDING_ON_A_PAGE
            self._first_base, self._expected_end = self.base, align(self.relro_end, self._max_page)
            self.base = self._start_for_relro(outputs, self.base)
            return True
        if self._can_save_page(self.base, self.end):
            self._phase = _Phase.SAVING_A_PAGE
            return True
        return False

    def relocated(self) -> tuple[int, int] | None:
        """The addresses between which PT_GNU_RELRO lies."""
        return (self.base, self.relro_end) if self.base is not None and self.relro_end else None

    def _start_for_relro(self, outputs: Sequence[OutputSection], base: int) -> int:
        """Where to begin so that the last read-only section ends just before the boundary."""
        wanted = align(self.relro_end, self._max_page) - self._relro_offset
        for output in reversed(outputs):
            inside = base <= output.vma < self.relro_end - self._relro_offset
            if output.alloc and not output.removed and inside:
                size = 0 if output.is_tbss else output.size
                wanted = (wanted - size) // output.align * output.align
        return wanted

    def _can_save_page(self, base: int, end: int) -> bool:
        """Whether it fits in one page less when it starts on a page (lang_size_segment)."""
        mask = self._common_page - 1
        first, last = -base & mask, end & mask
        apart = base & ~mask != end & ~mask
        return bool(first and last) and apart and first + last <= self._common_page


def has_relro_sections(
    script: nodes.Script, placement: Placement, linked: Callable[[], frozenset[str]]
) -> bool:
    """Whether anything lies between DATA_SEGMENT_ALIGN and DATA_SEGMENT_RELRO_END: without, it is
    as if nobody wanted the segment (lang_find_relro_sections).

    `linked()` are the names of the input sections that are linked. A description that ONLY_IF_RW rules
    out counts too, and so do a GOT's tables, empty or not.
    """
    filled = {
        output.name
        for output in placement.outputs
        if any(isinstance(item, InputRun) and item.rows for item in output.items)
    }
    inside = False
    for statement in script.statements:
        if isinstance(statement, nodes.Assignment):
            called = _called(statement.expression)
            inside = inside or "DATA_SEGMENT_ALIGN" in called
            if "DATA_SEGMENT_RELRO_END" in called:
                break
        elif isinstance(statement, nodes.OutputSection) and inside:
            if statement.name in filled and statement.constraint is None:
                return True
            patterns = {
                spec.pattern
                for item in statement.body
                if isinstance(item, nodes.InputStatement)
                for spec in item.sections
            }
            names = linked()
            if not patterns.isdisjoint(names) or (".got" in patterns and ".got.plt" in names):
                return True
    return False


def _called(node: nodes.Expression) -> set[str]:
    """The functions that an expression calls."""
    if isinstance(node, nodes.Call):
        return {node.function}.union(*map(_called, node.args))
    if isinstance(node, nodes.Unary):
        return _called(node.operand)
    if isinstance(node, nodes.Binary):
        return _called(node.left) | _called(node.right)
    if isinstance(node, nodes.Ternary):
        return _called(node.condition) | _called(node.then) | _called(node.otherwise)
    return set()
