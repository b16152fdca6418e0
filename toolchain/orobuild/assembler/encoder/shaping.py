"""From parsed operands to a template's key: which numbers are known, how wide they are written.

Here live GNU as's rules of size: the suffix and the registers give the operand size, the value
gives the width of an immediate or a displacement.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.mnemonics import (
    SEGMENT_PREFIX,
    SHIFTS,
    default_suffix,
    is_conversion,
    is_unsized,
    words,
)
from orobuild.assembler.encoder.operands import (
    Immediate,
    Memory,
    Operand,
    RegisterOperand,
)
from orobuild.assembler.encoder.registers import RegisterClass
from orobuild.assembler.encoder.template import (
    DISPLACEMENT_STAND_IN,
    IMMEDIATE_STAND_IN,
    Shape,
    address_size,
    displacement_stand_in,
    fits,
    fits_either,
    general_size,
    immediate_stand_in,
    operand_size,
    operand_text,
    signed,
)
from orobuild.diagnostics import error
from orobuild.errors import InputError
from orobuild.patterns import pattern
from orobuild.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.assembler.encoder.operands import Value
    from orobuild.assembler.encoder.types import Dialect, Locate
    from orobuild.assembler.expression import Expr


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement. `prefixes` are bytes to merge into the code.

    `places` are (offset, length) of every operand in `text`; `values` are the numbers and
    expressions of the operands, in the order of the text; `warnings` are (message, operand).
    """

    text: str
    dialect: Dialect
    prefixes: tuple[int, ...]
    mnemonic: str
    mnemonic_place: tuple[int, int]
    operands: tuple[Operand, ...]
    places: tuple[tuple[int, int], ...]
    shape: Shape
    values: tuple[Value, ...]
    key: str
    warnings: tuple[tuple[str, int], ...] = ()
    exact: bool = False


_PORTS: Final = words("inb inw inl outb outw outl")
_STACK_16GCC: Final = words("call ret lret push pop pushf popf enter leave lcall pusha popa")
_POPPING: Final = words("fadd fmul fsub fsubr fdiv fdivr")
_TRUNCATING: Final = frozenset(
    stem + suffix
    for stem in words("mov add or adc sbb and sub xor cmp test imul push")
    for suffix in ("", "b", "w", "l", "q")
)
_BRANCHES: Final = pattern(r"l?(?:call|jmp)[wlq]?")
_STRINGS: Final = frozenset(
    stem + suffix
    for stem in ("movs", "cmps", "stos", "lods", "scas", "ins", "outs")
    for suffix in ("", "b", "w", "l", "q", "d")
)


