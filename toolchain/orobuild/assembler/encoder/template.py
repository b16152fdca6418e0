"""Templates: statements with their numbers taken out, so that one encoding serves many.

`movq 24(%rsp), %rax` and `movq 32(%rsp), %rax` are one template: the same opcode, ModRM and a
displacement of one byte. The numbers are replaced by stand-ins of the width that GNU as would
choose for them; the decoder then tells where in the bytes the stand-ins are. What comes out of
here is text made of known words only: a mnemonic, registers, stand-ins and punctuation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from orobuild.assembler.encoder.mnemonics import IMMEDIATE_8, SUFFIX_SIZE, words
from orobuild.assembler.encoder.operands import (
    Immediate,
    Memory,
    Operand,
    RegisterOperand,
    Rounding,
)
from orobuild.assembler.encoder.registers import RegisterClass
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.assembler.encoder.operands import Value

IMMEDIATE_STAND_IN: Final = {1: 0x12, 2: 0x1234, 4: 0x12345678, 8: 0x123456789ABCDEF0}
DISPLACEMENT_STAND_IN: Final = {1: 0x5A, 2: 0x2345, 4: 0x23456789, 8: 0x23456789ABCDEF01}


NOT_REVERSED: Final = (
    "enter", "bound", "monitor", "monitorx", "mwait", "mwaitx", "invlpga", "invlpgb", "extrq",
    "insertq", "pvalidate", "rmpadjust", "rmpquery", "rmpupdate", "tpause", "umwait",
)  # fmt: skip
"""Instructions whose operands AT&T syntax has in the same order as Intel's."""


class Field(NamedTuple):
    """Where the statement's value number `value` goes: `size` bytes at `offset`."""

    value: int
    offset: int
    size: int
    displacement: bool
    pc_relative: bool
    signed: bool


class Template(NamedTuple):
    """An encoding and its fields. Plain values only: it is stored in persistent memos.

    `exact` means that the stand-ins chose the encoding (EVEX's scaled disp8), so that this
    template only says that the real numbers must be encoded themselves. `relaxable` is an
    instruction that the linker may rewrite when it loads through the GOT.
    """

    code: bytes
    fields: tuple[Field, ...]
    exact: bool
    relaxable: bool
    rex: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """A statement ready to be encoded: `operands` have stand-ins where `text` has them.

    `indices` tells for every operand the number of the value its field belongs to, or -1.
    """

    text: str
    mnemonic: str
    operands: tuple[Operand, ...]
    indices: tuple[int, ...]
    options: tuple[str, ...] = ()

    @property
    def intel_order(self) -> tuple[Operand, ...]:
        """The operands, destination first, as the manuals have them."""
        if self.mnemonic.startswith(NOT_REVERSED) and self.mnemonic.rstrip("wlq") in NOT_REVERSED:
            return self.operands
        return self.operands[::-1]


_SHIFTS: Final = frozenset(
    stem + suffix
    for stem in ("rol", "ror", "rcl", "rcr", "shl", "sal", "shr", "sar")
    for suffix in ("", "b", "w", "l", "q")
)
_IMMEDIATE_32: Final = ("lwpins", "lwpval", "bextr")
_IMMEDIATE_BASES: Final = words("mov add or adc sbb and sub xor cmp test imul push ret lret enter")


def operand_size(mnemonic: str, operands: tuple[Operand, ...] | list[Operand], bits: int) -> int:
    """The width in bytes that decides how an immediate is written; 0 when it is unknown."""
    suffix = mnemonic[-1]
    if mnemonic in ("movabs", "movabsq"):
        return 8
    if mnemonic.startswith(_IMMEDIATE_32):
        return 4
    stem = mnemonic
    size = 0
    if mnemonic not in _IMMEDIATE_BASES and mnemonic not in IMMEDIATE_8:
        stem = mnemonic[:-1]
        if suffix not in "bwlq" or (stem not in _IMMEDIATE_BASES and stem not in IMMEDIATE_8):
            return 1
        size = SUFFIX_SIZE[suffix]
    if stem in IMMEDIATE_8 or stem == "enter":
        return 1
    if stem in ("ret", "lret"):
        return 2
    if size:
        return size
    for operand in reversed(operands):
        if isinstance(operand, RegisterOperand):
            general = operand.register.kind is RegisterClass.GENERAL
            return operand.register.size if general else 0
    if stem == "push":
        return bits // 8
    return 0


def general_size(mnemonic: str, operands: tuple[Operand, ...] | list[Operand]) -> int:
    """Bytes of the integers that `mnemonic` works on, 0 where it works on others or unknown."""
    suffix = mnemonic[-1]
    if mnemonic not in _IMMEDIATE_BASES and mnemonic not in IMMEDIATE_8:
        stem = mnemonic[:-1]
        if suffix in "bwlq" and (stem in _IMMEDIATE_BASES or stem in IMMEDIATE_8):
            return SUFFIX_SIZE[suffix]
        return 0
    for operand in reversed(operands):
        if isinstance(operand, RegisterOperand):
            general = operand.register.kind is RegisterClass.GENERAL
            return operand.register.size if general else 0
    return 0


