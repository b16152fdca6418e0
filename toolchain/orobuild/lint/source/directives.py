"""Names of directives, by what they do to the reading of a file."""

from __future__ import annotations

from typing import Final

DATA: Final = frozenset((
    ".byte", ".short", ".word", ".hword", ".long", ".int", ".quad", ".octa", ".2byte",
    ".4byte", ".8byte", ".ascii", ".asciz", ".string", ".string8", ".string16", ".string32",
    ".string64", ".float", ".single", ".double", ".tfloat", ".value", ".skip", ".space",
    ".zero", ".fill", ".incbin", ".sleb128", ".uleb128", ".dc.b", ".dc.w", ".dc.l", ".dc.a",
    ".slong", ".ds.b", ".ds.w", ".ds.l",
))  # fmt: skip
"""Bytes, strings, space, embedded files."""
SYMBOL: Final = frozenset((
    ".globl", ".global", ".type", ".size", ".weak", ".hidden", ".local", ".protected",
    ".internal", ".set", ".equ", ".comm", ".lcomm", ".symver", ".weakref",
))  # fmt: skip
"""What says something about symbols."""
CHOICES: Final = frozenset((
    ".text", ".data", ".bss",
))  # fmt: skip
"""Sections that have a directive of their own."""