def shape(
    text: str,
    dialect: Dialect,
    prefixes: tuple[int, ...],
    mnemonic: str,
    mnemonic_place: tuple[int, int],
    operands: list[Operand],
    places: list[tuple[int, int]],
    locate: Locate,
    options: tuple[str, ...] = (),
) -> Statement:
    """The statement with its key; raises InputError where a number cannot be meant."""
    bits = dialect.bits
    if dialect.code16gcc and mnemonic in _STACK_16GCC and not _sized(operands):
        mnemonic += "l"
    mnemonic, operands = _renamed(mnemonic, operands, intel=dialect.intel)
    if len(places) < len(operands):
        places = [*places, *places]
    if (bits == 64 and mnemonic in _INTEL_ONLY) or mnemonic in _CHECKED:
        _check_form(mnemonic, operands, mnemonic_place, locate)
    if mnemonic == "int" and operands == [Immediate(3)]:
        mnemonic, operands, places = "int3", [], []
    elif mnemonic == "movq" and options and all(map(_is_general, operands)):
        mnemonic = "mov"  # what the options are about; movq is another instruction's name too
    elif len(operands) == 1 and mnemonic in _PORTS and isinstance(operands[0], Memory):
        operands = [RegisterOperand(operands[0].base)] if operands[0].base else operands
    warnings: list[tuple[str, int]] = []
    if "gather" in mnemonic:
        _check_gather(operands, warnings)
    if not dialect.intel:
        narrow = (bits == 16) != (0x66 in prefixes)
        mnemonic, operands = _completed(mnemonic, operands, 16 if narrow else bits, warnings)
    completed = bool(warnings)
    if 0x66 in prefixes and mnemonic == "push" and operands and isinstance(operands[0], Immediate):
        mnemonic = "pushl" if bits == 16 else "pushw"
    size = -1
    values: list[Value] = []
    indices: list[int] = []
    standing: list[Operand] = []
    pieces: list[str] = []
    overridden = 0x67 in prefixes
    mode = "".join(f"{{{option}}}" for option in options)
    for i, operand in enumerate(operands):
        stands: Operand = operand
        index = -1
        if isinstance(operand, Immediate):
            if size < 0:
                size = operand_size(mnemonic, operands, bits)
            width = 2 if i == 0 and mnemonic.startswith("enter") else size
            value = operand.value
            cut = False
            if isinstance(value, int) and 0 < width < 8:
                written = value
                if bits != 64:
                    value = extended(value)
                elif fits_either(value, 4) and general_size(mnemonic, operands) in (1, 2, 4):
                    value = signed(value, 4)  # operations of 32 bits and less know no wider numbers
                # GNU as picks the form before it cuts the value or supplies a suffix.
                cut = not fits_either(value, width) or (
                    completed and width > 1 and not fits(written, 1)
                )
                value = _narrow(value, width, mnemonic, i, places, warnings, locate)
            number, variable = immediate_stand_in(value, mnemonic, width)
            if cut:
                number = IMMEDIATE_STAND_IN[width]
            if variable:
                index = len(values)
                values.append(value)
            stands = Immediate(number)
        elif isinstance(operand, Memory):
            memory = operand
            if memory.segment is not None:
                moves = any(isinstance(o, RegisterOperand) for o in operands)
                string = mnemonic in _STRINGS and not (moves and mnemonic[:3] in ("mov", "cmp"))
                prefixes = _segment(memory, mnemonic if string else "", prefixes)
            if memory.base is not None and memory.base.name == "dx":
                _check_port(mnemonic, places[i], locate)
            width = address_size(memory, bits, overridden=overridden)
            if overridden and not memory.absolute and width == bits // 8:
                message = "the address-size prefix contradicts the registers of the address"
                raise InputError(error(message, locate(*places[i])))
            native = bits // 8 if memory.absolute else width
            number_of = memory.displacement
            if isinstance(number_of, int) and width < 8 and not fits_either(number_of, width):
                if bits != 64:
                    number_of = extended(number_of)
                cut_off = signed(number_of, width)
                if not _wraps(number_of, width):
                    shown = cut_off & ((1 << 8 * width) - 1)
                    warnings.append((f"{number_of:#x} shortened to {shown:#x}", i))
                if not fits_either(number_of, width):  # GNU as picks the form before it cuts
                    options = (*options, "disp16" if width == 2 else "disp32")
                    mode += f"{{{options[-1]}}}"
                memory = replace(memory, displacement=cut_off)
            if width == 8 and mnemonic in ("lea", "leal", "leaw"):
                memory, far = _wrapped(memory, operands[-1])
                if far:
                    options = (*options, "disp32")
                    mode += "{disp32}"
            if memory.size:
                mode += f"<{memory.size}>"
            if mnemonic.startswith("mov") and (
                _through_got(memory, bits) or (0xF3 in prefixes and memory.absolute)
            ):
                mode += "{got}"
                options = (*options, "got")
            stands, displacement = _displaced(
                memory, width, native, options, places[i], mnemonic, locate
            )
            if stands.displacement == DISPLACEMENT_STAND_IN[8] and mnemonic[3:4] in "bwlq":
                mnemonic = "movabs" + mnemonic[3:]
            if displacement is not None:
                index = len(values)
                values.append(displacement)
                if overridden and memory.absolute:
                    mode += "@"
        indices.append(index)
        standing.append(stands)
        pieces.append(operand_text(stands))
    body = f"{mnemonic} {', '.join(pieces)}" if pieces else mnemonic
    if prefixes:
        mode += "^" + bytes(sorted(prefixes)).hex()
    shaped = Shape(body, mnemonic, tuple(standing), tuple(indices), options)
    return Statement(
        text,
        dialect,
        prefixes,
        mnemonic,
        mnemonic_place,
        tuple(operands),
        tuple(places),
        shaped,
        tuple(values),
        f"{bits}{mode} {body}",
        tuple(warnings),
    )


_OTHER_NAMES: Final = pattern(
    r"s(cmp|lod|mov|sca|sto)([bwlq]?)|(retf)([wlq]?)|(clr)([bwlq]?)|(i?div)([bwlq]?)|(cmpsd)"
)


