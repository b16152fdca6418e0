"""The operands of a statement as pieces of its text, before anybody looks into them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.operands import split
from orobuild.patterns import pattern

if TYPE_CHECKING:
    from orobuild.assembler.encoder.types import Dialect

FAR: Final = ("jmp", "call", "ljmp", "lcall", "jmpw", "callw", "ljmpw", "lcallw")


def operand_texts(mnemonic: str, rest: str, dialect: Dialect) -> list[tuple[str, int]]:
    """The operands' texts with their offsets; Intel's `jmp 8:label` has two."""
    if dialect.intel and mnemonic in FAR:
        from orobuild.assembler.encoder import translation

        far = translation.far_parts(rest, dialect)
        if far is not None:
            selector, offset = far
            pieces = [(selector, rest.find(selector)), (offset, rest.rfind(offset))]
            return [(f"offset {piece}", place) for piece, place in pieces]
    pieces = split(rest)
    if dialect.intel and mnemonic in FAR and len(pieces) == 2:
        return [(f"offset {piece}", place) for piece, place in pieces]
    if dialect.intel and "sae" in rest:
        return [part for piece in pieces for part in _without_rounding(*piece)]
    return pieces


_ROUNDED: Final = pattern(r"(.*[^\s{])\s*(\{\s*(?:r[nduz]-)?sae\s*\})", re.IGNORECASE)


def _without_rounding(piece: str, offset: int) -> list[tuple[str, int]]:
    """`xmm1{rn-sae}` as two operands, the way AT&T syntax has them."""
    match = _ROUNDED.fullmatch(piece)
    if match is None:
        return [(piece, offset)]
    return [(match[1], offset), (match[2], offset + match.start(2))]
