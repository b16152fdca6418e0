"""ACPI and MP tables as bytes, for a machine whose firmware lies (ACPI 6.5, 5.2.5 to 5.2.12)."""

from __future__ import annotations

import struct
from typing import Final

ADDRESS: Final = 0x6000000
"""Where tests place them: in memory that nobody uses before the kernel has read them."""

IOAPIC: Final = struct.pack("<BBBBII", 1, 12, 0, 0, 0xFEC00000, 0)


def with_checksum(table: bytes, offset: int) -> bytes:
    """The table with the byte at `offset` such that all bytes sum to 0."""
    table = table[:offset] + b"\0" + table[offset + 1 :]
    return table[:offset] + bytes([-sum(table) % 256]) + table[offset + 1 :]


def lapic(apic_id: int) -> bytes:
    """A MADT entry of type 0: an enabled core."""
    return struct.pack("<BBBBI", 0, 8, apic_id, apic_id, 1)


def x2apic(apic_id: int) -> bytes:
    """A MADT entry of type 9: an enabled core with a 32-bit APIC id."""
    return struct.pack("<BBHIII", 9, 16, 0, apic_id, 1, apic_id)


def table(signature: bytes, body: bytes, length: int | None = None) -> bytes:
    """A system description table; `length` is what it says of itself."""
    header = struct.pack(
        "<4sIBB6s8sIII", signature, length or 36 + len(body), 5, 0, b"ORO", b"TESTS", 1, 0, 0
    )
    return with_checksum(header + body, 9)


def madt(*entries: bytes) -> bytes:
    """A MADT with these entries."""
    return table(b"APIC", struct.pack("<II", 0xFEE00000, 1) + b"".join(entries))


def acpi(*tables: bytes, root: int | None = None) -> bytes:
    """A root pointer for ADDRESS, an XSDT (at `root`, if that is given) and tables behind it."""
    xsdt_at, offset = ADDRESS + 64, 64 + 36 + 8 * len(tables)
    addresses, bodies = [], b""
    for body in tables:
        addresses.append(ADDRESS + offset + len(bodies))
        bodies += body
    xsdt = table(b"XSDT", struct.pack(f"<{len(addresses)}Q", *addresses))
    pointer = struct.pack(
        "<8sB6sBIIQB3s", b"RSD PTR ", 0, b"ORO", 2, 0, 36, root or xsdt_at, 0, b""
    )
    pointer = with_checksum(with_checksum(pointer[:20], 8) + pointer[20:], 32)
    return pointer.ljust(64, b"\0") + xsdt + bodies


def mp(*entries: bytes) -> bytes:
    """An MP floating pointer structure for ADDRESS and a configuration table behind it."""
    body = b"".join(entries)
    header = struct.pack(
        "<4sHBB8s12sIHHIHBB",
        *(b"PCMP", 44 + len(body), 4, 0, b"ORO", b"TESTS", 0, 0, len(entries), 0xFEE00000, 0, 0, 0),
    )
    pointer = struct.pack("<4sIBBB5s", b"_MP_", ADDRESS + 16, 1, 4, 0, b"")
    return with_checksum(pointer, 10) + with_checksum(header + body, 7)


def mp_core(apic_id: int) -> bytes:
    """An enabled processor of an MP table."""
    return struct.pack("<BBBBII8s", 0, apic_id, 0x14, 1, 0, 0, b"")