def _renamed(mnemonic: str, operands: list[Operand], *, intel: bool) -> tuple[str, list[Operand]]:
    """GNU as's other names of instructions: `smov`, `clr`, and in AT&T syntax Intel's `retf`."""
    match = _OTHER_NAMES.fullmatch(mnemonic)
    if match is None:
        return mnemonic, operands
    if match[1]:
        return f"{match[1]}s{match[2]}", operands
    if match[3]:
        return (mnemonic if intel else f"lret{match[4]}"), operands
    if match[9]:
        return ("cmpsl" if not operands else mnemonic), operands
    if match[7]:
        return _divided(mnemonic, match[7], match[8], operands)
    if len(operands) == 1 and isinstance(operands[0], RegisterOperand):
        return f"xor{match[6]}", [operands[0], operands[0]]
    return mnemonic, operands


_ACCUMULATORS: Final = {"al": "b", "ax": "w", "eax": "l", "rax": "q"}


def _divided(
    mnemonic: str, stem: str, suffix: str, operands: list[Operand]
) -> tuple[str, list[Operand]]:
    """`div %ecx, %eax` names the accumulator that it divides anyway."""
    if len(operands) != 2 or not isinstance(operands[1], RegisterOperand):
        return mnemonic, operands
    letter = _ACCUMULATORS.get(operands[1].register.name)
    if letter is None or suffix not in ("", letter):
        return mnemonic, operands
    return stem + letter, operands[:1]


def _completed(
    mnemonic: str, operands: list[Operand], bits: int, warnings: list[tuple[str, int]]
) -> tuple[str, list[Operand]]:
    """The statement with what AT&T syntax lets one leave out; GNU as completes it with a warning."""
    if _BRANCHES.fullmatch(mnemonic) and len(operands) == 1:
        operand = operands[0]
        if isinstance(operand, RegisterOperand) and mnemonic[0] == "l":
            return mnemonic, operands
        if isinstance(operand, RegisterOperand | Memory) and not operand.indirect:
            warnings.append((f"indirect {mnemonic} without '*'", 0))
            return mnemonic, [replace(operand, indirect=True)]
        return mnemonic, operands
    if mnemonic in _POPPING and not operands:
        warnings.append((f"'{mnemonic}' without operands is taken for '{mnemonic}p'", -1))
        return mnemonic + "p", operands
    if not is_unsized(mnemonic):
        return mnemonic, operands
    sized = operands[:1] if mnemonic == "crc32" or is_conversion(mnemonic) else operands
    for operand in sized:
        if isinstance(operand, RegisterOperand):
            name = operand.register.name
            if name == "dx" and mnemonic in ("in", "out", "ins", "outs"):
                continue
            count = name == "cl" and mnemonic in SHIFTS and len(operands) == 2
            if count and isinstance(operands[1], Memory):
                continue
            return mnemonic, operands
    if not operands and mnemonic not in ("movs", "cmps", "stos", "lods", "scas", "ins", "outs"):
        return mnemonic, operands
    target = operands[-1] if operands else None
    if mnemonic == "crc32" and isinstance(target, RegisterOperand) and target.register.size == 8:
        return "crc32q", operands
    suffix, warns = default_suffix(mnemonic, bits)
    if warns:
        message = "no instruction mnemonic suffix given and no register operands; using default"
        warnings.append((f"{message} for '{mnemonic}'", -1))
    return mnemonic + suffix, operands


def _sized(operands: list[Operand]) -> bool:
    return any(
        isinstance(o, RegisterOperand) and o.register.kind is RegisterClass.GENERAL
        for o in operands
    )


def _narrow(
    value: int,
    width: int,
    mnemonic: str,
    index: int,
    places: list[tuple[int, int]],
    warnings: list[tuple[str, int]],
    locate: Locate,
) -> int:
    if not fits_either(value, width):
        cut = value & ((1 << 8 * width) - 1)
        if mnemonic in _TRUNCATING and -(1 << 8 * width) <= value < 0:
            return signed(value, width)  # only copies of the sign are lost
        if mnemonic not in _TRUNCATING:
            start, length = places[index]
            raise InputError(
                error(f"{value:#x} does not fit into {width * 8} bits", locate(start, length))
            )
        warnings.append((f"{value & ((1 << 64) - 1):#x} shortened to {cut:#x}", index))
        value = signed(value, width)
    return value if width == 1 else signed(value, width)


def _segment(memory: Memory, mnemonic: str, prefixes: tuple[int, ...]) -> tuple[int, ...]:
    """The prefixes with the operand's segment, unless the processor uses it anyway."""
    assert memory.segment is not None
    name = memory.segment.name
    default = "ds"
    base = memory.base
    if base is not None and base.name in ("rsp", "rbp", "esp", "ebp", "bp"):
        default = "ss"
    if mnemonic in _STRINGS and base is not None and base.name in ("rdi", "edi", "di"):
        default = "es" if not mnemonic.startswith(("lods", "outs")) else "ds"
    if name == default:
        return prefixes
    return (*prefixes, SEGMENT_PREFIX[name])


