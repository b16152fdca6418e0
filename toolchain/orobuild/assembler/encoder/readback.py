"""Read an encoding back with iced-x86 and compare it with what was asked.

The decoder is the second opinion: an encoding is believed only when mnemonic, operands, sizes,
address and numbers all come back. Nothing here produces bytes.
"""

from __future__ import annotations

import functools
from typing import Any, Final

from orobuild import iced
from orobuild.assembler.encoder.decoding import (
    IMMEDIATE_BYTES,
    OPTIONS,
    decoder_names,
    is_segment,
    register_names,
    rex_of,
    width,
)
from orobuild.assembler.encoder.meaning import extends, suffix_matches, suffix_of
from orobuild.assembler.encoder.mnemonics import (
    ALIASES,
    ALTERNATIVES,
    EXTENSIONS,
    IMPLIED,
    SUFFIX_SIZE,
    words,
)
from orobuild.assembler.encoder.operands import (
    Immediate,
    Memory,
    Operand,
    RegisterOperand,
    Rounding,
)
from orobuild.assembler.encoder.registers import RegisterClass
from orobuild.assembler.encoder.template import (
    Field,
    Shape,
    Template,
    fits_either,
)

_KIND: Final = iced.OpKind

_SIGN_EXTENDED: Final = {
    _KIND.IMMEDIATE8TO16,
    _KIND.IMMEDIATE8TO32,
    _KIND.IMMEDIATE8TO64,
    _KIND.IMMEDIATE32TO64,
}
_STRING_MEMORY: Final = {
    getattr(_KIND, name): (register, segmented)
    for name, register, segmented in (
        ("MEMORY_SEG_SI", "si", True),
        ("MEMORY_SEG_ESI", "esi", True),
        ("MEMORY_SEG_RSI", "rsi", True),
        ("MEMORY_SEG_DI", "di", True),
        ("MEMORY_SEG_EDI", "edi", True),
        ("MEMORY_SEG_RDI", "rdi", True),
        ("MEMORY_ESDI", "di", False),
        ("MEMORY_ESEDI", "edi", False),
        ("MEMORY_ESRDI", "rdi", False),
    )
}
_ROUNDINGS: Final = {
    "rn-sae": iced.RoundingControl.ROUND_TO_NEAREST,
    "rd-sae": iced.RoundingControl.ROUND_DOWN,
    "ru-sae": iced.RoundingControl.ROUND_UP,
    "rz-sae": iced.RoundingControl.ROUND_TOWARD_ZERO,
}
_SWAPPED: Final = {"fsub": "fsubr", "fsubr": "fsub", "fdiv": "fdivr", "fdivr": "fdiv"}
_MAY_HIDE: Final = words(
    "monitor monitorx mwait mwaitx clzero invlpga invlpgb vmrun vmload vmsave skinit umwait tpause "
    "rdpru pvalidate psmash rmpadjust rmpupdate rmpquery blendvps blendvpd pblendvb sha256rnds2 "
    "encodekey128 encodekey256 xlatb"
)
_HIDDEN: Final = words("ax eax rax ecx rcx edx rdx ebx rbx xmm0")
"""Registers that AT&T text may name where the processor's choice is fixed and not shown."""


@functools.cache
def _selector_mnemonics() -> frozenset[int]:
    """Instructions that read 16 bits of a register of any width."""
    return frozenset(number for number, name in decoder_names().items() if name in _SELECTOR)


_SELECTOR: Final = words(
    "lldt ltr verr verw lmsw str sldt smsw pmovmskb movmskps movmskpd movsxd mov arpl lsl lar "
    "vpmovmskb vmovmskps vmovmskpd pinsrw pinsrb pextrw pextrb extractps vpinsrw vpinsrb vpextrw "
    "vpextrb vextractps"
)
_QUADWORD_INTEGERS: Final = words("fildq fildll fistpq fistpll fisttpq fisttpll")
_STRING_NAMES: Final = words("movsl cmpsl smovl scmpl")
_STRING_STEMS: Final = words("movs cmps stos lods scas ins outs")


