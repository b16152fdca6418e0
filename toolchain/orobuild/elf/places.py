"""Source places of a linked image's addresses: file, line, function, and what was inlined.

Reads DWARF 2 to 5 by pyelftools, one compilation unit at a time and only those that are asked for:
a kernel has thousands. What cannot be read has no places, and `problems` says so: this informs
people and decides nothing.
"""

from __future__ import annotations

import io
import posixpath
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from orobuild.elf import constants as c
from orobuild.elf.lines import file_names
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.reader import ElfFile

Range = tuple[int, int]  # (start, end), virtual addresses

_MAX_INLINED: Final = 256  # frames: a damaged tree must not nest without end
_MAX_ORIGINS: Final = 16  # abstract origins and specifications followed for one name
_SCOPES: Final = frozenset(
    (
        "DW_TAG_namespace",
        "DW_TAG_module",
        "DW_TAG_class_type",
        "DW_TAG_structure_type",
        "DW_TAG_union_type",
        "DW_TAG_lexical_block",
        "DW_TAG_subprogram",
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a source file.

    `file` is as the compiler wrote it, joined with its directory; it is relative when the
    compilation directory is. `line` is 1 or more, or 0 for code that belongs to no line (DWARF 5,
    6.2.2); `column` is 0 when unknown. `function` is the
    function that the code at the place belongs to, "" when unknown; `linkage_name` its symbol
    where that differs.
    """

    file: str
    line: int
    column: int = 0
    function: str = ""
    linkage_name: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line or '?'}"


@dataclass(slots=True)
class _Unit:
    """A compilation unit, read when it is asked for.

    `rows` are (start, end, file, line, column), `functions` (start, end, is nested, entry), both
    sorted by start.
    """

    handle: Any
    directory: str
    ranges: list[Range]
    rows: list[tuple[int, int, str, int, int]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    read: bool = False
    functions: list[tuple[int, int, bool, Any]] | None = None
    function_starts: list[int] = field(default_factory=list)


class SourcePlaces:
    """The source places of one ET_EXEC or ET_DYN image."""

    def __init__(self, elf: ElfFile) -> None:
        self._elf = elf
        self.problems: list[str] = []

    def at(self, address: int) -> tuple[Place, ...]:
        """The place of the instruction at a virtual address, innermost first.

        Where functions were inlined, the first place is in the innermost of them and each
        further one is the call that it was inlined at. Empty when nothing is known.
        """
        # pyelftools raises whatever its parsing steps on, and a damaged table is no table.
        try:
            for unit in self._units_at(address):
                row = self._row(unit, address)
                if row is not None:
                    return self._with_functions(unit, address, row)
        except Exception as problem:
            self._complain(problem)
        return ()

    def rows_of(self, start: int, end: int) -> Iterator[tuple[int, int, Place]]:
        """(start, end, place) of every row of the line tables that touches a range of addresses."""
        for unit in self._units:
            if unit.ranges and not any(low < end and start < high for low, high in unit.ranges):
                continue
            try:
                self._read_rows(unit)
            except Exception as problem:
                self._complain(problem)
                continue
            for low, high, file, line, column in unit.rows:
                if low < end and start < high:
                    yield low, high, Place(file, line, column)

    def _complain(self, problem: Exception) -> None:
        text = f"unreadable debugging information: {problem or type(problem).__name__}"
        if text not in self.problems:
            self.problems.append(text)

    @cached_property
    def _dwarf(self) -> Any:
        if not any(s.name in (".debug_info", ".zdebug_info") for s in self._elf.sections):
            return None
        from elftools.elf.elffile import ELFFile

        try:
            file = ELFFile(io.BytesIO(self._elf.data))
            # An image's debug sections are relocated; --emit-relocs would apply them twice.
            return file.get_dwarf_info(relocate_dwarf_sections=False)
        except Exception as problem:
            self._complain(problem)
            return None

    @cached_property
    def _code(self) -> list[Range]:
        """Where code is: what the linker discarded keeps rows at address 0 or 1."""
        return sorted(
            (s.sh_addr, s.sh_addr + s.sh_size)
            for s in self._elf.sections
            if s.is_alloc and s.sh_flags & c.SHF_EXECINSTR
        )

    def _is_code(self, address: int) -> bool:
        at = bisect_right(self._code, (address, 1 << 64)) - 1
        return at >= 0 and address < self._code[at][1]

    @cached_property
    def _units(self) -> list[_Unit]:
        units: list[_Unit] = []
        if self._dwarf is None:
            return units
        try:
            for handle in self._dwarf.iter_CUs():
                top = handle.get_top_DIE()
                if top.tag != "DW_TAG_compile_unit":
                    continue
                directory = _text(top.attributes.get("DW_AT_comp_dir"))
                units.append(_Unit(handle, directory, list(self._ranges(top))))
        except Exception as problem:
            self._complain(problem)
        return units

    def _units_at(self, address: int) -> Iterator[_Unit]:
        """Units that say they contain the address, then those that say nothing."""
        silent = []
        for unit in self._units:
            if not unit.ranges:
                silent.append(unit)
            elif any(low <= address < high for low, high in unit.ranges):
                yield unit
        yield from silent

    def _ranges(self, die: Any) -> Iterator[Range]:
        """The addresses of an entry: DW_AT_low_pc with DW_AT_high_pc, or DW_AT_ranges."""
        attributes = die.attributes
        low = attributes.get("DW_AT_low_pc")
        high = attributes.get("DW_AT_high_pc")
        if low is not None and high is not None:
            # DWARF 4, 2.17.2: a constant is the size, an address the end.
            is_address = high.form in ("DW_FORM_addr", "DW_FORM_addrx")
            end = high.value if is_address else low.value + high.value
            if low.value < end:
                yield low.value, end
        elif "DW_AT_ranges" in attributes:
            yield from self._range_list(die, low.value if low is not None else 0)

    def _range_list(self, die: Any, base: int) -> Iterator[Range]:
        lists = self._dwarf.range_lists()
        if lists is None:
            return
        attribute = die.attributes["DW_AT_ranges"]
        offset = attribute.value
        top = die.cu.get_top_DIE()
        unit_low = top.attributes.get("DW_AT_low_pc")
        if unit_low is not None:
            base = unit_low.value
        for entry in lists.get_range_list_at_offset(offset, cu=die.cu):
            if type(entry).__name__ == "BaseAddressEntry":
                base = entry.base_address
                continue
            shift = 0 if getattr(entry, "is_absolute", False) else base
            if entry.begin_offset < entry.end_offset:
                yield entry.begin_offset + shift, entry.end_offset + shift

    def _row(self, unit: _Unit, address: int) -> tuple[int, int, str, int, int] | None:
        self._read_rows(unit)
        at = bisect_right(unit.starts, address) - 1
        if at < 0 or address >= unit.rows[at][1]:
            return None
        return unit.rows[at]

    def _read_rows(self, unit: _Unit) -> None:
        if unit.read:
            return
        unit.read = True
        program = self._dwarf.line_program_for_CU(unit.handle)
        if program is None:
            return
        names = file_names(program)
        known: dict[int, str] = {}
        last: Any = None
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if last is not None and last.address < state.address and self._is_code(last.address):
                if last.file not in known:
                    known[last.file] = _joined(unit.directory, names(last.file))
                row = (last.address, state.address, known[last.file], last.line, last.column)
                unit.rows.append(row)
            last = None if state.end_sequence else state
        unit.rows.sort(key=lambda row: row[0])
        unit.starts = [row[0] for row in unit.rows]

    def _with_functions(
        self, unit: _Unit, address: int, row: tuple[int, int, str, int, int]
    ) -> tuple[Place, ...]:
        _, _, file, line, column = row
        try:
            chain = self._chain(unit, address)
        except Exception as problem:
            self._complain(problem)
            chain = []
        if not chain:
            return (Place(file, line, column),)
        names = file_names(self._dwarf.line_program_for_CU(unit.handle))
        places = []
        for die in reversed(chain):
            name, linkage = _name(die)
            places.append(Place(file, line, column, name, linkage))
            call = die.attributes
            if "DW_AT_call_line" in call:
                number = call["DW_AT_call_file"].value if "DW_AT_call_file" in call else 0
                file = _joined(unit.directory, names(number))
                line = call["DW_AT_call_line"].value
                column = call["DW_AT_call_column"].value if "DW_AT_call_column" in call else 0
        return tuple(places)

    def _chain(self, unit: _Unit, address: int) -> list[Any]:
        """The subprogram that contains the address, then what is inlined there, outermost first."""
        if unit.functions is None:
            top = unit.handle.get_top_DIE()
            unit.functions = sorted(self._subprograms(top, 0), key=lambda row: (row[0], -row[1]))
            unit.function_starts = [row[0] for row in unit.functions]
        at = bisect_right(unit.function_starts, address) - 1
        # Functions do not overlap, but one may be nested in another (GNU C, Pascal).
        while at >= 0 and unit.functions[at][1] <= address and unit.functions[at][2]:
            at -= 1
        if at < 0 or unit.functions[at][1] <= address:
            return []
        here: Any = unit.functions[at][3]
        chain: list[Any] = []
        while here is not None and len(chain) < _MAX_INLINED:
            chain.append(here)
            here = self._inlined(here, address, 0)
        return chain

    def _subprograms(self, parent: Any, depth: int) -> Iterator[tuple[int, int, bool, Any]]:
        """(start, end, is nested, entry) of every function with code below an entry."""
        if depth > _MAX_INLINED:
            return
        nested = parent.tag == "DW_TAG_subprogram"
        for die in parent.iter_children():
            if die.tag == "DW_TAG_subprogram":
                for low, high in self._ranges(die):
                    yield low, high, nested, die
            if die.tag in _SCOPES and die.has_children:
                yield from self._subprograms(die, depth + 1)

    def _inlined(self, parent: Any, address: int, depth: int) -> Any:
        if depth > _MAX_INLINED:
            return None
        for die in parent.iter_children():
            if die.tag == "DW_TAG_inlined_subroutine" and self._contains(die, address):
                return die
            if die.tag == "DW_TAG_lexical_block":
                found = self._inlined(die, address, depth + 1)
                if found is not None:
                    return found
        return None

    def _contains(self, die: Any, address: int) -> bool:
        return any(low <= address < high for low, high in self._ranges(die))


def _name(die: Any) -> tuple[str, str]:
    """(name, linkage name or "") of a function, through its abstract origin or declaration."""
    name = linkage = ""
    for _ in range(_MAX_ORIGINS):
        attributes = die.attributes
        name = name or _text(attributes.get("DW_AT_name"))
        linkage = linkage or _text(
            attributes.get("DW_AT_linkage_name") or attributes.get("DW_AT_MIPS_linkage_name")
        )
        for reference in ("DW_AT_abstract_origin", "DW_AT_specification"):
            if reference in attributes:
                die = die.get_DIE_from_attribute(reference)
                break
        else:
            break
    return name or linkage, linkage if linkage != name else ""


def _text(attribute: Any) -> str:
    if attribute is None or not isinstance(attribute.value, bytes):
        return ""
    return attribute.value.decode("utf-8", "replace")


def _joined(directory: str, name: str) -> str:
    if name.startswith("/") or directory in ("", "."):
        return posixpath.normpath(name) if name != "?" else name
    return posixpath.normpath(posixpath.join(directory, name))
