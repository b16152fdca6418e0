"""String instructions and `xlat` with their operands written out.

Keystone must not see these: it warns that memory operands only tell the size, and its second
warning in a process reads freed memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.operands import Memory, Operand, RegisterOperand
from orobuild.assembler.encoder.registers import RegisterClass

if TYPE_CHECKING:
    from orobuild.assembler.encoder.template import Shape

_OPCODES: Final = {
    "movs": (0xA4, ("sd",)),
    "cmps": (0xA6, ("ds",)),
    "stos": (0xAA, ("ad", "d")),
    "lods": (0xAC, ("sa", "s")),
    "scas": (0xAE, ("da", "d")),
    "ins": (0x6C, ("pd",)),
    "outs": (0x6E, ("sp",)),
    "smov": (0xA4, ("sd",)),
    "scmp": (0xA6, ("ds",)),
    "ssto": (0xAA, ("ad", "d")),
    "slod": (0xAC, ("sa", "s")),
    "ssca": (0xAE, ("da", "d")),
}
"""Opcode of the byte form and the operands in AT&T order: source, destination, accumulator, port."""
_SUFFIXES: Final = {"b": 1, "w": 2, "l": 4, "d": 4, "q": 8}


def is_written(shape: Shape) -> bool:
    """Whether this is a string instruction or `xlat` with its operands written out."""
    name = shape.mnemonic
    stem = name if name in _OPCODES else name[:-1]
    if not shape.operands or not (stem in _OPCODES or name in ("xlat", "xlatb")):
        return False
    return all(
        isinstance(o, Memory)
        or (isinstance(o, RegisterOperand) and o.register.kind is RegisterClass.GENERAL)
        for o in shape.operands
    )


def encode(shape: Shape, bits: int) -> bytes | None:
    """The bytes of a written-out string instruction, None where it is none or not well formed.

    Segments are prefixes of the statement and not seen here.
    """
    if not is_written(shape):
        return None
    stem, suffix = shape.mnemonic, ""
    if stem in ("xlat", "xlatb"):
        return _translation(shape.operands, bits)
    if stem not in _OPCODES:
        stem, suffix = stem[:-1], stem[-1]
    if suffix not in ("", *_SUFFIXES):
        return None
    opcode, forms = _OPCODES[stem]
    if "".join(map(_role, shape.operands)) not in forms:
        return None
    sizes = {
        o.register.size
        for o in shape.operands
        if isinstance(o, RegisterOperand) and _role(o) == "a"
    }
    if suffix:
        sizes.add(_SUFFIXES[suffix])
    widths = {
        o.base.size
        for o in shape.operands
        if isinstance(o, Memory) and o.base is not None and _role(o) in "sd"
    }
    if len(sizes) != 1 or len(widths) != 1:
        return None
    (size,), (width,) = sizes, widths
    if size == 8 and (bits != 64 or stem in ("ins", "outs")):
        return None
    code = b"\x67" if width != bits // 8 else b""
    if size in (2, 4) and (size == 2) != (bits == 16):
        code += b"\x66"
    if size == 8:
        code += b"\x48"
    return code + bytes((opcode | (size > 1),))


def _translation(operands: tuple[Operand, ...], bits: int) -> bytes | None:
    operand = operands[0]
    if len(operands) != 1 or not isinstance(operand, Memory) or operand.base is None:
        return None
    if operand.base.name not in ("bx", "ebx", "rbx") or not _plain(operand):
        return None
    return (b"" if operand.base.size == bits // 8 else b"\x67") + b"\xd7"


def _role(operand: Operand) -> str:
    """`s`, `d`, `a` or `p` for an operand that a string instruction can have, else `?`."""
    if isinstance(operand, RegisterOperand):
        name = operand.register.name
        return "p" if name == "dx" else "a" if name in ("al", "ax", "eax", "rax") else "?"
    if not isinstance(operand, Memory) or operand.base is None or not _plain(operand):
        return "?"
    name = operand.base.name
    return {"dx": "p"}.get(name, {"si": "s", "di": "d"}.get(name[-2:], "?"))


def _plain(memory: Memory) -> bool:
    return memory.index is None and not memory.displacement