def read_back(shape: Shape, code: bytes, bits: int) -> tuple[Template | None, str]:
    """The template that `code` is for `shape`, or None and the reason why it is none."""
    lead = 1 if code[:1] == b"\x9b" and len(code) > 1 else 0  # fstcw is wait and fnstcw
    options = OPTIONS
    if bits == 64 and shape.mnemonic.startswith(("jmp", "call", "ret")):
        options |= iced.DecoderOptions.AMD  # a 16-bit branch where 0x66 asks for one
    if "gather" in shape.mnemonic:
        options |= iced.DecoderOptions.NO_INVALID_CHECK  # equal registers: GNU as only warns
    if bits != 64:
        options |= iced.DecoderOptions.MOV_TR
        if shape.mnemonic.startswith("mov"):
            options |= iced.DecoderOptions.AMD  # %cr8 by a lock prefix
    if shape.mnemonic.startswith("mov") and _loads_cs(shape):
        options |= iced.DecoderOptions.NO_INVALID_CHECK  # no processor does; GNU as encodes it
    decoder = iced.Decoder(bits, code[lead:], options)
    instruction = decoder.decode()
    if instruction.is_invalid or instruction.len != len(code) - lead:
        return None, "the bytes are not one instruction"
    found = decoder_names()[instruction.mnemonic]
    if lead and not (found.startswith("fn") and shape.mnemonic.startswith("f" + found[2:])):
        return None, "a wait that was not asked for"
    mnemonic = "fn" + shape.mnemonic[1:] if lead else shape.mnemonic
    operands = list(shape.intel_order)
    rounding = next((o.name for o in operands if isinstance(o, Rounding)), None)
    operands = [o for o in operands if not isinstance(o, Rounding)]
    suffix = suffix_of(mnemonic, found)
    if (suffix is None and found in _SWAPPED) or (found[:-1] in _SWAPPED and found[-1] == "p"):
        # AT&T exchanges fsub and fsubr where the destination is not %st(0).
        other = _SWAPPED[found] if found in _SWAPPED else _SWAPPED[found[:-1]] + "p"
        swapped = found[-1] == "p" or (
            instruction.op_count
            and instruction.op0_register not in (iced.Register.NONE, iced.Register.ST0)
        )
        suffix = suffix_of(mnemonic, other) if swapped else suffix_of(mnemonic, found)
    if suffix is None:
        return None, f"decoded as '{instruction}'"
    if not _rounding_matches(rounding, instruction):
        return None, "rounding differs"
    if found == ALTERNATIVES.get(mnemonic) and found != ALIASES.get(mnemonic):
        from orobuild.assembler.encoder.opcodes import has_general

        if not has_general(operands):
            return None, f"decoded as '{instruction}'"
    if found == "bswap" and iced.RegisterExt.size(instruction.op0_register) == 2:
        return None, "bswap of 16 bits is undefined"
    if (
        found in ("movsd", "cmpsd")
        and mnemonic in _STRING_NAMES
        and (not instruction.is_string_instruction)
    ):
        return None, "not a string instruction"
    if mnemonic in _QUADWORD_INTEGERS and width(instruction, 0) != 8:
        return None, "operand size differs"
    if found == "crc32" and suffix and width(instruction, 1) != SUFFIX_SIZE[suffix]:
        return None, "operand size differs"
    if found in ("call", "jmp"):
        far = instruction.is_call_far_indirect or instruction.is_jmp_far_indirect
        if far != mnemonic.startswith("l"):
            return None, "a far branch is not a near one"
    elif any(isinstance(o, RegisterOperand | Memory) and o.indirect for o in operands):
        return None, f"'{mnemonic}' is no branch, so '*' has no meaning"
    if mnemonic in EXTENSIONS and not extends(EXTENSIONS[mnemonic], instruction):
        return None, f"operand size differs: '{instruction}'"
    pairs = _align(mnemonic, found, operands, instruction)
    if pairs is None:
        return None, f"operands differ: '{instruction}'"
    if suffix and not suffix_matches(mnemonic[:-1], suffix, instruction, found):
        return None, f"operand size differs: '{instruction}'"
    return _template(shape, code, bits, lead, decoder, instruction, operands, pairs), ""


def _loads_cs(shape: Shape) -> bool:
    """Whether the destination is `%cs`."""
    target = shape.operands[-1] if shape.operands else None
    return isinstance(target, RegisterOperand) and target.register.name == "cs"


def _rounding_matches(asked: str | None, instruction: Any) -> bool:
    control = instruction.rounding_control
    if asked in _ROUNDINGS:
        return bool(control == _ROUNDINGS[asked])
    if control != iced.RoundingControl.NONE:
        return False
    return bool(instruction.suppress_all_exceptions) == (asked == "sae")


def _align(
    mnemonic: str, found: str, asked: list[Operand], instruction: Any
) -> list[tuple[int, int]] | None:
    """Pairs (index in `asked`, operand number of the decoder), None when they do not agree."""
    count = instruction.op_count
    if len(asked) == count:
        pairs = [(i, i) for i in range(count)]
        if all(_same(asked[i], instruction, i) for i in range(count)):
            return pairs
        if (
            found in ("xchg", "test")
            and count == 2
            and _same(asked[0], instruction, 1)
            and _same(asked[1], instruction, 0)
        ):
            return [(0, 1), (1, 0)]
    pairs = []
    position = 0
    for i, operand in enumerate(asked):
        start = position
        while position < count and not _same(operand, instruction, position):
            position += 1
        if position == count:
            if _may_hide(operand, found):
                position = start
                continue
            return None
        pairs.append((i, position))
        position += 1
    taken = {number for _, number in pairs}
    for number in range(count):
        if number not in taken and not _implicit(mnemonic, found, instruction, number, asked):
            return None
    return pairs


