"""Kernels that are entered by another protocol, made into ones that our loaders start.

The loaders know one form: an ELF executable with a Multiboot2 header. This module puts a header of
its own in front of a kernel's file and, where the kernel expects something else at its entry, an
entry program (asm/boot/entry/) behind its segments, to which the new header leads. The kernel's
bytes stay as they are; its sections and symbols stay readable. What comes out is started by any
Multiboot2 loader.
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Diagnostic, Span, error
from orobuild.elf import constants as c
from orobuild.elf.reader import is_elf
from orobuild.elf.structures import SHDR, FileHeader, ProgramHeader
from orobuild.errors import InputError
from orobuild.image import multiboot
from orobuild.image.flat import flatten
from orobuild.image.kernel import check_entry, check_file, describe, physical_entry
from orobuild.image.page_tables import NO_EXECUTE, PAGE, PRESENT, WRITABLE, Tables, is_canonical
from orobuild.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orobuild.elf.reader import ElfFile
    from orobuild.image.multiboot import Addresses, Tag

MULTIBOOT2: Final = "multiboot2"
MULTIBOOT: Final = "multiboot"
ELF: Final = "elf"
PROTOCOLS: Final = (MULTIBOOT2, MULTIBOOT, ELF)
"""What a kernel can be said to be entered by."""

LONG_MODE: Final = "long_mode"
PROTECTED_MODE: Final = "protected_mode"
PROGRAMS: Final = (MULTIBOOT, LONG_MODE, PROTECTED_MODE)
"""The entry programs."""

_SIGNATURES: Final = {MULTIBOOT: b"oroM", LONG_MODE: b"oroL", PROTECTED_MODE: b"oroP"}
_BASE_AT: Final = 1  # the immediate of the program's first instruction
_HEAD: Final = struct.Struct("<4sI")
_HEAD_AT: Final = 8
_PARAMETERS: Final = struct.Struct("<IQ")
_PARAMETERS_AT: Final = 16
_TABLES_PARAMETERS: Final = struct.Struct("<IIII")
_TABLES_PARAMETERS_AT: Final = 28
_4GIB: Final = 1 << 32
_UNPACKED_MAX: Final = 1 << 30
_FROM_THE_START: Final = 0xFFFFFFFF
_ALL: Final = c.PF_R | c.PF_W | c.PF_X

_HINT: Final = (
    'say how it is entered: protocol = "elf" in its target (--protocol elf) is for a kernel that'
    " is an ELF file and no more"
)


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment that is put into a kernel's file; `memory` in bytes."""

    flags: int
    address: int
    data: bytes
    memory: int


def unpacked(data: bytes, path: str) -> bytes:
    """`data`, or what it holds if it is a gzip file (as `/boot/xen.gz`). Raises `InputError`."""
    if data[:2] != b"\x1f\x8b":
        return data
    import gzip
    import io
    import zlib

    try:
        with gzip.open(io.BytesIO(data)) as file:
            found = file.read(_UNPACKED_MAX + 1)
    except (OSError, EOFError, zlib.error) as problem:
        raise InputError(error(f"the gzip file is damaged: {problem}", Span(path))) from None
    if len(found) > _UNPACKED_MAX:
        raise InputError(error("the gzip file holds more than 1 GiB", Span(path)))
    return found


def adapt(data: bytes, path: str, protocol: str, programs: Mapping[str, bytes]) -> bytes:
    """The kernel in `data` as one that our loaders start; `data` itself if it is one.

    `protocol` is one of `PROTOCOLS`, or "" for what the kernel's own header says. `programs` are the
    entry programs as linked ELF files, by name. Raises `InputError` for a kernel that says
    nothing, or does not fit what it is said to be. The result is still to be checked
    (`kernel.check_kernel`).
    """
    kind = protocol or _declared(data, path)
    if kind == MULTIBOOT2:
        return _of_multiboot2(data, path)
    if kind == MULTIBOOT:
        return _of_multiboot(data, path, programs)
    return _of_elf(data, path, programs)


