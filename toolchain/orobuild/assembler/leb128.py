"""LEB128 numbers (DWARF 5, section 7.6)."""

from __future__ import annotations


def uleb128(value: int) -> bytes:
    """`value`, which is not negative, as an unsigned LEB128 number of the least size."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sleb128(value: int) -> bytes:
    """`value` as a signed LEB128 number of the least size."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)
