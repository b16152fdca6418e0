"""A static position-independent executable (-pie): what it tells its loader, or itself.

Every word that holds an address gets an R_X86_64_RELATIVE relocation, or a place in the packed
table of DT_RELR; `.dynamic` says where both are. Nothing is looked up by name, so the symbol and
hash tables are empty. Follows what GNU ld 2.40 makes of `-pie --no-dynamic-linker`
(bfd/elfxx-x86.c, _bfd_x86_elf_finish_dynamic_sections; gABI, "Dynamic Section").
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Diagnostic, Span, error, warning
from orobuild.elf import constants as c
from orobuild.elf.descriptions import relocation_type
from orobuild.linker.contents import ScriptSymbol
from orobuild.linker.evaluation import ABS, Value
from orobuild.linker.relocate import place_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.got import GlobalOffsetTable
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.layout import Layout
    from orobuild.linker.options import LinkOptions
    from orobuild.linker.output import OutputSection
    from orobuild.linker.placement import Placement
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.symbols import Symbols

_SPARE: Final = 5  # DT_NULL entries at the end, as GNU ld leaves for tools
_MAX_REPORTS: Final = 20
_DT: Final = {
    "NULL": 0, "PLTRELSZ": 2, "PLTGOT": 3, "HASH": 4, "STRTAB": 5, "SYMTAB": 6, "RELA": 7,
    "RELASZ": 8, "RELAENT": 9, "STRSZ": 10, "SYMENT": 11, "INIT": 12, "FINI": 13, "REL": 17,
    "RELSZ": 18, "RELENT": 19, "PLTREL": 20, "DEBUG": 21, "TEXTREL": 22, "JMPREL": 23,
    "INIT_ARRAY": 25, "FINI_ARRAY": 26, "INIT_ARRAYSZ": 27, "FINI_ARRAYSZ": 28, "FLAGS": 30,
    "PREINIT_ARRAY": 32, "PREINIT_ARRAYSZ": 33, "RELRSZ": 35, "RELR": 36, "RELRENT": 37,
    "GNU_HASH": 0x6FFFFEF5, "RELACOUNT": 0x6FFFFFF9, "RELCOUNT": 0x6FFFFFFA,
    "FLAGS_1": 0x6FFFFFFB,
}  # fmt: skip
_DF_TEXTREL, _DF_BIND_NOW, _DF_1_NOW, _DF_1_PIE = 4, 8, 1, 0x08000000
# Addresses cut to a field: they are wrong as soon as the image is loaded elsewhere.
_TRUNCATED: Final = {
    c.EM_X86_64: (c.R_X86_64_32, c.R_X86_64_32S, c.R_X86_64_16, c.R_X86_64_8),
    c.EM_386: (c.R_386_16, c.R_386_8),
}


@dataclass(frozen=True, slots=True)
class _Words:
    """Addresses of words that hold addresses, by how they are recorded; `addends` are those of
    `listed`."""

    listed: NDArray[np.uint64]
    addends: NDArray[np.uint64]
    packed: NDArray[np.uint64]


class PositionIndependence:
    """The tables of one image. Made before placement, measured after every layout."""

    def __init__(self, inputs: Inputs, symbols: Symbols, options: LinkOptions) -> None:
        self._inputs = inputs
        self._options = options
        self._wide = inputs.ei_class == c.ELFCLASS64
        self._word = 8 if self._wide else 4
        self._rows: dict[str, int] = {}
        self._words = _Words(*(np.zeros(0, "u8") for _ in range(3)))
        self._text = False
        self._got: GlobalOffsetTable | None = None
        self.warnings: list[Diagnostic] = []
        flags, word, index = c.SHF_ALLOC, self._word, inputs.ei_class
        hash_style = options.hash_style
        if hash_style in ("sysv", "both"):
            self._add(symbols, ".hash", c.SHT_HASH, flags, struct.pack("<4I", 1, 1, 0, 0), 4)
        if hash_style in ("gnu", "both"):
            table = struct.pack("<4I", 1, 1, 1, 0) + bytes(word + 4)
            self._add(symbols, ".gnu.hash", c.SHT_GNU_HASH, flags, table, 0)
        size = c.SYM_SIZE[index]
        self._add(symbols, ".dynsym", c.SHT_DYNSYM, flags, bytes(size), size)
        self._add(symbols, ".dynstr", c.SHT_STRTAB, flags, b"\0", 0, align=1)
        kind = c.SHT_RELA if self._wide else c.SHT_REL
        self._entry = (c.RELA_SIZE if self._wide else c.REL_SIZE)[index]
        self._relocations = ".rela.dyn" if self._wide else ".rel.dyn"
        # Sized here so that the section is placed; `measure` knows better.
        self._add(symbols, self._relocations, kind, flags, bytes(self._entry), self._entry)
        if options.pack_relative:
            self._add(symbols, ".relr.dyn", c.SHT_RELR, flags, bytes(word), word)
        dynamic = bytes(2 * word * (_SPARE + 1))
        writable = flags | c.SHF_WRITE
        self._add(symbols, ".dynamic", c.SHT_DYNAMIC, writable, dynamic, 2 * word)

    def _add(
        self, symbols: Symbols, name: str, sh_type: int, flags: int, content: bytes, entsize: int,
        align: int = 0,
    ) -> None:  # fmt: skip
        row = self._inputs.add_section(
            0, name, type=sh_type, flags=flags, size=len(content), align=align or self._word,
            entsize=entsize,
        )  # fmt: skip
        self._inputs.contents[row] = content
        symbols.dropped = np.append(symbols.dropped, False)
        self._rows[name] = row

    @property
    def rows(self) -> tuple[int, ...]:
        """The section rows that were made, to be placed."""
        return tuple(self._rows.values())

    def define(self, layout: Layout, placed: Placement) -> None:
        """_DYNAMIC, the address of `.dynamic`, is local to the image."""
        row = self._rows[".dynamic"]
        output = placed.output_section(row)
        if output is not None:
            value = Value(output, int(layout.offset_of[row]))
            layout.values["_DYNAMIC"] = ScriptSymbol(
                "_DYNAMIC", value, True, None, st_type=c.STT_OBJECT
            )

    # -- measuring ---------------------------------------------------------------------------

    def measure(
        self,
        resolution: Resolution,
        relocations: NDArray[Any],
        got: GlobalOffsetTable,
        quiet: frozenset[int],
    ) -> bool:
        """Find the words that hold addresses; whether the tables keep their sizes.

        `quiet` are section rows that others fill when the image starts.
        """
        self._got = got
        relative = self._relative_symbols(resolution)
        self._words = self._find(resolution, relocations, got, quiet, relative)
        sizes = {self._relocations: len(self._words.listed) * self._entry}
        if ".relr.dyn" in self._rows:
            known = int(self._inputs.sections["size"][self._rows[".relr.dyn"]])
            needed = len(_packed(self._words.packed, self._word)) * self._word
            # It may shrink and grow for ever: what it once had it keeps, and fills with nothing.
            sizes[".relr.dyn"] = max(needed, known if needed else 0)
        sizes[".dynamic"] = 2 * self._word * (len(self._entries(resolution)) + _SPARE)
        same = True
        for name, size in sizes.items():
            row = self._rows[name]
            if int(self._inputs.sections["size"][row]) != size:
                self._inputs.sections["size"][row] = size
                self._inputs.contents[row] = bytes(size)
                same = False
        return same

    def _relative_symbols(self, resolution: Resolution) -> NDArray[np.bool_]:
        """Which symbol rows move with the image."""
        relative = resolution.target_section >= 0
        by_number = np.zeros(len(resolution.symbols.names) + 1, bool)
        scripted = np.zeros(len(resolution.symbols.names) + 1, bool)
        for name, script in resolution.layout.values.items():
            number = resolution.symbols.numbers.get(name)
            if number is not None:
                scripted[number] = True
                by_number[number] = script.value.section is not ABS or script.home is not None
        rows = scripted[resolution.symbols.of_row]
        relative[rows] = by_number[resolution.symbols.of_row[rows]]
        return relative & resolution.symbol_live & ~resolution.symbol_weak_undefined

    def _find(
        self,
        resolution: Resolution,
        relocations: NDArray[Any],
        got: GlobalOffsetTable,
        quiet: frozenset[int],
        relative: NDArray[np.bool_],
    ) -> _Words:
        sections = self._inputs.sections
        absolute = c.R_X86_64_64 if self._wide else c.R_386_32
        chosen = relocations["type"] == absolute
        chosen &= relative[relocations["symbol"]]
        chosen &= (sections["flags"][relocations["section"]] & np.uint64(c.SHF_ALLOC)) != 0
        chosen &= ~np.isin(relocations["section"], list(quiet))
        entries = relocations[chosen]
        rows, offsets = entries["section"], entries["offset"]
        values = resolution.symbol_value[entries["symbol"]] + entries["addend"].astype("u8")
        in_got = [row for row in got.symbols if relative[row]]
        if got.row >= 0 and in_got:
            places = [got.entry_of[row] * got.entry_size for row in in_got]
            rows = np.concatenate([rows, np.full(len(in_got), got.row)])
            offsets = np.concatenate([offsets, np.array(places, "u8")])
            values = np.concatenate([values, resolution.symbol_value[in_got]])
        self._text = self._is_text(resolution, rows)
        address = resolution.section_address[rows] + offsets
        order = np.argsort(address, kind="stable")
        address, values, rows, offsets = address[order], values[order], rows[order], offsets[order]
        packable = np.zeros(len(rows), bool)
        if ".relr.dyn" in self._rows:
            packable = (sections["align"][rows] > 1) & (offsets % np.uint64(2) == 0)
        return _Words(address[~packable], values[~packable], address[packable])

    def _is_text(self, resolution: Resolution, rows: NDArray[np.int64]) -> bool:
        """Whether what is relocated lies in a section that is not writable."""
        outputs = resolution.placement.outputs
        readonly = np.array([bool(o.readonly) for o in outputs] + [False, False], bool)
        return bool(readonly[resolution.placement.output_of[rows]].any())

    def problems(self, resolution: Resolution, relocations: NDArray[Any]) -> list[Diagnostic]:
        """Addresses that cannot move with the image, and, with -z text, those in text."""
        relative = self._relative_symbols(resolution)
        flags = self._inputs.sections["flags"][relocations["section"]]
        machine = self._inputs.e_machine
        wrong = np.isin(relocations["type"], _TRUNCATED[machine])
        wrong &= relative[relocations["symbol"]] & ((flags & np.uint64(c.SHF_ALLOC)) != 0)
        found = [
            self._truncated(resolution, relocations[index])
            for index in np.flatnonzero(wrong)[:_MAX_REPORTS].tolist()
        ]
        if self._text and self._options.text_relocations is not True:
            refused = self._options.text_relocations is False
            make = error if refused else warning
            said = make(
                "read-only sections hold addresses that change when the image is loaded "
                "(DT_TEXTREL)",
                rule="text-relocation",
                hint="compile with -fPIE, so that they go to .data.rel.ro; -z notext allows it",
            )
            (found if refused else self.warnings).append(said)
        return found

    def _truncated(self, resolution: Resolution, entry: Any) -> Diagnostic:
        section = int(entry["section"])
        name = relocation_type(self._inputs.e_machine, int(entry["type"]))
        return error(
            f"relocation {name} against '{resolution.target_name(entry)}' at "
            f"{place_name(resolution, entry)} cannot be in a position-independent image",
            Span(self._inputs.owner(section).label),
            rule="relocation",
            hint="compile with -fPIE",
        )

    # -- writing -----------------------------------------------------------------------------

    def _entries(self, resolution: Resolution) -> list[tuple[int, int]]:
        """The (d_tag, d_val) pairs of `.dynamic`, DT_NULL apart."""
        found: list[tuple[int, int]] = []

        def add(tag: str, value: int) -> None:
            found.append((_DT[tag], value))

        outputs: dict[str, OutputSection] = {
            o.name: o for o in resolution.placement.outputs if o.exists and not o.removed
        }
        for tag, name in (("INIT", "_init"), ("FINI", "_fini")):
            value = resolution.global_value(name)
            if value is not None:
                add(tag, value[0])
        for tag in ("PREINIT_ARRAY", "INIT_ARRAY", "FINI_ARRAY"):
            array = outputs.get(f".{tag.lower()}")
            if array is not None:
                add(tag, array.vma)
                add(f"{tag}SZ", array.size)
        for tag, name in (("HASH", ".hash"), ("GNU_HASH", ".gnu.hash")):
            if name in self._rows:
                add(tag, self._address(resolution, name))
        add("STRTAB", self._address(resolution, ".dynstr"))
        add("SYMTAB", self._address(resolution, ".dynsym"))
        add("STRSZ", 1)
        add("SYMENT", c.SYM_SIZE[self._inputs.ei_class])
        add("DEBUG", 0)
        rel = "RELA" if self._wide else "REL"
        plt = outputs.get(".rela.plt" if self._wide else ".rel.plt")
        if plt is not None:
            table = outputs.get(".got.plt")
            add("PLTGOT", table.vma if table else 0)
            add("PLTRELSZ", plt.size)
            add("PLTREL", _DT[rel])
            add("JMPREL", plt.vma)
        if len(self._words.listed):
            add(rel, self._address(resolution, self._relocations))
            add(f"{rel}SZ", len(self._words.listed) * self._entry)
            add(f"{rel}ENT", self._entry)
        flags, flags_1 = 0, _DF_1_PIE
        if self._text:
            add("TEXTREL", 0)
            flags |= _DF_TEXTREL
        if self._options.now:
            flags |= _DF_BIND_NOW
            flags_1 |= _DF_1_NOW
        if flags:
            add("FLAGS", flags)
        add("FLAGS_1", flags_1)
        if len(self._words.listed):
            add(f"{rel}COUNT", len(self._words.listed))
        if len(self._words.packed):
            add("RELR", self._address(resolution, ".relr.dyn"))
            add("RELRSZ", int(self._inputs.sections["size"][self._rows[".relr.dyn"]]))
            add("RELRENT", self._word)
        return found

    def _address(self, resolution: Resolution, name: str) -> int:
        return int(resolution.section_address[self._rows[name]])

    def fill(
        self,
        resolution: Resolution,
        image: NDArray[np.uint8],
        file_offset: NDArray[np.uint64],
    ) -> None:
        """Write the tables into `image`."""
        form = "<u8" if self._wide else "<u4"
        entries = [*self._entries(resolution), *[(0, 0)] * _SPARE]
        tables = {".dynamic": np.array(entries, "u8").astype(form).tobytes()}
        listed = self._words.listed
        if self._wide:
            rela = np.zeros((len(listed), 3), "<u8")
            rela[:, 0], rela[:, 1], rela[:, 2] = listed, c.R_X86_64_RELATIVE, self._words.addends
            tables[self._relocations] = rela.tobytes()
        else:
            rel = np.zeros((len(listed), 2), "<u4")
            rel[:, 0], rel[:, 1] = listed, c.R_386_RELATIVE
            tables[self._relocations] = rel.tobytes()
        if ".relr.dyn" in self._rows:
            packed = _packed(self._words.packed, self._word)
            room = int(self._inputs.sections["size"][self._rows[".relr.dyn"]]) // self._word
            packed += [1] * (room - len(packed))
            tables[".relr.dyn"] = np.array(packed, "u8").astype(form).tobytes()
        by_row = {self._rows[name]: data for name, data in tables.items()}
        if self._got is not None and self._got.base_row >= 0:
            # The first word of the table is the address of .dynamic (psABI AMD64 1.0, 5.2).
            address = self._address(resolution, ".dynamic")
            by_row[self._got.base_row] = address.to_bytes(self._word, "little")
        for row, data in by_row.items():
            if resolution.live[row] and data:
                start = int(file_offset[row])
                image[start : start + len(data)] = np.frombuffer(data, "u1")


def _packed(addresses: NDArray[np.uint64], word: int) -> list[int]:
    """DT_RELR: an even address, then odd bitmaps for the words behind it (gABI, "Relocation")."""
    span = 8 * word - 1
    result: list[int] = []
    pending = addresses.tolist()
    at = 0
    while at < len(pending):
        base = pending[at]
        result.append(base)
        at += 1
        base += word
        while True:
            bitmap = 0
            while at < len(pending):
                distance = pending[at] - base
                if distance >= span * word or distance % word:
                    break
                bitmap |= 1 << distance // word
                at += 1
            if not bitmap:
                break
            result.append(bitmap << 1 | 1)
            base += span * word
    return result
