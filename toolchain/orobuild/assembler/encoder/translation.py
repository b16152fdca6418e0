"""Intel statements in AT&T's terms: mnemonics, suffixes and what a bare expression stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.mnemonics import (
    SHIFTS,
    VECTOR_SIZED,
    is_conversion,
    is_unsized,
    words,
)
from orobuild.assembler.encoder.operands import (
    Immediate,
    Memory,
    Operand,
    RegisterOperand,
    Rounding,
)
from orobuild.assembler.encoder.registers import RegisterClass, find
from orobuild.assembler.expression import Binary, Here, SymbolRef
from orobuild.diagnostics import error
from orobuild.errors import InputError
from orobuild.patterns import pattern
from orobuild.records import replace

if TYPE_CHECKING:
    import re

    from orobuild.assembler.encoder.types import Dialect, Resolve
    from orobuild.assembler.expression import Expr
    from orobuild.diagnostics import Span


_NAMES: Final = {
    "movsd": "movsl",
    "cmpsd": "cmpsl",
    "lodsd": "lodsl",
    "stosd": "stosl",
    "scasd": "scasl",
    "insd": "insl",
    "outsd": "outsl",
    "retf": "lret",
    "retfd": "lretl",
    "retfw": "lretw",
    "retfq": "lretq",
    "iretd": "iretl",
    "pushfd": "pushfl",
    "popfd": "popfl",
    "pushad": "pushal",
    "popad": "popal",
    "sysretd": "sysretl",
    "sysexitd": "sysexitl",
}
_ALWAYS: Final = {
    **{name + "w": name + "s" for name in words("fldenv fnstenv fstenv fnsave fsave frstor")},
    **{name + "d": name + "l" for name in words("fldenv fnstenv fstenv fnsave fsave frstor")},
    **{name + "d": name + "l" for name in words("lgdt lidt sgdt sidt push pop ret enter leave")},
}
_LETTERS: Final = {1: "b", 2: "w", 4: "l", 8: "q"}
_STRING_STEMS: Final = words("movs cmps lods stos scas ins outs")
_SIZED: Final = words(
    "mov add or adc sbb and sub xor cmp test not neg inc dec mul imul div idiv rol ror rcl rcr shl "
    "sal shr sar bt btc btr bts push pop nop crc32 cvtsi2sd cvtsi2ss vcvtsi2sd vcvtsi2ss vcvtusi2sd "
    "vcvtusi2ss vcvtsi2sh vcvtusi2sh ptwrite call jmp"
)
_X87_INTEGERS: Final = pattern(r"fi(?:ld|st|stp|sttp|add|sub|subr|mul|div|divr|com|comp)")
_X87: Final = pattern(r"f(?:ld|st|stp|add|sub|subr|mul|div|divr|com|comp)")
_SWAPPED: Final = pattern(r"f(sub|div)(r?)(p?)")


def translate(
    mnemonic: str, operands: list[Operand], bits: int, place: Span
) -> tuple[str, list[Operand]]:
    """AT&T's mnemonic for an Intel statement, and its operands, still in the order of the text.

    Names that AT&T and Intel share (`cdqe`, `sysretq`) stay. `place` is where an error is shown.
    """
    memory = next((o for o in operands if isinstance(o, Memory)), None)
    size = memory.size if memory is not None else 0
    name = _ALWAYS.get(mnemonic, mnemonic)
    if not operands or name.startswith(("pushf", "popf", "ret", "iret")):
        name = _NAMES.get(name, name)
    operands = [
        replace(o, size=0) if isinstance(o, Memory) and o.broadcast not in (None, "bcst") else o
        for o in operands
    ]
    general = [
        o.register
        for o in operands
        if isinstance(o, RegisterOperand) and o.register.kind is RegisterClass.GENERAL
    ]
    if name in ("nopd", "calld", "jmpd", "cvtsi2ssd", "cvtsi2sdd"):
        name = name[:-1] + "l"
    if name in _POPPING and not operands:
        name += "p"
    if name[-1] == "d" and name[:-1] in _DOUBLEWORDS and not _is_vector_move(name, operands):
        name = name[:-1] + "l"
    if memory is not None and not (size or memory.broadcast) and bits != 64 and _is_narrow(name):
        name += "l"
    elif memory is not None and not (size or memory.broadcast) and _is_ambiguous(name, operands):
        raise InputError(error(f"ambiguous operand size for '{mnemonic}'", place, hint=_SIZE_HINT))
    if name in ("movzx", "movsx") and size in (1, 2, 4) and general:
        if size < 4:
            name = f"{name[:4]}{_LETTERS[size]}{_LETTERS[general[0].size]}"
        elif name == "movsx":
            name = "movsxl"
    elif name in _STRING_STEMS:
        name += _LETTERS.get(size, "")
    elif bits == 16 and size == 6 and name in ("lgdt", "lidt", "sgdt", "sidt"):
        name += "l"
    elif memory is not None and (_X87.fullmatch(name) or _X87_INTEGERS.fullmatch(name)):
        name += _x87_suffix(name, size)
    elif (match := _SWAPPED.fullmatch(name)) and _stores(match, operands):
        name = f"f{match[1]}{'' if match[2] else 'r'}{match[3]}"
    elif name in ("call", "jmp"):
        return _branch(name, operands, bits)
    elif name[:-1] in ("call", "jmp") and memory is not None and len(operands) == 1 and not size:
        return name, [replace(memory, indirect=True)]
    elif name in ("lcall", "ljmp") and memory is not None and len(operands) == 1:
        return name, [replace(memory, indirect=True, size=0)]
    elif memory is not None and size in _LETTERS and name in _SIZED:
        if (
            name.startswith(("cvt", "vcvt"))
            or not any(isinstance(o, RegisterOperand) for o in operands)
            or (name in SHIFTS and len(general) == 1 and general[0].name == "cl")
            or name == "crc32"
        ):
            name += _LETTERS[size]
    elif memory is not None and not memory.broadcast and VECTOR_SIZED.fullmatch(name):
        name += {16: "x", 32: "y", 64: "z"}.get(size, "")
    return name, [
        replace(o, indirect=False) if isinstance(o, Memory) and o.indirect else o for o in operands
    ]


_POPPING: Final = words("fadd fmul fsub fsubr fdiv fdivr")
_DOUBLEWORDS: Final = words(
    "mov add or adc sbb and sub xor cmp test not in rol ror shld shrd lzcnt popcnt andn les lds"
)


def _is_vector_move(name: str, operands: list[Operand]) -> bool:
    """Whether `movd` is the vector instruction of that name."""
    return name == "movd" and any(
        isinstance(o, RegisterOperand)
        and o.register.kind in (RegisterClass.VECTOR, RegisterClass.MMX)
        for o in operands
    )


def _is_narrow(name: str) -> bool:
    """Whether only 64-bit code has a choice of sizes."""
    return is_conversion(name) or name == "ptwrite"


_SIZE_HINT: Final = "write byte ptr, word ptr, dword ptr or qword ptr before the address"


def _is_ambiguous(name: str, operands: list[Operand]) -> bool:
    """Whether neither a register nor the name tells how much memory is meant."""
    if VECTOR_SIZED.fullmatch(name) and name[0] == "v":
        # half as many bytes in %ymm can only come from 64 bytes
        return not any(isinstance(o, RegisterOperand) and o.register.size == 32 for o in operands)
    if name in ("movzx", "movsx", "crc32"):
        return True
    if VECTOR_SIZED.fullmatch(name):
        return False
    if not is_unsized(name) or name in ("in", "out", *_STRING_STEMS):
        return False
    return not any(
        isinstance(o, RegisterOperand)
        and o.register.kind is not RegisterClass.VECTOR
        and not (
            name in SHIFTS and o.register.name == "cl" and len(operands) == 2 and o is operands[1]
        )
        for o in operands
    )


def is_place(operand: Operand) -> bool:
    """Whether `operand` is a bare expression: a branch's target, or a number once it is known."""
    return isinstance(operand, Memory) and operand.bare and not (operand.indirect or operand.size)


