"""Source lines of an object, by section and offset, read from its DWARF.

An object's sections all start at address 0, so each is given an address range of its own before
pyelftools applies the relocations. What cannot be read has no lines: this informs messages and
decides nothing.
"""

from __future__ import annotations

import bisect
import io
import struct
from typing import TYPE_CHECKING, Any, Final

from orobuild.elf import constants as c
from orobuild.elf import reader
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.reader import ElfFile

_ROOM: Final = 0x1000  # between sections, so that an end address belongs to one of them
_DECLARING: Final = ("DW_TAG_variable", "DW_TAG_subprogram", "DW_TAG_label")


class SourceLines:
    """The line table of one object file."""

    def __init__(self, data: bytes) -> None:
        self._starts: list[int] = []
        self._rows: list[tuple[int, str | None]] = []  # (address, place or None for an end)
        self._declared: dict[str, str] = {}
        self._bases: dict[int, int] = {}
        try:
            self._read(data)
        # pyelftools raises whatever its parsing steps on, and a damaged table is no table.
        except Exception:
            self._rows.clear()
        self._rows.sort(key=lambda row: (row[0], row[1] is not None))
        self._starts = [address for address, _ in self._rows]

    def at(self, section: int, offset: int) -> str | None:
        """`file:line` of the byte at `offset` of the section with this header index."""
        base = self._bases.get(section)
        if base is None:
            return None
        at = bisect.bisect_right(self._starts, base + offset) - 1
        if at < 0 or self._starts[at] < base:
            return None
        return self._rows[at][1]

    def declaration(self, name: str) -> str | None:
        """`file:line` of the declaration of a variable or function at file level."""
        return self._declared.get(name)

    def _read(self, data: bytes) -> None:
        from elftools.elf.elffile import ELFFile

        try:
            elf = reader.read(data, "object")
        except InputError:
            return
        if not any(s.name.endswith("debug_line") for s in elf.sections):
            return
        file = ELFFile(io.BytesIO(self._apart(elf, data)))
        dwarf = file.get_dwarf_info(relocate_dwarf_sections=True)
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            names = file_names(program)
            for entry in program.get_entries():
                state = entry.state
                if state is not None:
                    place = None if state.end_sequence else f"{names(state.file)}:{state.line}"
                    self._rows.append((state.address, place))
            for child in unit.get_top_DIE().iter_children():
                self._declare(child, names)

    def _declare(self, die: Any, names: Any) -> None:
        attributes = die.attributes
        if die.tag not in _DECLARING or "DW_AT_name" not in attributes:
            return
        if "DW_AT_decl_line" not in attributes or "DW_AT_decl_file" not in attributes:
            return
        name = attributes["DW_AT_name"].value.decode("utf-8", "replace")
        place = (
            f"{names(attributes['DW_AT_decl_file'].value)}:{attributes['DW_AT_decl_line'].value}"
        )
        if "DW_AT_declaration" not in attributes:
            self._declared.setdefault(name, place)

    def _apart(self, elf: ElfFile, data: bytes) -> bytes:
        """`data` with every section at an address of its own, and symbols moved along."""
        address = _ROOM
        for section in elf.sections[1:]:
            if section.sh_flags & c.SHF_ALLOC:
                self._bases[section.index] = address
                address += -(-section.sh_size // _ROOM) * _ROOM + _ROOM
        wide = elf.header.ei_class == c.ELFCLASS64
        size, value_at, layout = (24, 8, "<Q") if wide else (16, 4, "<I")
        out = bytearray(data)
        for table in elf.sections:
            if table.sh_type != c.SHT_SYMTAB:
                continue
            for number, symbol in enumerate(elf.symbols_of(table)):
                base = self._bases.get(symbol.st_shndx)
                if base is not None:
                    place = table.sh_offset + number * size + value_at
                    struct.pack_into(layout, out, place, symbol.st_value + base)
        return bytes(out)


def file_names(program: Any) -> Any:
    """A function from a file number of the line program to its name."""
    header = program.header
    old = header["version"] < 5
    directories = [_text(d) for d in _directories(header)]
    entries = header["file_entry"]

    def name(number: int) -> str:
        at = number - 1 if old else number
        if not 0 <= at < len(entries):
            return "?"
        entry = entries[at]
        text = _text(entry["name"])
        # Directory 0 is where the compiler ran (DWARF 5, 6.2.4).
        index = entry["dir_index"] - (1 if old else 0)
        is_elsewhere = entry["dir_index"] != 0 and 0 <= index < len(directories)
        if text.startswith("/") or not is_elsewhere:
            return text
        return f"{directories[index]}/{text}"

    return name


def _directories(header: Any) -> Iterator[Any]:
    yield from header["include_directory"]


def _text(raw: Any) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
