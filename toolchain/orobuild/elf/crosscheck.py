"""Two opinions: the same file read by us, by pyelftools and by LIEF, and the readings compared.

The only module that imports LIEF for reading (0.6 to 0.8 s, once a process) and it does so inside
the function. It compares what a loader and a linker act on: the entry, program headers, section
headers and symbols. It mends nothing and never decides who is right.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, Final

from orobuild.diagnostics import Diagnostic, Span, error
from orobuild.elf import constants as c
from orobuild.elf import reader
from orobuild.held_signals import held
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orobuild.elf.reader import ElfFile

MAX_DISAGREEMENTS: Final = 20
RULE: Final = "two-opinions"

_HEADER: Final = ("ei_class", "e_type", "e_machine", "e_entry")
_SEGMENT: Final = (
    "p_type",
    "p_flags",
    "p_offset",
    "p_vaddr",
    "p_paddr",
    "p_filesz",
    "p_memsz",
    "p_align",
)
_SECTION: Final = (
    "name",
    "sh_type",
    "sh_flags",
    "sh_addr",
    "sh_offset",
    "sh_size",
    "sh_link",
    "sh_info",
    "sh_addralign",
    "sh_entsize",
)
_SYMBOL: Final = ("name", "st_value", "st_size", "binding", "type", "visibility", "st_shndx")

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One reader's view. Each row's fields are those of `_HEADER`, `_SEGMENT` and so on.

    None is "no opinion": the reader does not tell.
    """

    header: Row
    segments: Sequence[Row]
    sections: Sequence[Row]
    symbols: Sequence[Row]


def crosscheck(data: bytes, path: str) -> tuple[Diagnostic, ...]:
    """Every disagreement between the readers about `data`, at most `MAX_DISAGREEMENTS`.

    Empty means that all three agree. `path` is only a name. Raises `ElfError` when our own
    reader refuses the file: then there is nothing to compare.
    """
    ours = _ours(reader.read(data, path))
    others: tuple[tuple[str, Callable[[bytes], Reading]], ...] = (
        ("pyelftools", _pyelftools),
        ("LIEF", _lief),
    )
    found: list[Diagnostic] = []
    for name, read in others:
        try:
            theirs = read(data)
        # Foreign parsers raise whatever they like on bytes that we accept; that is the finding.
        except Exception as reason:
            text = f"{type(reason).__name__}: {reason}" if str(reason) else type(reason).__name__
            found.append(_disagreement(path, f"{name} cannot read this file, we can: {text}"))
            continue
        found += [_disagreement(path, text) for text in _compare(ours, theirs, name)]
    return tuple(found[:MAX_DISAGREEMENTS])


def _disagreement(path: str, message: str) -> Diagnostic:
    return error(message, Span(path), rule=RULE)


def _compare(ours: Reading, theirs: Reading, name: str) -> list[str]:
    found = _compare_row("the ELF header", _HEADER, ours.header, theirs.header, name)
    tables = (
        ("segment", _SEGMENT, ours.segments, theirs.segments),
        ("section", _SECTION, ours.sections, theirs.sections),
        ("symbol", _SYMBOL, ours.symbols, theirs.symbols),
    )
    for what, fields, mine, other in tables:
        if len(mine) != len(other):
            found.append(f"we read {len(mine)} {what}s, {name} reads {len(other)}")
        for index, (left, right) in enumerate(zip(mine, other, strict=False)):
            if left != right:
                found += _compare_row(f"{what} {index}", fields, left, right, name)
            if len(found) >= MAX_DISAGREEMENTS:
                return found
    return found


def _compare_row(what: str, fields: Sequence[str], ours: Row, theirs: Row, name: str) -> list[str]:
    return [
        f"{what}: {field} is {_show(mine)} to us and {_show(other)} to {name}"
        for field, mine, other in zip(fields, ours, theirs, strict=True)
        if mine != other and other is not None
    ]


def _show(value: object) -> str:
    return f"{value:#x}" if isinstance(value, int) else repr(value)


def _ours(elf: ElfFile) -> Reading:
    return Reading(
        tuple(getattr(elf.header, f) for f in _HEADER),
        [tuple(getattr(s, f) for f in _SEGMENT) for s in elf.segments],
        [(_comparable(s.name), *(getattr(s, f) for f in _SECTION[1:])) for s in elf.sections],
        [(_comparable(s.name), *(getattr(s, f) for f in _SYMBOL[1:])) for s in elf.symbols],
    )


