"""The DWARF line table: rows from `.loc` (or from every instruction, with -g) to `.debug_line`.

Follows gas/dwarf2dbg.c of binutils 2.40. The format is that of DWARF 5, section 6.2, or of
version 2 to 4 when the file only uses what those have. Row addresses are labels; the distance
between two rows is encoded after relaxation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.emission import Field
from orobuild.assembler.fragment import BranchTail, LineTail
from orobuild.assembler.leb128 import sleb128, uleb128
from orobuild.assembler.section import Section
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.diagnostics import error
from orobuild.elf import constants as c
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from orobuild.assembler.symbol import Place
    from orobuild.assembler.unit import Unit

_LINE_BASE: Final = -5
_LINE_RANGE: Final = 14
_OPCODE_BASE: Final = 13
_MAX_SPECIAL_DELTA: Final = (255 - _OPCODE_BASE) // _LINE_RANGE
_STANDARD_LENGTHS: Final = bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1))
DW_LNS_COPY: Final = 1
DW_LNS_ADVANCE_PC: Final = 2
DW_LNS_ADVANCE_LINE: Final = 3
DW_LNS_SET_FILE: Final = 4
DW_LNS_SET_COLUMN: Final = 5
DW_LNS_NEGATE_STMT: Final = 6
DW_LNS_SET_BASIC_BLOCK: Final = 7
DW_LNS_CONST_ADD_PC: Final = 8
DW_LNS_SET_PROLOGUE_END: Final = 10
DW_LNS_SET_EPILOGUE_BEGIN: Final = 11
DW_LNS_SET_ISA: Final = 12
DW_LNE_END_SEQUENCE: Final = 1
DW_LNE_SET_ADDRESS: Final = 2
DW_LNE_SET_DISCRIMINATOR: Final = 4
DW_LNCT_PATH: Final = 1
DW_LNCT_DIRECTORY_INDEX: Final = 2
DW_LNCT_MD5: Final = 5
DW_FORM_UDATA: Final = 0x0F
DW_FORM_DATA16: Final = 0x1E
DW_FORM_LINE_STRP: Final = 0x1F


@dataclass(slots=True)
class Location:
    """The registers of the line number program that `.loc` sets."""

    file: int = 1
    line: int = 0
    column: int = 0
    is_stmt: bool = True
    basic_block: bool = False
    prologue_end: bool = False
    epilogue_begin: bool = False
    isa: int = 0
    discriminator: int = 0


@dataclass(slots=True)
class Row:
    """A row: where it is, and what it says. `reset`: its view number is 0 whatever comes before."""

    label: Symbol
    location: Location
    reset: bool = False


@dataclass(slots=True)
class _File:
    name: str
    directory: int
    md5: bytes | None = None


class View:
    """The number of a row among the rows at the same address (`view` of `.loc`).

    `equation` of a view symbol; `previous` is the row before in the same subsection, None after
    a reset. The number is known when addresses are.
    """

    __slots__ = ("label", "previous", "previous_view")

    def __init__(self, label: Symbol, previous: Symbol | None, previous_view: View | None) -> None:
        self.label = label
        self.previous = previous
        self.previous_view = previous_view

    def number(self) -> int:
        """The view number with the addresses of now."""
        count = 0
        view: View | None = self
        while view is not None and view.previous is not None:
            if _address(view.label) != _address(view.previous):
                break
            count += 1
            view = view.previous_view
        return count


def _address(label: Symbol) -> tuple[Section | None, int]:
    fragment = label.fragment
    assert fragment is not None
    return label.section, fragment.address + label.offset


@dataclass(slots=True)
class LineTable:
    """The files and rows of one unit. `version` is that of the table."""

    version: int = 3
    files: dict[int, _File] = field(default_factory=dict)
    directories: dict[int, str] = field(default_factory=dict)
    rows: dict[tuple[Section, int], list[Row]] = field(default_factory=dict)
    views: dict[tuple[Section, int], View] = field(default_factory=dict)
    first_views: list[tuple[View, Place]] = field(default_factory=list)
    """Views that are said to be the first at their address (``view 0``), and where."""

    def add_file(
        self, number: int, directory: str | None, name: str, md5: bytes | None
    ) -> str | None:
        """``.file number``; what is wrong with it, or None (allocate_filename_to_slot)."""
        if number == 0:
            self.version = 5
        known = self.files.get(number)
        if directory is None:
            head, slash, base = name.rpartition("/")
            # What lies in the root keeps its slash, for there is no directory "/".
            directory, name = (head + slash, base) if head else ("", name)
        elif "/" in name and number == 0:
            # The directory is that of the compilation; the file has one of its own.
            self.directories.setdefault(0, directory.removesuffix("/"))
            head, slash, name = name.rpartition("/")
            directory = f"{head}{slash}" if head.endswith("/") else head
        entry = _File(name, self._directory(directory, zero=number == 0), md5)
        if known is not None and (known.name, known.directory) != (entry.name, entry.directory):
            return f"file number {number} is already '{known.name}'"
        self.files[number] = entry
        return None

    def unit_path(self, version: int) -> str:
        """The path of the file that names the unit (gas/dwarf2dbg.c, out_debug_info)."""
        number = 0 if version >= 5 and 0 in self.files else 1
        file = self.files.get(number) or next(iter(self.files.values()))
        directory = self.directories.get(file.directory, "") if file.directory else ""
        return f"{directory.rstrip('/')}/{file.name}" if directory else file.name

    def _directory(self, name: str, *, zero: bool) -> int:
        """The number of a directory (get_directory_table_entry)."""
        if len(name) > 1:
            name = name.removesuffix("/")
        if not name or name == "/":
            return 0
        for number, known in self.directories.items():
            if known == name:
                return number
        number = max(self.directories, default=-1) + 1
        if not zero and number == 0:
            number = 1
        self.directories[number] = name
        return number

    def add_row(
        self, section: Section, subsection: int, row: Row, *, view: Symbol | None, reset: bool
    ) -> View:
        """A row at its label; `view` is the symbol that gets its view number, which is returned."""
        key = section, subsection
        rows = self.rows.setdefault(key, [])
        previous = self.views.get(key)
        row.reset = reset
        number = View(
            row.label,
            rows[-1].label if rows and not reset else None,
            None if reset else previous,
        )
        rows.append(row)
        self.views[key] = number
        if view is not None:
            view.kind = Kind.VIEW
            view.view = number
        return number


def increment(line_delta: int | None, address_delta: int) -> bytes:
    """Opcodes that add a row, or end the sequence when `line_delta` is None (emit_inc_line_addr)."""
    if line_delta is None:
        if address_delta == _MAX_SPECIAL_DELTA:
            head = bytes((DW_LNS_CONST_ADD_PC,))
        elif address_delta:
            head = bytes((DW_LNS_ADVANCE_PC,)) + uleb128(address_delta)
        else:
            head = b""
        return head + bytes((0, 1, DW_LNE_END_SEQUENCE))
    out = bytearray()
    biased = line_delta - _LINE_BASE
    need_copy = False
    if not 0 <= biased < _LINE_RANGE:
        out.append(DW_LNS_ADVANCE_LINE)
        out += sleb128(line_delta)
        line_delta = 0
        biased = -_LINE_BASE
        need_copy = True
    if line_delta == 0 and address_delta == 0:
        out.append(DW_LNS_COPY)
        return bytes(out)
    biased += _OPCODE_BASE
    if address_delta < 256 + _MAX_SPECIAL_DELTA:
        opcode = biased + address_delta * _LINE_RANGE
        if opcode <= 255:
            out.append(opcode)
            return bytes(out)
        opcode = biased + (address_delta - _MAX_SPECIAL_DELTA) * _LINE_RANGE
        if opcode <= 255:
            out += bytes((DW_LNS_CONST_ADD_PC, opcode))
            return bytes(out)
    out.append(DW_LNS_ADVANCE_PC)
    out += uleb128(address_delta)
    out.append(DW_LNS_COPY if need_copy else biased)
    return bytes(out)


def emit(unit: Unit, table: LineTable) -> None:
    """Write `.debug_line` and `.debug_line_str`."""
    _Emitter(unit, table).run()


class _Emitter:
    """Writes one table."""

    def __init__(self, unit: Unit, table: LineTable) -> None:
        self.unit = unit
        self.table = table
        self.size = unit.bits // 8
        self.section = self.find(".debug_line", 0, 0)

    def find(self, name: str, flags: int, entsize: int) -> Section:
        """The section called `name`, made when it is new."""
        section = self.unit.sections.get((name, None, None))
        if section is None:
            section = Section(name, c.SHT_PROGBITS, flags, entsize)
            self.unit.add_section(section, None)
        return section

    def put(self, item: object) -> None:
        """Append to .debug_line."""
        stream = self.section.stream()
        stream.items.append(item)
        stream.places.append(self.unit.place)

    def label(self) -> Symbol:
        """A label that is placed later, by `put`."""
        symbol = Symbol("\x01line", 0, 0)
        symbol.kind, symbol.section = Kind.LABEL, self.section
        return symbol

    def run(self) -> None:
        """The header, then the rows of every section."""
        table = self.table
        begin, end, program = self.label(), self.label(), self.label()
        after_length = self.label()
        self.put(Field(Linear(end, begin, 0), 4))
        self.put(begin)
        self.put(table.version.to_bytes(2, "little"))
        if table.version >= 5:
            self.put(bytes((self.size, 0)))
        self.put(Field(Linear(program, after_length, 0), 4))
        self.put(after_length)
        head = bytes((1,)) + (b"\x01" if table.version >= 4 else b"")
        self.put(
            head + bytes((1, _LINE_BASE & 0xFF, _LINE_RANGE, _OPCODE_BASE)) + _STANDARD_LENGTHS
        )
        if table.version >= 5:
            self.tables_5()
        else:
            self.tables_2()
        self.put(program)
        for section in dict.fromkeys(section for section, _ in table.rows):
            rows = [
                row
                for key in sorted((k for k in table.rows if k[0] is section), key=lambda k: k[1])
                for row in table.rows[key]
            ]
            if rows:
                self.sequence(section, rows)
        self.put(end)

    def string(self, text: str) -> Symbol:
        """A reference to a string in .debug_line_str; the label of the string.

        GNU as does not look for equal strings here; the linker does.
        """
        section = self.find(".debug_line_str", c.SHF_MERGE | c.SHF_STRINGS, 1)
        label = Symbol("\x01string", 0, 0)
        label.kind, label.section = Kind.LABEL, section
        stream = section.stream()
        stream.items += (label, text.encode("utf-8", "surrogateescape") + b"\0")
        stream.places += (self.unit.place, self.unit.place)
        self.put(Field(Linear(label, None, 0), 4))
        return label

    def files(self) -> dict[int, _File]:
        """The files by number, without a gap; number 0 is number 1 when nothing else is said."""
        files = dict(self.table.files)
        if 0 not in files and 1 in files:
            files[0] = files[1]
        for number in range(max(files, default=0) + 1):
            if number not in files:
                if number:
                    self.unit.report(error(f"file number {number} has no '.file' line"))
                files[number] = _File("", 0)
        return files

    def tables_5(self) -> None:
        """The directory and file tables of version 5."""
        table = self.table
        directories = dict(table.directories)
        if 0 not in directories:
            directories[0] = self.unit.options.compilation_directory
        renamed = self.unit.options.flags.path
        directories = {number: renamed(name) for number, name in directories.items()}
        count = max(directories) + 1
        self.put(bytes((1,)) + uleb128(DW_LNCT_PATH) + uleb128(DW_FORM_LINE_STRP))
        self.put(uleb128(count))
        for number in range(count):
            self.string(directories[number])
        files = self.files()
        has_md5 = any(file.md5 for file in files.values())
        columns = uleb128(DW_LNCT_PATH) + uleb128(DW_FORM_LINE_STRP)
        columns += uleb128(DW_LNCT_DIRECTORY_INDEX) + uleb128(DW_FORM_UDATA)
        if has_md5:
            columns += uleb128(DW_LNCT_MD5) + uleb128(DW_FORM_DATA16)
        self.put(bytes((3 if has_md5 else 2,)) + columns)
        self.put(uleb128(len(files)))
        shared = None
        for number in range(len(files)):
            file = files[number]
            if number == 1 and shared is not None and file is files[0]:
                self.put(Field(Linear(shared, None, 0), 4))
            else:
                shared = self.string(file.name)
            self.put(uleb128(file.directory) + ((file.md5 or bytes(16)) if has_md5 else b""))

    def tables_2(self) -> None:
        """The directory and file tables of versions 2 to 4."""
        table = self.table
        out = bytearray()
        for number in range(1, max(table.directories, default=0) + 1):
            out += (
                self.unit.options.flags.path(table.directories[number]).encode(
                    "utf-8", "surrogateescape"
                )
                + b"\0"
            )
        out.append(0)
        files = self.files()
        for number in range(1, max(table.files, default=0) + 1):
            file = files[number]
            out += file.name.encode("utf-8", "surrogateescape") + b"\0"
            out += uleb128(file.directory) + b"\0\0"
        out.append(0)
        self.put(bytes(out))

    def sequence(self, section: Section, rows: list[Row]) -> None:
        """The rows of one section (process_entries)."""
        now = Location(line=1)
        last: Symbol | None = None
        for row in rows:
            self.put(_registers(now, row.location))
            delta = row.location.line - now.line
            if last is None or (row.reset and _may_stand_still(last, row.label)):
                self.put(bytes((0,)) + uleb128(self.size + 1) + bytes((DW_LNE_SET_ADDRESS,)))
                self.put(Field(Linear(row.label, None, 0), self.size))
                self.put(increment(delta, 0))
            else:
                self.put(LineTail(delta, Linear(row.label, last, 0), self.unit.place))
            now = row.location
            last = row.label
        assert last is not None
        end = Symbol("\x01end", 0, 0)
        end.kind, end.section = Kind.LABEL, section
        stream = section.streams[max(section.streams)]
        stream.items.append(end)
        stream.places.append(self.unit.place)
        self.put(LineTail(None, Linear(end, last, 0), self.unit.place))


def _may_stand_still(last: Symbol, label: Symbol) -> bool:
    """Whether `label` may turn out to have the address of `last`."""
    before, here = last.fragment, label.fragment
    assert before is not None
    if before is here:
        return last.offset == label.offset
    # The opcode of a branch belongs to the fixed part of its fragment in GNU as.
    end = len(before.data) + isinstance(before.tail, BranchTail)
    return label.offset == 0 and last.offset >= end


def _registers(now: Location, wanted: Location) -> bytes:
    """Opcodes that set what differs between two rows."""
    out = bytearray()
    if wanted.file != now.file:
        out += bytes((DW_LNS_SET_FILE,)) + uleb128(wanted.file)
    if wanted.column != now.column:
        out += bytes((DW_LNS_SET_COLUMN,)) + uleb128(wanted.column)
    if wanted.discriminator:
        body = bytes((DW_LNE_SET_DISCRIMINATOR,)) + uleb128(wanted.discriminator)
        out += bytes((0,)) + uleb128(len(body)) + body
    if wanted.isa != now.isa:
        out += bytes((DW_LNS_SET_ISA,)) + uleb128(wanted.isa)
    if wanted.is_stmt != now.is_stmt:
        out.append(DW_LNS_NEGATE_STMT)
    if wanted.basic_block:
        out.append(DW_LNS_SET_BASIC_BLOCK)
    if wanted.prologue_end:
        out.append(DW_LNS_SET_PROLOGUE_END)
    if wanted.epilogue_begin:
        out.append(DW_LNS_SET_EPILOGUE_BEGIN)
    return bytes(out)
