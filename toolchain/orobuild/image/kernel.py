"""What makes an ELF file a kernel that our loaders can start: checked here, before it is on a disk.

The loaders make the same checks on the machine; here they come with the file's name and a hint.
Knows the rules of entry (ELF, Multiboot2), and no particular kernel. What declares another protocol
is made into such a kernel first (`adaptation`).
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Diagnostic, Span, error
from orobuild.elf import constants as c
from orobuild.elf import notes
from orobuild.elf.reader import ElfFile, read
from orobuild.errors import InputError
from orobuild.image.multiboot import (
    TAG_ADDRESS,
    TAG_ENTRY,
    TAG_FRAMEBUFFER,
    TAG_REQUEST,
    find_multiboot2,
)
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.elf.structures import ProgramHeader
    from orobuild.image.multiboot import Multiboot2Header, Tag

LOADER_END: Final = 0x38000
"""The first physical address that the BIOS loader does not use (asm/boot/boot.inc)."""

SEGMENTS_MAX: Final = 64
"""Segments that both loaders take."""

# Console flags, framebuffer, module alignment, three of EFI, and relocation, which is not needed.
_UNDERSTOOD: Final = frozenset((TAG_REQUEST, TAG_ENTRY, TAG_FRAMEBUFFER, 4, 6, 7, 8, 9, 10))
_TAG_NAMES: Final = {TAG_ADDRESS: "address"}
# What at least one of the loaders gives: 5 from a BIOS only, 12, 17 and 20 from UEFI only.
_OFFERED: Final = frozenset((1, 2, 3, 4, 5, 6, 8, 9, 12, 13, 14, 15, 17, 20, 21))
_MACHINES: Final = ((c.ELFCLASS64, c.EM_X86_64), (c.ELFCLASS32, c.EM_386))
_4GIB: Final = 1 << 32

# Xen's public header elfnote.h; QEMU and Xen start a kernel that has this note.
_XEN_ELFNOTE_PHYS32_ENTRY: Final = 18


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
    elf, segments, findings = _check_file(data, path)
    header, entry = find_multiboot2(data, path), 0
    if header is None:
        findings.append(
            error(
                "the kernel has no Multiboot2 header",
                Span(path),
                hint="it starts with 0xe85250d6, 8-byte aligned, within the file's first 32 KiB; if"
                " the source has one, see with `readelf -lW` how far into the file its section is",
            )
        )
        raise InputError(findings)
    for tag in header.tags:
        findings += _check_tag(tag, Span(path))
    if header.entry_address is not None:
        entry = header.entry_address
        findings += check_entry(path, segments, entry, "the Multiboot2 entry address")
    else:
        entry = physical_entry(elf, segments)
        findings += check_entry(path, segments, entry)
    if findings:
        raise InputError(findings)
    return Kernel(elf, header, segments, entry, _pvh_entry(elf))


def check_file(data: bytes, path: str) -> tuple[ElfFile, tuple[ProgramHeader, ...]]:
    """The ELF file in `data` and its segments, whatever protocol it is entered by.

    Raises `InputError` with everything that keeps our loaders from putting it into memory.
    """
    elf, segments, findings = _check_file(data, path)
    if findings:
        raise InputError(findings)
    return elf, segments


def _check_file(
    data: bytes, path: str
) -> tuple[ElfFile, tuple[ProgramHeader, ...], list[Diagnostic]]:
    elf = read(data, path)
    findings = _check_file_header(elf)
    if findings:
        raise InputError(findings)
    segments = tuple(s for s in elf.segments if s.p_type == c.PT_LOAD and s.p_memsz)
    return elf, segments, _check_segments(path, segments)


def _check_file_header(elf: ElfFile) -> list[Diagnostic]:
    span, header = Span(elf.path), elf.header
    if (header.ei_class, header.e_machine) not in _MACHINES:
        return [
            error(
                "the kernel is neither an ELF64 file for x86-64 nor an ELF32 file for i386",
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


def describe(segment: ProgramHeader) -> str:
    """A segment, for a message."""
    return (
        f"the segment at physical {segment.p_paddr:#x}..{segment.p_paddr + segment.p_memsz:#x} "
        f"(virtual {segment.p_vaddr:#x})"
    )


def _check_segments(path: str, segments: tuple[ProgramHeader, ...]) -> list[Diagnostic]:
    span = Span(path)
    if not segments:
        return [error("the kernel has no PT_LOAD segment", span)]
    if len(segments) > SEGMENTS_MAX:
        message = f"the kernel has {len(segments)} PT_LOAD segments"
        return [error(message, span, hint=f"the loaders take at most {SEGMENTS_MAX}")]
    findings = []
    for segment in segments:
        if segment.p_filesz > segment.p_memsz:
            findings.append(error(f"{describe(segment)} is larger in the file", span))
        if segment.p_paddr + segment.p_memsz > _4GIB:
            hint = "give the section a load address below 4 GiB in the linker script: AT(...)"
            findings.append(error(f"{describe(segment)} ends above 4 GiB", span, hint=hint))
        elif segment.p_paddr < LOADER_END:
            findings.append(
                error(
                    f"{describe(segment)} overlaps the boot loader, which uses physical "
                    f"0..{LOADER_END:#x}",
                    span,
                    hint="load the kernel at 1 MiB (0x100000) or above",
                )
            )
    ordered = sorted(segments, key=lambda s: s.p_paddr)
    for before, after in itertools.pairwise(ordered):
        if before.p_paddr + before.p_memsz > after.p_paddr:
            findings.append(error(f"{describe(before)} overlaps {describe(after)}", span))
    return findings


def _check_tag(tag: Tag, span: Span) -> list[Diagnostic]:
    """What a tag of the Multiboot2 header demands in vain."""
    if tag.is_optional:
        return []
    if tag.kind not in _UNDERSTOOD:
        name = f" ({_TAG_NAMES[tag.kind]})" if tag.kind in _TAG_NAMES else ""
        message = f"the Multiboot2 header demands tag {tag.kind}{name}, which the loader refuses"
        return [error(message, span, hint="mark the tag optional, or leave it out")]
    if tag.kind != TAG_REQUEST:
        return []
    wanted = struct.unpack_from(f"<{len(tag.payload) // 4}I", tag.payload)
    return [
        error(f"the kernel demands boot information {w}, which the loader lacks", span)
        for w in wanted
        if w not in _OFFERED
    ]


def physical_entry(elf: ElfFile, segments: tuple[ProgramHeader, ...]) -> int:
    """`e_entry` as a physical address: through the segment that holds it, else as it is."""
    entry = elf.header.e_entry
    for segment in segments:
        if 0 <= entry - segment.p_vaddr < segment.p_memsz:
            return entry + segment.p_paddr - segment.p_vaddr
    return entry


def check_entry(
    path: str, segments: tuple[ProgramHeader, ...], entry: int, what: str = "the entry point"
) -> list[Diagnostic]:
    """What speaks against a physical address to be entered at."""
    span = Span(path)
    for segment in segments:
        if not 0 <= entry - segment.p_paddr < segment.p_filesz:
            continue
        if segment.p_flags & c.PF_X:
            return []
        return [
            error(
                f"{what} {entry:#x} is in {describe(segment)}, which is not executable",
                span,
                hint="place the entry code in a segment with execute permission",
            )
        ]
    return [error(f"{what} {entry:#x} is in no segment's contents", span)]


def _pvh_entry(elf: ElfFile) -> int | None:
    """The address in the note XEN_ELFNOTE_PHYS32_ENTRY; None if no note segment has it."""
    for segment in elf.segments:
        if segment.p_type != c.PT_NOTE:
            continue
        for owner, kind, value in notes.of_area(elf.segment_data(segment)):
            if owner == b"Xen\0" and kind == _XEN_ELFNOTE_PHYS32_ENTRY and len(value) in (4, 8):
                return int.from_bytes(value, "little")
    return None