def extended(value: int) -> int:
    """A number of 16- and 32-bit code, which wraps at 2**32.

    gas/config/tc-i386.c, extend_to_32bit_address.
    """
    return signed(value, 4) if 0 <= value < 1 << 32 or fits(value, 4) else value & 0xFFFFFFFF


def _wraps(value: int, width: int) -> bool:
    """Whether `value` says a number of `width` bytes; negative ones count down from the end.

    gas/config/tc-i386.c, offset_in_range.
    """
    return -(1 << 8 * width) < value < 1 << 8 * width


_CHECKED: Final = words("movl movq nopw nopl nopq kmovb kmovw kmovd kmovq")
_INTEL_ONLY: Final = words("lcallq ljmpq lfs lfsq lgs lgsq lss lssq")
"""Far branches and loads of far pointers, which have a 64-bit form on Intel's processors only."""


def _check_form(
    mnemonic: str, operands: list[Operand], place: tuple[int, int], locate: Locate
) -> None:
    """Raise for forms that GNU as does not know although there are bytes for them."""
    registers = [o.register for o in operands if isinstance(o, RegisterOperand)]
    message, hint = "", None
    if mnemonic[:3] == "nop":
        if not operands:
            message = f"'{mnemonic}' needs an operand; the plain no-operation is 'nop'"
    elif mnemonic[:4] == "kmov":
        if any(isinstance(o, Memory) and _is_thread_local(o) for o in operands):
            message = f"'{mnemonic}' is none of the instructions that linkers know for TLS"
    elif mnemonic in _INTEL_ONLY:
        if mnemonic[-1] == "q" or any(register.size == 8 for register in registers):
            message = f"'{mnemonic}' has no form of 64 bits on AMD's processors"
            hint = "write 'rex.w' before it"
    elif any(r.kind is RegisterClass.SEGMENT for r in registers) and any(
        isinstance(o, Memory) for o in operands
    ):
        message = (
            f"a segment register is moved to and from 16 bits of memory, not with '{mnemonic}'"
        )
        hint = "write 'mov' or 'movw'"
    if message:
        raise InputError(error(message, locate(*place), hint=hint))


_LINKED: Final = ("GOTTPOFF", "GOTNTPOFF", "TLSGD", "TLSLD", "TLSLDM")
"""What linkers rewrite the instruction of."""


def _is_thread_local(memory: Memory) -> bool:
    """Whether the address is one of thread-local storage."""
    value = memory.displacement
    if value is None or isinstance(value, int):
        return False
    from orobuild.assembler.expression import symbols

    return any(symbol.modifier in _LINKED for symbol in symbols(value))


def _is_general(operand: Operand) -> bool:
    """Whether it is memory or a general register."""
    if isinstance(operand, RegisterOperand):
        return operand.register.kind is RegisterClass.GENERAL
    return isinstance(operand, Memory)


def _check_gather(operands: list[Operand], warnings: list[tuple[str, int]]) -> None:
    """Warn of a register with two roles, for which processors raise an exception."""
    used = [o.register.number for o in operands if isinstance(o, RegisterOperand)]
    used += [
        o.index.number
        for o in operands
        if isinstance(o, Memory) and o.index and o.index.kind is RegisterClass.VECTOR
    ]
    if len(set(used)) < len(used):
        warnings.append(("mask, index and destination should be different registers", 0))


def _check_port(mnemonic: str, place: tuple[int, int], locate: Locate) -> None:
    """`(%dx)` is a port, not memory: only `in`, `out`, `ins` and `outs` have one."""
    if not re.fullmatch(r"(?:in|out)s?[bwl]?", mnemonic):
        raise InputError(error("'%dx' cannot be a base register", locate(*place)))


def _wrapped(memory: Memory, target: Operand) -> tuple[Memory, bool]:
    """`lea` into less than 64 bits takes any displacement modulo 2**32.

    Also returned is whether only that made it fit: then GNU as has chosen the wide form.
    """
    value = memory.displacement
    if (
        isinstance(target, RegisterOperand)
        and target.register.size < 8
        and isinstance(value, int)
        and _wraps(value, 4)
    ):
        return replace(memory, displacement=signed(value, 4)), not fits_either(value, 4)
    return memory, False


