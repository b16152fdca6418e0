"""The decoder, iced-x86: its names for things, and what it makes of bytes.

No statement is compared here; `readback` and `meaning` do that.
"""

from __future__ import annotations

import functools
from typing import Any, Final

from orobuild import iced
from orobuild.assembler.encoder.mnemonics import PREFIX_ORDER

OPTIONS: Final = iced.DecoderOptions.MPX
_KIND: Final = iced.OpKind

IMMEDIATE_BYTES: Final = {
    _KIND.IMMEDIATE8: 1,
    _KIND.IMMEDIATE8_2ND: 1,
    _KIND.IMMEDIATE16: 2,
    _KIND.IMMEDIATE32: 4,
    _KIND.IMMEDIATE64: 8,
    _KIND.IMMEDIATE8TO16: 2,
    _KIND.IMMEDIATE8TO32: 4,
    _KIND.IMMEDIATE8TO64: 8,
    _KIND.IMMEDIATE32TO64: 8,
}


@functools.cache
def decoder_names() -> dict[int, str]:
    """The decoder's mnemonics by number, in lower case."""
    return {n: name.lower() for name, n in vars(iced.Mnemonic).items() if name.isupper()}


@functools.cache
def register_names() -> dict[int, str]:
    """Registers by number, under the names of GNU as."""
    names = {}
    for name in dir(iced.Register):
        if name.isupper():
            lower = name.lower()
            if lower.startswith("st") and lower[2:].isdigit():
                lower = f"st({lower[2:]})"
            elif lower[0] == "r" and lower.endswith("l") and lower[1:-1].isdigit():
                lower = lower[:-1] + "b"
            names[getattr(iced.Register, name)] = lower
    return names


@functools.cache
def code_names() -> dict[int, str]:
    """The decoder's opcodes by number, such as `ADD_RM32_R32`."""
    return {getattr(iced.Code, n): n for n in dir(iced.Code) if n.isupper()}


def is_segment(instruction: Any, number: int) -> bool:
    """Whether operand `number` is a segment register."""
    return instruction.op_kind(number) == _KIND.REGISTER and bool(
        iced.RegisterExt.is_segment_register(instruction.op_register(number))
    )


def width(instruction: Any, number: int) -> int:
    """Bytes of operand `number`, a register or memory."""
    if instruction.op_kind(number) == _KIND.MEMORY:
        return int(iced.MemorySizeExt.size(instruction.memory_size))
    return int(iced.RegisterExt.size(instruction.op_register(number)))


def divide(code: bytes, count: int, bits: int) -> list[bytes] | None:
    """`code` cut into its `count` instructions, or None when it holds another number of them."""
    pieces = []
    position = 0
    for instruction in iced.Decoder(bits, code, OPTIONS):
        if instruction.is_invalid:
            return None
        pieces.append(code[position : position + instruction.len])
        position += instruction.len
    return pieces if len(pieces) == count and position == len(code) else None


_BECOMES: Final = {
    ("bsf", "tzcnt"),
    ("bsr", "lzcnt"),
    ("nop", "pause"),
    ("getsec", "getsecq"),
    ("clflush", "clflushopt"),
}
"""What an older instruction with a prefix is on processors that know the newer one."""


def refused_prefix(code: bytes, merged: bytes, prefixes: tuple[int, ...], bits: int) -> str:
    """Why the user's `prefixes` cannot stand before `code` (giving `merged`), or ""."""
    if code[:1] == b"\x9b" and len(code) > 1:
        return ""
    options = OPTIONS | iced.DecoderOptions.AMD if bits == 64 else OPTIONS
    plain = iced.Decoder(bits, code, options).decode()
    instruction = iced.Decoder(bits, merged, options).decode()
    if instruction.is_invalid:
        if len(merged) > 15:
            return "more than 15 bytes"
        lock = 0xF0 in prefixes
        return "not lockable" if lock else "a prefix that the instruction does not take"
    asked = [p for p in prefixes if 0x40 <= p <= 0x4F]
    if asked and any(asked[0] & byte & 0xF for byte in rex_of(code)):
        return "a REX prefix whose bits the instruction sets itself"
    names = decoder_names()
    before, after = names[plain.mnemonic], names[instruction.mnemonic]
    # A written REX.W is a wish for the wide form: `rex64 fxsave` is fxsave64.
    another = before != after and not asked and (before, after) not in _BECOMES
    if instruction.len != len(merged) or another:
        return "a prefix that makes it another instruction"
    repeats = {0xF2, 0xF3} & set(prefixes)
    if not repeats or repeats & set(code[:3]) or before != after:
        return ""
    info = iced.OpCodeInfo(instruction.code)
    if (
        info.can_use_rep_prefix
        or info.can_use_repne_prefix
        or info.can_use_bnd_prefix
        or instruction.has_xacquire_prefix
        or instruction.has_xrelease_prefix
        or before in ("ret", "nop")
    ):
        return ""
    return "not a string instruction"


def rex_of(code: bytes) -> bytes:
    """The REX prefix of 64-bit code, empty when it has none."""
    for i, byte in enumerate(code[:-1]):
        if 0x40 <= byte <= 0x4F:
            return code[i : i + 1]
        if byte not in PREFIX_ORDER:
            break
    return b""


def without_displacement(code: bytes, bits: int) -> bytes:
    """`code` with a zero disp8 taken out, when it has one."""
    lead = 1 if code[:1] == b"\x9b" else 0
    decoder = iced.Decoder(bits, code[lead:], OPTIONS)
    offsets = decoder.get_constant_offsets(decoder.decode())
    place = lead + offsets.displacement_offset
    if offsets.displacement_size != 1 or code[place] or code[place - 1] & 0xC0 != 0x40:
        return code
    return code[: place - 1] + bytes((code[place - 1] & 0x3F,)) + code[place + 1 :]
