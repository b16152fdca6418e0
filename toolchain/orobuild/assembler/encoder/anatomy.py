"""The parts of one instruction's bytes, for people: prefixes, opcode, ModRM, SIB, numbers.

The decoder says where numbers stand and how long the opcode is; the rest is the layout of Intel
SDM Vol. 2A §2.1, §2.3.5 and §2.7. Also here: which of the encoder's sources made the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild import iced
from orobuild.assembler.encoder import corrections, opcodes, string_operation
from orobuild.assembler.encoder.decoding import OPTIONS
from orobuild.assembler.encoder.encoder import Encoder
from orobuild.assembler.encoder.mnemonics import PREFIX_ORDER
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.assembler.encoder.types import Dialect, Locate

_PREFIX_NOTES: Final = {
    0x66: "operand size",
    0x67: "address size",
    0xF0: "lock",
    0xF2: "repne",
    0xF3: "rep",
    0x26: "%es",
    0x2E: "%cs",
    0x36: "%ss",
    0x3E: "%ds",
    0x64: "%fs",
    0x65: "%gs",
    0x9B: "wait",
}
_VECTOR_PREFIXES: Final = {
    iced.EncodingKind.VEX: "VEX",
    iced.EncodingKind.EVEX: "EVEX",
    iced.EncodingKind.XOP: "XOP",
}


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of an instruction: what they are called, and what they say."""

    name: str
    data: bytes
    note: str = ""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """An instruction taken apart; `text` is what the decoder reads in AT&T syntax, and `opcode`
    its row in the manual ("MOV r32, r/m32")."""

    parts: tuple[Part, ...]
    text: str
    opcode: str


def dissect(code: bytes, bits: int, address: int = 0) -> Anatomy | None:
    """The parts of the one instruction `code`; None when the decoder does not know it."""
    decoder = iced.Decoder(bits, code, OPTIONS, ip=address)
    instruction = decoder.decode()
    lead = 0
    if code[:1] == b"\x9b" and len(code) > 1:
        lead = 1
        decoder = iced.Decoder(bits, code[1:], OPTIONS, ip=address + 1)
        instruction = decoder.decode()
    if instruction.is_invalid or instruction.len != len(code) - lead:
        return None
    offsets = decoder.get_constant_offsets(instruction)
    info = iced.OpCodeInfo(instruction.code)
    parts: list[Part] = []
    at = 0
    while (
        at < len(code) - 1 and code[at] in _PREFIX_NOTES and (at < lead or code[at] in PREFIX_ORDER)
    ):
        parts.append(Part("prefix", code[at : at + 1], _prefix_note(code[at], info, bits)))
        at += 1
    at = _escape(code, at, bits, info, parts)
    end = len(code)
    starts = [end]
    if offsets.has_displacement:
        starts.append(lead + offsets.displacement_offset)
    if offsets.has_immediate:
        starts.append(lead + offsets.immediate_offset)
    if info.encoding == iced.EncodingKind.D3NOW:
        starts.append(end - 1)
    stop = min(starts)
    opcode_size = max(1, stop - at - _modrm_size(stop - at, info))
    parts.append(Part("opcode", code[at : at + opcode_size], info.instruction_string))
    at += opcode_size
    if at < stop:
        parts.append(Part("ModRM", code[at : at + 1], _fields("mod reg rm", code[at])))
        at += 1
    if at < stop:
        parts.append(Part("SIB", code[at : at + 1], _fields("scale index base", code[at])))
        at += 1
    parts += _numbers(code, at, lead, offsets, instruction)
    formatter = iced.Formatter(iced.FormatterSyntax.GAS)
    formatter.rip_relative_addresses = True
    formatter.branch_leading_zeros = False
    formatter.uppercase_hex = False
    text = ("wait; " if lead else "") + formatter.format(instruction)
    return Anatomy(tuple(parts), text, info.instruction_string)


def _prefix_note(byte: int, info: iced.OpCodeInfo, bits: int) -> str:
    mandatory = {
        iced.MandatoryPrefix.P66: 0x66,
        iced.MandatoryPrefix.PF3: 0xF3,
        iced.MandatoryPrefix.PF2: 0xF2,
    }.get(info.mandatory_prefix)
    if byte == mandatory:
        return "part of the opcode"
    note = _PREFIX_NOTES[byte]
    if byte in (0x26, 0x2E, 0x36, 0x3E) and bits == 64:
        return f"{note}: ignored in 64-bit code, or a hint"
    return note


