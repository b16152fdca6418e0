"""Encoding from opcode descriptions: VEX, EVEX, XOP, 3DNow! and what keystone never learnt.

The facts about an opcode (map, prefix, W, L, where each operand goes) are the decoder's table of
the manuals' opcode columns; putting the bytes together is ours (Intel SDM Vol. 2A §2.1, §2.3, §2.7,
AMD APM Vol. 3 §1.3). Keystone is not asked about vector instructions with a VEX or EVEX prefix: it
prefers EVEX where GNU as uses VEX, does not compress EVEX displacements and lacks half of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.corrections import modrm
from orobuild.assembler.encoder.mnemonics import (
    ALTERNATIVES,
    IMPLIED,
    suffix_size,
    words,
)
from orobuild.assembler.encoder.opcode_table import Opcode, candidates, is_legacy
from orobuild.assembler.encoder.operands import (
    Immediate,
    Memory,
    Operand,
    RegisterOperand,
    Rounding,
)
from orobuild.assembler.encoder.registers import Register, RegisterClass
from orobuild.assembler.encoder.template import Shape, fits, fits_either
from orobuild.patterns import pattern
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

_ESCAPES: Final = {0: b"", 1: b"\x0f", 2: b"\x0f\x38", 3: b"\x0f\x3a"}
_PP: Final = {"NONE": 0, "PNP": 0, "P66": 1, "PF3": 2, "PF2": 3}
_ROUNDING: Final = {"rn-sae": 0, "rd-sae": 1, "ru-sae": 2, "rz-sae": 3, "sae": -1}
_FAMILIES: Final = {
    "XMM": (RegisterClass.VECTOR, 16),
    "YMM": (RegisterClass.VECTOR, 32),
    "ZMM": (RegisterClass.VECTOR, 64),
    "XMMP3": (RegisterClass.VECTOR, 16),
    "ZMMP3": (RegisterClass.VECTOR, 64),
    "MM": (RegisterClass.MMX, 8),
    "K": (RegisterClass.MASK, 8),
    "KP1": (RegisterClass.MASK, 8),
    "BND": (RegisterClass.BOUND, 16),
    "TMM": (RegisterClass.TILE, 1024),
    "R8": (RegisterClass.GENERAL, 1),
    "R16": (RegisterClass.GENERAL, 2),
    "R32": (RegisterClass.GENERAL, 4),
    "R64": (RegisterClass.GENERAL, 8),
    "SEG": (RegisterClass.SEGMENT, 2),
    "CR": (RegisterClass.CONTROL, 8),
    "DR": (RegisterClass.DEBUG, 8),
    "TR": (RegisterClass.TEST, 4),
}
_FIXED: Final = words("AL CL AX DX EAX RAX ES CS SS DS FS GS")
_VSIB: Final = pattern(r"MEM_VSIB(?:32|64)([XYZ])")


_OURS: Final = words("bndmk bndmov bndcl bndcu bndcn bndldx bndstx")
"""Legacy instructions that keystone gets wrong for reasons that no single row corrects."""


def is_preferred(mnemonic: str, bits: int) -> bool:
    """Whether every opcode of `mnemonic` has a VEX, EVEX or XOP prefix, or is 3DNow!."""
    if mnemonic in _OURS:
        return True
    if is_legacy(mnemonic):
        return False
    found = candidates(mnemonic, bits)
    return bool(found) and all(opcode.encoding != "LEGACY" for opcode, _ in found)


def encode(shape: Shape, bits: int) -> list[bytes]:
    """The encodings of `shape`, best first: the shortest, VEX before EVEX; empty when none is."""
    rounding = next((o.name for o in shape.operands if isinstance(o, Rounding)), None)
    operands = tuple(o for o in shape.intel_order if not isinstance(o, Rounding))
    if shape.mnemonic in IMPLIED:
        operands += (Immediate(IMPLIED[shape.mnemonic]),)
    options = shape.options
    found: list[tuple[int, int, bytes, tuple[str, ...]]] = []
    sizes: set[tuple[int, int]] = set()
    for opcode, suffix in candidates(shape.mnemonic, bits):
        stem = shape.mnemonic[:-1] if suffix else shape.mnemonic
        if not _matches(opcode, stem, suffix, operands, rounding):
            continue
        if opcode.mnemonic == ALTERNATIVES.get(stem) and not has_general(operands):
            continue
        code = _compose(opcode, operands, rounding, bits, options)
        if code is not None and _wanted(opcode, options):
            sizes.add((opcode.vector_length, opcode.memory_bytes))
            found.append((_rank(opcode, operands, options), len(code), code, opcode.kinds))
    if len(sizes) > 1 and any(_is_unsized_memory(o) for o in operands):
        return []
    found.sort(key=lambda item: item[:2])
    for option, place in (("load", 1), ("store", 0)):
        if option in options:  # a wish that means nothing where there is one form only
            found = [item for item in found if _direction(item[3]) == place] or found
    if "swap" in options and found:
        usual = _direction(found[0][3])
        found = [item for item in found if _direction(item[3]) != usual] or found
    return [code for _, _, code, _ in found]


def _direction(kinds: tuple[str, ...]) -> int:
    """Which operand is the one that could be in memory; -1 when none could."""
    return next(
        (i for i, kind in enumerate(kinds) if kind.endswith(("_OR_MEM", "_OR_MEM_MPX", "_RM"))), -1
    )


def has_general(operands: Sequence[Operand]) -> bool:
    """Whether a general register decides that the second meaning of a mnemonic is meant."""
    return any(
        isinstance(o, RegisterOperand) and o.register.kind is RegisterClass.GENERAL
        for o in operands
    )


def _is_unsized_memory(operand: Operand) -> bool:
    return isinstance(operand, Memory) and not operand.size and not operand.broadcast


_EVEX_FIRST: Final = words(
    "vpdpbusd vpdpbusds vpdpwssd vpdpwssds vpmadd52luq vpmadd52huq vcvtneps2bf16"
)


def _rank(opcode: Opcode, operands: Sequence[Operand], options: tuple[str, ...]) -> int:
    """GNU as's preference: VEX before EVEX unless VEX came later; FMA4 with W set."""
    if opcode.mnemonic == "vmovq" and "R64_OR_MEM" in opcode.kinds and opcode.encoding == "VEX":
        return 3 * any(isinstance(o, Memory) for o in operands)
    if opcode.encoding == "EVEX":
        return 2
    name = opcode.mnemonic
    if name in _EVEX_FIRST and not {"vex", "vex2", "vex3"} & set(options):
        return 3
    if opcode.encoding == "VEX" and any(k.endswith("IS4") for k in opcode.kinds):
        return 1 - opcode.w
    return 0


