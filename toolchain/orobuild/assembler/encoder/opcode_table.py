"""The decoder's table of opcodes as facts to encode by, looked up by AT&T mnemonic.

The facts are the manuals' opcode columns: map, prefix, W, L, operands and their places.
"""

from __future__ import annotations

import functools
from typing import Final, cast

from orobuild import iced
from orobuild.assembler.encoder.decoding import decoder_names
from orobuild.assembler.encoder.mnemonics import (
    ALIASES,
    ALTERNATIVES,
    EXTENSIONS,
    SUFFIX_SIZE,
    VECTOR_SIZED,
    words,
)
from orobuild.records import dataclass


@functools.cache
def _names_of(constants: str) -> dict[int, str]:
    """The names of the decoder's `constants`, such as `OpCodeOperandKind`, by number."""
    module = getattr(iced, constants)
    return {value: name for name, value in vars(module).items() if name.isupper()}


_MAPS: Final = {"NORMAL": 0, "T0F": 1, "T0F38": 2, "T0F3A": 3, "MAP5": 5, "MAP6": 6,
                "MAP8": 8, "MAP9": 9, "MAP10": 10}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opcode:
    """One opcode: its encoding family and fields, operands as (family, role)."""

    code: int
    mnemonic: str
    encoding: str
    map: int
    opcode: int
    length: int
    prefix: str
    w: int
    vector_length: int
    digit: int
    rm_digit: int
    operand_size: int
    kinds: tuple[str, ...]
    memory_unit: int
    broadcast_unit: int
    masks: bool
    needs_mask: bool
    zeroing: bool
    rounds: bool
    suppresses: bool
    memory_bytes: int
    default64: bool
    address_size: int


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(decoder_names().values())


def _info(code: int) -> iced.OpCodeInfo:
    return iced.OpCodeInfo(cast("iced.Code_", code))


@functools.cache
def _by_name() -> dict[str, list[int]]:
    names = decoder_names()
    found: dict[str, list[int]] = {}
    for name in dir(iced.Code):
        value = getattr(iced.Code, name)
        if isinstance(value, int) and name[0].isupper():
            info = _info(value)
            if info.is_instruction:
                found.setdefault(names[info.mnemonic], []).append(value)
    for codes in found.values():
        codes.sort()
    return found


# The names of the codes of these begin with the mnemonic, and those of no others do. Looking at the
# names takes a fifth of the time that asking the library about each code takes.
_NAMED_LIKE_THEIR_CODES: Final = words(
    "adc add and bsf bsr bswap bt btc btr bts call cbw cdq cdqe clc cld cli cmp cpuid cwd cwde cqo dec "
    "div hlt idiv imul in inc int3 jmp lea mov movaps movapd movd movdqa movdqu movhps movlps "
    "movmskpd movmskps movq movsd movss movsx movsxd movupd movups movzx mul neg not or out pand pcmpeqb "
    "pmovmskb por punpcklqdq pxor rcl rcr rdmsr rdtsc rol ror sar sbb shl shld shr shrd sub stc std sti "
    "swapgs iretd iretq pushfd pushfq popfd popfq syscall test ud2 wrmsr xadd xchg xor xorpd xorps addsd addss subsd subss mulsd mulss divsd "
    "divss cvtsi2sd cvtsi2ss cvttsd2si cvttss2si ucomisd ucomiss andpd andps andnpd andnps sqrtsd "
    "cvtss2sd cvtsd2ss lgdt lidt ltr fxsave fxrstor"
) | frozenset(
    stem + condition
    for stem in ("cmov", "set")
    for condition in words("o no b ae e ne be a s ns p np l ge le g")
)


# For each width a code of its own, but for some of 16 bits only.
_WIDTHS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(words("push pop ret enter leave nop"), ("", "w", "d", "q", "nw", "nd", "nq")),
    **dict.fromkeys(words("iret popf pushf"), ("w",)),
}


def is_legacy(mnemonic: str) -> bool:
    """Whether `mnemonic` is one of many that have legacy encodings, as far as the tables here say.

    `candidates` says it of all, but has to look at every code of the mnemonic.
    """
    stems = (mnemonic, mnemonic[:-1]) if mnemonic[-1] in "bwlq" else (mnemonic,)
    return any(stem in _NAMED_LIKE_THEIR_CODES or stem in _WIDTHS for stem in stems)


@functools.cache
def _code_names() -> str:
    """The names of all codes, each between newlines: most are never asked for."""
    return "\n".join(("", *vars(iced.Code), ""))


