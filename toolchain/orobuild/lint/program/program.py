"""A linked image as the rules see it: segments, sections, symbols, roots and control flow.

Owns the questions that several rules ask (what is at this address, may it execute, who jumps
there) and answers each once. It judges nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

from orobuild.diagnostics import Note, Severity, Span
from orobuild.elf import constants as c
from orobuild.lint.finding import Evidence, Finding
from orobuild.lint.program.boot import boot_entries
from orobuild.lint.program.intervals import IntervalMap
from orobuild.lint.program.regions import code_regions
from orobuild.lint.program.segments import Segment, describe_section, occupies_memory
from orobuild.lint.program.symbols import SymbolTable
from orobuild.lint.program.tables import pointer_tables, relative_addends
from orobuild.lint.program.unwind import unwind_functions
from orobuild.lint.program.widths import declared_widths, default_width, resolve_region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import SectionHeader
    from orobuild.lint.config import LintConfig
    from orobuild.lint.program.boot import BootEntry
    from orobuild.lint.program.contract import Contract
    from orobuild.lint.program.descriptors import InterruptTable, TableLoad
    from orobuild.lint.program.flow import ControlFlow
    from orobuild.lint.program.mode_switches import Transfer
    from orobuild.lint.program.notable import NotableInstructions
    from orobuild.lint.program.segments import Region
    from orobuild.lint.program.startup import StartUp
    from orobuild.lint.program.structures import Structure
    from orobuild.lint.program.tables import VectorTable


class Program:
    """An image (ET_EXEC or ET_DYN) with its configuration; what follows from them is lazy."""

    def __init__(self, elf: ElfFile, config: LintConfig) -> None:
        self.elf = elf
        self.config = config

    @cached_property
    def symbols(self) -> SymbolTable:
        """The image's symbols (the dynamic ones when it is stripped)."""
        return SymbolTable(self.elf)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Every program header with its index."""
        return tuple(Segment(i, header) for i, header in enumerate(self.elf.segments))

    @cached_property
    def loads(self) -> tuple[Segment, ...]:
        """The PT_LOAD segments that occupy memory."""
        return tuple(s for s in self.segments if s.header.p_type == c.PT_LOAD and s.header.p_memsz)

    @cached_property
    def sections(self) -> tuple[SectionHeader, ...]:
        """The sections that occupy memory at their own address."""
        return tuple(s for s in self.elf.sections if occupies_memory(s))

    @cached_property
    def address_mask(self) -> int:
        """All ones as wide as an address of the image."""
        return 0xFFFFFFFF if self.elf.ei_class == c.ELFCLASS32 else 0xFFFFFFFFFFFFFFFF

    @cached_property
    def is_kernel(self) -> bool:
        """Whether this image runs in ring 0: a boot loader enters it, or it is in the upper half.

        Programs of users are elsewhere (Intel SDM Vol. 1 §3.3.7.1, canonical addresses).
        """
        upper = self.address_mask - (self.address_mask >> 1)
        wide = self.elf.ei_class == c.ELFCLASS64
        return bool(self.boot_entries) or (wide and any(s.start >= upper for s in self.loads))

    @cached_property
    def boot_entries(self) -> tuple[BootEntry, ...]:
        """Entries that boot protocol headers declare."""
        return boot_entries(self.elf)

    @cached_property
    def widths(self) -> list[tuple[int, int, int]]:
        """(start, end, width) of the code whose width the image or the configuration declares."""
        return declared_widths(self.elf, self.symbols, self.config)

    @cached_property
    def default_width(self) -> int:
        """The width of code that nobody declares."""
        return default_width(self.elf)

    @cached_property
    def functions(self) -> tuple[tuple[int, int], ...]:
        """(virtual address, size in bytes, 0 if unknown) of each function that is listed.

        By symbols, and by the unwind tables when the image is stripped.
        """
        unwind = () if self.elf.symbol_table is not None else unwind_functions(self)
        return (*self.symbols.functions(), *unwind)

    @cached_property
    def _extents(self) -> IntervalMap:
        return IntervalMap((s, s + size, i) for i, (s, size) in enumerate(self.functions))

    def function_at(self, address: int) -> tuple[int, int] | None:
        """(start, end) of a function of known size that contains this virtual address."""
        index = self._extents.find(address)
        if index is None:
            return None
        start, size = self.functions[index]
        return start, start + size

    def in_known_function(self, address: int) -> bool:
        """Whether a function of known extent contains this virtual address."""
        return self._extents.find(address) is not None

    def read(self, address: int, size: int) -> memoryview:
        """At most `size` bytes of the file at a virtual address; fewer at a segment's end."""
        segment = self.segment_at(address)
        if segment is None:
            return self.elf.data[:0]
        inside = address - segment.start
        held = max(0, min(size, segment.header.p_filesz - inside))
        offset = segment.header.p_offset + inside
        return self.elf.data[offset : offset + held]

    def pointer(self, address: int) -> int:
        """The pointer at a virtual address, as it is after dynamic relocation; 0 for none."""
        known = self.relative_addends.get(address)
        size = self.default_width // 8
        return int.from_bytes(self.read(address, size), "little") if known is None else known

    def linked(self, address: int) -> int | None:
        """The virtual address of the byte that `address` names, virtual or physical, or None."""
        if self.segment_at(address) is not None:
            return address
        segment = self.segment_at_physical(address)
        return None if segment is None else address - segment.header.p_paddr + segment.start

    @cached_property
    def run_regions(self) -> tuple[tuple[int, int, int], ...]:
        """(start, end, run address) of code that is copied before it runs."""
        return tuple(
            (*resolve_region(self.elf, self.symbols, item.region), item.address)
            for item in self.config.run_addresses
        )

    @cached_property
    def relocated_places(self) -> frozenset[int]:
        """The virtual addresses that dynamic relocations change."""
        return frozenset(
            r.r_offset
            for section in self.elf.relocation_sections()
            if section.is_alloc
            for r in self.elf.relocations(section)
        )

    @cached_property
    def vector_tables(self) -> tuple[VectorTable, ...]:
        """The tables of handlers: `pointer_tables`, and those of gates that `lidt` loads."""
        from orobuild.lint.program.descriptors import as_vector_table

        return (*self.pointer_tables, *(as_vector_table(self, t) for t in self.interrupt_tables))

    @cached_property
    def pointer_tables(self) -> tuple[VectorTable, ...]:
        """The arrays of handlers that the configuration names, or that are recognised."""
        return pointer_tables(self)

    @cached_property
    def table_loads(self) -> tuple[TableLoad, ...]:
        """Every `lidt` and `lgdt` whose table is known."""
        from orobuild.lint.program.descriptors import table_loads

        return table_loads(self, self.flow)

    @cached_property
    def interrupt_tables(self) -> tuple[InterruptTable, ...]:
        """The tables of gates that `lidt` loads and that the file holds."""
        from orobuild.lint.program.descriptors import interrupt_tables

        return interrupt_tables(self, self.table_loads)

    @cached_property
    def mode_switches(self) -> tuple[Transfer, ...]:
        """The ways into long mode."""
        from orobuild.lint.program.mode_switches import transfers

        return tuple(transfers(self))

    @cached_property
    def startup(self) -> StartUp:
        """What the kernel's start-up code makes at run time."""
        from orobuild.lint.program.startup import StartUp

        return StartUp(self)

    @cached_property
    def relative_addends(self) -> dict[int, int]:
        """By place, the pointers that dynamic relocations put into a position-independent image."""
        return relative_addends(self.elf)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The code of the executable segments, sorted by address, disjoint."""
        return code_regions(self)

    @cached_property
    def _region_starts(self) -> list[int]:
        return [region.start for region in self.regions]

    def region_at(self, address: int) -> Region | None:
        """The code region that contains this virtual address."""
        index = bisect_right(self._region_starts, address) - 1
        if index < 0 or address >= self.regions[index].end:
            return None
        return self.regions[index]

    @cached_property
    def flow(self) -> ControlFlow:
        """Where control can go by direct branches from every root."""
        from orobuild.lint.program.flow import trace

        return trace(self)

    @cached_property
    def structures(self) -> dict[str, Structure]:
        """The C structures that the configuration names, by name, as far as the image has them."""
        from orobuild.lint.program.structures import find_structures

        config = self.config
        names = {config.frame_struct, *(t.parameter_struct for t in config.trampolines)}
        names.update(p.member.partition(".")[0] for p in config.stack_pointers)
        return find_structures(self.elf, frozenset(names - {""})) if names - {""} else {}

    @cached_property
    def notable(self) -> NotableInstructions:
        """Where a kernel's privileged instructions are."""
        from orobuild.lint.program.notable import NotableInstructions

        return NotableInstructions(self)

    @cached_property
    def contract(self) -> Contract:
        """The ways in and out of a kernel."""
        from orobuild.lint.program.contract import Contract

        return Contract(self)

    # What is at an address

    @cached_property
    def _by_virtual(self) -> IntervalMap:
        return IntervalMap((s.start, s.end, i) for i, s in enumerate(self.loads))

    @cached_property
    def _executable_virtual(self) -> IntervalMap:
        return IntervalMap((s.start, s.end, i) for i, s in enumerate(self.loads) if s.is_executable)

    @cached_property
    def _by_physical(self) -> IntervalMap:
        return IntervalMap(
            (s.header.p_paddr, s.header.p_paddr + s.header.p_memsz, i)
            for i, s in enumerate(self.loads)
        )

    @cached_property
    def _executable_physical(self) -> IntervalMap:
        return IntervalMap(
            (s.header.p_paddr, s.header.p_paddr + s.header.p_memsz, i)
            for i, s in enumerate(self.loads)
            if s.is_executable
        )

    @cached_property
    def _sections_by_address(self) -> IntervalMap:
        return IntervalMap(
            (s.sh_addr, s.sh_addr + s.sh_size, i) for i, s in enumerate(self.sections)
        )

    def segment_at(self, address: int) -> Segment | None:
        """A loadable segment that contains this virtual address; an executable one if any does."""
        index = self._executable_virtual.find(address)
        if index is None:
            index = self._by_virtual.find(address)
        return None if index is None else self.loads[index]

    def segment_at_physical(self, address: int) -> Segment | None:
        """The same by physical address (`p_paddr`)."""
        index = self._executable_physical.find(address)
        if index is None:
            index = self._by_physical.find(address)
        return None if index is None else self.loads[index]

    def section_at(self, address: int) -> SectionHeader | None:
        """The section that contains this virtual address."""
        index = self._sections_by_address.find(address)
        return None if index is None else self.sections[index]

    def executable(self, address: int) -> int | None:
        """The virtual address of the executable byte that `address` names, or None.

        `address` is tried as a virtual, a physical and a declared run address, in this order.
        """
        if self._executable_virtual.find(address) is not None:
            return address
        index = self._executable_physical.find(address)
        if index is not None:
            header = self.loads[index].header
            return address - header.p_paddr + header.p_vaddr
        for start, end, run in self.run_regions:
            if run <= address < run + (end - start):
                linked = address - run + start
                if self._executable_virtual.find(linked) is not None:
                    return linked
        return None

    # How people name it

    def place(self, address: int) -> str:
        """`symbol+0x10 in .text`, or what of that is known."""
        name, section = self.symbols.name(address), self.section_at(address)
        words = [name] if name else [f"{address:#x}"]
        if section is not None:
            words.append(f"in {section.name}")
        return " ".join(words)

    def evidence(self, address: int, **more: object) -> Evidence:
        """Evidence about an address: its symbol, section and segment filled in."""
        section, segment = self.section_at(address), self.segment_at(address)
        return Evidence(
            address=address,
            symbol=self.symbols.name(address),
            section=describe_section(section) if section else None,
            segment=str(segment) if segment else None,
            **more,  # type: ignore[arg-type]
        )

    def finding(
        self,
        message: str,
        *,
        hint: str | None = None,
        notes: Sequence[str] = (),
        evidence: Evidence | None = None,
    ) -> Finding:
        """A finding about this image; the engine sets its code and severity."""
        return Finding(
            Severity.ERROR,
            message,
            Span(self.elf.path),
            hint,
            None,
            tuple(Note(n) for n in notes),
            evidence or Evidence(),
        )
