"""Output: a unit that has been read becomes the bytes of an ELF relocatable.

Owns the order of the last steps (relaxation, relocation, bytes) and the symbol table: which
symbols are written, in which order, with which attributes (gas/config/obj-elf.c
`elf_frob_symbol`, gas/write.c `write_object_file`).
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

from orobuild.assembler import code_ranges, relaxation
from orobuild.assembler.cfi import advance
from orobuild.assembler.fragment import (
    AdvanceTail,
    AlignTail,
    BranchTail,
    FillTail,
    LebTail,
    LineTail,
    NopsTail,
    OrgTail,
    SpaceTail,
)
from orobuild.assembler.line_table import increment
from orobuild.assembler.padding import nops
from orobuild.assembler.relocation import OutputRelocation as Relocation
from orobuild.assembler.relocation import Relocator
from orobuild.assembler.section import Section
from orobuild.assembler.symbol import Kind, Symbol
from orobuild.assembler.value import Unresolvable, display, final, final_position
from orobuild.diagnostics import error, warning
from orobuild.elf import constants as c
from orobuild.elf.relocatable import (
    OutputGroup,
    OutputRelocation,
    OutputSection,
    OutputSymbol,
    write,
)
from orobuild.records import dataclass, field, replace

if TYPE_CHECKING:
    from orobuild.assembler.fragment import Fragment
    from orobuild.assembler.unit import Unit

_ELFOSABI_GNU: Final = 3
_SHN_X86_64_LCOMMON: Final = 0xFF02


@dataclass(frozen=True, slots=True)
class Built:
    """The object, and the values that it is made of: by section its bytes and relocations, the
    symbols in the order of the table, and the branches by their statement's running number."""

    object: bytes = b""
    contents: dict[Section, bytes] = field(default_factory=dict)
    relocations: dict[Section, list[Relocation]] = field(default_factory=dict)
    symbols: tuple[Symbol, ...] = ()
    branches: dict[int, BranchTail] = field(default_factory=dict)


def build(unit: Unit) -> Built:
    """The object. Problems are reported to the unit; the bytes count only when there are none."""
    sections = list(unit.sections.values())
    for symbol in unit.symbols.by_name.values():
        if symbol.forward:
            symbol.inherit_at_last()
    relaxation.relax(unit, sections)
    for view, place in unit.lines.first_views:
        if view.number():
            message = f"this row is not the first at its address: its view is {view.number()}"
            unit.report(error(message, unit.span_at(place)), place)
    for section in sections:
        relaxation.check(unit, section)
        if section.size > unit.options.size_limit and not section.is_nobits:
            unit.report(
                error(
                    f"section '{section.name}' has {section.size:,} bytes",
                    hint=f"the limit is {unit.options.size_limit:,} bytes",
                )
            )
    if unit.error_count:
        return Built()
    branches = {}
    if unit.trace is not None:
        tails = [fragment.tail for section in sections for fragment in section.fragments]
        branches = {tail.place[0]: tail for tail in tails if isinstance(tail, BranchTail)}
    builder = _Builder(unit, sections)
    data = builder.build()
    return Built(
        data,
        {section: bytes(made.data) for section, made in builder.written.items()},
        builder.relocations,
        tuple(builder.ordered),
        branches,
    )


