"""Debug information for assembly (-g): every instruction's source line, and the unit around it.

Makes the rows of the line table from the places of instructions, and the `.debug_info`,
`.debug_abbrev`, `.debug_aranges` and `.debug_rnglists` that debuggers need to find the table
(DWARF 5, sections 6.1.2, 6.2, 7.5 and 7.28). Paths are written as they were given and the
compilation directory is ``.``, so that the same input gives the same bytes in any directory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler import line_table
from orobuild.assembler.emission import Field
from orobuild.assembler.fragment import LebTail
from orobuild.assembler.leb128 import uleb128
from orobuild.assembler.line_table import LineTable, Location, Row
from orobuild.assembler.section import Section
from orobuild.assembler.source import locate
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.elf import constants as c

if TYPE_CHECKING:
    from orobuild.assembler.fragment import Fragment
    from orobuild.assembler.symbol import Place
    from orobuild.assembler.unit import Unit

Marks = dict[tuple[Section, int], "list[tuple[Fragment, int, Place]]"]
"""By section and subsection: where each instruction begins, and its statement."""

PRODUCER: Final = "orobuild"
_DIRECTORY: Final = "."
DW_UT_COMPILE: Final = 1
DW_TAG_COMPILE_UNIT: Final = 0x11
DW_AT_NAME: Final = 0x03
DW_AT_STMT_LIST: Final = 0x10
DW_AT_LOW_PC: Final = 0x11
DW_AT_LANGUAGE: Final = 0x13
DW_AT_COMP_DIR: Final = 0x1B
DW_AT_PRODUCER: Final = 0x25
DW_AT_RANGES: Final = 0x55
DW_FORM_ADDR: Final = 0x01
DW_FORM_DATA2: Final = 0x05
DW_FORM_STRING: Final = 0x08
DW_FORM_SEC_OFFSET: Final = 0x17
DW_LANG_MIPS_ASSEMBLER: Final = 0x8001
DW_RLE_START_LENGTH: Final = 0x07
_ATTRIBUTES: Final = (
    (DW_AT_STMT_LIST, DW_FORM_SEC_OFFSET),
    (DW_AT_RANGES, DW_FORM_SEC_OFFSET),
    (DW_AT_LOW_PC, DW_FORM_ADDR),
    (DW_AT_NAME, DW_FORM_STRING),
    (DW_AT_COMP_DIR, DW_FORM_STRING),
    (DW_AT_PRODUCER, DW_FORM_STRING),
    (DW_AT_LANGUAGE, DW_FORM_DATA2),
)


def emit(unit: Unit, path: str, marks: Marks) -> None:
    """Write the debug sections for the instructions at `marks`; `path` names the unit."""
    table = _table(path, marks)
    if not table.rows:
        return
    line_table.emit(unit, table)
    _Emitter(unit, path, list(dict.fromkeys(section for section, _ in table.rows))).run()


def _table(path: str, marks: Marks) -> LineTable:
    """The line table: one row where the source line changes."""
    table = LineTable()
    table.directories[0] = _DIRECTORY
    numbers: dict[str, int] = {}
    table.add_file(0, _DIRECTORY, path, None)
    for (section, subsection), places in marks.items():
        last: tuple[str, int] | None = None
        for fragment, offset, place in places:
            where = _source(place)
            if where == last:
                continue
            last = where
            name, line = where
            number = numbers.get(name)
            if number is None:
                number = numbers[name] = len(numbers) + 1
                table.add_file(number, _DIRECTORY, name, None)
            label = Symbol("\x01row", 0, 0)
            label.kind, label.section = Kind.LABEL, section
            label.fragment, label.offset = fragment, offset
            row = Row(label, Location(file=number, line=line))
            table.add_row(section, subsection, row, view=None, reset=False)
    return table


def _source(place: Place) -> tuple[str, int]:
    """The file and line of a statement; inside a macro, those of the outermost use."""
    _, frame, index = place
    while frame.origin is not None and frame.parent is not None:
        index = max(0, frame.parent_index - 1)
        frame = frame.parent
    return locate(frame.markers, frame.path, frame.lines[index])


class _Emitter:
    """Writes the sections around the line table."""

    def __init__(self, unit: Unit, path: str, sections: list[Section]) -> None:
        self.unit = unit
        self.path = path
        self.sections = sections
        self.size = unit.bits // 8

    def run(self) -> None:
        """All of them."""
        abbreviations = uleb128(1) + uleb128(DW_TAG_COMPILE_UNIT) + b"\0"
        for attribute, form in _ATTRIBUTES:
            abbreviations += uleb128(attribute) + uleb128(form)
        abbrev = self.section(".debug_abbrev", [abbreviations + b"\0\0\0"])
        ranges = self.ranges()
        line = self.unit.sections[".debug_line", None, None]
        assert line.symbol is not None
        body: list[object] = [
            (5).to_bytes(2, "little") + bytes((DW_UT_COMPILE, self.size)),
            Field(Linear(abbrev.symbol, None, 0), 4),
            uleb128(1),
            Field(Linear(line.symbol, None, 0), 4),
            ranges,
            bytes(self.size),
            self.text(self.path) + self.text(_DIRECTORY) + self.text(PRODUCER),
            DW_LANG_MIPS_ASSEMBLER.to_bytes(2, "little"),
        ]
        info = self.sized(".debug_info", body)
        self.aranges(info)

    @staticmethod
    def text(value: str) -> bytes:
        """A string in place."""
        return value.encode("utf-8", "surrogateescape") + b"\0"

    def section(self, name: str, items: list[object]) -> Section:
        """A new section that holds `items`."""
        section = Section(name, c.SHT_PROGBITS, 0)
        self.unit.add_section(section, None)
        stream = section.stream()
        stream.items += items
        stream.places += [self.unit.place] * len(items)
        return section

    def label(self, name: str) -> Symbol:
        """A label, to be put among items."""
        symbol = Symbol(f"\x01{name}", 0, 0)
        symbol.kind = Kind.LABEL
        return symbol

    def sized(self, name: str, items: list[object]) -> Section:
        """A new section that begins with the length of the rest."""
        begin, end = self.label("begin"), self.label("end")
        section = self.section(name, [Field(Linear(end, begin, 0), 4), begin, *items, end])
        for label in (begin, end, *(i for i in items if isinstance(i, Symbol))):
            label.section = section
        return section

    def end_of(self, section: Section) -> Symbol:
        """A label behind everything in a code section."""
        label = self.label("end")
        label.section = section
        stream = section.streams[max(section.streams)]
        stream.items.append(label)
        stream.places.append(self.unit.place)
        return label

    def ranges(self) -> Field:
        """.debug_rnglists; the reference to its one list."""
        first = self.label("ranges")
        items: list[object] = [(5).to_bytes(2, "little") + bytes((self.size, 0)) + bytes(4), first]
        for section in self.sections:
            length = Linear(self.end_of(section), section.symbol, 0)
            items += [
                bytes((DW_RLE_START_LENGTH,)),
                Field(Linear(section.symbol, None, 0), self.size),
                LebTail(length, False, self.unit.place),
            ]
        items.append(b"\0")
        self.sized(".debug_rnglists", items)
        return Field(Linear(first, None, 0), 4)

    def aranges(self, info: Section) -> None:
        """.debug_aranges, padded so that its tuples are aligned."""
        head = (2).to_bytes(2, "little")
        tail = bytes((self.size, 0))
        padding = -(4 + 2 + 4 + 2) % (2 * self.size)
        items: list[object] = [head, Field(Linear(info.symbol, None, 0), 4), tail + bytes(padding)]
        for section in self.sections:
            items += [
                Field(Linear(section.symbol, None, 0), self.size),
                Field(Linear(self.end_of(section), section.symbol, 0), self.size),
            ]
        items.append(bytes(2 * self.size))
        self.sized(".debug_aranges", items)
