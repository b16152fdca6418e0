"""Debug information for assembly (-g): every instruction's source line, and the unit around it.

Makes the rows of the line table from the places of instructions, and the `.debug_info`,
`.debug_abbrev`, `.debug_aranges`, `.debug_str` and ranges that debuggers need to find the table, in
the bytes of GNU as 2.40 (gas/dwarf2dbg.c, dwarf2_finish) for every version of DWARF that it
writes. Paths are written as they were given; the compilation directory is the option's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.emission import Field
from orobuild.assembler.fragment import LebTail
from orobuild.assembler.leb128 import uleb128
from orobuild.assembler.line_table import LineTable, Location, Row
from orobuild.assembler.section import Section
from orobuild.assembler.source import locate
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.assembler.value import Unresolvable, final, final_position
from orobuild.elf import constants as c

if TYPE_CHECKING:
    from orobuild.assembler.fragment import Fragment
    from orobuild.assembler.symbol import Place
    from orobuild.assembler.unit import Unit

Marks = dict[tuple[Section, int], "list[tuple[Fragment, int, Place]]"]
"""By section and subsection: where each instruction begins, and its statement."""

DW_UT_COMPILE: Final = 1
DW_TAG_COMPILE_UNIT: Final = 0x11
DW_TAG_SUBPROGRAM: Final = 0x2E
DW_TAG_UNSPECIFIED_TYPE: Final = 0x3B
DW_AT_NAME: Final = 0x03
DW_AT_STMT_LIST: Final = 0x10
DW_AT_LOW_PC: Final = 0x11
DW_AT_HIGH_PC: Final = 0x12
DW_AT_LANGUAGE: Final = 0x13
DW_AT_COMP_DIR: Final = 0x1B
DW_AT_PRODUCER: Final = 0x25
DW_AT_EXTERNAL: Final = 0x3F
DW_AT_TYPE: Final = 0x49
DW_AT_RANGES: Final = 0x55
DW_FORM_ADDR: Final = 0x01
DW_FORM_DATA2: Final = 0x05
DW_FORM_DATA4: Final = 0x06
DW_FORM_FLAG: Final = 0x0C
DW_FORM_STRP: Final = 0x0E
DW_FORM_UDATA: Final = 0x0F
DW_FORM_REF_UDATA: Final = 0x15
DW_FORM_SEC_OFFSET: Final = 0x17
DW_FORM_FLAG_PRESENT: Final = 0x19
DW_LANG_MIPS_ASSEMBLER: Final = 0x8001
DW_RLE_START_LENGTH: Final = 0x07
_UNIT, _FUNCTION, _NO_TYPE = 1, 2, 3  # abbreviation codes


def line_table_of(unit: Unit, marks: Marks) -> LineTable:
    """The unit's line table: the one that `.file` and `.loc` describe, or one row for every change
    of the source line among the instructions at `marks`."""
    return unit.lines if unit.lines.files else _table(marks, unit.options.dwarf)


def emit(unit: Unit, table: LineTable) -> None:
    """Write what debuggers need to find `table`, which has been written."""
    _Emitter(unit, table).run()


class _EndOf(Linear):
    """The place `length` behind `start`; a number only after relaxation, when it is asked for."""

    __slots__ = ("length",)

    def __init__(self, start: Symbol, length: Linear) -> None:
        self.length = length
        super().__init__(start, None, 0)

    @property
    def number(self) -> int:
        """Bytes behind `start`."""
        return final(self.length)[1]

    @number.setter
    def number(self, value: int) -> None:
        assert not value


def _table(marks: Marks, version: int) -> LineTable:
    """The line table: one row where the source line changes, in the order of the source."""
    table = LineTable(version=max(3, version))
    found = [
        (place[0], number, key, fragment, offset, place)
        for number, (key, places) in enumerate(marks.items())
        for fragment, offset, place in places
    ]
    found.sort(key=lambda item: item[0])
    numbers: dict[str, int] = {}
    last: tuple[str, int] | None = None
    for _, _, (section, subsection), fragment, offset, place in found:
        where = _source(place)
        if where == last:
            continue
        last = where
        name, line = where
        number = numbers.get(name)
        if number is None:
            number = numbers[name] = len(numbers) + 1
            table.add_file(number, None, name, None)
        label = Symbol("\x01row", 0, 0)
        label.kind, label.section = Kind.LABEL, section
        label.fragment, label.offset = fragment, offset
        row = Row(label, Location(file=number, line=line))
        table.add_row(section, subsection, row, view=None, reset=False)
    return table


def _source(place: Place) -> tuple[str, int]:
    """The file and line of a statement; inside a macro, those of the outermost use."""
    _, frame, index = place
    while frame.kind == "macro" and frame.parent is not None:
        index = max(0, frame.parent_index - 1)
        frame = frame.parent
    source = frame.origin or frame
    return locate(source.markers, source.path, frame.lines[index])


class _Emitter:
    """Writes the sections around the line table, in the order in which GNU as makes them."""

    def __init__(self, unit: Unit, table: LineTable) -> None:
        self.unit = unit
        self.version = table.version
        if table.version < 5 and unit.options.debug_info:
            self.version = unit.options.dwarf
        self.path = unit.options.flags.path(table.unit_path(self.version))
        self.sections = list(dict.fromkeys(section for section, _ in table.rows))
        self.size = unit.bits // 8
        self.functions = [
            symbol
            for symbol in sorted(unit.symbols.by_name.values(), key=lambda s: (s.order, s.serial))
            if self.is_function(symbol)
        ]

    def is_function(self, symbol: Symbol) -> bool:
        """Whether the symbol is a function of this unit, in a section, whose size is stated."""
        if symbol.type not in (c.STT_FUNC, c.STT_GNU_IFUNC) or symbol.size is None:
            return False
        if symbol.size.is_number and not symbol.size.number:
            return False
        try:
            return isinstance(final_position(symbol)[0], Section)
        except Unresolvable:
            return False

    def run(self) -> None:
        """All of them."""
        line = self.unit.sections[".debug_line", None, None]
        info = self.new(".debug_info")
        abbrev = self.new(".debug_abbrev")
        aranges = self.new(".debug_aranges")
        self.strings = self.new(".debug_str", c.SHF_MERGE | c.SHF_STRINGS, 1)
        several = len(self.sections) > 1
        self.aranges(aranges, info)
        ranges = self.ranges() if several else None
        external = [symbol.binding == c.STB_GLOBAL for symbol in self.functions]
        form = None
        if any(external):
            present = self.version >= 4 and all(external)
            form = DW_FORM_FLAG_PRESENT if present else DW_FORM_FLAG
        self.abbreviations(abbrev, ranges is not None, external=form)
        assert line.symbol is not None
        body: list[object] = [self.version.to_bytes(2, "little")]
        reference = Field(Linear(abbrev.symbol, None, 0), 4)
        if self.version >= 5:
            body += [bytes((DW_UT_COMPILE, self.size)), reference]
        else:
            body += [reference, bytes((self.size,))]
        body += [uleb128(_UNIT), Field(Linear(line.symbol, None, 0), 4)]
        if ranges is not None:
            body.append(ranges)
        else:
            section = self.sections[0]
            body.append(Field(Linear(section.symbol, None, 0), self.size))
            end = self.end_of(section)
            body.append(self.high_pc(Linear(end, None, 0), Linear(end, section.symbol, 0)))
        options = self.unit.options
        directory = options.flags.path(options.compilation_directory)
        body += [self.string(s) for s in (self.path, directory, options.producer)]
        body.append(DW_LANG_MIPS_ASSEMBLER.to_bytes(2, "little"))
        begin = self.label("unit")
        if self.functions:
            no_type = self.label("no type")
            for symbol, public in zip(self.functions, external, strict=True):
                shown = public if form == DW_FORM_FLAG else None
                body += self.function(symbol, shown, no_type, begin)
            if self.version > 2:
                body += [no_type, uleb128(_NO_TYPE)]
            body.append(b"\0")
        self.sized(info, body, begin)
        self.number_symbols(info, abbrev, line)

    def number_symbols(self, *first: Section) -> None:
        """Put the symbols of the sections into the order of GNU as."""
        names = (".debug_line_str", ".debug_ranges", ".debug_rnglists", ".debug_str")
        rest = [self.unit.sections.get((name, None, None)) for name in names]
        order = self.unit.seq + 1
        for serial, section in enumerate((*first, *rest)):
            if section is not None and section.symbol is not None:
                section.symbol.order, section.symbol.serial = order, serial

    def function(
        self, symbol: Symbol, public: bool | None, no_type: Symbol, begin: Symbol
    ) -> list[object]:
        """The entry of one function; `public` None when its abbreviation says enough."""
        size = symbol.size
        assert size is not None
        items: list[object] = [uleb128(_FUNCTION), self.string(symbol.name)]
        if public is not None:
            items.append(bytes((public,)))
        if self.version > 2:
            items.append(LebTail(Linear(no_type, begin, 0), False, self.unit.place))
        items.append(Field(Linear(symbol, None, 0), self.size))
        items.append(self.high_pc(_EndOf(symbol, size), size))
        return items

    def high_pc(self, end: Linear, length: Linear) -> object:
        """DW_AT_high_pc: the length, or before version 4 the address behind the last byte."""
        if self.version >= 4:
            return LebTail(length, False, self.unit.place)
        return Field(end, self.size)

    def string(self, text: str) -> Field:
        """A reference to a string, put into .debug_str."""
        label = Symbol("\x01string", 0, 0)
        label.kind, label.section = Kind.LABEL, self.strings
        self.put(self.strings, [label, text.encode("utf-8", "surrogateescape") + b"\0"])
        return Field(Linear(label, None, 0), 4)

    def new(self, name: str, flags: int = 0, entsize: int = 0) -> Section:
        """The section called `name`, a new one unless the file has it."""
        section = self.unit.sections.get((name, None, None))
        if section is None:
            section = Section(name, c.SHT_PROGBITS, flags, entsize)
            self.unit.add_section(section, None)
        return section

    def put(self, section: Section, items: list[object]) -> None:
        """Append to a section."""
        stream = section.stream()
        stream.items += items
        stream.places += [self.unit.place] * len(items)

    def label(self, name: str) -> Symbol:
        """A label, to be put among items."""
        symbol = Symbol(f"\x01{name}", 0, 0)
        symbol.kind = Kind.LABEL
        return symbol

    def sized(self, section: Section, items: list[object], start: Symbol | None = None) -> None:
        """Fill a section that begins with the length of the rest; `start` is its first byte."""
        begin, end = self.label("begin"), self.label("end")
        length = Field(Linear(end, begin, 0), 4)
        whole = [*([start] if start else []), length, begin, *items, end]
        for item in whole:
            if isinstance(item, Symbol):
                item.section = section
        self.put(section, whole)

    def end_of(self, section: Section) -> Symbol:
        """A label behind everything in a code section."""
        label = self.label("end")
        label.section = section
        stream = section.streams[max(section.streams)]
        stream.items.append(label)
        stream.places.append(self.unit.place)
        return label

    def abbreviations(self, abbrev: Section, ranged: bool, *, external: int | None) -> None:
        """.debug_abbrev: the unit, its functions, and the type that they do not have.

        `external` is the form of DW_AT_external; None where all functions are local.
        """
        offset = DW_FORM_DATA4 if self.version < 4 else DW_FORM_SEC_OFFSET
        high = DW_FORM_ADDR if self.version < 4 else DW_FORM_UDATA
        place = (
            ((DW_AT_RANGES, offset),)
            if ranged
            else ((DW_AT_LOW_PC, DW_FORM_ADDR), (DW_AT_HIGH_PC, high))
        )
        out = _abbreviation(
            _UNIT,
            DW_TAG_COMPILE_UNIT,
            bool(self.functions),
            (
                (DW_AT_STMT_LIST, offset),
                *place,
                (DW_AT_NAME, DW_FORM_STRP),
                (DW_AT_COMP_DIR, DW_FORM_STRP),
                (DW_AT_PRODUCER, DW_FORM_STRP),
                (DW_AT_LANGUAGE, DW_FORM_DATA2),
            ),
        )
        if self.functions:
            kind = ((DW_AT_TYPE, DW_FORM_REF_UDATA),) if self.version > 2 else ()
            out += _abbreviation(
                _FUNCTION,
                DW_TAG_SUBPROGRAM,
                False,
                (
                    (DW_AT_NAME, DW_FORM_STRP),
                    *(((DW_AT_EXTERNAL, external),) if external is not None else ()),
                    *kind,
                    (DW_AT_LOW_PC, DW_FORM_ADDR),
                    (DW_AT_HIGH_PC, high),
                ),
            )
            if self.version > 2:
                out += _abbreviation(_NO_TYPE, DW_TAG_UNSPECIFIED_TYPE, False, ())
        self.put(abbrev, [out + b"\0"])

    def ranges(self) -> Field:
        """.debug_ranges or .debug_rnglists; the reference to its one list."""
        first = self.label("ranges")
        if self.version < 5:
            section = self.new(".debug_ranges")
            section.alignment_power = (2 * self.size).bit_length() - 1
            first.section = section
            # A base address of zero: what follows are addresses.
            items: list[object] = [first, b"\xff" * self.size + bytes(self.size)]
            for code in self.sections:
                items += [
                    Field(Linear(code.symbol, None, 0), self.size),
                    Field(Linear(self.end_of(code), None, 0), self.size),
                ]
            self.put(section, [*items, bytes(2 * self.size)])
            return Field(Linear(first, None, 0), 4)
        items = [(5).to_bytes(2, "little") + bytes((self.size, 0)) + bytes(4), first]
        for code in self.sections:
            items += [
                bytes((DW_RLE_START_LENGTH,)),
                Field(Linear(code.symbol, None, 0), self.size),
                LebTail(Linear(self.end_of(code), code.symbol, 0), False, self.unit.place),
            ]
        self.sized(self.new(".debug_rnglists"), [*items, b"\0"])
        return Field(Linear(first, None, 0), 4)

    def aranges(self, aranges: Section, info: Section) -> None:
        """.debug_aranges, padded so that its tuples are aligned."""
        aranges.alignment_power = (2 * self.size).bit_length() - 1
        head = (2).to_bytes(2, "little")
        padding = -(4 + 2 + 4 + 2) % (2 * self.size)
        items: list[object] = [
            head,
            Field(Linear(info.symbol, None, 0), 4),
            bytes((self.size, 0)) + bytes(padding),
        ]
        for section in self.sections:
            items += [
                Field(Linear(section.symbol, None, 0), self.size),
                Field(Linear(self.end_of(section), section.symbol, 0), self.size),
            ]
        self.sized(aranges, [*items, bytes(2 * self.size)])


def _abbreviation(
    code: int, tag: int, children: bool, attributes: tuple[tuple[int, int], ...]
) -> bytes:
    out = uleb128(code) + uleb128(tag) + bytes((children,))
    for attribute, form in attributes:
        out += uleb128(attribute) + uleb128(form)
    return out + b"\0\0"