def _may_hide(operand: Operand, found: str) -> bool:
    """Whether AT&T text writes `operand` although the decoder does not show it."""
    if found[:-1] in _STRING_STEMS:
        return isinstance(operand, Memory) or (
            isinstance(operand, RegisterOperand) and operand.register.kind is RegisterClass.GENERAL
        )
    if found == "xlatb":
        return isinstance(operand, Memory)
    if found == "nop":  # of xchg
        return isinstance(operand, RegisterOperand) and operand.register.name in (
            "ax",
            "eax",
            "rax",
        )
    return (
        found in _MAY_HIDE
        and isinstance(operand, RegisterOperand)
        and operand.register.name in _HIDDEN
    )


def _implicit(
    mnemonic: str, found: str, instruction: Any, number: int, asked: list[Operand]
) -> bool:
    """Whether the decoder shows operand `number` although AT&T text need not write it."""
    kind = instruction.op_kind(number)
    if kind in _STRING_MEMORY:
        return True
    if kind == _KIND.REGISTER:
        name = register_names()[instruction.op_register(number)]
        if instruction.is_string_instruction or found == "imul":
            return True
        if name in ("st(0)", "st(1)") or (name == "xmm0" and found in _MAY_HIDE):
            return True
        if mnemonic == "movabs":
            return False
        if found in ("shld", "shrd"):
            return name == "cl"
        if found == "fnstsw":
            return name == "ax"
        if found in ("in", "out"):
            return name in ("al", "ax", "eax", "dx")
        return found == "xlatb" or (name == "cl" and not asked)
    if mnemonic in IMPLIED and kind in IMMEDIATE_BYTES:
        return bool(instruction.immediate(number) == IMPLIED[mnemonic])
    if kind == _KIND.IMMEDIATE8 and found in ("aam", "aad"):
        return bool(instruction.immediate8 == 10)
    if kind == _KIND.IMMEDIATE8:
        return found in ("shl", "shr", "sar", "rol", "ror", "rcl", "rcr") and bool(
            instruction.immediate8 == 1
        )
    return kind == _KIND.MEMORY and found == "xlatb"


def _same(operand: Operand, instruction: Any, number: int) -> bool:
    kind = instruction.op_kind(number)
    if isinstance(operand, RegisterOperand):
        if kind == _KIND.REGISTER:
            name = register_names()[instruction.op_register(number)]
            asked = operand.register.name
            asked = "st(0)" if asked == "st" else asked.replace("db", "dr")
            if name != asked and instruction.mnemonic in _selector_mnemonics():
                return _same_number(operand, instruction, number)
            return name == asked and _masked(operand, instruction, number)
        return False
    if isinstance(operand, Immediate):
        size = IMMEDIATE_BYTES.get(kind)
        if size is None or not isinstance(operand.value, int):
            return False
        value = instruction.immediate(number)
        return fits_either(operand.value, size) and not (value ^ operand.value) & (
            (1 << 8 * size) - 1
        )
    if not isinstance(operand, Memory):
        return False
    if kind == _KIND.MEMORY:
        return _same_address(operand, instruction) and _masked(operand, instruction, number)
    if kind in _STRING_MEMORY:
        register, segmented = _STRING_MEMORY[kind]
        if operand.base is None or operand.base.name != register or operand.displacement:
            return False
        return segmented or operand.segment is None or operand.segment.name == "es"
    # `in (%dx), %al`
    return (
        kind == _KIND.REGISTER
        and operand.base is not None
        and operand.base.name == "dx"
        and instruction.op_register(number) == iced.Register.DX
    )


def _same_number(operand: RegisterOperand, instruction: Any, number: int) -> bool:
    """Whether it is the same general register, of a width that makes no difference."""
    found = instruction.op_register(number)
    if operand.register.kind is not RegisterClass.GENERAL or not iced.RegisterExt.is_gpr(found):
        return False
    name = decoder_names()[instruction.mnemonic]
    if name in ("lsl", "lar"):
        return number == 1 and iced.RegisterExt.number(found) == operand.register.number
    if name == "mov" and not any(is_segment(instruction, n) for n in range(2)):
        return False
    if iced.RegisterExt.is_gpr8(found) or operand.register.size == 1:
        return False
    return bool(iced.RegisterExt.number(found) == operand.register.number)


