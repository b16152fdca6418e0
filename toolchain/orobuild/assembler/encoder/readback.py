"""Read an encoding back with iced-x86 and compare it with what was asked.

The decoder is the second opinion: an encoding is believed only when mnemonic, operands, sizes,
address and numbers all come back. Nothing here produces bytes.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import iced_x86 as iced

from orobuild.assembler.encoder.mnemonics import (
    ALIASES,
    ALTERNATIVES,
    EXTENSIONS,
    IMPLIED,
    PREFIX_ORDER,
    SHIFTS,
    SUFFIX_SIZE,
    suffix_size,
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
_OPTIONS: Final = iced.DecoderOptions.MPX

_IMMEDIATE_BYTES: Final = {
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
def decoder_names() -> dict[int, str]:
    """The decoder's mnemonics by number, in lower case."""
    return {
        getattr(iced.Mnemonic, name): name.lower() for name in dir(iced.Mnemonic) if name.isupper()
    }


@functools.cache
def _register_names() -> dict[int, str]:
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
def _selector_mnemonics() -> frozenset[int]:
    """Instructions that read 16 bits of a register of any width."""
    return frozenset(number for number, name in decoder_names().items() if name in _SELECTOR)


@functools.cache
def _code_names() -> dict[int, str]:
    return {getattr(iced.Code, n): n for n in dir(iced.Code) if n.isupper()}


@functools.cache
def known_mnemonics() -> frozenset[str]:
    """Every mnemonic without its suffix that the decoder or our alias table knows."""
    return (
        frozenset(decoder_names().values())
        | frozenset(ALIASES)
        | {"movabs", "lret", "lcall", "ljmp"}
    )


def is_known(mnemonic: str) -> bool:
    """Whether `mnemonic` may name an instruction, perhaps with a size suffix."""
    known = known_mnemonics()
    if mnemonic in known:
        return True
    from orobuild.assembler.encoder.opcodes import takes_suffix

    return mnemonic[:-1] in known and takes_suffix(mnemonic[:-1], mnemonic[-1])


_MODE_SIZED: Final = {
    "pushf": ("pushfd", "pushfq"),
    "popf": ("popfd", "popfq"),
    "pusha": ("pushad",),
    "popa": ("popad",),
    "iret": ("iretd",),
}
_SELECTOR: Final = words(
    "lldt ltr verr verw lmsw str sldt smsw pmovmskb movmskps movmskpd movsxd mov arpl lsl lar "
    "vpmovmskb vmovmskps vmovmskpd pinsrw pinsrb pextrw pextrb extractps vpinsrw vpinsrb vpextrw "
    "vpextrb vextractps"
)
_STRINGS: Final = frozenset({"stos", "lods", "scas", "ins", "outs"})
_STRING_NAMES: Final = words("movsl cmpsl smovl scmpl")
_STRING_STEMS: Final = words("movs cmps stos lods scas ins outs")
_SPECIAL: Final = {"movabs": "mov", "lret": "retf", "lcall": "call", "ljmp": "jmp"}


def _names(mnemonic: str, found: str) -> str | None:
    """The size suffix of `mnemonic` when it means the decoder's `found`; None when it does not."""
    if found in (mnemonic, ALIASES.get(mnemonic), ALTERNATIVES.get(mnemonic)):
        return ""
    stem, suffix = mnemonic[:-1], mnemonic[-1]
    if mnemonic in _SPECIAL:
        return "" if _SPECIAL[mnemonic] == found else None
    if found in (stem, ALIASES.get(stem), _SPECIAL.get(stem)):
        from orobuild.assembler.encoder.opcodes import takes_suffix

        return suffix if takes_suffix(stem, suffix) else None
    if mnemonic in _STRINGS and found[:-1] == mnemonic:
        return ""  # sized by its register operand
    if mnemonic.startswith("xchg") and found == "nop":
        return ""
    if found in _MODE_SIZED.get(mnemonic, ()):
        return ""
    return None


def divide(code: bytes, count: int, bits: int) -> list[bytes] | None:
    """`code` cut into its `count` instructions, or None when it holds another number of them."""
    pieces = []
    position = 0
    for instruction in iced.Decoder(bits, code, _OPTIONS):
        if instruction.is_invalid:
            return None
        pieces.append(code[position : position + instruction.len])
        position += instruction.len
    return pieces if len(pieces) == count and position == len(code) else None