def fits(value: int, size: int) -> bool:
    """Whether `value` fits into `size` bytes as a signed number."""
    return -(1 << (8 * size - 1)) <= value < 1 << (8 * size - 1)


def fits_either(value: int, size: int) -> bool:
    """Whether `value` fits into `size` bytes as a signed or as an unsigned number."""
    return -(1 << (8 * size - 1)) <= value < 1 << (8 * size)


def signed(value: int, size: int) -> int:
    """The low `size` bytes of `value` as a signed number."""
    top = 1 << (8 * size - 1)
    return ((value + top) & (2 * top - 1)) - top


def immediate_stand_in(value: Value, mnemonic: str, size: int) -> tuple[int, bool]:
    """(the number to write into the template, whether it is a stand-in)."""
    if not isinstance(value, int):
        if size == 8 and not mnemonic.startswith("movabs"):
            return IMMEDIATE_STAND_IN[4], True
        return IMMEDIATE_STAND_IN[size or 4], True
    if mnemonic.startswith("vpermil2"):
        return value, False  # shares its byte with a register
    if size == 1:
        if value == 1 and mnemonic in _SHIFTS:
            return 1, False
        return IMMEDIATE_STAND_IN[1], True
    if 0 < size < 8:
        value = signed(value, size)
    if mnemonic.startswith("movabs"):
        return IMMEDIATE_STAND_IN[8], True
    if fits(value, 1):
        return IMMEDIATE_STAND_IN[1], True
    if size == 2:
        return IMMEDIATE_STAND_IN[2], True
    if fits(value, 4):
        return IMMEDIATE_STAND_IN[4], True
    return IMMEDIATE_STAND_IN[8], True


def address_size(memory: Memory, bits: int, *, overridden: bool) -> int:
    """Bytes of an address in this operand: from its registers, else from the mode."""
    for register in (memory.base, memory.index):
        if register is not None and register.kind is not RegisterClass.VECTOR:
            return register.size
    if overridden:
        return {16: 4, 32: 2, 64: 4}[bits]
    return bits // 8


def displacement_stand_in(memory: Memory, size: int) -> int | None:
    """The number to write as displacement into the template, None for no displacement."""
    value = memory.displacement
    absolute = memory.base is None and (memory.index is None or size != 2)
    wide = DISPLACEMENT_STAND_IN[2 if size == 2 else 4]
    if absolute or memory.base is None or memory.base.kind is RegisterClass.POINTER:
        return wide
    if value is None or value == 0:
        return None
    wraps = size < 8 and isinstance(value, int) and value >= -(1 << (8 * size - 1))
    if isinstance(value, int) and fits(signed(value, size) if wraps else value, 1):
        return DISPLACEMENT_STAND_IN[1]
    return wide


def keystone_text(shape: Shape, bits: int) -> str:
    """`shape` as keystone has to read it.

    In 64-bit code keystone takes an address without registers for one relative to `%rip`; an
    index that is not there (`%riz`) makes it absolute.
    """
    if bits != 64 or not any(isinstance(o, Memory) and o.bare for o in shape.operands):
        return shape.text
    if shape.mnemonic.startswith("movabs"):
        return shape.text
    pieces = []
    for operand in shape.operands:
        text = operand_text(operand)
        if isinstance(operand, Memory) and operand.bare:
            assert isinstance(operand.displacement, int)
            if fits(operand.displacement, 4):
                text += "(,%riz,1)"
        pieces.append(text)
    return f"{shape.mnemonic} {', '.join(pieces)}"


def operand_text(operand: Operand) -> str:
    """`operand`, whose numbers are plain, in AT&T syntax; without a segment override."""
    if isinstance(operand, RegisterOperand):
        star = "*" if operand.indirect else ""
        return f"{star}%{operand.register.name}{_decorations(operand.mask, operand.zeroing)}"
    if isinstance(operand, Immediate):
        return f"${operand.value:#x}" if isinstance(operand.value, int) else "$?"
    if isinstance(operand, Rounding):
        return f"{{{operand.name}}}"
    text = "*" if operand.indirect else ""
    if operand.displacement is not None:
        assert isinstance(operand.displacement, int)
        text += f"{operand.displacement:#x}"
    if operand.index is not None:
        base = f"%{operand.base.name}" if operand.base else ""
        scale = f",{operand.scale}" if operand.index.size != 2 else ""
        text += f"({base},%{operand.index.name}{scale})"
    elif operand.base is not None:
        text += f"(%{operand.base.name})"
    if operand.broadcast:
        text += f"{{{operand.broadcast}}}"
    return text + _decorations(operand.mask, operand.zeroing)


def _decorations(mask: str | None, zeroing: bool) -> str:
    return (f"{{%{mask}}}" if mask else "") + ("{z}" if zeroing else "")