def _escape(code: bytes, at: int, bits: int, info: iced.OpCodeInfo, parts: list[Part]) -> int:
    """REX, VEX, EVEX or XOP; the position behind it."""
    kind = _VECTOR_PREFIXES.get(info.encoding)
    if kind is not None:
        size = 4 if kind == "EVEX" else 2 if code[at] == 0xC5 else 3
        w = f"W={info.w} " if not info.is_wig else ""
        length = f"L={128 << info.l}" if not info.is_lig else "scalar"
        parts.append(Part(kind, code[at : at + size], f"{w}{length}"))
        return at + size
    if bits == 64 and 0x40 <= code[at] <= 0x4F and at < len(code) - 1:
        names = "".join(n for n, bit in (("W", 8), ("R", 4), ("X", 2), ("B", 1)) if code[at] & bit)
        note = f"{names}: " if names else ""
        meanings = {"W": "64-bit operands", "R": "reg is %r8-%r15", "X": "index is %r8-%r15",
                    "B": "rm or base is %r8-%r15"}  # fmt: skip
        what = ", ".join(meanings[name] for name in names)
        parts.append(Part("REX", code[at : at + 1], note + (what or "byte registers %spl-%dil")))
        return at + 1
    return at


def _modrm_size(length: int, info: iced.OpCodeInfo) -> int:
    """How many of `length` bytes of opcode, ModRM and SIB are not the opcode."""
    escapes = {
        iced.OpCodeTableKind.T0F: 1,
        iced.OpCodeTableKind.T0F38: 2,
        iced.OpCodeTableKind.T0F3A: 2,
    }
    size = info.op_code_len
    if info.encoding == iced.EncodingKind.LEGACY:
        size += escapes.get(info.table, 0)
    elif info.encoding == iced.EncodingKind.D3NOW:
        size = 2
    return max(0, length - size)


def _fields(names: str, byte: int) -> str:
    values = (byte >> 6, byte >> 3 & 7, byte & 7)
    widths = (2, 3, 3)
    return " ".join(
        f"{name}={value:0{width}b}"
        for name, value, width in zip(names.split(), values, widths, strict=True)
    )


def _numbers(
    code: bytes, at: int, lead: int, offsets: iced.ConstantOffsets, instruction: iced.Instruction
) -> list[Part]:
    found: list[tuple[int, Part]] = []
    if offsets.has_displacement:
        start, size = lead + offsets.displacement_offset, offsets.displacement_size
        data = code[start : start + size]
        note = "from the end of the instruction" if instruction.is_ip_rel_memory_operand else ""
        if size == 1 and data[0] != instruction.memory_displacement & 0xFF:
            note = f"in units of the operand: {instruction.memory_displacement:#x}"
        found.append((start, Part(f"disp{8 * size}", data, note)))
    for start, size in (
        (offsets.immediate_offset, offsets.immediate_size),
        (offsets.immediate_offset2, offsets.immediate_size2),
    ):
        if size:
            data = code[lead + start : lead + start + size]
            branch = any(instruction.op_kind(n) in _NEAR for n in range(instruction.op_count))
            name, note = ("rel", "from the end of the instruction") if branch else ("imm", "")
            found.append((lead + start, Part(f"{name}{8 * size}", data, note)))
    covered = sum(len(part.data) for _, part in found)
    rest = len(code) - at - covered
    if rest > 0:  # a register in the last byte (is4), or 3DNow!'s opcode
        found.append((len(code) - rest, Part("suffix", code[len(code) - rest :])))
    return [part for _, part in sorted(found, key=lambda item: item[0])]


_NEAR: Final = (iced.OpKind.NEAR_BRANCH16, iced.OpKind.NEAR_BRANCH32, iced.OpKind.NEAR_BRANCH64)


def origin(text: str, dialect: Dialect, locate: Locate) -> str:
    """Which of the encoder's sources encodes the statement."""
    encoder = Encoder()
    slot = encoder.submit(text, dialect, lambda _: None, locate)
    if slot.encoded is not None:
        return "our table of branches" if slot.encoded.branch else "our table of calls and prefixes"
    statements = encoder.waiting()
    if not statements:
        return "our table of far pointers"
    statement = statements[0]
    shape, bits = statement.shape, dialect.bits
    options = set(shape.options) - {"disp8", "disp16", "disp32"}
    if not options:
        row = corrections.row_of(shape, bits)
        if row is not None:
            operands = ", ".join("/".join(specs) for specs in row.operands)
            return (
                f"our corrections table, row '{shape.mnemonic} | {operands} | "
                f"{' '.join(row.encoding)}': keystone lacks it or gets it wrong"
            )
        if string_operation.encode(shape, bits) is not None:
            return "our string operations: the addresses decide segment and address size"
    if options or opcodes.is_preferred(statement.mnemonic, bits):
        return "our opcode tables (VEX, EVEX, XOP and what keystone never learnt)"
    return "keystone"
