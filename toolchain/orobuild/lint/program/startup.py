"""What a kernel's start-up code makes at run time: the task state segment and the interrupt tables.

Each function that has an `lgdt`, `lidt` or `ltr`, and those that call it, are run on paper
(`execution`); so are the functions that name an interrupt table's address. What they agree about
is taken for what the processor sees. Formats: Intel SDM Vol. 3A §7.2.3, §7.7, §6.14.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from iced_x86 import Mnemonic

from orobuild.lint.program.bits import Bit, Pointer, Word, joined, spread
from orobuild.lint.program.descriptors import VECTORS, InterruptTable, gates_in
from orobuild.lint.program.execution import MAX_STEPS, Execution
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.program.program import Program

MAX_RUNS: Final = 24
BUDGET: Final = 200_000  # instructions of all runs
STACKS: Final = 7
IST_AT: Final = 0x24  # the first interrupt stack in a 64-bit TSS
IO_MAP_AT: Final = 0x66  # the offset of the I/O map, in both formats
TSS_SIZE: Final = 0x68
_TYPES: Final = (9, 11)  # available and busy TSS


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task state segment as it is when the function that loads it is done.

    `site` is the virtual address of the `ltr`. `base` is the TSS's address, or bits of something that
    are in the places of one (`base_bits`), of which the lowest `width` count. `missing` are the interrupt stacks, from 1, that
    are null for certain; `limit` and `io_map`, the I/O map's offset, are None if not known.
    """

    site: int
    width: int
    base: Word
    base_bits: tuple[Bit, ...]
    limit: int | None
    missing: frozenset[int]
    io_map: int | None


class StartUp:
    """The runs of a kernel image's start-up code."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._left = BUDGET

    @cached_property
    def _runs(self) -> tuple[Execution, ...]:
        notable = self._program.notable
        starts: dict[int, None] = {}
        for site in notable.of(Mnemonic.LTR, Mnemonic.LIDT, Mnemonic.LGDT):
            start = self._function(site)
            if start is None:
                continue
            starts[start] = None
            for caller in sorted(notable.callers.get(start, ())):
                outer = self._function(caller)
                if outer is not None:
                    starts[outer] = None
        return tuple(self._run(start) for start in list(starts)[:MAX_RUNS])

    def _run(self, start: int) -> Execution:
        execution = Execution(self._program)
        execution.start(start, min(self._left, MAX_STEPS))
        self._left -= execution.steps
        return execution

    def _function(self, address: int) -> int | None:
        """The start of the function that holds a virtual address."""
        region = self._program.region_at(address)
        symbol = self._program.symbols.at(address)
        if region is None or region.width != self._program.default_width or symbol is None:
            return None
        return symbol.address

    # Interrupt tables

    @cached_property
    def interrupt_tables(self) -> tuple[InterruptTable, ...]:
        """The tables that `lidt` loads and that code fills, as far as it was seen to."""
        program = self._program
        known = {table.address for table in program.interrupt_tables}
        sites: dict[int, int] = {}
        for execution in self._runs:
            load = execution.run.loads.get("lidt")
            if load is not None and isinstance(load.base, int) and load.base not in known:
                sites.setdefault(load.base, load.site)
        found = []
        size = 16 if program.default_width == 64 else 8
        for base, site in sites.items():
            if program.segment_at(base) is None:
                continue
            name = program.symbols.name(base) or f"the table at {base:#x}"
            content = self._content(base, VECTORS * size)
            gates = gates_in(base, content, size)
            if gates:
                found.append(InterruptTable(name, base, VECTORS, gates, site, is_constant=False))
        return tuple(found)

    def _content(self, base: int, size: int) -> dict[int, int]:
        """The bytes of a table that some function fills and no other fills otherwise, by offset."""
        content: dict[int, int] = {}
        disputed: set[int] = set()
        for execution in (*self._runs, *(self._run(start) for start in self._fillers(base))):
            memory = execution.run.memory
            for offset in range(size):
                value = memory.get(("", base + offset), 0)
                if ("", base + offset) not in memory:
                    continue
                if not isinstance(value, int) or content.get(offset, value) != value:
                    disputed.add(offset)
                else:
                    content[offset] = value
        return {offset: value for offset, value in content.items() if offset not in disputed}

    def _fillers(self, base: int) -> Iterator[int]:
        """The functions in whose code a table's address stands as a number."""
        needle = struct.pack("<I", base & 0xFFFFFFFF)
        starts: dict[int, None] = {}
        for region in self._program.regions:
            at = region.data.find(needle)
            while at >= 0:
                start = self._function(region.start + at)
                if start is not None:
                    starts[start] = None
                at = region.data.find(needle, at + 1)
        yield from list(starts)[:MAX_RUNS]

    # Task state

    @cached_property
    def task_states(self) -> tuple[TaskState, ...]:
        """Every task state segment whose descriptor was seen to be made and loaded, one an `ltr`.

        What several runs that reach it do not agree about is not known.
        """
        found: dict[int, TaskState] = {}
        for execution in self._runs:
            state = self._task_state(execution)
            if state is None:
                continue
            known = found.setdefault(state.site, state)
            found[state.site] = replace(
                known,
                missing=known.missing & state.missing,
                limit=known.limit if known.limit == state.limit else None,
                io_map=known.io_map if known.io_map == state.io_map else None,
            )
        return tuple(found.values())

    def _task_state(self, execution: Execution) -> TaskState | None:
        loads = execution.run.loads
        task, table = loads.get("ltr"), loads.get("lgdt")
        if task is None or table is None or not isinstance(task.base, int):
            return None
        place = _moved(table.base, task.base & ~7)
        low, high = (
            execution.load(place, 8),
            execution.load(_moved(table.base, (task.base & ~7) + 8), 8),
        )
        bits = spread(low)
        wide = self._program.default_width == 64
        kind = joined(bits[40:44])
        if kind not in _TYPES or bits[44] != 0 or bits[47] != 1:
            return None
        base_bits = (*bits[16:40], *bits[56:64], *(spread(high)[:32] if wide else (0,) * 32))
        base = joined(base_bits)
        if not wide and isinstance(base, tuple):
            base = _narrow_pointer(base_bits)
        limit = joined((*bits[0:16], *bits[48:52]))
        missing = frozenset(
            i + 1
            for i in range(STACKS)
            if wide and execution.load(_moved(base, IST_AT + 8 * i), 8) == 0
        )
        io_map = execution.load(_moved(base, IO_MAP_AT), 2)
        return TaskState(
            task.site,
            self._program.default_width,
            base,
            base_bits,
            limit if isinstance(limit, int) else None,
            missing,
            io_map if isinstance(io_map, int) else None,
        )


def _moved(word: Word, distance: int) -> Word:
    if isinstance(word, int):
        return word + distance
    return Pointer(word.base, word.offset + distance) if isinstance(word, Pointer) else None


def _narrow_pointer(bits: tuple[Bit, ...]) -> Word:
    """The pointer whose lowest 32 bits these are, in their places."""
    first = bits[0]
    if isinstance(first, tuple) and all(bit == (first[0], i) for i, bit in enumerate(bits[:32])):
        return first[0]
    return None