def _wanted(opcode: Opcode, options: tuple[str, ...]) -> bool:
    """Whether `opcode` is of the kind that `{vex}` or `{evex}` asks for."""
    for option in options:
        if option == "evex" and opcode.encoding != "EVEX":
            return False
        if option in ("vex", "vex2", "vex3") and opcode.encoding != "VEX":
            return False
    return True


def _matches(
    opcode: Opcode,
    stem: str,
    suffix: str,
    operands: Sequence[Operand],
    rounding: str | None,
) -> bool:
    if len(operands) != len(opcode.kinds):
        return False
    for kind, operand in zip(opcode.kinds, operands, strict=True):
        if not _takes(opcode, kind, operand):
            return False
    if rounding is not None and not (opcode.suppresses if rounding == "sae" else opcode.rounds):
        return False
    if rounding is not None and any(isinstance(o, Memory) for o in operands):
        return False
    masks = [o.mask for o in operands if isinstance(o, RegisterOperand | Memory)]
    if opcode.needs_mask and masks[:1] in ([None], ["k0"]):
        return False
    for position, operand in enumerate(operands):
        if isinstance(operand, RegisterOperand | Memory):
            if operand.mask and (position or not opcode.masks):
                return False
            if operand.zeroing and not opcode.zeroing:
                return False
    return not suffix or _suffix_fits(opcode, stem, suffix, operands)


def _suffix_fits(opcode: Opcode, stem: str, suffix: str, operands: Sequence[Operand]) -> bool:
    size = suffix_size(stem, suffix)
    if suffix in "xyz":
        return {0: 16, 1: 32, 2: 64}.get(opcode.vector_length) == size
    sizes = {
        o.register.size
        for o in operands
        if isinstance(o, RegisterOperand) and o.register.kind is RegisterClass.GENERAL
    }
    if sizes:
        return size in sizes
    return size == opcode.memory_bytes or size * 8 == opcode.operand_size


def _takes(opcode: Opcode, kind: str, operand: Operand) -> bool:
    if isinstance(operand, Immediate):
        return _takes_number(kind, operand)
    if isinstance(operand, RegisterOperand):
        return _takes_register(opcode, kind, operand.register)
    if not isinstance(operand, Memory) or operand.indirect != (
        opcode.opcode == 0xFF and opcode.map == 0 and opcode.digit in (2, 3, 4, 5)
    ):
        return False
    vector_index = operand.index is not None and operand.index.kind is RegisterClass.VECTOR
    if match := _VSIB.match(kind):
        size = {"X": 16, "Y": 32, "Z": 64}[match[1]]
        return vector_index and operand.index is not None and operand.index.size == size
    if vector_index:
        return False
    if operand.broadcast == "bcst":
        return kind.endswith("_OR_MEM") and operand.size == opcode.broadcast_unit
    if operand.broadcast:
        count = opcode.memory_unit // opcode.broadcast_unit if opcode.broadcast_unit else 0
        return kind.endswith("_OR_MEM") and operand.broadcast == f"1to{count}"
    return kind in ("MEM", "SIBMEM", "MEM_MIB", "MEM_MPX") or "_OR_MEM" in kind


