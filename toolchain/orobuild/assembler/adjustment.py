"""Adjustments: instructions changed as flags ask, in their text before they are encoded, or in
the bits of VEX and EVEX that mean nothing to the instruction (gas/config/tc-i386.c).
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from orobuild.patterns import pattern
from orobuild.records import replace

if TYPE_CHECKING:
    from orobuild.assembler.encoder.types import Dialect, Encoded
    from orobuild.assembler.flags import Flags

_FENCE: Final = pattern(r"[lms]fence(?![\w.])", re.IGNORECASE)
_LOCK: Final = pattern(r"lock(?:[ \t]+|$)", re.IGNORECASE)
_EXCHANGED: Final = pattern(r"f(sub|div)(r?)(p?)(?=[ \t]|$)(.*)", re.IGNORECASE)
_STORES: Final = pattern(r"[^,]*,[ \t]*%st[ \t]*\([ \t]*[1-7][ \t]*\)[ \t]*")


def text(source: str, flags: Flags, dialect: Dialect) -> str:
    """The instruction that `source` is read as; empty for none."""
    if flags.omit_lock:
        source = _LOCK.sub("", source, count=1)
    if flags.fences_as_lock and _FENCE.match(source):
        register = "rsp" if dialect.bits == 64 else "esp"
        if dialect.intel:
            mark = "" if dialect.naked else "%"
            return f"lock add dword ptr [{mark}{register}], 0"
        return f"lock addl $0, (%{register})"
    if flags.intel_mnemonics and not dialect.intel and (match := _EXCHANGED.match(source)):
        stem, reverse, pop, operands = match.groups()
        if pop or _STORES.fullmatch(operands):
            # AT&T exchanges the two where the result does not go to %st(0).
            return f"f{stem}{'' if reverse else 'r'}{pop}{operands}"
    return source


@functools.cache
def _names() -> frozenset[int]:
    """Mnemonics whose W is nothing to GNU as, though a general register of 64 bits may be named."""
    import iced_x86 as iced

    from orobuild.assembler.encoder.opcodes import IGNORES_W

    return frozenset(getattr(iced.Mnemonic, name.upper()) for name in IGNORES_W)


def bits_of(encoded: Encoded, flags: Flags, bits: int) -> Encoded:
    """The encoding with the bits of its VEX or EVEX prefix that mean nothing as flags ask."""
    import iced_x86 as iced

    code = encoded.code
    start = next((i for i, byte in enumerate(code) if byte in (0xC4, 0xC5, 0x62, 0x8F)), -1)
    if start < 0:
        return encoded
    instruction = iced.Decoder(bits, code).decode()
    info = iced.OpCodeInfo(instruction.code)
    out = bytearray(code)
    moved = 0
    ignored = info.is_wig or (bits != 64 and info.is_wig32) or instruction.mnemonic in _names()
    if info.encoding == iced.EncodingKind.VEX:
        if info.is_lig and flags.scalar_length == 256:
            out[start + (1 if out[start] == 0xC5 else 2)] |= 4
        if ignored and flags.wide_vex:
            if out[start] == 0xC5:
                second = out[start + 1]
                out[start : start + 2] = bytes((0xC4, second & 0x80 | 0x61, second & 0x7F))
                moved = 1
            out[start + 2] |= 0x80
    elif info.encoding == iced.EncodingKind.XOP:
        # Of general registers, which W makes wider in 64-bit code only.
        if flags.wide_vex and bits != 64 and iced.RegisterExt.is_gpr32(instruction.op0_register):
            out[start + 2] |= 0x80
    elif info.encoding == iced.EncodingKind.EVEX:
        if ignored and flags.wide_evex:
            out[start + 2] |= 0x80
        only_suppresses = bool(out[start + 3] & 0x10) and info.can_suppress_all_exceptions
        if only_suppresses and not info.can_use_rounding_control:
            if instruction.suppress_all_exceptions:
                out[start + 3] = out[start + 3] & 0x9F | flags.rounding << 5
        elif info.is_lig and not out[start + 3] & 0x10:
            out[start + 3] |= {128: 0, 256: 1, 512: 2}[flags.evex_length] << 5
    fixups = tuple(replace(fixup, offset=fixup.offset + moved) for fixup in encoded.fixups)
    return replace(encoded, code=bytes(out), fixups=fixups)
