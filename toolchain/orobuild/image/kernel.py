"""What makes an ELF file a kernel that our loaders can start: checked here, before it is on a disk.

The loaders make the same checks on the machine; here they come with the file's name and a hint.
Knows the rules of entry (ELF64, Multiboot2), and no particular kernel.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Diagnostic, Span, error
from orobuild.elf import constants as c
from orobuild.elf.reader import ElfFile, read
from orobuild.errors import InputError

if TYPE_CHECKING:
    from orobuild.elf.structures import ProgramHeader

LOADER_END: Final = 0x38000
"""The first physical address that the BIOS loader does not use (asm/boot/boot.inc)."""

_MAGIC: Final = 0xE85250D6  # Multiboot2 2.0, section 3.1.1
_SEARCH: Final = 32768
_HEADER: Final = struct.Struct("<IIII")
_TAG: Final = struct.Struct("<HHI")
_TAG_END, _TAG_REQUEST, _TAG_ENTRY = 0, 1, 3
_TAG_OPTIONAL: Final = 1
# Console flags, framebuffer, module alignment, three of EFI, and relocation, which is not needed.
_UNDERSTOOD: Final = frozenset((_TAG_END, _TAG_REQUEST, _TAG_ENTRY, 4, 5, 6, 7, 8, 9, 10))
_TAG_NAMES: Final = {2: "address"}
# What at least one of the loaders gives: 5 from a BIOS only, 12, 17 and 20 from UEFI only.
_OFFERED: Final = frozenset((1, 2, 3, 4, 5, 6, 8, 9, 12, 13, 14, 15, 17, 20, 21))
_4GIB: Final = 1 << 32

# Xen's public header elfnote.h; QEMU and Xen start a kernel that has this note.
_XEN_ELFNOTE_PHYS32_ENTRY: Final = 18
_NOTE: Final = struct.Struct("<III")


@dataclass(frozen=True)
class Multiboot2Header:
    """The header in the kernel's file: its byte offset there, and the entry address tag or None."""

    offset: int
    entry_address: int | None


@dataclass(frozen=True)
class Kernel:
    """A kernel that passed. `entry` is physical; `segments` are the PT_LOADs that use memory.

    `pvh_entry` is the physical entry of its PVH note (`qemu -kernel`), or None without one.
    """

    elf: ElfFile
    header: Multiboot2Header
    segments: tuple[ProgramHeader, ...]
    entry: int
    pvh_entry: int | None


def check_kernel(data: bytes, path: str) -> Kernel:
    """The kernel in `data`; `path` is its name in messages.

    Raises `InputError` with everything that is wrong at once, as far as it can be known.
    """
    elf = read(data, path)
    findings = _check_file_header(elf)
    if findings:
        raise InputError(findings)
    segments = tuple(s for s in elf.segments if s.p_type == c.PT_LOAD and s.p_memsz)
    findings = _check_segments(path, segments)
    header = _find_header(elf, findings)
    entry = _check_entry(elf, segments, header, findings) if header else 0
    if findings or header is None:
        raise InputError(findings)
    return Kernel(elf, header, segments, entry, _pvh_entry(elf))


def _check_file_header(elf: ElfFile) -> list[Diagnostic]:
    span, header = Span(elf.path), elf.header
    if header.ei_class != c.ELFCLASS64 or header.e_machine != c.EM_X86_64:
        return [
            error(
                "the kernel is not an x86-64 ELF64 file",
                span,
                hint="compile and link it for x86_64; its 32-bit entry code goes in .code32",
            )
        ]
    if header.e_type != c.ET_EXEC:
        return [
            error(
                f"the kernel is not a linked executable (e_type is {header.e_type}, not ET_EXEC)",
                span,
                hint="link it; a relocatable or position-independent file cannot be loaded",
            )
        ]
    return []


def _describe(segment: ProgramHeader) -> str:
    return (
        f"the segment at physical {segment.p_paddr:#x}..{segment.p_paddr + segment.p_memsz:#x} "
        f"(virtual {segment.p_vaddr:#x})"
    )


def _check_segments(path: str, segments: tuple[ProgramHeader, ...]) -> list[Diagnostic]:
    span = Span(path)
    if not segments:
        return [error("the kernel has no PT_LOAD segment", span)]
    findings = []
    for segment in segments:
        if segment.p_filesz > segment.p_memsz:
            findings.append(error(f"{_describe(segment)} is larger in the file", span))
        if segment.p_paddr + segment.p_memsz > _4GIB:
            hint = "give the section a load address below 4 GiB in the linker script: AT(...)"
            findings.append(error(f"{_describe(segment)} ends above 4 GiB", span, hint=hint))
        elif segment.p_paddr < LOADER_END:
            findings.append(
                error(
                    f"{_describe(segment)} overlaps the boot loader, which uses physical "
                    f"0..{LOADER_END:#x}",
                    span,
                    hint="load the kernel at 1 MiB (0x100000) or above",
                )
            )
    ordered = sorted(segments, key=lambda s: s.p_paddr)
    for before, after in itertools.pairwise(ordered):
        if before.p_paddr + before.p_memsz > after.p_paddr:
            findings.append(error(f"{_describe(before)} overlaps {_describe(after)}", span))
    return findings


