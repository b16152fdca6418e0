"""Optimisation: instructions that another one does the work of in fewer bytes, or in less time.

What `-O`, `-O2` and `-Os` of GNU as ask for (binutils 2.40, gas/config/tc-i386.c,
optimize_encoding): 64-bit operations on 32 bits where the upper half is zero anyway, `lea` that
only moves, vectors cleared in their lowest 128 bits, EVEX written as VEX. Flags and results stay
the same. Works on operands in AT&T's order, whose known values are numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.mnemonics import words
from orobuild.assembler.encoder.operands import Immediate, Memory, RegisterOperand
from orobuild.assembler.encoder.registers import REGISTERS, Register, RegisterClass
from orobuild.assembler.encoder.template import fits
from orobuild.records import dataclass, replace

if TYPE_CHECKING:
    from orobuild.assembler.encoder.operands import Operand

    Instruction = tuple[str, list[Operand], tuple[str, ...], tuple[int, ...]]

_ADDRESS_SIZE: Final = 0x67
_SEGMENTS: Final = (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65)
_STEMS: Final = words("and or xor sub test mov lea clr")
_CLEARING: Final = words(
    "vandnps vandnpd vxorps vxorpd vpsubb vpsubw vpsubd vpsubq vpandn vpandnd vpandnq "
    "vpxor vpxord vpxorq kxord kxorq kandnd kandnq"
)
_AS_VEX: Final = {
    "vmovdqa32": "vmovdqa", "vmovdqa64": "vmovdqa", "vmovdqu8": "vmovdqu", "vmovdqu16": "vmovdqu",
    "vmovdqu32": "vmovdqu", "vmovdqu64": "vmovdqu", "vpandd": "vpand", "vpandq": "vpand",
    "vpandnd": "vpandn", "vpandnq": "vpandn", "vpord": "vpor", "vporq": "vpor",
    "vpxord": "vpxor", "vpxorq": "vpxor",
}  # fmt: skip
_COMMUTATIVE: Final = words(
    "vandps vandpd vorps vorpd vxorps vxorpd vpaddb vpaddw vpaddd vpaddq vpaddsb vpaddsw "
    "vpaddusb vpaddusw vpand vpavgb vpavgw vpcmpeqb vpcmpeqw vpcmpeqd vpmaddwd vpmaxsw vpmaxub "
    "vpminsw vpminub vpmulhuw vpmulhw vpmullw vpmuludq vpor vpsadbw vpxor"
)
_SYMMETRIC: Final = words(
    "eq eq_oq unord unord_q neq neq_uq ord ord_q eq_uq false false_oq neq_oq true true_uq eq_os "
    "unord_s neq_us ord_s eq_us false_os neq_os true_us"
)
"""Predicates of comparisons whose operands may be exchanged."""


@dataclass(frozen=True, slots=True)
class Level:
    """``-O`` is 1, ``-O2`` is 2; `space` is ``-Os``. `vector_length`: AVX512VL may be used."""

    number: int
    space: bool = False
    vector_length: bool = False


def optimized(
    mnemonic: str,
    operands: list[Operand],
    options: tuple[str, ...],
    prefixes: tuple[int, ...],
    bits: int,
    level: Level,
) -> Instruction:
    """The instruction to encode: another one, or the same."""
    same: Instruction = (mnemonic, operands, options, prefixes)
    if mnemonic[0] in "vk":
        return _vector(same, level) or same
    stem = mnemonic if mnemonic in _STEMS else mnemonic[:-1]
    if stem not in _STEMS or (stem != mnemonic and mnemonic[-1] not in "bwlq"):
        return same
    target = operands[-1] if operands else None
    if not isinstance(target, RegisterOperand) or target.register.kind is not RegisterClass.GENERAL:
        return same
    if stem == "lea":
        return _lea(same, bits, level) or same
    return _general(same, stem, target.register, bits, level) or same


def _general(
    instruction: Instruction, stem: str, target: Register, bits: int, level: Level
) -> Instruction | None:
    mnemonic, operands, options, prefixes = instruction
    if mnemonic != stem and {"b": 1, "w": 2, "l": 4, "q": 8}[mnemonic[-1]] != target.size:
        return None
    source = operands[0]
    same_register = isinstance(source, RegisterOperand) and source.register is target
    if isinstance(source, Immediate) and len(operands) == 2:
        value = source.value
        if not isinstance(value, int):
            return None
        short = stem == "test" and 0 <= value < 128 and target.size > 1
        if level.space and short and (bits == 64 or target.number < 4):
            return "testb", [source, RegisterOperand(_resized(target, 1))], options, prefixes
        if bits != 64 or target.size != 8:
            return None
        limit = {"and": 1 << 31, "test": 1 << 31, "mov": 1 << 32}.get(stem, 0)
        if 0 <= value < limit:
            return stem + "l", [source, RegisterOperand(_resized(target, 4))], options, prefixes
        return None
    if len(operands) == 1 and stem == "clr":
        operands = [operands[0], operands[0]]
        same_register, stem = True, "xor"
        if bits != 64 or target.size != 8:
            return None
    if not same_register or len(operands) != 2:
        return None
    if bits == 64 and target.size == 8 and stem in ("xor", "sub"):
        narrow = RegisterOperand(_resized(target, 4))
        return stem + "l", [narrow, narrow], options, prefixes
    if (
        level.number > 1
        and not level.space
        and stem in ("and", "or")
        and (bits != 64 or target.size != 4)
    ):
        return "test", operands, options, prefixes
    return None


def _lea(instruction: Instruction, bits: int, level: Level) -> Instruction | None:
    """`lea` without arithmetic is a move."""
    _, operands, options, prefixes = instruction
    memory, target = operands[0], operands[-1]
    if not isinstance(memory, Memory) or not isinstance(target, RegisterOperand):
        return None
    size = target.register.size
    if size == 1:
        return None
    kept = tuple(byte for byte in prefixes if byte not in _SEGMENTS)
    memory = replace(memory, segment=None)
    parts = [part for part in (memory.base, memory.index) if part is not None]
    overridden = _ADDRESS_SIZE in prefixes or any(part.size * 8 != bits for part in parts)
    if bits == 64 and overridden:
        size = min(size, 4)
        kept = tuple(byte for byte in kept if byte != _ADDRESS_SIZE)
        memory = replace(memory, base=_widest(memory.base), index=_widest(memory.index))
    suffix = {2: "w", 4: "l", 8: "q"}[size]
    result = RegisterOperand(_resized(target.register, size))
    unchanged: Instruction = ("lea" + suffix, [memory, result], options, kept)
    value = 0 if memory.displacement is None else memory.displacement
    if memory.absolute:
        symbolic = not isinstance(value, int)
        if bits == 64:
            if symbolic and size == 2:
                return unchanged
        else:
            native = size * 8 == bits
            if symbolic and overridden == native:
                return unchanged
            grows = bits == 16 and (level.number <= 1 or level.space) and size == 4
            if grows and not overridden:
                return unchanged
            if isinstance(value, int) and size == 4 and overridden == (bits == 32):
                value &= 0xFFFF
        if size == 8 and isinstance(value, int) and 0 <= value < 1 << 31:
            suffix, result = "l", RegisterOperand(_resized(target.register, 4))
        kept = tuple(byte for byte in kept if byte != _ADDRESS_SIZE)
        return "mov" + suffix, [Immediate(value), result], options, kept
    if value != 0:
        return unchanged
    single = memory.base if memory.index is None else memory.index if memory.base is None else None
    if single is None or single.kind is not RegisterClass.GENERAL or memory.scale != 1:
        return unchanged
    kept = tuple(byte for byte in kept if byte != _ADDRESS_SIZE)
    if single.size == 2 and size == 4:
        if bits != 32:
            return unchanged
        return "movzwl", [RegisterOperand(single), result], options, kept
    source = RegisterOperand(_resized(single, size))
    return "mov", [source, result], (*options, "load"), kept


def _vector(instruction: Instruction, level: Level) -> Instruction | None:
    mnemonic, operands, options, prefixes = instruction
    if mnemonic in _CLEARING and len(operands) == 3 and operands[0] == operands[1]:
        target = operands[2]
        if isinstance(target, RegisterOperand) and target.register.size != 16:
            return _cleared(instruction, level)
    narrow = _AS_VEX.get(mnemonic)
    if narrow is not None:
        if "evex" in options or any(_needs_evex(operand) for operand in operands):
            return None
        vectors = [o.register for o in operands if isinstance(o, RegisterOperand)]
        unit = max(register.size for register in vectors)
        for operand in operands:
            if isinstance(operand, Memory) and isinstance(operand.displacement, int):
                value = operand.displacement
                scaled = value % unit == 0 and fits(value // unit, 1)
                if operand.base is not None and scaled and not fits(value, 1):
                    return None
        mnemonic, options = narrow, tuple(o for o in options if o != "disp8")
        return _swapped((mnemonic, operands, options, prefixes), level) or (
            mnemonic, operands, options, prefixes,
        )  # fmt: skip
    return _swapped(instruction, level)


def _cleared(instruction: Instruction, level: Level) -> Instruction | None:
    """The same register twice: all of the result is zero, or as good as."""
    mnemonic, operands, options, prefixes = instruction
    registers = [o.register for o in operands if isinstance(o, RegisterOperand)]
    if len(registers) != 3:
        return None
    if mnemonic[0] == "k":
        return mnemonic[:-1] + "w", operands, options, prefixes
    target = operands[2]
    assert isinstance(target, RegisterOperand)
    size = target.register.size
    low = [RegisterOperand(_resized(register, 16)) for register in registers]
    evex = "evex" in options or any(register.number >= 16 for register in registers)
    asked = size == 64 or target.mask or mnemonic in _AS_VEX or evex
    if asked and target.mask and not target.zeroing:
        return None
    if not evex:
        return _AS_VEX.get(mnemonic, mnemonic), list(low), options, prefixes
    if level.number < 2 or (size == 64 and not level.vector_length):
        return None
    low[2] = replace(low[2], mask=target.mask, zeroing=target.zeroing)
    return mnemonic, list(low), options, prefixes


def _swapped(instruction: Instruction, level: Level) -> Instruction | None:
    """Sources exchanged where that makes the short VEX prefix enough."""
    mnemonic, operands, options, prefixes = instruction
    if level.number < 2 or len(operands) != 3:
        return None
    compares = mnemonic[:4] == "vcmp" and mnemonic[-2:] in ("ps", "pd", "ss", "sd")
    if mnemonic not in _COMMUTATIVE and not (compares and mnemonic[4:-2] in _SYMMETRIC):
        return None
    if {"vex3", "evex"} & set(options) or any(_needs_evex(operand) for operand in operands):
        return None
    first, second, target = operands
    if not isinstance(first, RegisterOperand) or not isinstance(second, RegisterOperand):
        return None
    assert isinstance(target, RegisterOperand)
    if first.register.number < 8 or second.register.number >= 8:
        return None
    if target.register.number >= 8:
        return None
    return mnemonic, [second, first, target], options, prefixes


def _needs_evex(operand: Operand) -> bool:
    if isinstance(operand, RegisterOperand):
        register = operand.register
        return bool(operand.mask) or register.size == 64 or register.number >= 16
    return isinstance(operand, Memory) and bool(operand.mask or operand.broadcast)


def _resized(register: Register, size: int) -> Register:
    """The part of `register`, or the whole that it is part of, that has `size` bytes."""
    return next(
        other
        for other in REGISTERS.values()
        if other.number == register.number
        and other.size == size
        and other.kind is register.kind
        and not other.bars_rex
    )


def _widest(register: Register | None) -> Register | None:
    if register is None:
        return None
    if register.kind is RegisterClass.GENERAL:
        return _resized(register, 8)
    return REGISTERS[{"eip": "rip", "eiz": "riz"}.get(register.name, register.name)]
