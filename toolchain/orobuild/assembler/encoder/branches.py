"""Branches to a place in the program: opcode bytes of their short and near forms.

Their displacement depends on where things end up, so they never go to keystone; relaxation picks
the form and the linker or the assembler fills the displacement in.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.mnemonics import CONDITIONS, COUNTED, PREFIX_ORDER

if TYPE_CHECKING:
    from orobuild.assembler.encoder.types import Dialect

_WIDTH: Final = {"w": 2, "l": 4, "q": 8}


def kept_prefixes(mnemonic: str, prefixes: tuple[int, ...]) -> tuple[int, ...]:
    """The prefixes that GNU as writes before a branch; it skips the others with a warning."""
    kept = {0x66, 0xF2, *range(0x40, 0x50)}
    stem = mnemonic.partition(",")[0]
    if stem == "jmp" or stem[1:] in CONDITIONS or stem in COUNTED:
        kept |= {0x2E, 0x3E}
    if stem in COUNTED or stem[:-1] in COUNTED:
        kept.add(0x67)
    return tuple(prefix for prefix in prefixes if prefix in kept)


def _near_size(bits: int, prefixes: tuple[int, ...]) -> int:
    """The size of a near displacement; REX.W outdoes the operand-size prefix."""
    wide = any(prefix & 0xF8 == 0x48 for prefix in prefixes)
    return 2 if not wide and (bits == 16) != (0x66 in prefixes) else 4


@functools.cache
def forms(
    mnemonic: str, dialect: Dialect, prefixes: tuple[int, ...]
) -> tuple[bytes, bytes | None, int] | None:
    """(short opcode, near opcode or None, near displacement size) of a relaxable branch.

    `prefixes` are the prefix bytes already in GNU as's order. None for any other mnemonic and
    for a form that the mode lacks.
    """
    bits = dialect.bits
    head = bytes(prefixes)
    stem, _, hint = mnemonic.partition(",")
    if hint:
        if hint not in ("pn", "pt") or stem[1:] not in CONDITIONS:
            return None
        byte = 0x2E if hint == "pn" else 0x3E
        head = bytes(sorted((byte, *prefixes), key=lambda b: PREFIX_ORDER[int(b)]))
    near_size = _near_size(bits, prefixes)
    if stem == "jmp" or (stem == "jmpq" and bits == 64):
        return head + b"\xeb", head + b"\xe9", near_size
    if stem[:1] == "j" and stem[1:] in CONDITIONS:
        code = CONDITIONS[stem[1:]]
        return head + bytes((0x70 | code,)), head + bytes((0x0F, 0x80 | code)), near_size
    return _counted(stem, bits, prefixes)


def _counted(mnemonic: str, bits: int, prefixes: tuple[int, ...]) -> tuple[bytes, None, int] | None:
    """`loop` and `jrcxz`: short only; the counter's width is the address size."""
    name, width = mnemonic, 0
    if name not in COUNTED and name[-1:] in _WIDTH and name[:-1].startswith("loop"):
        name, width = name[:-1], _WIDTH[name[-1]]
    if name not in COUNTED:
        return None
    if name in ("jcxz", "jecxz", "jrcxz"):
        width = {"jcxz": 2, "jecxz": 4, "jrcxz": 8}[name]
    native = bits // 8
    head = bytes(prefixes)
    if width and width != native:
        if {width, native} not in ({2, 4}, {4, 8}) or width == 8:
            return None
        head = b"\x67" + head.replace(b"\x67", b"")
    return head + bytes((COUNTED[name],)), None, 0


@functools.cache
def call_form(
    mnemonic: str, dialect: Dialect, prefixes: tuple[int, ...]
) -> tuple[bytes, int] | None:
    """(opcode, displacement size) of `call` and `xbegin`; None for any other mnemonic."""
    bits = dialect.bits
    native = 2 if bits == 16 else 4
    size = _near_size(bits, prefixes)
    if mnemonic == "xbegin":
        return bytes(prefixes) + b"\xc7\xf8", size
    suffix = mnemonic[4:]
    if mnemonic[:4] != "call" or suffix not in ("", "w", "l", "q"):
        return None
    if not suffix and dialect.code16gcc:
        suffix = "l"
    if (suffix == "q") != (bits == 64 and suffix not in ("", "w")):
        return None
    head = bytes(prefixes)
    if suffix:
        size = 2 if suffix == "w" else 4
        if size != native and 0x66 not in prefixes:
            head += b"\x66"
    return head + b"\xe8", size


@functools.cache
def far_form(
    mnemonic: str, dialect: Dialect, prefixes: tuple[int, ...]
) -> tuple[bytes, int] | None:
    """(opcode, offset size) of a far branch to an immediate address; None for any other mnemonic.

    64-bit code has no such form.
    """
    stem, suffix = mnemonic, ""
    if mnemonic[-1] in "wl" and mnemonic[:-1] in ("ljmp", "lcall", "jmp", "call"):
        stem, suffix = mnemonic[:-1], mnemonic[-1]
    opcode = {"ljmp": 0xEA, "jmp": 0xEA, "lcall": 0x9A, "call": 0x9A}.get(stem)
    if opcode is None or dialect.bits == 64:
        return None
    if not suffix and dialect.code16gcc and stem in ("lcall", "call"):
        suffix = "l"
    native = 2 if dialect.bits == 16 else 4
    size = native if 0x66 not in prefixes else 6 - native
    head = bytes(prefixes)
    if suffix:
        size = _WIDTH[suffix]
        if size != native and 0x66 not in prefixes:
            head += b"\x66"
    return head + bytes((opcode,)), size