def read_back(shape: Shape, code: bytes, bits: int) -> tuple[Template | None, str]:
    """The template that `code` is for `shape`, or None and the reason why it is none."""
    lead = 1 if code[:1] == b"\x9b" and len(code) > 1 else 0  # fstcw is wait and fnstcw
    options = _OPTIONS
    if bits == 64 and shape.mnemonic.startswith(("jmp", "call", "ret")):
        options |= iced.DecoderOptions.AMD  # a 16-bit branch where 0x66 asks for one
    if "gather" in shape.mnemonic:
        options |= iced.DecoderOptions.NO_INVALID_CHECK  # equal registers: GNU as only warns
    if bits != 64:
        options |= iced.DecoderOptions.MOV_TR
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
    suffix = _names(mnemonic, found)
    if (suffix is None and found in _SWAPPED) or (found[:-1] in _SWAPPED and found[-1] == "p"):
        # AT&T exchanges fsub and fsubr where the destination is not %st(0).
        other = _SWAPPED[found] if found in _SWAPPED else _SWAPPED[found[:-1]] + "p"
        swapped = found[-1] == "p" or (
            instruction.op_count
            and instruction.op0_register not in (iced.Register.NONE, iced.Register.ST0)
        )
        suffix = _names(mnemonic, other) if swapped else _names(mnemonic, found)
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
    if found == "crc32" and suffix and _width(instruction, 1) != SUFFIX_SIZE[suffix]:
        return None, "operand size differs"
    if found in ("call", "jmp"):
        far = instruction.is_call_far_indirect or instruction.is_jmp_far_indirect
        if far != mnemonic.startswith("l"):
            return None, "a far branch is not a near one"
    elif any(isinstance(o, RegisterOperand | Memory) and o.indirect for o in operands):
        return None, f"'{mnemonic}' is no branch, so '*' has no meaning"
    if mnemonic in EXTENSIONS and not _extends(EXTENSIONS[mnemonic], instruction):
        return None, f"operand size differs: '{instruction}'"
    pairs = _align(mnemonic, found, operands, instruction)
    if pairs is None:
        return None, f"operands differ: '{instruction}'"
    if suffix and not _suffix_matches(mnemonic[:-1], suffix, instruction, found):
        return None, f"operand size differs: '{instruction}'"
    return _template(shape, code, bits, lead, decoder, instruction, operands, pairs), ""


_BECOMES: Final = {
    ("bsf", "tzcnt"),
    ("bsr", "lzcnt"),
    ("nop", "pause"),
    ("getsec", "getsecq"),
}
"""What an older instruction with a prefix is on processors that know the newer one."""


def refused_prefix(code: bytes, merged: bytes, prefixes: tuple[int, ...], bits: int) -> str:
    """Why the user's `prefixes` cannot stand before `code` (giving `merged`), or ""."""
    if code[:1] == b"\x9b" and len(code) > 1:
        return ""
    options = _OPTIONS | iced.DecoderOptions.AMD if bits == 64 else _OPTIONS
    plain = iced.Decoder(bits, code, options).decode()
    instruction = iced.Decoder(bits, merged, options).decode()
    if instruction.is_invalid:
        lock = 0xF0 in prefixes
        return "not lockable" if lock else "a prefix that the instruction does not take"
    asked = [p for p in prefixes if 0x40 <= p <= 0x4F]
    if asked and any(asked[0] & byte & 0xF for byte in _rex_of(code)):
        return "a REX prefix whose bits the instruction sets itself"
    names = decoder_names()
    before, after = names[plain.mnemonic], names[instruction.mnemonic]
    if instruction.len != len(merged) or (before != after and (before, after) not in _BECOMES):
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
        or before == "ret"
    ):
        return ""
    return "not a string instruction"


def _rex_of(code: bytes) -> bytes:
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
    decoder = iced.Decoder(bits, code[lead:], _OPTIONS)
    offsets = decoder.get_constant_offsets(decoder.decode())
    place = lead + offsets.displacement_offset
    if offsets.displacement_size != 1 or code[place] or code[place - 1] & 0xC0 != 0x40:
        return code
    return code[: place - 1] + bytes((code[place - 1] & 0x3F,)) + code[place + 1 :]


def _extends(sizes: tuple[int, int], instruction: Any) -> bool:
    """Whether the widths of source and target are those that the mnemonic states."""
    source, target = sizes
    return _width(instruction, 1) == source and target in (0, _width(instruction, 0))


def _width(instruction: Any, number: int) -> int:
    """Bytes of operand `number`, a register or memory."""
    if instruction.op_kind(number) == _KIND.MEMORY:
        return int(iced.MemorySizeExt.size(instruction.memory_size))
    return int(iced.RegisterExt.size(instruction.op_register(number)))


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
        name = _register_names()[instruction.op_register(number)]
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
    if mnemonic in IMPLIED and kind in _IMMEDIATE_BYTES:
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
            name = _register_names()[instruction.op_register(number)]
            asked = operand.register.name
            asked = "st(0)" if asked == "st" else asked.replace("db", "dr")
            if name != asked and instruction.mnemonic in _selector_mnemonics():
                return _same_number(operand, instruction, number)
            return name == asked and _masked(operand, instruction, number)
        return False
    if isinstance(operand, Immediate):
        size = _IMMEDIATE_BYTES.get(kind)
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