def _by_first_word(word: str) -> list[int]:
    """The codes whose names begin with `word`, which is not always the mnemonic."""
    names = _code_names()
    start = f"\n{word.upper()}"
    found = []
    at = names.find(start)
    while at >= 0:
        behind = at + len(start)
        if names[behind] in "_\n":
            found.append(vars(iced.Code)[names[at + 1 : names.index("\n", behind)]])
        at = names.find(start, behind)
    return sorted(found)


def _of_all_widths(name: str) -> list[int]:
    return sorted(code for width in _WIDTHS[name] for code in _by_first_word(name + width))


def _codes(name: str) -> list[int]:
    """The decoder's codes of one mnemonic of its own."""
    if name in _NAMED_LIKE_THEIR_CODES:
        return _by_first_word(name)
    if name in _WIDTHS:
        return _of_all_widths(name)
    return _by_name().get(name, []) if name in _names() else []


@functools.cache
def _opcode(code: int) -> Opcode:
    info = _info(code)
    tuple_name = _names_of("TupleType")[info.tuple_type]
    kinds = _names_of("OpCodeOperandKind")
    unit, _, broadcast = tuple_name[1:].partition("B")
    return Opcode(
        code,
        decoder_names()[info.mnemonic],
        _names_of("EncodingKind")[info.encoding],
        _MAPS[_names_of("OpCodeTableKind")[info.table]],
        info.op_code,
        info.op_code_len,
        _names_of("MandatoryPrefix")[info.mandatory_prefix],
        info.w,
        info.l,
        info.group_index,
        info.rm_group_index,
        info.operand_size,
        tuple(kinds[kind] for kind in info.op_kinds() if kinds[kind] != "SEG_RDI"),
        int(unit),
        int(broadcast) if broadcast and info.can_broadcast else 0,
        info.can_use_op_mask_register,
        info.require_op_mask_register,
        info.can_use_zeroing_masking,
        info.can_use_rounding_control,
        info.can_suppress_all_exceptions,
        iced.MemorySizeExt.size(info.memory_size),
        info.default_op_size64,
        info.address_size,
    )


@functools.cache
def _in_mode(code: int, bits: int) -> bool:
    info = _info(code)
    return bool({16: info.mode16, 32: info.mode32, 64: info.mode64}[bits])


_UNLISTED: Final = words(
    "push pop call jmp ret lret iret enter leave pushf popf pusha popa lgdt lidt sgdt sidt ljmp lcall "
    "in out sysret sysexit ins outs movs cmps stos lods scas xlat movabs "
    # These could be looked up, like all others; they are in every file.
    "add or adc sbb and sub xor cmp test mov lea not neg mul imul div idiv inc dec rol ror rcl rcr shl "
    "shr sar bt xchg"
)


@functools.cache
def takes_suffix(stem: str, suffix: str) -> bool:
    """Whether `suffix` after `stem` can be a size, rather than a slip of the pen."""
    if suffix in ("x", "y", "z"):
        return bool(VECTOR_SIZED.fullmatch(stem))
    x87 = stem.startswith("f") and not stem.startswith("fx")
    if suffix in ("s", "t"):
        return x87
    if suffix not in SUFFIX_SIZE or stem in EXTENSIONS or stem in ("movq", "movd"):
        return False
    if x87 and suffix == "q":
        return stem.startswith("fi")
    if stem in _UNLISTED or x87:
        return True
    names = dict.fromkeys((stem, ALIASES.get(stem, stem), ALTERNATIVES.get(stem, stem)))
    return any(
        kind.partition("_")[0] in ("R8", "R16", "R32", "R64", "SEG")
        for name in names
        for code in _codes(name)
        for kind in _opcode(code).kinds
    )


@functools.cache
def candidates(mnemonic: str, bits: int) -> tuple[tuple[Opcode, str], ...]:
    """The opcodes that `mnemonic` may mean in `bits`-bit code, each with the suffix left over."""
    found: list[tuple[int, str]] = []
    for stem, suffix in ((mnemonic, ""), (mnemonic[:-1], mnemonic[-1])):
        if suffix and not takes_suffix(stem, suffix):
            continue
        for name in dict.fromkeys((stem, ALIASES.get(stem, stem), ALTERNATIVES.get(stem, stem))):
            found += [(code, suffix) for code in _codes(name)]
        if found:
            break
    return tuple(
        (_opcode(code), suffix)
        for code, suffix in found
        if _in_mode(code, bits) and _info(code).encoding != iced.EncodingKind.MVEX
    )