def _masked(operand: RegisterOperand | Memory, instruction: Any, number: int) -> bool:
    if number:
        return operand.mask is None
    mask = instruction.op_mask
    found = None if mask == iced.Register.NONE else register_names()[mask]
    return operand.mask == found and operand.zeroing == bool(instruction.zeroing_masking)


def _same_size(memory: Memory, instruction: Any) -> bool:
    """Whether the size that Intel syntax states is the one that is accessed."""
    found = iced.MemorySizeExt.size(instruction.memory_size)
    if decoder_names()[instruction.mnemonic].startswith(("prefetch", "clflush", "clwb", "cldem")):
        return True  # a cache line, whatever the size that is written
    return found in (0, memory.size) or found > 64


def _same_address(memory: Memory, instruction: Any) -> bool:
    names = register_names()
    if memory.size and not memory.broadcast and not _same_size(memory, instruction):
        return False
    base = names[instruction.memory_base] if instruction.memory_base else None
    index = names[instruction.memory_index] if instruction.memory_index else None
    wanted = None
    if memory.index is not None and memory.index.kind is not RegisterClass.NO_INDEX:
        wanted = memory.index.name
    if base != (memory.base.name if memory.base else None) or index != wanted:
        return False
    alone = None if wanted or base else memory.index  # %eiz, which tells the width
    if alone is not None and instruction.memory_displ_size != alone.size:
        return False
    if index and instruction.memory_index_scale != memory.scale:
        return False
    if memory.broadcast and not instruction.is_broadcast:
        return False
    if instruction.is_broadcast and not memory.broadcast:
        return False
    found = instruction.memory_displacement
    if instruction.is_ip_rel_memory_operand:
        found -= instruction.next_ip
    asked = memory.displacement or 0
    assert isinstance(asked, int)
    size = instruction.memory_displ_size
    if memory.base is not None:
        width = memory.base.size
    elif memory.index is not None and memory.index.kind is not RegisterClass.VECTOR:
        width = memory.index.size
    else:
        width = max(size, 2)
    return not (found ^ asked) & ((1 << 8 * width) - 1)


def _template(
    shape: Shape,
    code: bytes,
    bits: int,
    lead: int,
    decoder: Any,
    instruction: Any,
    operands: list[Operand],
    pairs: list[tuple[int, int]],
) -> Template:
    offsets = decoder.get_constant_offsets(instruction)
    originals = {
        id(operand): index for operand, index in zip(shape.operands, shape.indices, strict=True)
    }
    fields = []
    target = operands[0].register if operands and isinstance(operands[0], RegisterOperand) else None
    wide = target is not None and target.size == 8
    narrow_lea = target is not None and target.size < 8 and shape.mnemonic.startswith("lea")
    for position, number in pairs:
        operand = operands[position]
        index = originals[id(operand)]
        if index < 0:
            continue
        kind = instruction.op_kind(number)
        if isinstance(operand, Memory):
            if not offsets.has_displacement:
                continue
            fields.append(
                Field(
                    index,
                    lead + offsets.displacement_offset,
                    offsets.displacement_size,
                    displacement=True,
                    pc_relative=instruction.is_ip_rel_memory_operand,
                    # GNU as calls the displacement of a lea into less than 64 bits unsigned.
                    signed=bits == 64 and instruction.memory_displ_size == 8 and not narrow_lea,
                )
            )
            continue
        second = kind == _KIND.IMMEDIATE8_2ND
        offset = offsets.immediate_offset2 if second else offsets.immediate_offset
        size = offsets.immediate_size2 if second else offsets.immediate_size
        if not size:
            continue
        fields.append(
            Field(
                index,
                lead + offset,
                size,
                displacement=False,
                pc_relative=False,
                signed=kind in _SIGN_EXTENDED or (kind == _KIND.IMMEDIATE32 and wide),
            )
        )
    opcode = iced.OpCodeInfo(instruction.code)
    number_of = opcode.op_code
    relaxable = opcode.table == iced.OpCodeTableKind.NORMAL and (
        (number_of == 0xFF and opcode.group_index in (2, 4))
        or number_of in (0x8B, 0x85)
        or number_of & ~0x38 == 0x03
    )
    relaxable = relaxable and code[:1] != b"\x66"
    if instruction.memory_index != iced.Register.NONE:
        relaxable = relaxable and instruction.memory_base != iced.Register.NONE
    evex = opcode.encoding == iced.EncodingKind.EVEX
    exact = (
        evex
        and "disp32" not in shape.options
        and any(f.displacement and not f.pc_relative for f in fields)
        and instruction.memory_base != iced.Register.NONE
    )
    rex = bits == 64 and bool(rex_of(code))
    return Template(code, tuple(fields), exact, relaxable, rex)