def _find_header(elf: ElfFile, findings: list[Diagnostic]) -> Multiboot2Header | None:
    span, area = Span(elf.path), elf.data[:_SEARCH]
    for offset in range(0, len(area) - _HEADER.size + 1, 8):
        magic, architecture, length, checksum = _HEADER.unpack_from(area, offset)
        if magic != _MAGIC or (magic + architecture + length + checksum) % _4GIB:
            continue
        if architecture != 0:
            message = f"the Multiboot2 header is for architecture {architecture}, not 0 (i386)"
            findings.append(error(message, span))
            return None
        if length < _HEADER.size or offset + length > len(area):
            findings.append(error("the Multiboot2 header is longer than the file's 32 KiB", span))
            return None
        entry = _check_tags(area[offset + _HEADER.size : offset + length], span, findings)
        return Multiboot2Header(offset, entry)
    findings.append(
        error(
            "the kernel has no Multiboot2 header",
            span,
            hint="it starts with 0xe85250d6, 8-byte aligned, within the file's first 32 KiB; if the"
            " source has one, see with `readelf -lW` how far into the file its section is",
        )
    )
    return None


def _check_tags(tags: memoryview, span: Span, findings: list[Diagnostic]) -> int | None:
    """Appends what a tag of the header demands in vain; gives the entry address tag's value."""
    entry, offset = None, 0
    while True:
        if offset + _TAG.size > len(tags):
            findings.append(error("the Multiboot2 header has no end tag", span))
            return entry
        kind, flags, size = _TAG.unpack_from(tags, offset)
        if size < _TAG.size or offset + size > len(tags) or (kind == _TAG_ENTRY and size < 12):
            findings.append(error(f"the Multiboot2 header tag {kind} has size {size}", span))
            return entry
        if kind == _TAG_END:
            return entry
        if kind == _TAG_ENTRY:
            (entry,) = struct.unpack_from("<I", tags, offset + 8)
        optional = flags & _TAG_OPTIONAL
        if kind not in _UNDERSTOOD and not optional:
            name = f" ({_TAG_NAMES[kind]})" if kind in _TAG_NAMES else ""
            message = f"the Multiboot2 header demands tag {kind}{name}, which the loader refuses"
            findings.append(error(message, span, hint="mark the tag optional, or leave it out"))
        if kind == _TAG_REQUEST and not optional:
            wanted = struct.unpack_from(f"<{(size - 8) // 4}I", tags, offset + 8)
            findings.extend(
                error(f"the kernel demands boot information {w}, which the loader lacks", span)
                for w in wanted
                if w not in _OFFERED
            )
        offset += (size + 7) & ~7


def _check_entry(
    elf: ElfFile,
    segments: tuple[ProgramHeader, ...],
    header: Multiboot2Header,
    findings: list[Diagnostic],
) -> int:
    entry, span = header.entry_address, Span(elf.path)
    what = "the Multiboot2 entry address"
    if entry is None:
        entry, what = elf.header.e_entry, "the entry point"
        for segment in segments:
            if 0 <= entry - segment.p_vaddr < segment.p_memsz:
                entry += segment.p_paddr - segment.p_vaddr
                break
    for segment in segments:
        if 0 <= entry - segment.p_paddr < segment.p_filesz:
            if not segment.p_flags & c.PF_X:
                findings.append(
                    error(
                        f"{what} {entry:#x} is in {_describe(segment)}, which is not executable",
                        span,
                        hint="place the entry code in a segment with execute permission",
                    )
                )
            return entry
    findings.append(error(f"{what} {entry:#x} is in no segment's contents", span))
    return entry


def _pvh_entry(elf: ElfFile) -> int | None:
    """The address in the note XEN_ELFNOTE_PHYS32_ENTRY; None if no note segment has it."""
    for segment in elf.segments:
        if segment.p_type != c.PT_NOTE:
            continue
        notes, offset = elf.segment_data(segment), 0
        while offset + _NOTE.size <= len(notes):
            name_size, size, kind = _NOTE.unpack_from(notes, offset)
            name_at = offset + _NOTE.size
            at = name_at + (name_size + 3 & ~3)
            name = bytes(notes[name_at : name_at + name_size])
            value = bytes(notes[at : at + size])
            if name == b"Xen\0" and kind == _XEN_ELFNOTE_PHYS32_ENTRY and len(value) in (4, 8):
                return int.from_bytes(value, "little")
            offset = at + (size + 3 & ~3)
    return None
