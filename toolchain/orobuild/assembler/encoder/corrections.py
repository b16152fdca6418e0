"""Our own encoder: what keystone lacks, or writes differently from GNU as.

A row of the table says which mnemonics with which operands become which bytes, in the notation of
the Intel SDM's opcode column. Rows come before keystone; what they give is read back by the
decoder like everything else. Rows are checked against GNU as by the tests.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder import string_operation
from orobuild.assembler.encoder.operands import Immediate, Memory, Operand, RegisterOperand
from orobuild.assembler.encoder.registers import RegisterClass
from orobuild.assembler.encoder.rows import ROWS
from orobuild.assembler.encoder.template import Shape, Template, fits, fits_either
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.assembler.encoder.registers import Register


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: operands in the SDM's order, each as its
    alternatives; `bits` are the modes that have it."""

    operands: tuple[tuple[str, ...], ...]
    encoding: tuple[str, ...]
    bits: tuple[int, ...]


@functools.cache
def table() -> dict[tuple[str, int, int], list[Row]]:
    """Rows by mnemonic, bits and number of operands, in the order of preference."""
    rows: dict[tuple[str, int, int], list[Row]] = {}
    for line in ROWS.splitlines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        names, operands, encoding, *modes = (part.strip() for part in text.split("|"))
        row = Row(
            tuple(tuple(spec.split("/")) for spec in operands.replace(" ", "").split(",") if spec),
            tuple(encoding.split()),
            tuple(int(mode) for mode in modes[0].split()) if modes else (16, 32, 64),
        )
        for name in names.split():
            for bits in row.bits:
                rows.setdefault((name, bits, len(row.operands)), []).append(row)
    return rows


def encode(shape: Shape, bits: int) -> bytes | None:
    """The bytes of the first row that takes these operands, None when there is none."""
    row = row_of(shape, bits)
    if row is not None:
        return _compose(row, shape.intel_order, bits)
    return string_operation.encode(shape, bits)


def row_of(shape: Shape, bits: int) -> Row | None:
    """The first row that takes these operands."""
    rows = table().get((shape.mnemonic, bits, len(shape.operands)))
    if rows is not None:
        operands = shape.intel_order
        for row in rows:
            for specs, operand in zip(row.operands, operands, strict=True):
                if not _takes(specs, operand):
                    break
            else:
                return row
    return None


_CLASSES: Final = {
    "sreg": RegisterClass.SEGMENT,
    "mm": RegisterClass.MMX,
    "st": RegisterClass.X87,
    "creg": RegisterClass.CONTROL,
    "dreg": RegisterClass.DEBUG,
    "treg": RegisterClass.TEST,
}


def _takes(specs: tuple[str, ...], operand: Operand) -> bool:
    if isinstance(operand, RegisterOperand):
        register = operand.register
        if operand.mask:
            return False
        names = _register_specs(register)
        if operand.indirect:
            return any(spec[0] == "*" and spec[1:] in names for spec in specs)
        return any(spec in names for spec in specs)
    if isinstance(operand, Memory):
        if operand.broadcast or operand.mask:
            return False
        if operand.indirect:
            return "m*" in specs
        return "m" in specs or (
            "abs32" in specs
            and operand.bare
            and isinstance(operand.displacement, int)
            and fits(operand.displacement, 4)
        )
    if isinstance(operand, Immediate) and isinstance(operand.value, int):
        return any(spec in _RANGES and _RANGES[spec](operand.value) for spec in specs)
    return False


_RANGES: Final[dict[str, Callable[[int], bool]]] = {
    "i8": lambda value: fits_either(value, 1),
    "i16": lambda value: fits_either(value, 2),
    "i32": lambda value: fits_either(value, 4),
    "is8": lambda value: fits(value, 1),
    "is32": lambda value: fits(value, 4),
    "i64": lambda _: True,
}