def _is_segment(instruction: Any, number: int) -> bool:
    return instruction.op_kind(number) == _KIND.REGISTER and bool(
        iced.RegisterExt.is_segment_register(instruction.op_register(number))
    )


def _same_number(operand: RegisterOperand, instruction: Any, number: int) -> bool:
    """Whether it is the same general register, of a width that makes no difference."""
    found = instruction.op_register(number)
    if operand.register.kind is not RegisterClass.GENERAL or not iced.RegisterExt.is_gpr(found):
        return False
    name = decoder_names()[instruction.mnemonic]
    if name in ("lsl", "lar"):
        return number == 1 and iced.RegisterExt.number(found) == operand.register.number
    if name == "mov" and not any(_is_segment(instruction, n) for n in range(2)):
        return False
    if iced.RegisterExt.is_gpr8(found) or operand.register.size == 1:
        return False
    return bool(iced.RegisterExt.number(found) == operand.register.number)


def _masked(operand: RegisterOperand | Memory, instruction: Any, number: int) -> bool:
    if number:
        return operand.mask is None
    mask = instruction.op_mask
    found = None if mask == iced.Register.NONE else _register_names()[mask]
    return operand.mask == found and operand.zeroing == bool(instruction.zeroing_masking)


def _same_size(memory: Memory, instruction: Any) -> bool:
    """Whether the size that Intel syntax states is the one that is accessed."""
    found = iced.MemorySizeExt.size(instruction.memory_size)
    if decoder_names()[instruction.mnemonic].startswith(("prefetch", "clflush", "clwb", "cldem")):
        return True  # a cache line, whatever the size that is written
    return found in (0, memory.size) or found > 64


def _same_address(memory: Memory, instruction: Any) -> bool:
    names = _register_names()
    if memory.size and not memory.broadcast and not _same_size(memory, instruction):
        return False
    base = names[instruction.memory_base] if instruction.memory_base else None
    index = names[instruction.memory_index] if instruction.memory_index else None
    wanted = None
    if memory.index is not None:
        wanted = memory.index.name
    if base != (memory.base.name if memory.base else None) or index != wanted:
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
    elif memory.index is not None and memory.index.kind is RegisterClass.GENERAL:
        width = memory.index.size
    else:
        width = max(size, 2)
    return not (found ^ asked) & ((1 << 8 * width) - 1)


def _suffix_matches(stem: str, suffix: str, instruction: Any, found: str) -> bool:
    size = suffix_size(stem, suffix)
    if found in ("fldenv", "fnstenv", "fnsave", "frstor"):
        width = iced.MemorySizeExt.size(instruction.memory_size)
        return width in ((14, 94) if suffix == "s" else (28, 108))
    sizes = set()
    shifts = found in SHIFTS
    for number in range(1 if shifts else instruction.op_count):
        kind = instruction.op_kind(number)
        if kind == _KIND.REGISTER:
            if instruction.op_register(number) == iced.Register.DX and found in ("in", "out"):
                continue
            sizes.add(iced.RegisterExt.size(instruction.op_register(number)))
        elif kind == _KIND.MEMORY or kind in _STRING_MEMORY:
            sizes.add(iced.MemorySizeExt.size(instruction.memory_size))
        else:
            sizes.add(_IMMEDIATE_BYTES.get(kind, 0))
    if size in sizes:
        return True
    if (
        found in ("push", "pop")
        or not instruction.op_count
        or all(instruction.op_kind(n) in _IMMEDIATE_BYTES for n in range(instruction.op_count))
    ):
        letter = {"l": "D", "w": "W", "q": "Q", "b": "B"}.get(suffix, "?")
        return _code_names()[instruction.code].split("_")[0].endswith(letter)
    if found in ("lgdt", "lidt", "sgdt", "sidt"):
        return suffix != "w" or _code_names()[instruction.code].endswith("_16")
    if found in ("call", "jmp"):  # far: a selector and an offset
        far = instruction.is_call_far_indirect or instruction.is_jmp_far_indirect
        return bool(far and size + 2 in sizes)
    if found == "mov" or (suffix == "q" and found in ("str", "sldt", "smsw")):
        return any(_is_segment(instruction, n) for n in range(2)) or found != "mov"
    return found in ("lldt", "ltr", "lmsw", "verr", "verw", "retf")


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
    evex = opcode.encoding == iced.EncodingKind.EVEX
    exact = (
        evex
        and "disp32" not in shape.options
        and any(f.displacement and not f.pc_relative for f in fields)
        and instruction.memory_base != iced.Register.NONE
    )
    rex = bits == 64 and bool(_rex_of(code))
    return Template(code, tuple(fields), exact, relaxable, rex)
