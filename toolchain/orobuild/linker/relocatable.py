"""Relocatable output (-r): objects joined into one object.

Sections are placed by the script, at no address; nothing is resolved, merged or relaxed, and
relocations, undefined and common symbols stay. COMDAT groups stay groups, each section of theirs
in an output section of its own (ld manual, "Options", -r; bfd/elflink.c of binutils 2.40).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.elf.structures import FileHeader, SectionHeader
from orobuild.linker import placement
from orobuild.linker.flags import reset_flags, settle_flags
from orobuild.linker.frames import edit_frames
from orobuild.linker.image import Patches, entry_size, fill_image, os_abi, refuse_huge
from orobuild.linker.layout import Layout
from orobuild.linker.orphan_placement import OrphanPlacer
from orobuild.linker.relocation_output import (
    RelocationSection,
    named_anew,
    referenced_rows,
    relocation_sections,
    write_implicit_addends,
)
from orobuild.linker.resolution import resolve_values
from orobuild.linker.symtab import SymbolChoice, build_symbol_table
from orobuild.records import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.frames import FrameLink
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.options import LinkOptions
    from orobuild.linker.output import OutputSection
    from orobuild.linker.placement import Placement
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.script.nodes import Script
    from orobuild.linker.symbols import Symbols
    from orobuild.linker.symtab import SymbolTable


@dataclass(slots=True)
class _Group:
    """A section group that is kept: its symbol row, flag word and the rows of its members."""

    row: int
    symbol: int
    flags: int
    members: list[int]
    index: int = 0


def join_relocatable(
    inputs: Inputs,
    symbols: Symbols,
    script: Script,
    options: LinkOptions,
    rows: NDArray[np.int64],
    relocations: NDArray[Any],
) -> tuple[bytes, Resolution]:
    """The bytes of the object, and where everything is in it.

    `rows` are the sections to join, `relocations` theirs. Raises `InputError`.
    """
    groups = [] if options.ungroup else _groups(inputs, symbols)
    grouped = {row for group in groups for row in group.members}
    free = np.array([row for row in rows.tolist() if row not in grouped], "i8")
    placed = placement.place(inputs, script, free)
    _place_rest(inputs, placed, grouped & set(rows.tolist()))
    relocations, links = edit_frames(inputs, symbols, placed, relocations, joined=True)
    layout = Layout(inputs, symbols, placed, script, options)
    layout.run(0)
    for output in placed.outputs:
        output.vma = output.lma = 0
    resolution = resolve_values(inputs, symbols, placed, layout)
    choice = SymbolChoice(
        discard=options.discard,
        only=options.retain_symbols,
        referenced=referenced_rows(resolution, relocations),
        joined=True,
    )
    # Relocations have headers of their own, so which sections have any comes before numbering.
    _number(placed, 1, set())
    named = named_anew(resolution, relocations, build_symbol_table(resolution, choice))
    _number(placed, 1 + len(groups), set(placed.output_of[named["section"]].tolist()))
    table = build_symbol_table(resolution, choice)
    named = named_anew(resolution, relocations, table)
    parts = relocation_sections(resolution, named, addresses=False)
    return _Writer(resolution, groups, parts, table, links).write(named), resolution


def _groups(inputs: Inputs, symbols: Symbols) -> list[_Group]:
    """The groups of which members are kept."""
    found = []
    for row in np.flatnonzero(inputs.sections["type"] == c.SHT_GROUP).tolist():
        owner = inputs.owner(row)
        words = np.frombuffer(inputs.section_data(row), "<u4")
        members = [int(word) + owner.first_section for word in words[1:]]
        kept = [
            member
            for member in members
            if not symbols.dropped[member]
            and int(inputs.sections["type"][member]) not in (c.SHT_RELA, c.SHT_REL)
        ]
        if kept:
            signature = owner.first_symbol + int(inputs.sections["info"][row])
            found.append(_Group(row, signature, int(words[0]), kept))
    return found


def _place_rest(inputs: Inputs, placed: Placement, grouped: set[int]) -> None:
    """Orphans beside their like, and every section of a group by itself."""
    settle_flags(inputs, placed, text_read_only=False)
    placer = OrphanPlacer(inputs, placed)
    owner = inputs.sections["object"]
    for row in sorted([*placed.orphans, *grouped], key=lambda row: (int(owner[row]), row)):
        placer.place(row, alone=row in grouped)
    reset_flags(placed)
    settle_flags(inputs, placed, text_read_only=False)


def _number(placed: Placement, first: int, with_relocations: set[int]) -> None:
    """Header indices from `first` on: a section's relocations, if any, follow it."""
    index = first
    for output in placed.created:
        if not output.removed:
            output.header_index = index
            index += 2 if output.index in with_relocations else 1


