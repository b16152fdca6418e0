"""Boot protocol headers in an image: where a loader enters it, and in which mode.

Sources: Multiboot Specification 0.6.96 §3.1; Multiboot2 Specification 2.0 §3.1; Xen's
`elfnote.h`, XEN_ELFNOTE_PHYS32_ENTRY (the PVH entry). All addresses here are physical.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c
from orobuild.elf import notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.reader import ElfFile

MULTIBOOT_MAGIC: Final = 0x1BADB002
MULTIBOOT_SEARCH: Final = 8192
MULTIBOOT2_MAGIC: Final = 0xE85250D6
MULTIBOOT2_SEARCH: Final = 32768
XEN_ELFNOTE_PHYS32_ENTRY: Final = 18

_TAG_ENTRY: Final = {3: (32, "Multiboot2 entry"), 8: (32, "EFI i386 entry"), 9: (64, "EFI entry")}


@dataclass(frozen=True, slots=True)
class BootEntry:
    """A place where a loader enters the image.

    `address` is physical, or None where the protocol uses `e_entry`; `width` is in bits.
    """

    address: int | None
    width: int
    protocol: str


def boot_entries(elf: ElfFile) -> tuple[BootEntry, ...]:
    """Every entry that a boot protocol header in the image declares."""
    return (*_multiboot(elf), *_multiboot2(elf), *_pvh(elf))


def _headers(data: memoryview, magic: int, step: int, limit: int) -> Iterator[int]:
    head = bytes(data[:limit])
    needle = struct.pack("<I", magic)
    at = head.find(needle)
    while at >= 0:
        if at % step == 0:
            yield at
        at = head.find(needle, at + 1)


def _multiboot(elf: ElfFile) -> Iterator[BootEntry]:
    for at in _headers(elf.data, MULTIBOOT_MAGIC, 4, MULTIBOOT_SEARCH):
        if at + 12 > len(elf.data):
            continue
        magic, flags, checksum = struct.unpack_from("<III", elf.data, at)
        if (magic + flags + checksum) & 0xFFFFFFFF:
            continue
        if flags & 1 << 16 and at + 32 <= len(elf.data):
            address = struct.unpack_from("<I", elf.data, at + 28)[0]
            yield BootEntry(address, 32, "Multiboot entry")
        else:
            yield BootEntry(None, 32, "Multiboot entry")


def _multiboot2(elf: ElfFile) -> Iterator[BootEntry]:
    for at in _headers(elf.data, MULTIBOOT2_MAGIC, 8, MULTIBOOT2_SEARCH):
        if at + 16 > len(elf.data):
            continue
        magic, architecture, length, checksum = struct.unpack_from("<IIII", elf.data, at)
        if (magic + architecture + length + checksum) & 0xFFFFFFFF or architecture != 0:
            continue
        end = min(at + length, len(elf.data))
        default = True
        for kind, address in _tags(elf.data, at + 16, end):
            if kind in _TAG_ENTRY:
                width, protocol = _TAG_ENTRY[kind]
                default = default and kind != 3
                yield BootEntry(address, width, protocol)
        if default:
            yield BootEntry(None, 32, "Multiboot2 entry")


def _tags(data: memoryview, at: int, end: int) -> Iterator[tuple[int, int]]:
    """(type, first 32 bits of the content) of each tag that has as much."""
    while at + 8 <= end:
        kind, _, size = struct.unpack_from("<HHI", data, at)
        if size < 8 or (kind == 0 and size == 8):
            return
        if size >= 12 and at + 12 <= end:
            yield kind, struct.unpack_from("<I", data, at + 8)[0]
        at += -(-size // 8) * 8


def _pvh(elf: ElfFile) -> Iterator[BootEntry]:
    blobs = [elf.segment_data(s) for s in elf.segments if s.p_type == c.PT_NOTE]
    if not blobs:
        blobs = [elf.section_data(s) for s in elf.sections if s.sh_type == c.SHT_NOTE]
    for blob in blobs:
        for name, kind, desc in notes.of_area(blob):
            if name == b"Xen\0" and kind == XEN_ELFNOTE_PHYS32_ENTRY and len(desc) >= 4:
                yield BootEntry(int.from_bytes(desc[:8], "little"), 32, "PVH entry")