def _declared(data: bytes, path: str) -> str:
    """The protocol that the kernel's header says."""
    if multiboot.find_multiboot2(data, path):
        return MULTIBOOT2
    if multiboot.find_multiboot(data, path):
        return MULTIBOOT
    span = Span(path)
    if data[0x202:0x206] == b"HdrS":
        message = "this is a Linux kernel, which our loaders do not start"
        hint = "they enter kernels by Multiboot2, Multiboot, or as plain ELF files"
        raise InputError(error(message, span, hint=hint))
    if not is_elf(data):
        message = "this is no kernel: neither an ELF file nor one with a Multiboot header"
        raise InputError(error(message, span))
    check_file(data, path)  # what is wrong with it otherwise comes first
    message = "the kernel has no Multiboot2 header and no Multiboot header: no entry protocol"
    raise InputError(error(message, span, hint=_HINT))


def _of_multiboot2(data: bytes, path: str) -> bytes:
    header = multiboot.find_multiboot2(data, path)
    if header is None or header.addresses is None:
        return data
    entry = header.entry_address
    if entry is None:
        message = "the Multiboot2 header has an address tag (2) and no entry address tag (3)"
        raise InputError(error(message, Span(path)))
    part = _loaded_by(header.addresses, data, header.offset, path)
    tags = tuple(tag for tag in header.tags if tag.kind != multiboot.TAG_ADDRESS)
    return _assemble(tags, [part], entry)


def _of_multiboot(data: bytes, path: str, programs: Mapping[str, bytes]) -> bytes:
    header = multiboot.find_multiboot(data, path)
    if header is None:
        raise InputError(error("the kernel has no Multiboot header", Span(path)))
    original: ElfFile | None = None
    if header.addresses:
        part = _loaded_by(header.addresses, data, header.offset, path)
        parts, entry, end = [part], header.entry, part.address + part.memory
    else:
        original, segments = check_file(data, path)
        entry = physical_entry(original, segments)
        if findings := check_entry(path, segments, entry):
            raise InputError(findings)
        parts, end = [], max(s.p_paddr + s.p_memsz for s in segments)
    program = _Program(programs, MULTIBOOT, end)
    program.set_kernel(entry)
    tags = [multiboot.entry_tag(program.base)]
    if header.video:
        tags.append(multiboot.framebuffer_tag(*header.video))
    return _assemble(tuple(tags), [*program.parts(path), *parts], entry, original)


def _of_elf(data: bytes, path: str, programs: Mapping[str, bytes]) -> bytes:
    original, segments = check_file(data, path)
    end = max(s.p_paddr + s.p_memsz for s in segments)
    entry = original.header.e_entry
    if original.header.ei_class == c.ELFCLASS32:
        physical = physical_entry(original, segments)
        if findings := check_entry(path, segments, physical):
            raise InputError(findings)
        program = _Program(programs, PROTECTED_MODE, end)
        program.set_kernel(physical)
    else:
        _check_virtual(path, segments, entry)
        program = _Program(programs, LONG_MODE, end)
        program.set_kernel(entry)
        program.set_tables(_tables(program, segments))
    tags = (multiboot.entry_tag(program.base),)
    return _assemble(tags, program.parts(path), entry, original)


def _loaded_by(addresses: Addresses, data: bytes, offset: int, path: str) -> _Part:
    """The part of a file that a header at `offset` puts somewhere by addresses, not by ELF."""
    span = Span(path)
    start, load = offset - (addresses.header - addresses.load), addresses.load
    if load == _FROM_THE_START:
        start, load = 0, addresses.header - offset
    if not 0 <= start <= offset or load < 0:
        message = (
            f"the Multiboot header at {offset:#x} in the file does not lie at {addresses.header:#x}"
            f" if the file's contents begin at {addresses.load:#x}"
        )
        raise InputError(error(message, span))
    size = addresses.load_end - load if addresses.load_end else len(data) - start
    memory = addresses.bss_end - load if addresses.bss_end else size
    if not 0 < size <= len(data) - start:
        message = (
            f"the Multiboot header loads {load:#x} to {load + size:#x}, and the file has"
            f" {len(data) - start} bytes for it"
        )
        raise InputError(error(message, span))
    if memory < size:
        message = f"the Multiboot header's .bss ends at {load + memory:#x}, before its contents"
        raise InputError(error(message, span))
    return _Part(_ALL, load, data[start : start + size], memory)