def is_address(value: Expr, resolve: Resolve) -> bool:
    """Whether a bare expression is a symbol and a number added to it: that is memory.

    Any other expression whose value is not known yet is a number to come (`end - start`), as GNU
    as reads it.
    """
    if isinstance(value, SymbolRef | Here):
        return True
    if not isinstance(value, Binary) or value.operator not in ("+", "-"):
        return False
    if resolve(value.left) is not None:
        return value.operator == "+" and is_address(value.right, resolve)
    return resolve(value.right) is not None and is_address(value.left, resolve)


_FAR: Final = pattern(r"([^\[\]\"%:]+):([^\[\]\"%:]+)")


def far_parts(text: str, dialect: Dialect) -> tuple[str, str] | None:
    """(selector, offset) of `8:label`, or None; `ds:label` is no far address."""
    match = _FAR.fullmatch(text)
    if match is None:
        return None
    word = match[1].split()[-1].lower() if match[1].split() else ""
    register = find(word, dialect.bits)
    if not word or (register is not None and register.kind is RegisterClass.SEGMENT):
        return None
    return match[1].strip(), match[2].strip()


def _x87_suffix(name: str, size: int) -> str:
    if name.startswith("fi"):
        return {2: "s", 4: "l", 8: "ll"}.get(size, "")
    return {4: "s", 8: "l", 10: "t"}.get(size, "")


def _stores(match: re.Match[str], operands: list[Operand]) -> bool:
    """Whether the result does not go to `st(0)`: there AT&T exchanges sub and subr."""
    if match[3]:
        return True
    first = operands[0] if operands else None
    return (
        isinstance(first, RegisterOperand)
        and len(operands) == 2
        and first.register.kind is RegisterClass.X87
        and first.register.number != 0
    )


def _branch(name: str, operands: list[Operand], bits: int) -> tuple[str, list[Operand]]:
    """`call` and `jmp` through a register or memory: indirect, far where the pointer is."""
    if len(operands) != 1 or isinstance(operands[0], Immediate | Rounding):
        return name, operands
    operand = operands[0]
    if isinstance(operand, RegisterOperand):
        return name, [replace(operand, indirect=True)]
    size = operand.size
    if size in (-1, 6, 10) or (size == 4 and bits != 32):
        suffix = {(6, 16): "l", (4, 64): "w"}.get((size, bits), "")
        return f"l{name}{suffix}", [replace(operand, indirect=True, size=0)]
    return name + _LETTERS.get(size, ""), [replace(operand, indirect=True)]
