"""Directives that reserve storage for symbols: `.comm`, `.lcomm` and their variants."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from orobuild.assembler.directives.symbols import already_defined
from orobuild.assembler.directives.table import Directive
from orobuild.assembler.fragment import AlignTail, FillTail
from orobuild.assembler.section import Section
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.assembler.value import display
from orobuild.elf import constants as c

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit


def common(
    unit: Unit, operands: Operands, *, large: bool = False, kind: int = c.STT_OBJECT
) -> None:
    """``.comm name, size, alignment`` and its variants.

    `large` is the large code model's, of 64-bit objects; `kind` is the symbol's type.
    """
    large = large and unit.bits == 64
    at = operands.skip_space()
    symbol, length, alignment = _storage(unit, operands)
    if symbol.kind is Kind.COMMON:
        if symbol.value != length:
            operands.warn(
                f"the size of '{display(symbol.name)}' stays {symbol.value}, not {length}", at
            )
        symbol.alignment = max(symbol.alignment, alignment)
        return
    if symbol.kind is not Kind.UNDEFINED:
        operands.position = at
        already_defined(unit, symbol, operands)
    if symbol.binding == c.STB_LOCAL:
        _allocate(unit, symbol, length, alignment, large=large)
        return
    symbol.large = large
    symbol.kind = Kind.COMMON
    symbol.value, symbol.alignment = length, alignment
    symbol.defined_at = unit.place
    if symbol.type == c.STT_NOTYPE:
        symbol.type = kind


def local_common(unit: Unit, operands: Operands) -> None:
    """``.lcomm name, size, alignment``: storage in .bss."""
    symbol, length, alignment = _storage(unit, operands, local=True)
    if symbol.kind is not Kind.UNDEFINED:
        already_defined(unit, symbol, operands)
    _allocate(unit, symbol, length, alignment)


def _storage(unit: Unit, operands: Operands, *, local: bool = False) -> tuple[Symbol, int, int]:
    symbol = operands.symbol()
    operands.accept(",")
    length = operands.number("size")
    if length < 0:
        operands.fail(f"the size of '{symbol.name}' is negative ({length})")
    alignment = 0
    if operands.accept(","):
        at = operands.skip_space()
        alignment = operands.number("alignment")
        if alignment < 0 or alignment & (alignment - 1):
            operands.fail(f"the alignment {alignment} is not a power of two", position=at)
    elif local:
        # gas/read.c, TC_IMPLICIT_LCOMM_ALIGNMENT: the size rounded down, at most 8
        alignment = min(8, 1 << (length.bit_length() - 1)) if length else 1
    else:
        # gas/config/obj-elf.c, elf_common_parse: the size rounded up, at most 16
        alignment = min(16, 1 << max(0, length - 1).bit_length()) if length else 1
    operands.end()
    return symbol, length, alignment


def _allocate(
    unit: Unit, symbol: Symbol, length: int, alignment: int, *, large: bool = False
) -> None:
    """Storage for a local symbol in subsection 1 of .bss (gas/read.c, bss_alloc)."""
    name = ".lbss" if large else ".bss"
    section = unit.sections.get((name, None, None))
    if section is None:
        flags = c.SHF_ALLOC | c.SHF_WRITE | c.SHF_X86_64_LARGE
        section = Section(name, c.SHT_NOBITS, flags)
        unit.add_section(section, unit.place)
    stream = section.stream(1)
    unit.check_size(0)
    power = max(0, alignment.bit_length() - 1)
    items: list[object] = []
    if power:
        items.append(AlignTail(power, b"\0", 0, unit.dialect.bits, unit.place))
        section.alignment_power = max(section.alignment_power, power)
    symbol.kind, symbol.section, symbol.defined_at = Kind.LABEL, section, unit.place
    symbol.size = Linear(None, None, length)
    if symbol.type == c.STT_NOTYPE:
        symbol.type = c.STT_OBJECT
    items += (symbol, FillTail(length, b"\0"))
    for item in items:
        stream.items.append(item)
        stream.places.append(unit.place)


_COMMON: Final = Directive(common, "common symbol")
DIRECTIVES: Final = {
    ".comm": _COMMON,
    ".common": _COMMON,
    ".common.s": _COMMON,
    ".xcom": _COMMON,
    ".largecomm": Directive(partial(common, large=True), "common symbol of the large model"),
    ".tls_common": Directive(partial(common, kind=c.STT_TLS), "thread-local common symbol"),
    ".lcomm": Directive(local_common, "local storage in .bss"),
}