def _through_got(memory: Memory, bits: int) -> bool:
    """Whether it is `foo@GOT` in 32-bit code, which GNU as never gives the accumulator's form."""
    value = memory.displacement
    if bits != 32 or not memory.absolute or value is None or isinstance(value, int):
        return False
    from orobuild.assembler.expression import symbols

    return any(symbol.modifier == "GOT" for symbol in symbols(value))


def _displaced(
    memory: Memory,
    width: int,
    native: int,
    options: tuple[str, ...],
    place: tuple[int, int],
    mnemonic: str,
    locate: Locate,
) -> tuple[Memory, Value | None]:
    """The operand with a stand-in, and the value that the stand-in stands for."""
    value = memory.displacement
    if isinstance(value, int):
        limit = 2 if width == 2 else 4
        if mnemonic.startswith("movabs") and memory.absolute:
            return _standing(memory, DISPLACEMENT_STAND_IN[8]), value
        if width < 8:
            value = signed(value, width)
        elif not fits(value, limit):
            if memory.absolute and mnemonic in ("mov", "movb", "movw", "movl", "movq"):
                return _standing(memory, DISPLACEMENT_STAND_IN[8]), value
            raise InputError(
                error(
                    f"{value & ((1 << 64) - 1):#x} is not a signed 32-bit displacement",
                    locate(*place),
                    hint="only movabs with %al, %ax, %eax or %rax takes a 64-bit address",
                )
            )
    elif value is not None and mnemonic.startswith("movabs") and memory.absolute:
        return _standing(memory, DISPLACEMENT_STAND_IN[8]), value
    stand_in = displacement_stand_in(memory, native)
    if "disp32" in options or "disp16" in options:
        stand_in = DISPLACEMENT_STAND_IN[2 if width == 2 else 4]
    elif "disp8" in options and stand_in is None and memory.base and mnemonic[0] == "v":
        return _standing(memory, 0), None  # EVEX counts in units: the stand-in would be none
    elif "disp8" in options and memory.base is not None and not isinstance(stand_in, int):
        stand_in = DISPLACEMENT_STAND_IN[1]
    if stand_in is None:
        return _standing(memory, None), None
    return _standing(memory, stand_in), value if value is not None else 0


def _standing(memory: Memory, displacement: int | None) -> Memory:
    """A new `memory` with another displacement and without its segment, which is a prefix."""
    return Memory(
        displacement,
        memory.base,
        memory.index,
        memory.scale,
        None,
        memory.indirect,
        memory.broadcast,
        memory.mask,
        memory.zeroing,
        memory.size,
    )


def check_direct(mnemonic: str, operand: Operand, place: tuple[int, int], locate: Locate) -> None:
    """Raise for `call %fs:4`, of which GNU as drops the segment and calls address 4."""
    if (
        mnemonic.rstrip("wlq") in ("call", "jmp")
        and isinstance(operand, Memory)
        and operand.segment is not None
        and operand.absolute
        and not operand.indirect
    ):
        hint = "write '*' before an address that holds the target"
        raise InputError(error("a branch to a place has no segment", locate(*place), hint=hint))


def needs_64_bits(value: Expr, operands: Sequence[Operand]) -> bool:
    """Whether the value's `@` word has no form for a sign-extended number.

    gas/config/tc-i386.c, lex_got's table.
    """
    from orobuild.assembler.expression import symbols

    target = operands[-1]
    if not isinstance(target, RegisterOperand) or target.register.size != 8:
        return False
    return any(symbol.modifier in ("GOTOFF", "PLTOFF", "SIZE") for symbol in symbols(value))


def can_be_exact(statement: Statement) -> bool:
    """Whether the statement's displacement is a number, so that it can decide its own width."""
    return any(
        isinstance(o, Memory) and isinstance(o.displacement, int) for o in statement.operands
    )


def exactly(statement: Statement) -> Statement:
    """The same statement with its displacement in the key, not a stand-in."""
    shaped = statement.shape
    standing: list[Operand] = []
    indices: list[int] = []
    for operand, index in zip(shaped.operands, shaped.indices, strict=True):
        if isinstance(operand, Memory) and index >= 0:
            value = statement.values[index]
            assert isinstance(value, int)
            standing.append(replace(operand, displacement=value))
            indices.append(-1)
        else:
            standing.append(operand)
            indices.append(index)
    body = f"{shaped.mnemonic} {', '.join(operand_text(o) for o in standing)}"
    return replace(
        statement,
        shape=replace(shaped, text=body, operands=tuple(standing), indices=tuple(indices)),
        key=f"{statement.key.split(' ', 1)[0]} {body}",
        exact=True,
    )