@functools.cache
def _register_specs(register: Register) -> frozenset[str]:
    """How rows may call `register`: by its name, by its class, by its width."""
    names = {register.name} - {"r8"}  # which means any byte register here
    if register.kind is RegisterClass.GENERAL:
        names.add(f"r{register.size * 8}")
    elif register.kind is RegisterClass.VECTOR:
        names.add({16: "xmm", 32: "ymm", 64: "zmm"}[register.size])
    else:
        names |= {spec for spec, kind in _CLASSES.items() if kind is register.kind}
    return frozenset(names)


def _compose(row: Row, operands: tuple[Operand, ...], bits: int) -> bytes:
    prefixes = bytearray()
    opcode = bytearray()
    tail = bytearray()
    rex = 0
    force_rex = False
    reg: Register | None = None
    digit: int | None = None
    rm: Register | Memory | None = None
    added: Register | None = None
    for word in row.encoding:
        if (word == "o16" and bits != 16) or (word == "o32" and bits == 16):
            prefixes.append(0x66)
        elif word in ("o16", "o32", "rm"):
            pass
        elif word == "o64":
            rex |= 8
        elif word == "/r":
            reg, rm = _reg_and_rm(row, operands)
        elif word[0] == "/":
            digit = int(word[1:])
            rm = _only_rm(operands)
        elif word == "+r":
            added = next(o.register for o in operands if isinstance(o, RegisterOperand))
        elif word in ("ib", "iw", "id", "iq"):
            size = {"ib": 1, "iw": 2, "id": 4, "iq": 8}[word]
            numbers = [o for o in operands if isinstance(o, Immediate)]
            value = numbers[1 if size == 1 and len(numbers) > 1 else 0].value
            assert isinstance(value, int)
            tail += (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        elif word.startswith("p:"):
            prefixes += bytes.fromhex(word[2:])
        else:
            opcode += bytes.fromhex(word)
    if added is not None:
        opcode[-1] |= added.number & 7
        rex |= added.number >> 3
    body = b""
    if rm is not None:
        number = digit if digit is not None else (reg.number if reg else 0)
        rex |= (number >> 3) << 2
        body, extra, wide = modrm(number & 7, rm, bits)
        rex |= extra
        if wide:
            prefixes.insert(1 if prefixes[:1] == b"\x9b" else 0, 0x67)
    for operand in operands:
        if isinstance(operand, RegisterOperand) and operand.register.needs_rex:
            force_rex = True
    head = bytes(prefixes)
    if bits == 64 and (rex or force_rex):
        head += bytes((0x40 | rex,))
    return head + bytes(opcode) + body + bytes(tail)


def _reg_and_rm(row: Row, operands: tuple[Operand, ...]) -> tuple[Register, Register | Memory]:
    """The ModRM.reg and ModRM.rm operands: memory is rm; of two registers `encoding` decides."""
    first, second = [o for o in operands if isinstance(o, RegisterOperand | Memory)][:2]
    if isinstance(first, Memory):
        assert isinstance(second, RegisterOperand)
        return second.register, first
    if isinstance(second, Memory):
        return first.register, second
    if "rm" in row.encoding:
        return first.register, second.register
    return second.register, first.register


def _only_rm(operands: tuple[Operand, ...]) -> Register | Memory:
    for operand in operands:
        if isinstance(operand, Memory):
            return operand
        if isinstance(operand, RegisterOperand):
            return operand.register
    raise AssertionError("a row with /digit has no register or memory operand")


_RM16: Final = {
    ("bx", "si"): 0, ("bx", "di"): 1, ("bp", "si"): 2, ("bp", "di"): 3,
    ("si", None): 4, ("di", None): 5, ("bp", None): 6, ("bx", None): 7,
}  # fmt: skip


def modrm(
    reg: int,
    rm: Register | Memory,
    bits: int,
    *,
    force_wide: bool = False,
    force_sib: bool = False,
) -> tuple[bytes, int, bool]:
    """(ModRM, SIB and displacement; REX bits X and B; whether 0x67 is needed).

    Intel SDM Vol. 2A §2.1.5. The width of the displacement is its value's: none for None, a byte
    where it fits, else 4 (2 in 16-bit addresses). `force_wide` rules the byte out, `force_sib`
    asks for a SIB byte.
    """
    from orobuild.assembler.encoder.registers import Register as RegisterType

    if isinstance(rm, RegisterType):
        return bytes((0xC0 | reg << 3 | rm.number & 7,)), rm.number >> 3 & 1, False
    value = rm.displacement
    assert value is None or isinstance(value, int)
    base, index = rm.base, rm.index
    width = base.size if base else index.size if index and index.size <= 8 else bits // 8
    wide = width != bits // 8
    if width == 2:
        return _modrm16(reg, rm, force_wide=force_wide), 0, wide
    if base is not None and base.kind is RegisterClass.POINTER:
        return bytes((reg << 3 | 5,)) + _little(value or 0, 4), 0, wide
    extra = 0
    if base is None and index is None:
        if bits == 64:
            return bytes((reg << 3 | 4, 0x25)) + _little(value or 0, 4), 0, wide
        return bytes((reg << 3 | 5,)) + _little(value or 0, 4), 0, wide
    sib = b""
    low = 4
    if index is not None or force_sib or (base is not None and base.number & 7 == 4):
        scale = {1: 0, 2: 1, 4: 2, 8: 3}[rm.scale]
        number = index.number if index else 4
        extra |= (number >> 3 & 1) << 1
        sib = bytes((scale << 6 | (number & 7) << 3 | (base.number & 7 if base else 5),))
    elif base is not None:
        low = base.number & 7
    if base is None:
        return bytes((reg << 3 | low,)) + sib + _little(value or 0, 4), extra, wide
    extra |= base.number >> 3
    if value is None and base.number & 7 != 5:
        return bytes((reg << 3 | low,)) + sib, extra, wide
    if value is None or (fits(value, 1) and not force_wide):
        return bytes((0x40 | reg << 3 | low,)) + sib + _little(value or 0, 1), extra, wide
    return bytes((0x80 | reg << 3 | low,)) + sib + _little(value, 4), extra, wide


def _modrm16(reg: int, memory: Memory, *, force_wide: bool) -> bytes:
    value = memory.displacement
    assert value is None or isinstance(value, int)
    if memory.base is None:
        return bytes((reg << 3 | 6,)) + _little(value or 0, 2)
    low = _RM16[memory.base.name, memory.index.name if memory.index else None]
    if value is None and low != 6:
        return bytes((reg << 3 | low,))
    if value is None or (fits(value, 1) and not force_wide):
        return bytes((0x40 | reg << 3 | low,)) + _little(value or 0, 1)
    return bytes((0x80 | reg << 3 | low,)) + _little(value, 2)


def _little(value: int, size: int) -> bytes:
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")


_ACCUMULATOR_FORMS: Final = {0x8A: 0xA0, 0x8B: 0xA1, 0x88: 0xA2, 0x89: 0xA3}


def with_other_address_size(template: Template, bits: int) -> Template:
    """`template` of a bare address, rewritten for an address-size prefix that the user wrote.

    The prefix itself is merged later. 16-bit `disp16` becomes `disp32` and the other way round;
    in 64-bit code the form stays, but the displacement is no longer sign-extended, and a move to
    or from the accumulator takes its short form, as GNU as has it.
    """
    fields = []
    code = bytearray(template.code)
    moved = 0
    for field in template.fields:
        if not field.displacement:
            fields.append(field._replace(offset=field.offset + moved))
            continue
        size = 4 if bits == 64 else 6 - field.size
        place = field.offset
        if bits == 64:
            if place > 2 and code[place - 2] == 4 and code[place - 3] in _ACCUMULATOR_FORMS:
                code[place - 3] = _ACCUMULATOR_FORMS[code[place - 3]]
                del code[place - 2 : place]
                moved = -2
        else:
            modrm_place = place - 1
            if code[modrm_place] & 0xC7 == (6 if bits == 16 else 5):
                code[modrm_place] = code[modrm_place] & 0x38 | (5 if bits == 16 else 6)
            code[place : place + field.size] = bytes(size)
            moved = size - field.size
        shift = moved if bits == 64 else 0
        fields.append(field._replace(offset=place + shift, size=size, signed=False))
    return template._replace(code=bytes(code), fields=tuple(fields))