def _takes_register(opcode: Opcode, kind: str, register: Register) -> bool:
    if kind in _FIXED:
        return register.name == kind.lower()
    if kind == "ST0":
        return register.kind is RegisterClass.X87 and register.number == 0
    if kind == "STI_OPCODE":
        return register.kind is RegisterClass.X87
    head, _, role = kind.partition("_")
    if head not in _FAMILIES or role == "MEM":
        return False
    family, size = _FAMILIES[head]
    if register.kind is not family or register.size != size:
        return False
    return register.number < 16 or opcode.encoding == "EVEX"


def _takes_number(kind: str, operand: Immediate) -> bool:
    value = operand.value
    if not isinstance(value, int):
        return False
    size = {"IMM8": 1, "IMM16": 2, "IMM32": 4, "IMM64": 8, "IMM4_M2Z": 1}.get(kind)
    if size is not None:
        return fits_either(value, size)
    if kind == "IMM8_CONST_1":
        return value == 1
    if kind.startswith("IMM8SEX"):
        return fits(value, 1)
    return kind == "IMM32SEX64" and fits(value, 4)


def _compose(
    opcode: Opcode,
    operands: Sequence[Operand],
    rounding: str | None,
    bits: int,
    options: tuple[str, ...],
) -> bytes | None:
    fields: dict[str, Register] = {}
    rm: Register | Memory | None = None
    tail = b""
    selector: int | None = None
    for kind, operand in zip(opcode.kinds, operands, strict=True):
        if isinstance(operand, Immediate):
            assert isinstance(operand.value, int)
            if kind == "IMM8_CONST_1":
                continue
            if kind == "IMM4_M2Z":
                if selector is None or not 0 <= operand.value < 16:
                    return None
                selector |= operand.value
                continue
            size = {"IMM16": 2, "IMM32": 4, "IMM64": 8, "IMM32SEX64": 4}.get(kind, 1)
            tail += (operand.value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        elif isinstance(operand, Memory):
            rm = operand
        elif isinstance(operand, RegisterOperand):
            role = kind.partition("_")[2]
            if role in ("RM", "OR_MEM", "OR_MEM_MPX"):
                rm = operand.register
            elif role == "REG_MEM":
                fields["REG"] = operand.register
            elif role in ("IS4", "IS5"):
                selector = operand.register.number << 4
            elif kind == "STI_OPCODE":
                fields["OPCODE"] = operand.register
            elif role:
                fields[role] = operand.register
    if selector is not None:
        tail += bytes((selector,))
    if opcode.encoding in ("LEGACY", "D3NOW"):
        return _legacy(opcode, fields, rm, tail, operands, bits, options)
    return _prefixed(opcode, fields, rm, tail, operands, rounding, bits, options)


def _legacy(
    opcode: Opcode,
    fields: dict[str, Register],
    rm: Register | Memory | None,
    tail: bytes,
    operands: Sequence[Operand],
    bits: int,
    options: tuple[str, ...],
) -> bytes | None:
    body = opcode.opcode.to_bytes(opcode.length, "big")
    prefixes = b""
    rex = 0
    size = opcode.operand_size
    if (size == 16 and bits != 16) or (size == 32 and bits == 16):
        prefixes += b"\x66"
    if opcode.address_size and opcode.address_size != bits:
        prefixes = b"\x67" + prefixes
    if size == 64 and not opcode.default64:
        rex |= 8
    prefixes += {"P66": b"\x66", "PF3": b"\xf3", "PF2": b"\xf2"}.get(opcode.prefix, b"")
    if "OPCODE" in fields:
        register = fields["OPCODE"]
        body = body[:-1] + bytes((body[-1] | register.number & 7,))
        rex |= register.number >> 3
    if opcode.encoding == "D3NOW":
        body, tail = b"\x0f", bytes((opcode.opcode,))
    tail_of_modrm = b""
    bars_rex = False
    if rm is not None or opcode.digit >= 0 or "REG" in fields:
        register_field = fields.get("REG")
        number = (
            opcode.digit if opcode.digit >= 0 else (register_field.number if register_field else 0)
        )
        if rm is None and opcode.rm_digit >= 0:
            tail_of_modrm = bytes((0xC0 | (number & 7) << 3 | opcode.rm_digit,))
        elif rm is not None:
            rex |= (number >> 3 & 1) << 2
            tail_of_modrm, extra, wide = modrm(number & 7, rm, bits)
            rex |= extra
            if wide:
                prefixes = b"\x67" + prefixes
    for operand in operands:
        if isinstance(operand, RegisterOperand):
            if operand.register.needs_rex:
                rex |= 0x40
            if operand.register.bars_rex and rex:
                return None
            bars_rex |= operand.register.bars_rex
            if operand.register.name in ("cr8", "cr9", "dr8") and bits != 64:
                return None
    if "rex" in options and bits == 64 and not bars_rex:
        rex |= 0x40
    escape = _ESCAPES[opcode.map]
    head = prefixes + (bytes((0x40 | rex,)) if rex else b"")
    return head + escape + body + tail_of_modrm + tail


IGNORES_W: Final = words("vmovmskps vmovmskpd vpmovmskb vpinsrb vpinsrw vpextrb vpextrw vextractps")
"""GNU as leaves W clear although a 64-bit register is named: the upper half is zero anyway."""


def _prefixed(
    opcode: Opcode,
    fields: dict[str, Register],
    rm: Register | Memory | None,
    tail: bytes,
    operands: Sequence[Operand],
    rounding: str | None,
    bits: int,
    options: tuple[str, ...],
) -> bytes | None:
    reg = fields.get("REG")
    vvvv = fields.get("VVVV")
    number = opcode.digit if opcode.digit >= 0 else (reg.number if reg else 0)
    w = 0 if opcode.mnemonic in IGNORES_W else opcode.w
    evex = opcode.encoding == "EVEX"
    memory = rm if isinstance(rm, Memory) else None
    prefix = b""
    index_high = False
    if memory is not None:
        unit = opcode.broadcast_unit if memory.broadcast else opcode.memory_unit
        scaled = memory
        compressed = False
        if evex and not {"disp16", "disp32"} & set(options):
            scaled, compressed = _compressed(memory, unit)
        if memory.index is not None:
            index_high = memory.index.number >= 16
        address, extra, wide = modrm(number & 7, scaled, bits, force_wide=evex and not compressed)
        if "SIBMEM" in opcode.kinds and address[0] & 7 != 4:
            address, extra, wide = modrm(number & 7, scaled, bits, force_sib=True)
        if wide:
            prefix = b"\x67"
        x, b = extra >> 1 & 1, extra & 1
        body = address
    elif rm is not None:
        assert isinstance(rm, Register)
        body = bytes((0xC0 | (number & 7) << 3 | rm.number & 7,))
        x, b = rm.number >> 4 & 1, rm.number >> 3 & 1
    elif opcode.length == 1 and (opcode.rm_digit >= 0 or opcode.digit >= 0 or reg is not None):
        body = bytes((0xC0 | (number & 7) << 3 | max(opcode.rm_digit, 0),))
        x = b = 0
    else:
        body, x, b = b"", 0, 0
    r = number >> 3 & 1
    v = vvvv.number if vvvv else 0
    pp = _PP[opcode.prefix]
    length = opcode.vector_length
    head: bytes
    if evex:
        mask = 0
        zeroing = False
        for operand in operands:
            if isinstance(operand, RegisterOperand | Memory) and operand.mask:
                mask, zeroing = int(operand.mask[1]), operand.zeroing
            elif isinstance(operand, RegisterOperand | Memory) and operand.zeroing:
                return None
        bit = bool(memory and memory.broadcast) or rounding is not None
        if rounding is not None:
            length = max(_ROUNDING[rounding], 0)
        high_v = (v >> 4 & 1) | index_high
        head = bytes(
            (
                0x62,
                (1 - r) << 7
                | (1 - x) << 6
                | (1 - b) << 5
                | (1 - (number >> 4 & 1)) << 4
                | opcode.map,
                w << 7 | (~v & 15) << 3 | 4 | pp,
                zeroing << 7 | length << 5 | bit << 4 | (1 - high_v) << 3 | mask,
            )
        )
    elif opcode.encoding == "VEX" and opcode.map == 1 and not (x or b or w or "vex3" in options):
        head = bytes((0xC5, (1 - r) << 7 | (~v & 15) << 3 | length << 2 | pp))
    else:
        head = bytes(
            (
                0xC4 if opcode.encoding == "VEX" else 0x8F,
                (1 - r) << 7 | (1 - x) << 6 | (1 - b) << 5 | opcode.map,
                w << 7 | (~v & 15) << 3 | length << 2 | pp,
            )
        )
    return prefix + head + opcode.opcode.to_bytes(opcode.length, "big") + body + tail


def _compressed(memory: Memory, unit: int) -> tuple[Memory, bool]:
    """`memory` with its displacement in EVEX's units where that makes it one byte."""
    value = memory.displacement
    assert value is None or isinstance(value, int)
    if value is None or memory.base is None or memory.base.kind is RegisterClass.POINTER:
        return memory, True
    if value % unit == 0 and fits(value // unit, 1):
        return replace(memory, displacement=value // unit), True
    return memory, False