_WORD: Final = {c.ELFCLASS64: 8, c.ELFCLASS32: 4}


class _Writer:
    """Sections in the order of their headers, then symbols, then relocations, as GNU ld."""

    def __init__(
        self,
        resolution: Resolution,
        groups: list[_Group],
        parts: list[RelocationSection],
        table: SymbolTable,
        links: list[FrameLink],
    ) -> None:
        self._links = links
        self._resolution = resolution
        self._table = table
        self._groups = groups
        self._parts = {part.target: part for part in parts}
        self._class = resolution.inputs.ei_class
        self._written = [o for o in resolution.placement.created if not o.removed]
        self._headers: list[SectionHeader] = []
        self._names = bytearray(b"\0")
        self._end = c.EHDR_SIZE[self._class]

    def write(self, named: NDArray[Any]) -> bytes:
        """The file; `named` are the relocations of `parts`."""
        symtab, strtab = self._table.data, self._table.strings
        tail: list[tuple[int, bytes]] = []
        self._add("", c.SHT_NULL, size=0)
        count = 1 + len(self._groups) + len(self._written) + len(self._parts)
        for group in self._groups:
            data = self._group_data(group)
            self._end += -self._end % 4
            tail.append((self._end, data))
            self._add(
                ".group", c.SHT_GROUP, offset=self._end, size=len(data), link=count,
                info=int(self._table.of_row[group.symbol]), align=4, entsize=4,
            )  # fmt: skip
            self._end += len(data)
        output_of = self._resolution.placement.output_of
        grouped = {int(output_of[row]) for group in self._groups for row in group.members}
        for output in self._written:
            self._section(output, count, grouped=output.index in grouped)
        image = self._image(named)
        word = _WORD[self._class]
        self._end += -self._end % word
        tail.append((self._end, symtab))
        self._add(
            ".symtab", c.SHT_SYMTAB, offset=self._end, size=len(symtab), link=count + 1,
            info=self._table.first_global, align=word, entsize=c.SYM_SIZE[self._class],
        )  # fmt: skip
        self._end += len(symtab)
        tail.append((self._end, strtab))
        self._add(".strtab", c.SHT_STRTAB, offset=self._end, size=len(strtab))
        self._end += len(strtab)
        for index, header in enumerate(self._headers):
            if header.sh_type in (c.SHT_RELA, c.SHT_REL) and header.sh_info in self._parts:
                data = self._parts[header.sh_info].data
                self._end += -self._end % word
                tail.append((self._end, data))
                self._headers[index] = _moved(header, self._end)
                self._end += len(data)
        self._add(".shstrtab", c.SHT_STRTAB, offset=self._end, size=0)
        last = self._headers[-1]
        self._headers[-1] = _moved(last, self._end, len(self._names))
        tail.append((self._end, bytes(self._names)))
        self._end += len(self._names)
        self._end += -self._end % word
        return self._joined(image, tail)

    def _joined(self, image: NDArray[np.uint8], tail: list[tuple[int, bytes]]) -> bytes:
        out = bytearray(self._end)
        out[: len(image)] = image.tobytes()
        for start, data in tail:
            out[start : start + len(data)] = data
        size = c.EHDR_SIZE[self._class]
        header = FileHeader(
            self._class, os_abi(self._resolution, self._headers), 0, c.ET_REL, self._resolution.inputs.e_machine, c.EV_CURRENT, 0, 0,
            self._end, 0, size, 0, 0, c.SHDR_SIZE[self._class], len(self._headers),
            len(self._headers) - 1,
        )  # fmt: skip
        out[:size] = header.pack()
        return bytes(out) + b"".join(header.pack(self._class) for header in self._headers)

    def _add(
        self, name: str, sh_type: int, *, flags: int = 0, offset: int = 0, size: int,
        link: int = 0, info: int = 0, align: int = 1, entsize: int = 0,
    ) -> None:  # fmt: skip
        if sh_type == c.SHT_NULL:
            align = 0
        at = len(self._names) if name else 0
        place = (offset, size, link, info, align, entsize)
        self._headers.append(SectionHeader(len(self._headers), name, at, sh_type, flags, 0, *place))
        if name:
            self._names += name.encode("utf-8", "surrogateescape") + b"\0"

    def _section(self, output: OutputSection, symtab: int, *, grouped: bool) -> None:
        self._end += -self._end % output.align
        output.offset = self._end
        flags = output.sh_flags | (c.SHF_GROUP if grouped else 0)
        linked = self._linked_to(output)
        flags |= c.SHF_LINK_ORDER if linked else 0
        entsize = entry_size(output, self._class)
        self._add(
            output.name, output.sh_type, flags=flags, offset=self._end, size=output.size,
            link=linked, align=output.align, entsize=entsize,
        )  # fmt: skip
        self._end += output.file_size
        part = self._parts.get(output.header_index)
        if part is not None:
            wide = self._class == c.ELFCLASS64
            flags = c.SHF_INFO_LINK | (c.SHF_GROUP if grouped else 0)
            entry = (c.RELA_SIZE if wide else c.REL_SIZE)[self._class]
            self._add(
                part.name, c.SHT_RELA if wide else c.SHT_REL, flags=flags, size=len(part.data),
                link=symtab, info=part.target, align=_WORD[self._class], entsize=entry,
            )  # fmt: skip

    def _linked_to(self, output: OutputSection) -> int:
        """sh_link of SHF_LINK_ORDER: where the section that the first input names went."""
        inputs, placed = self._resolution.inputs, self._resolution.placement
        row = next(iter(np.flatnonzero(placed.output_of == output.index)), None)
        if row is None or not int(inputs.sections["flags"][row]) & c.SHF_LINK_ORDER:
            return 0
        target = inputs.owner(int(row)).first_section + int(inputs.sections["link"][row])
        linked = placed.output_section(target)
        return linked.header_index if linked is not None else 0

    def _group_data(self, group: _Group) -> bytes:
        """The flag word and the header indices of members and their relocations."""
        indices = []
        for member in group.members:
            output = self._resolution.placement.output_section(member)
            if output is not None and not output.removed:
                indices.append(output.header_index)
                if output.header_index in self._parts:
                    indices.append(output.header_index + 1)
        return struct.pack(f"<{1 + len(indices)}I", group.flags, *indices)

    def _image(self, named: NDArray[Any]) -> NDArray[np.uint8]:
        refuse_huge(self._end, "a section asks for a large alignment or is large itself")
        image = np.zeros(self._end, "u1")
        fill_image(self._resolution, Patches.none(named[:0], self._links), image)
        if self._class == c.ELFCLASS32:
            placed, layout = self._resolution.placement, self._resolution.layout
            starts = np.array([o.offset for o in placed.outputs] + [0, 0], "u8")
            file_offset = starts[placed.output_of] + layout.offset_of
            bits = self._resolution.inputs.sections["type"][named["section"]] != c.SHT_NOBITS
            write_implicit_addends(self._resolution, named[bits], image, file_offset)
        return image


def _moved(header: SectionHeader, offset: int, size: int | None = None) -> SectionHeader:
    return replace(header, sh_offset=offset, sh_size=header.sh_size if size is None else size)


__all__ = ["join_relocatable"]