class _Program:
    """An entry program at the first free page behind a kernel that ends at `end`, physical."""

    def __init__(self, programs: Mapping[str, bytes], name: str, end: int) -> None:
        self._code = bytearray(flatten(programs[name], f"{name}.elf"))
        signature, self._memory_size = _HEAD.unpack_from(self._code, _HEAD_AT)
        if signature != _SIGNATURES[name]:
            raise InputError(error(f"'{name}.elf' is not that entry program"))
        self.base = _up(end)
        self.memory = self.base + _up(len(self._code))
        self.tables = self.memory + _up(self._memory_size)
        self._tables = b""
        struct.pack_into("<I", self._code, _BASE_AT, self.base % _4GIB)

    def set_kernel(self, entry: int) -> None:
        """Where the program goes in the end."""
        _PARAMETERS.pack_into(self._code, _PARAMETERS_AT, self.memory % _4GIB, entry)

    def set_tables(self, tables: bytes) -> None:
        """The page tables, which lie at `self.tables`."""
        self._tables = tables
        end = (self.tables + len(tables)) % _4GIB
        values = (self.base % _4GIB, end, self.tables % _4GIB, len(tables))
        _TABLES_PARAMETERS.pack_into(self._code, _TABLES_PARAMETERS_AT, *values)

    def parts(self, path: str) -> list[_Part]:
        """Its segments. Raises `InputError` if the kernel leaves no room for them."""
        if self.tables + len(self._tables) > _4GIB:
            raise InputError(
                error("the kernel leaves no room for its entry program below 4 GiB", Span(path))
            )
        code = _Part(c.PF_R | c.PF_X, self.base, bytes(self._code), len(self._code))
        parts = [code, _Part(c.PF_R | c.PF_W, self.memory, b"", self._memory_size)]
        if self._tables:
            size = len(self._tables)
            parts.append(_Part(c.PF_R | c.PF_W, self.tables, self._tables, size))
        return parts


def _check_virtual(path: str, segments: Sequence[ProgramHeader], entry: int) -> None:
    """What keeps a kernel's segments from being mapped at their virtual addresses."""
    span = Span(path)
    findings: list[Diagnostic] = []
    for segment in segments:
        end = segment.p_vaddr + segment.p_memsz
        if end > 1 << 64 or not (is_canonical(segment.p_vaddr) and is_canonical(end - 1)):
            findings.append(error(f"{describe(segment)} is at no canonical address", span))
        elif (segment.p_vaddr - segment.p_paddr) % PAGE:
            message = f"{describe(segment)} is at different places in its virtual and physical page"
            findings.append(error(message, span, hint="AT() must keep the lowest 12 bits"))
        elif segment.p_vaddr < _4GIB and segment.p_vaddr != segment.p_paddr:
            message = f"{describe(segment)} is in the first 4 GiB, which are mapped one to one"
            hint = "link it to run where it is loaded, or above 4 GiB"
            findings.append(error(message, span, hint=hint))
    findings += _check_shared_pages(path, segments)
    holder = [s for s in segments if 0 <= entry - s.p_vaddr < s.p_filesz]
    if not holder:
        findings.append(error(f"the entry point {entry:#x} is in no segment's contents", span))
    elif not any(s.p_flags & c.PF_X for s in holder):
        message = f"the entry point {entry:#x} is in {describe(holder[0])}, which is not executable"
        hint = "place the entry code in a segment with execute permission"
        findings.append(error(message, span, hint=hint))
    if findings:
        raise InputError(findings)


def _pages(
    segments: Sequence[ProgramHeader],
) -> Iterator[tuple[int, int, list[ProgramHeader]]]:
    """Ranges of virtual pages in order (start, end), and the segments that have a part of them."""
    edges = {_down(s.p_vaddr) for s in segments} | {_up(s.p_vaddr + s.p_memsz) for s in segments}
    edges |= {_up(s.p_vaddr) for s in segments} | {_down(s.p_vaddr + s.p_memsz) for s in segments}
    for start, end in itertools.pairwise(sorted(edges)):
        there = [s for s in segments if s.p_vaddr < end and s.p_vaddr + s.p_memsz > start]
        if there:
            yield start, end, there


