"""Directives that move the location: alignment, `.org`, `.nops`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from orobuild.assembler.directives.table import Directive
from orobuild.assembler.fragment import AlignTail, NopsTail, OrgTail
from orobuild.elf import constants as c

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit

MAX_POWER: Final = 63


def align(unit: Unit, operands: Operands, width: int, is_power: bool) -> None:
    """``.balign n, value, limit`` and ``.p2align power, value, limit``; `width` bytes a pattern."""
    at = operands.skip_space()
    if operands.at_end():
        number = 0
    else:
        number = operands.number("alignment")
        if number < 0:
            operands.fail(f"the alignment is negative ({number})", position=at)
    value: int | None = None
    limit = 0
    if operands.accept(","):
        if (
            not operands.text[operands.position :].lstrip().startswith(",")
            and not operands.at_end()
        ):
            value = operands.number("fill value")
        if operands.accept(",") and not operands.at_end():
            limit = operands.number("largest padding")
            limit = max(0, limit)
    operands.end()
    if is_power:
        power = number
    else:
        if number & (number - 1):
            operands.fail(f"the alignment {number} is not a power of two", position=at)
        power = max(0, number.bit_length() - 1)
    if power > MAX_POWER:
        operands.fail(
            f"an alignment of 2**{power} is too large",
            hint=f"the limit is 2**{MAX_POWER}",
            position=at,
        )
    section = unit.section
    pattern: bytes | None = None
    if value is not None:
        pattern = (value & ((1 << (8 * width)) - 1)).to_bytes(width, "little")
    elif not section.is_code:
        pattern = b"\0"
    literal = unit.options.flags.literal_nops
    if (
        section.is_code
        and width == 1
        and value is not None
        and value & 0xFF == 0x90
        and not literal
    ):
        # gas/config/tc-i386.h, md_do_align: a fill of `nop` is no fill at all
        pattern = None
    if section.is_nobits and value:
        operands.warn(f"the fill value is ignored in section '{section.name}', which has no bytes")
        pattern = b"\0"
    if power:
        unit.emit(
            AlignTail(
                power, pattern, limit, unit.dialect.bits, unit.place, unit.processor.long_nops
            )
        )
    if unit.structure is None:
        section.alignment_power = max(section.alignment_power, power)


def org(unit: Unit, operands: Operands) -> None:
    """``.org place, fill``."""
    target = operands.linear()
    value = operands.number("fill value") if operands.accept(",") else 0
    operands.end()
    unit.emit(OrgTail(target, value & 0xFF, unit.place))


def nops(unit: Unit, operands: Operands) -> None:
    """``.nops count, largest``."""
    count = operands.linear()
    limit = operands.number("largest no-operation") if operands.accept(",") else 0
    operands.end()
    if limit < 0:
        operands.warn(f"the largest no-operation has {limit} bytes: as if it were not there")
        limit = 0
    if unit.section.sh_type == c.SHT_NOBITS:
        operands.fail(f"section '{unit.section.name}' has no bytes", position=0)
    unit.emit(NopsTail(count, limit, unit.dialect.bits, unit.place, unit.processor.long_nops))


def _align(width: int, *, is_power: bool, note: str) -> Directive:
    return Directive(partial(align, width=width, is_power=is_power), note)


DIRECTIVES: Final = {
    ".align": _align(1, is_power=False, note="alignment in bytes"),
    ".balign": _align(1, is_power=False, note="alignment in bytes"),
    ".balignw": _align(2, is_power=False, note="alignment in bytes, 16-bit fill"),
    ".balignl": _align(4, is_power=False, note="alignment in bytes, 32-bit fill"),
    ".p2align": _align(1, is_power=True, note="alignment as a power of two"),
    ".p2alignw": _align(2, is_power=True, note="alignment as a power of two, 16-bit fill"),
    ".p2alignl": _align(4, is_power=True, note="alignment as a power of two, 32-bit fill"),
    ".org": Directive(org, "move to a place in the section"),
    ".nops": Directive(nops, "no-operations of a given total size"),
}