class _Builder:
    """Builds the writer's values from the unit's."""

    def __init__(self, unit: Unit, sections: list[Section]) -> None:
        self.unit = unit
        self.sections = sections
        self.written: dict[Section, OutputSection] = {}
        self.symbols: dict[int, OutputSymbol] = {}
        self.used_late: dict[int, Symbol] = {}
        self.relocations: dict[Section, list[Relocation]] = {}
        self.ordered: list[Symbol] = []

    def build(self) -> bytes:
        """Relocate, then collect sections, symbols and groups."""
        unit = self.unit
        targets = self.branch_targets()
        relocator = Relocator(unit)
        relocations = self.relocations
        for section in self.sections:
            relocations[section] = relocator.section(section)
            for relocation in relocations[section]:
                used = relocation.symbol
                if used is not None and (used.late or used.temporary):
                    self.used_late.setdefault(id(used), used)
        if unit.error_count:
            return b""
        # gas/write.c: relaxation makes branch targets full symbols, then adjust_reloc_syms makes
        # section symbols, and what is left is made when relocations are written.
        first = {key: targets[key] for key in targets if key in self.used_late}
        sections = {k: s for k, s in self.used_late.items() if s.type == c.STT_SECTION}
        self.used_late = {**first, **sections, **self.used_late}
        for section in self.sections:
            self.written[section] = self.section(section)
        for section in self.sections:
            if section.link_order is not None:
                self.written[section].linked_to = self.linked(section)
        groups = self.groups()
        widths = self.code_ranges()
        symbols = self.symbol_table(groups)
        if unit.failed():
            return b""
        for section in self.sections:
            self.written[section].relocations = [
                OutputRelocation(
                    r.offset, r.type, self.symbols[id(r.symbol)] if r.symbol else None, r.addend
                )
                for r in relocations[section]
            ]
        written = list(self.written.values())
        if widths is not None:
            written.append(self.located(*widths))
        ei_class = c.ELFCLASS64 if unit.bits == 64 else c.ELFCLASS32
        extended = c.SHF_GNU_RETAIN | c.SHF_GNU_MBIND
        gnu = unit.uses_gnu_osabi or any(s.sh_flags & extended for s in self.sections)
        return write(
            ei_class,
            written,
            symbols,
            groups,
            ei_osabi=_ELFOSABI_GNU if gnu else 0,
        )

    def branch_targets(self) -> dict[int, Symbol]:
        """Local symbols that relaxed branches go to: they become full symbols before others."""
        found: dict[int, Symbol] = {}
        for section in self.sections:
            for fragment in section.fragments:
                if isinstance(fragment.tail, BranchTail):
                    target = fragment.tail.target.add
                    if target is not None and target.late:
                        found.setdefault(id(target), target)
        return found

    # -- sections --------------------------------------------------------------------------

    def section(self, section: Section) -> OutputSection:
        """One section with its bytes."""
        data = b""
        if not section.is_nobits:
            out = bytearray()
            for fragment in section.fragments:
                out += fragment.data
                if fragment.size:
                    out += self.tail(fragment)
            data = bytes(out)
        made = OutputSection(
            section.name,
            section.sh_type,
            section.sh_flags,
            data,
            section.size,
            1 << section.alignment_power,
            section.sh_entsize,
            sh_info=section.sh_info,
        )
        how = self.unit.options.flags.compress
        if how and section.name.startswith(".debug_") and not section.sh_flags & c.SHF_ALLOC:
            _compressed(made, self.unit.bits, how)
        return made

    def tail(self, fragment: Fragment) -> bytes:
        """The bytes of a fragment's tail."""
        tail, size = fragment.tail, fragment.size
        if isinstance(tail, FillTail | SpaceTail):
            return tail.pattern * (size // len(tail.pattern))
        if isinstance(tail, AlignTail):
            if tail.pattern is None:
                return nops(size, self.unit.padding_width(tail.width), long=tail.long_nops)
            return tail.pattern * (size // len(tail.pattern))
        if isinstance(tail, OrgTail):
            return bytes((tail.fill,)) * size
        if isinstance(tail, NopsTail):
            return nops(
                size,
                self.unit.padding_width(tail.width),
                long=tail.long_nops,
                limit=tail.limit,
            )
        if isinstance(tail, LineTail):
            return increment(tail.line_delta, final(tail.delta)[1])
        if isinstance(tail, AdvanceTail):
            return advance(final(tail.delta)[1])
        assert isinstance(tail, LebTail)
        data = relaxation.leb(final(tail.value)[1], signed=tail.signed)
        if len(data) < size:
            data = _widened(data, size, signed=tail.signed)
        return data

    def linked(self, section: Section) -> OutputSection | None:
        """The section that SHF_LINK_ORDER names: by section name, or by a symbol in it."""
        name = section.link_order
        assert name is not None
        for candidate in self.sections:
            if candidate.name == name:
                return self.written[candidate]
        symbol = self.unit.symbols.by_name.get(name)
        if symbol is not None and symbol.section is not None:
            return self.written[symbol.section]
        span = self.unit.span_at(section.defined_at) if section.defined_at else None
        self.unit.report(
            error(f"section '{section.name}' is linked to '{name}', which does not exist", span)
        )
        return None

    def code_ranges(self) -> tuple[OutputSection, list[tuple[Section, int]]] | None:
        """`.oro.code` and what its entries are about, when it is asked for and not empty."""
        if not self.unit.options.code_ranges:
            return None
        made, places = code_ranges.section(self.sections, wide=self.unit.bits == 64)
        for owner, _ in places:
            assert owner.symbol is not None
            owner.symbol.used_in_relocation = True
            if owner.symbol.late:
                self.used_late.setdefault(id(owner.symbol), owner.symbol)
        return (made, places) if places else None

    def located(self, made: OutputSection, places: list[tuple[Section, int]]) -> OutputSection:
        """`.oro.code` with its relocations against section symbols."""
        kind = c.R_X86_64_64 if self.unit.bits == 64 else c.R_386_32
        made.relocations = [
            OutputRelocation(24 * index, kind, self.symbols[id(owner.symbol)], offset)
            for index, (owner, offset) in enumerate(places)
        ]
        return made

    # -- symbols ---------------------------------------------------------------------------

    def groups(self) -> list[OutputGroup]:
        """The section groups; signatures that no symbol has become symbols of their own."""
        found: dict[str, OutputGroup] = {}
        for section in self.sections:
            if section.group is None:
                continue
            group = found.get(section.group)
            if group is None:
                group = found[section.group] = OutputGroup(
                    OutputSymbol(section.group), section.comdat, []
                )
            group.comdat = group.comdat or section.comdat
            group.members.append(self.written[section])
        return list(found.values())

    def symbol_table(self, groups: list[OutputGroup]) -> list[OutputSymbol]:
        """Local symbols, then global ones, each in the order of their first mention."""
        unit = self.unit
        by_group = {group.signature.name: group for group in groups}
        late = list(self.used_late.values())
        keep = unit.options.flags.keep_locals
        ordered = [
            s
            for s in unit.symbols.by_name.values()
            if s.type != c.STT_SECTION and (not s.temporary or (keep and _is_kept(s)))
        ]
        seen = {id(s) for s in ordered} if keep else ()
        ordered += [s for s in late if not s.late and id(s) not in seen]
        ordered += [s.symbol for s in self.sections if s.symbol and not s.symbol.late]
        ordered += unit.more_files
        ordered.sort(key=lambda s: (s.order, s.serial))
        ordered += [s for s in late if s.late and not (keep and _is_kept(s))]
        local: list[OutputSymbol] = []
        public: list[OutputSymbol] = []
        versioned: list[OutputSymbol] = []
        if unit.file_symbol is not None:
            info = c.STB_LOCAL << 4 | c.STT_FILE
            local.append(OutputSymbol(unit.file_symbol, info=info, st_shndx=c.SHN_ABS))
        for symbol in ordered:
            group = by_group.get(symbol.name) if symbol.type != c.STT_SECTION else None
            made = self.symbol(symbol)
            if made is None:
                continue
            self.ordered.append(symbol)
            if group is not None:
                group.signature = made
                del by_group[symbol.name]
            if symbol.versions:
                aliases = self.versions(symbol, made)
                versioned += aliases
                if aliases and symbol.version_fate == "remove":
                    if len(aliases) > 1 and symbol.used_in_relocation:
                        self.wrong(
                            symbol,
                            f"'{symbol.name}' is removed, and which of its versions a relocation "
                            "means is not known",
                        )
                    self.symbols[id(symbol)] = aliases[0]
                    continue
                if aliases:
                    _seal(made, symbol.version_fate)
            (local if made.info >> 4 == c.STB_LOCAL else public).append(made)
        for made in versioned:
            (local if made.info >> 4 == c.STB_LOCAL else public).append(made)
        for group in by_group.values():
            group.signature.info = c.STB_LOCAL << 4 | c.STT_NOTYPE
            group.signature.section = group
            local.append(group.signature)
        return local + public

    def symbol(self, symbol: Symbol) -> OutputSymbol | None:
        """One symbol as it is written, or None when it is not."""
        if symbol.type == c.STT_SECTION and symbol.section and symbol.section.symbol is symbol:
            if not symbol.used_in_relocation:
                return None
            made = OutputSymbol("", info=c.STT_SECTION, section=self.written[symbol.section])
            self.symbols[id(symbol)] = made
            return made
        if symbol.kind is Kind.VIEW or symbol.weakref is not None or symbol.names_register():
            return None
        made = OutputSymbol(symbol.name, other=symbol.visibility)
        flags = self.unit.options.flags
        binding = symbol.binding
        kind = symbol.type
        try:
            base, value = final_position(symbol)
            made.size = self.size(symbol)
        except Unresolvable as why:
            self.wrong(symbol, str(why))
            return None
        if isinstance(base, Section):
            made.section, made.value = self.written[base], value
            if base.sh_flags & c.SHF_TLS and kind in (c.STT_NOTYPE, c.STT_OBJECT):
                kind = c.STT_TLS
        elif base is None:
            if flags.strip_absolute and symbol.is_local and not symbol.used_in_relocation:
                return None
            made.st_shndx, made.value = c.SHN_ABS, value
        elif symbol.kind is Kind.COMMON:
            if binding == c.STB_WEAK:
                self.wrong(symbol, f"'{symbol.name}' cannot be weak and common")
            if symbol.versions and "@@@" not in symbol.versions[0]:
                self.wrong(symbol, f"'{symbol.name}' is a common symbol, which has no versions")
            if flags.common_type and kind in (c.STT_NOTYPE, c.STT_OBJECT):
                kind = c.STT_COMMON
            made.st_shndx = _SHN_X86_64_LCOMMON if symbol.large else c.SHN_COMMON
            made.value, made.size = symbol.alignment, symbol.value
            binding = c.STB_GLOBAL if binding is None else binding
        elif symbol.kind is Kind.EQUATE:
            if isinstance(base, Symbol) and base.kind is Kind.COMMON:
                message = f"'{symbol.name}' is equated to '{display(base.name)}', a common symbol"
                self.wrong(symbol, message)
            if binding is not None:
                self.undefined_alias(symbol, base)
            return None
        elif (symbol.weakref_target or symbol.versions) and not (
            symbol.referenced or symbol.used_in_relocation
        ):
            return None
        elif binding is None or binding == c.STB_LOCAL:
            binding = c.STB_GLOBAL
        elif binding == c.STB_WEAK and not (symbol.referenced or symbol.used_in_relocation):
            return None
        made.info = (c.STB_LOCAL if binding is None else binding) << 4 | kind
        self.symbols[id(symbol)] = made
        return made

    def undefined_alias(self, symbol: Symbol, target: object) -> None:
        """A public name for a symbol of another file: GNU as leaves it out without a word."""
        name = display(target.name) if isinstance(target, Symbol) else "?"
        message = f"'{symbol.name}' is equated to '{name}', which is not defined in this file"
        if self.unit.strict:
            self.wrong(symbol, f"{message}, and so cannot be global")
            return
        place = symbol.defined_at or symbol.mentioned_at
        span = self.unit.span_at(place) if place else None
        self.unit.report(warning(f"{message}: it will not be in the object", span), place)

    def versions(self, symbol: Symbol, made: OutputSymbol) -> list[OutputSymbol]:
        """The further names that `.symver` gives a symbol; one name may replace its own.

        An undefined symbol, and one versioned with `@@@`, is renamed; others get an alias.
        """
        first = symbol.versions[0]
        if symbol.kind is Kind.UNDEFINED:
            if "@@" in first.replace("@@@", "@") or len(symbol.versions) > 1:
                self.wrong(
                    symbol, f"'{display(symbol.name)}' is undefined: it takes one version, '@'"
                )
            made.name = first.replace("@@@", "@")
            return []
        if "@@@" in first:
            made.name = first.replace("@@@", "@@")
            return []
        return [replace(made, name=name) for name in symbol.versions]

    def size(self, symbol: Symbol) -> int:
        """st_size in bytes."""
        if symbol.size is None:
            return 0
        base, value = final(symbol.size)
        if base is not None:
            raise Unresolvable(f"the size of '{symbol.name}' is not a number")
        return value

    def wrong(self, symbol: Symbol, message: str) -> None:
        """Report a problem with a symbol where it was defined or first mentioned."""
        place = symbol.defined_at or symbol.mentioned_at
        span = self.unit.span_at(place) if place else None
        self.unit.report(error(message, span), place)


def _seal(made: OutputSymbol, fate: str | None) -> None:
    """What the visibility of a `.symver` does to the unversioned symbol (elf_frob_symbol)."""
    if fate == "hidden":
        made.other = c.STV_HIDDEN
    elif fate == "local":
        made.info &= 0xF


def _is_kept(symbol: Symbol) -> bool:
    """Whether a local symbol has a name that a person gave it (``-L``)."""
    return symbol.defined and symbol.name.startswith(".L") and "\x02" not in symbol.name


def _compressed(made: OutputSection, bits: int, how: str) -> None:
    """Compress the section of debug information as gABI has it, or GNU before it, if that helps."""
    body = zlib.compress(made.data)
    size = len(made.data)
    if how == "zlib-gnu":
        head = b"ZLIB" + size.to_bytes(8, "big")
    elif bits == 64:
        head = struct.pack("<IIQQ", c.ELFCOMPRESS_ZLIB, 0, size, made.sh_addralign)
    else:
        head = struct.pack("<III", c.ELFCOMPRESS_ZLIB, size, made.sh_addralign)
    if len(head) + len(body) >= size:
        return
    made.data = head + body
    made.size = len(made.data)
    if how == "zlib-gnu":
        made.name = f".z{made.name[1:]}"
    else:
        made.sh_flags |= c.SHF_COMPRESSED
        made.sh_addralign = bits // 8


def _widened(data: bytes, size: int, *, signed: bool) -> bytes:
    """A LEB128 number made longer without changing its value."""
    fill = 0x7F if signed and data[-1] & 0x40 else 0
    out = bytearray(data)
    while len(out) < size:
        out[-1] |= 0x80
        out.append(fill)
    return bytes(out)