def _pyelftools(data: bytes) -> Reading:
    from elftools.elf import enums
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(io.BytesIO(data))
    section_types = enums.ENUM_SH_TYPE_AMD64
    header = (
        {32: c.ELFCLASS32, 64: c.ELFCLASS64}[elf.elfclass],
        _number(elf["e_type"], enums.ENUM_E_TYPE),
        _number(elf["e_machine"], enums.ENUM_E_MACHINE),
        elf["e_entry"],
    )
    segments = [
        (_number(s["p_type"], enums.ENUM_P_TYPE_BASE), *(s[f] for f in _SEGMENT[1:]))
        for s in elf.iter_segments()
    ]
    sections = [
        (_comparable(s.name), _number(s["sh_type"], section_types), *(s[f] for f in _SECTION[2:]))
        for s in elf.iter_sections()
    ]
    table: Any = next((s for s in elf.iter_sections() if s["sh_type"] == "SHT_SYMTAB"), None)
    symbols = [] if table is None else [_pyelftools_symbol(s, enums) for s in table.iter_symbols()]
    return Reading(header, segments, sections, symbols)


def _pyelftools_symbol(symbol: Any, enums: Any) -> Row:
    return (
        _comparable(symbol.name),
        symbol["st_value"],
        symbol["st_size"],
        _number(symbol["st_info"]["bind"], enums.ENUM_ST_INFO_BIND),
        _number(symbol["st_info"]["type"], enums.ENUM_ST_INFO_TYPE),
        _number(symbol["st_other"]["visibility"], enums.ENUM_ST_VISIBILITY),
        _number(symbol["st_shndx"], enums.ENUM_ST_SHNDX),
    )


def _number(value: object, table: Mapping[str, int]) -> object:
    """pyelftools turns numbers that it knows into names; turn them back."""
    return table.get(value, value) if isinstance(value, str) else value


def _comparable(name: str | bytes) -> str:
    """A name with what is not UTF-8 replaced, which each reader spells in its own way."""
    data = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "replace")


def _lief(data: bytes) -> Reading:
    with warnings.catch_warnings(), held():
        # LIEF warns about each number that it has no name for; we compare numbers.
        warnings.simplefilter("ignore", RuntimeWarning)
        return _lief_reading(data)


def _plain(value: Any) -> int:
    """LIEF's enumerations as the file's number.

    A value that LIEF has no name for comes as an integer; OS- and processor-specific types carry
    a discriminator above bit 31.
    """
    return int(getattr(value, "value", value)) & 0xFFFFFFFF


def _lief_segment_type(value: Any) -> int | None:
    """A processor-specific type that LIEF has no name for is all ones, its number lost."""
    return None if value == (1 << 64) - 1 else _plain(value)


def _lief_reading(data: bytes) -> Reading:
    import lief

    lief.logging.disable()  # its log lines go to the terminal
    config = lief.ELF.ParserConfig()
    config.parse_relocations = False
    config.parse_notes = False
    config.parse_symbol_versions = False
    config.parse_overlay = False
    elf = lief.ELF.parse(io.BytesIO(data), config)
    if not isinstance(elf, lief.ELF.Binary):
        raise ValueError("not an ELF file")
    header = (
        _plain(elf.header.identity_class),
        _plain(elf.header.file_type),
        _plain(elf.header.machine_type),
        elf.header.entrypoint,
    )
    segments: list[Row] = [
        (
            _lief_segment_type(s.type),
            s.raw_flags,
            s.file_offset,
            s.virtual_address,
            s.physical_address,
            s.physical_size,
            s.virtual_size,
            s.alignment,
        )
        for s in elf.segments
    ]
    sections: list[Row] = [
        (
            _comparable(s.name),
            _plain(s.type),
            s.flags,
            s.virtual_address,
            s.offset,
            s.size,
            s.link,
            s.information,
            s.alignment,
            s.entry_size,
        )
        for s in elf.sections
    ]
    symbols: list[Row] = [
        (
            _comparable(s.name),
            s.value,
            s.size,
            _plain(s.binding),
            _plain(s.type),
            s.other & 3,
            s.shndx,
        )
        for s in elf.symtab_symbols
    ]
    return Reading(header, segments, sections, symbols)
