"""Reading CIEs and FDEs far enough to know where their instructions end and padding begins.

Sources: DWARF 5, 6.4 and table 7.29; LSB 5.0, 10.5 (pointer encodings) and 10.6.1. What is not
understood is None, and the caller leaves the record alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_DW_EH_PE_WIDTHS: Final = {0x00: 8, 0x02: 2, 0x03: 4, 0x04: 8, 0x0A: 2, 0x0B: 4, 0x0C: 8}
_NOP: Final = 0
# Operands of each call frame instruction: u and s LEB128, b block, a address, digits bytes.
_OPERANDS: Final = {
    0x01: "a",  # DW_CFA_set_loc
    0x02: "1",  # DW_CFA_advance_loc1
    0x03: "2",
    0x04: "4",
    0x05: "uu",  # DW_CFA_offset_extended
    0x06: "u",
    0x07: "u",
    0x08: "u",
    0x09: "uu",  # DW_CFA_register
    0x0A: "",  # DW_CFA_remember_state
    0x0B: "",
    0x0C: "uu",  # DW_CFA_def_cfa
    0x0D: "u",
    0x0E: "u",
    0x0F: "b",  # DW_CFA_def_cfa_expression
    0x10: "ub",
    0x11: "us",
    0x12: "us",
    0x13: "s",
    0x14: "uu",
    0x15: "us",
    0x16: "ub",
    0x1D: "8",  # DW_CFA_MIPS_advance_loc8
    0x2D: "",  # DW_CFA_GNU_window_save
    0x2E: "u",  # DW_CFA_GNU_args_size
    0x2F: "uu",  # DW_CFA_GNU_negative_offset_extended
}


def _leb128(data: bytes, position: int) -> tuple[int, int] | None:
    """The value of an unsigned LEB128 and where it ends."""
    value = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, position
    return None


@lru_cache(maxsize=4096)
def pointer_width(cie: bytes, address_size: int) -> int | None:
    """The bytes of an address in the FDEs of `cie` (a whole record); None if not understood."""
    encoding = pointer_encoding(cie, address_size)
    return None if encoding is None else _width(encoding, address_size)


def pointer_encoding(cie: bytes, address_size: int) -> int | None:
    """DW_EH_PE_* of an address in the FDEs of `cie`; None if it is not understood."""
    end = cie.find(b"\0", 9)
    if len(cie) < 10 or end < 0 or cie[8] not in (1, 3):
        return None
    augmentation = cie[9:end]
    if not augmentation:
        return 0
    if not augmentation.startswith(b"z"):
        return None
    position = end + 1
    fields = 4 if cie[8] == 3 else 3  # alignments, return register, length of what follows
    for number in range(fields):
        if number == 2 and cie[8] == 1:
            position += 1  # version 1: the return register is a byte
        found = _leb128(cie, position)
        if found is None:
            return None
        position = found[1]
    for letter in augmentation[1:]:
        if letter == ord("R"):
            if position >= len(cie):
                return None
            return cie[position]
        if letter == ord("L"):
            position += 1
        elif letter == ord("P") and position < len(cie):
            width = _width(cie[position], address_size)
            if width is None:
                return None
            position += 1 + width
        elif letter not in (ord("S"), ord("B")):
            return None
    return 0


def _width(encoding: int, address_size: int) -> int | None:
    if encoding & 0x70 == 0x50:  # DW_EH_PE_aligned
        return None
    if encoding & 0x0F == 0:
        return address_size
    return _DW_EH_PE_WIDTHS.get(encoding & 0x0F)


def used_size(fde: bytes, width: int, *, augmented: bool) -> int | None:
    """The bytes of an FDE (a whole record) without the DW_CFA_nop that pad it."""
    position = 8 + 2 * width
    if augmented:
        found = _leb128(fde, position)
        if found is None:
            return None
        position = found[0] + found[1]
    return position + used if (used := _used(fde[position:], width)) is not None else None


def used_cie_size(cie: bytes, width: int) -> int | None:
    """The bytes of a CIE (a whole record) without the DW_CFA_nop that pad it."""
    position = cie.index(b"\0", 9) + 1
    augmented = cie[9:10] == b"z"
    # alignments, return register (a byte in version 1), length of the augmentation's data
    fields = ["leb", "leb", "byte" if cie[8] == 1 else "leb"] + ["data"] * augmented
    for kind in fields:
        found = (0, position + 1) if kind == "byte" else _leb128(cie, position)
        if found is None:
            return None
        position = found[1] + (found[0] if kind == "data" else 0)
    return position + used if (used := _used(cie[position:], width)) is not None else None


@lru_cache(maxsize=1 << 16)
def _used(instructions: bytes, width: int) -> int | None:
    """Where the last instruction that is not a DW_CFA_nop ends. Most functions are alike."""
    used = position = 0
    while position < len(instructions):
        opcode = instructions[position]
        position += 1
        if opcode == _NOP:
            continue
        after = _skip(instructions, position, opcode, width)
        if after is None or after > len(instructions):
            return None
        used = position = after
    return used


def _skip(data: bytes, position: int, opcode: int, width: int) -> int | None:
    """Where the operands of an instruction end."""
    if opcode & 0xC0 == 0x80:
        operands: str | None = "u"  # DW_CFA_offset
    elif opcode & 0xC0:
        operands = ""  # DW_CFA_advance_loc, DW_CFA_restore
    else:
        operands = _OPERANDS.get(opcode)
    if operands is None:
        return None
    for operand in operands:
        if operand.isdigit():
            position += int(operand)
        elif operand == "a":
            position += width
        else:
            found = _leb128(data, position)
            if found is None:
                return None
            position = found[1] + (found[0] if operand == "b" else 0)
    return position
