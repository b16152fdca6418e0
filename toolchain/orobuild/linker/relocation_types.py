"""Relocation types: what each computes and which values fit. A table, no logic.

Sources: System V ABI AMD64 psABI 1.0, table 4.9; i386 psABI 1.1, table 4.1. The ranges of the 16-
and 8-bit ones are those of the fields, signed or unsigned.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from orobuild.elf import constants as c


class Formula(enum.Enum):
    """How a value is computed: S symbol, A addend, P place, G GOT entry, Z symbol size."""

    NOTHING = enum.auto()
    ABSOLUTE = enum.auto()  # S + A
    RELATIVE = enum.auto()  # S + A - P
    SIZE = enum.auto()  # Z + A
    GOT_RELATIVE = enum.auto()  # G + A - P
    GOT_LOAD = enum.auto()  # as GOT_RELATIVE, but relaxable
    GOT_OFFSET = enum.auto()  # S + A - GOT
    GOT_BASE = enum.auto()  # GOT + A - P
    GOT_ENTRY = enum.auto()  # G + A - GOT
    THREAD = enum.auto()  # S + A - end of the TLS block
    THREAD_OFFSET = enum.auto()  # S + A - start of the TLS block


@dataclass(frozen=True, slots=True)
class RelocationType:
    """`width` in bytes; the value must lie in `low` … `high` inclusive."""

    formula: Formula
    width: int
    low: int
    high: int
    hint: str | None = None


def _signed(formula: Formula, width: int, hint: str | None = None) -> RelocationType:
    bits = 8 * width
    return RelocationType(formula, width, -(1 << bits - 1), (1 << bits - 1) - 1, hint)


def _unsigned(formula: Formula, width: int, hint: str | None = None) -> RelocationType:
    return RelocationType(formula, width, 0, (1 << 8 * width) - 1, hint)


def _either(formula: Formula, width: int, hint: str | None = None) -> RelocationType:
    bits = 8 * width
    return RelocationType(formula, width, -(1 << bits - 1), (1 << bits) - 1, hint)


def _wrapping(formula: Formula, width: int) -> RelocationType:
    """A displacement that the processor adds modulo the field's size."""
    bits = 8 * width
    return RelocationType(formula, width, -(1 << bits), (1 << bits) - 1)


_ANY: Final = (-(1 << 64), 1 << 64)
_KERNEL: Final = "code for the top 2 GiB needs -mcmodel=kernel; other addresses need 64-bit loads"
_LOW: Final = (
    "the address needs more than 32 bits: compile with -mcmodel=kernel (top 2 GiB), or link "
    "this code below 4 GiB"
)
_FAR: Final = (
    "the two are more than 2 GiB apart; go through a 64-bit register (movabs, -mcmodel=large)"
)
_SHORT: Final = "the branch is too far for its size; use the 32-bit form or move the target nearer"
_REAL: Final = "16-bit code reaches only the first 64 KiB: link it lower or subtract its base"

X86_64: Final = {
    c.R_X86_64_NONE: RelocationType(Formula.NOTHING, 0, *_ANY),
    c.R_X86_64_64: RelocationType(Formula.ABSOLUTE, 8, *_ANY),
    c.R_X86_64_PC64: RelocationType(Formula.RELATIVE, 8, *_ANY),
    c.R_X86_64_32: _unsigned(Formula.ABSOLUTE, 4, _LOW),
    c.R_X86_64_32S: _signed(Formula.ABSOLUTE, 4, _KERNEL),
    c.R_X86_64_16: _either(Formula.ABSOLUTE, 2, _REAL),
    c.R_X86_64_8: _either(Formula.ABSOLUTE, 1),
    c.R_X86_64_PC32: _signed(Formula.RELATIVE, 4, _FAR),
    c.R_X86_64_PLT32: _signed(Formula.RELATIVE, 4, _FAR),
    c.R_X86_64_PC16: _wrapping(Formula.RELATIVE, 2),
    c.R_X86_64_PC8: _signed(Formula.RELATIVE, 1, _SHORT),
    c.R_X86_64_SIZE32: _unsigned(Formula.SIZE, 4),
    c.R_X86_64_SIZE64: RelocationType(Formula.SIZE, 8, *_ANY),
    c.R_X86_64_GOTPCREL: _signed(Formula.GOT_LOAD, 4, _FAR),
    c.R_X86_64_GOTPCRELX: _signed(Formula.GOT_LOAD, 4, _FAR),
    c.R_X86_64_REX_GOTPCRELX: _signed(Formula.GOT_LOAD, 4, _FAR),
    c.R_X86_64_GOTPCREL64: RelocationType(Formula.GOT_RELATIVE, 8, *_ANY),
    c.R_X86_64_GOT32: _signed(Formula.GOT_ENTRY, 4),
    c.R_X86_64_GOT64: RelocationType(Formula.GOT_ENTRY, 8, *_ANY),
    c.R_X86_64_GOTOFF64: RelocationType(Formula.GOT_OFFSET, 8, *_ANY),
    c.R_X86_64_PLTOFF64: RelocationType(Formula.GOT_OFFSET, 8, *_ANY),
    c.R_X86_64_GOTPC32: _signed(Formula.GOT_BASE, 4, _FAR),
    c.R_X86_64_GOTPC64: RelocationType(Formula.GOT_BASE, 8, *_ANY),
    c.R_X86_64_TPOFF32: _signed(Formula.THREAD, 4),
    c.R_X86_64_TPOFF64: RelocationType(Formula.THREAD, 8, *_ANY),
    c.R_X86_64_DTPOFF32: _signed(Formula.THREAD_OFFSET, 4),
    c.R_X86_64_DTPOFF64: RelocationType(Formula.THREAD_OFFSET, 8, *_ANY),
}

I386: Final = {
    c.R_386_NONE: RelocationType(Formula.NOTHING, 0, *_ANY),
    c.R_386_32: RelocationType(Formula.ABSOLUTE, 4, *_ANY),
    c.R_386_PC32: RelocationType(Formula.RELATIVE, 4, *_ANY),
    c.R_386_PLT32: RelocationType(Formula.RELATIVE, 4, *_ANY),
    c.R_386_16: _either(Formula.ABSOLUTE, 2, _REAL),
    c.R_386_PC16: _wrapping(Formula.RELATIVE, 2),
    c.R_386_8: _either(Formula.ABSOLUTE, 1),
    c.R_386_PC8: _signed(Formula.RELATIVE, 1, _SHORT),
    c.R_386_SIZE32: _unsigned(Formula.SIZE, 4),
    c.R_386_GOTOFF: RelocationType(Formula.GOT_OFFSET, 4, *_ANY),
    c.R_386_GOTPC: RelocationType(Formula.GOT_BASE, 4, *_ANY),
    c.R_386_GOT32: RelocationType(Formula.GOT_ENTRY, 4, *_ANY),
    c.R_386_GOT32X: RelocationType(Formula.GOT_ENTRY, 4, *_ANY),
    c.R_386_TLS_LE: RelocationType(Formula.THREAD, 4, *_ANY),
    c.R_386_TLS_LDO_32: RelocationType(Formula.THREAD_OFFSET, 4, *_ANY),
}


def table(e_machine: int) -> dict[int, RelocationType]:
    """The types of a machine, by R_* number."""
    return I386 if e_machine == c.EM_386 else X86_64