def _check_shared_pages(path: str, segments: Sequence[ProgramHeader]) -> Iterator[Diagnostic]:
    for _, _, there in _pages(segments):
        names = " and ".join(map(describe, there))
        hint = "begin each on a page of its own: . = ALIGN(0x1000)"
        writable = [s for s in there if s.p_flags & c.PF_W]
        executable = [s for s in there if s.p_flags & c.PF_X]
        if len({s.p_vaddr - s.p_paddr for s in there}) > 1:
            message = f"{names} share a virtual page and no physical one"
            yield error(message, Span(path), hint=hint)
        elif writable and executable and not any(s in executable for s in writable):
            message = f"{names} share a page, which would be writable and executable"
            yield error(message, Span(path), hint=hint)


def _tables(program: _Program, segments: Sequence[ProgramHeader]) -> bytes:
    """The first 4 GiB one to one, then the entry program, then the kernel."""
    tables = Tables(program.tables)
    data = PRESENT | WRITABLE | NO_EXECUTE
    tables.map(0, 0, _4GIB, data)
    tables.map(program.base, program.base, program.memory - program.base, PRESENT)
    tables.map(program.memory, program.memory, PAGE, 0)  # the guard below the stack
    for start, end, there in _pages(segments):
        flags = PRESENT if any(s.p_flags & c.PF_X for s in there) else PRESENT | NO_EXECUTE
        if any(s.p_flags & c.PF_W for s in there):
            flags |= WRITABLE
        tables.map(start, start - there[0].p_vaddr + there[0].p_paddr, end - start, flags)
    return tables.to_bytes()


def _assemble(
    tags: tuple[Tag, ...], parts: Sequence[_Part], entry: int, original: ElfFile | None = None
) -> bytes:
    """A kernel's file: a new Multiboot2 header, `parts`, and all of `original` behind them.

    Without an original it is an ELF64 file whose `e_entry` is `entry`.
    """
    ei_class = original.header.ei_class if original else c.ELFCLASS64
    kept = original.segments if original else ()
    tables_at = c.EHDR_SIZE[ei_class]
    header_at = tables_at + c.PHDR_SIZE[ei_class] * (len(parts) + len(kept))
    header_at += -header_at % 8
    front = multiboot.multiboot2_header(tags)
    body, headers = bytearray(header_at) + front, []
    for part in parts:
        body += bytes(-len(body) % PAGE)
        place = (len(body), part.address, part.address, len(part.data), part.memory)
        headers.append(ProgramHeader(c.PT_LOAD, part.flags, *place, PAGE))
        body += part.data
    body += bytes(-len(body) % PAGE)
    moved = len(body)
    headers += [replace(s, p_offset=s.p_offset + moved, p_align=min(s.p_align, PAGE)) for s in kept]
    if original:
        body += _with_moved_sections(original, moved)
        header = original.header
        section_table = header.e_shoff + moved if header.e_shnum else 0
        header = replace(header, e_phoff=tables_at, e_phnum=len(headers), e_shoff=section_table)
    else:
        sizes = (c.EHDR_SIZE[ei_class], c.PHDR_SIZE[ei_class], len(headers), 0, 0, 0)
        kind = (ei_class, 0, 0, c.ET_EXEC, c.EM_X86_64, c.EV_CURRENT)
        header = FileHeader(*kind, entry, tables_at, 0, 0, *sizes)
    packed = header.pack() + b"".join(h.pack(ei_class) for h in headers)
    body[: len(packed)] = packed
    return bytes(body)


def _with_moved_sections(elf: ElfFile, by: int) -> bytes:
    """The file, its section headers' offsets `by` bytes further."""
    data, header = bytearray(elf.data), elf.header
    layout = SHDR[header.ei_class]
    for index in range(header.e_shnum):
        at = header.e_shoff + index * layout.size
        fields = list(layout.unpack_from(data, at))
        fields[4] += by if fields[1] != c.SHT_NULL else 0
        layout.pack_into(data, at, *fields)
    return bytes(data)


def _up(address: int) -> int:
    return -(-address // PAGE) * PAGE


def _down(address: int) -> int:
    return address // PAGE * PAGE
