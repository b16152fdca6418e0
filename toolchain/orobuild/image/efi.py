"""EFI executables: a position-independent ELF file as a PE32+ image that UEFI starts.

Owns the step from our linked UEFI loader to `BOOTX64.EFI`. LIEF writes the PE structures, once for
a loader; `with_files` then needs no more than arithmetic. Same inputs, same bytes. Sources: the
PE format specification, and the UEFI specification 2.10, section 2.1.1.
"""

from __future__ import annotations

import struct
import zlib
from itertools import groupby
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.elf.reader import read
from orobuild.errors import InputError
from orobuild.held_signals import held
from orobuild.image.cpio import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lief import PE

    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import ProgramHeader

ARCHIVE_SECTION: Final = ".orovol"

_PAGE: Final = 0x1000
_FILE_ALIGNMENT: Final = 0x200
_HEADERS_SIZE: Final = 0x400  # with room for one more section
_FIRST_ADDRESS: Final = 0x1000
_RELATIVE: Final = 8  # R_X86_64_RELATIVE
_DT_RELA, _DT_RELASZ, _DT_RELR = 7, 8, 36
_RELA: Final = struct.Struct("<QQq")
_DYNAMIC: Final = struct.Struct("<qQ")
_BASED_ABSOLUTE, _BASED_DIR64 = 0, 10

_NAMES: Final = {c.PF_R | c.PF_X: ".text", c.PF_R: ".rodata", c.PF_R | c.PF_W: ".data"}
_CODE, _DATA, _DISCARDABLE = 0x20, 0x40, 0x02000000
_EXECUTE, _READ, _WRITE = 0x20000000, 0x40000000, 0x80000000

_SEAL: Final = b"oroSeal\1"
_SEALED: Final = 2
_SEAL_PART: Final = struct.Struct("<III")

# Offsets in the PE header, counted from its signature, and of a section header's fields.
_PE_POINTER_AT: Final = 0x3C
_SECTION_COUNT_AT: Final = 6
_OPTIONAL_SIZE_AT: Final = 20
_OPTIONAL_AT: Final = 24
_INITIALIZED_SIZE_AT: Final = _OPTIONAL_AT + 8
_IMAGE_SIZE_AT: Final = _OPTIONAL_AT + 56
_HEADERS_SIZE_AT: Final = _OPTIONAL_AT + 60
_SECTION: Final = struct.Struct("<8sIIIIIIHHI")


@held()
def efi_application(elf: bytes, path: str = "boot_efi.elf") -> bytes:
    """The EFI application made of `elf`, a linked position-independent executable (ET_DYN).

    Each PT_LOAD becomes a section with its permissions, on pages of its own; relative relocations
    become base relocations. A seal (asm/boot/efi/seal.c) is filled in, if there is one. Raises `InputError` if the file is of another kind, or has a segment
    that is writable and executable.
    """
    import lief
    from lief import PE

    lief.logging.disable()  # its log lines go to the terminal
    program = read(elf, path)
    segments = _segments(program)
    factory = PE.Factory.create(PE.PE_TYPE.PE32_PLUS)
    assert factory is not None
    relocated = _relocated_addresses(program)
    relocations = b"".join(_relocation_blocks(relocated))
    seal = _seal(program, segments, relocated)
    end = _up(segments[-1].p_vaddr + segments[-1].p_memsz, _PAGE)
    offset = _HEADERS_SIZE
    for segment in segments:
        section = _section(
            _NAMES[segment.p_flags],
            segment.p_vaddr,
            segment.p_memsz,
            bytes(program.segment_data(segment)).replace(_SEAL + bytes(len(seal)), _SEAL + seal),
            _flags(segment.p_flags),
        )
        section.pointerto_raw_data = offset
        offset += section.sizeof_raw_data
        factory.add_section(section)
    flags = _DATA | _READ | _DISCARDABLE
    section = _section(".reloc", end, len(relocations), relocations, flags)
    section.pointerto_raw_data = offset
    factory.add_section(section)
    image = factory.get()
    assert image is not None
    _fill_headers(image, program, segments)
    directory = image.data_directory(PE.DataDirectory.TYPES.BASE_RELOCATION_TABLE)
    assert directory is not None
    directory.rva, directory.size = end, len(relocations)
    image.optional_header.sizeof_image = end + _up(len(relocations), _PAGE)
    config = PE.Builder.config_t()
    config.relocations = config.imports = config.exports = config.resources = False
    return bytes(image.write_to_bytes(config))


def with_files(application: bytes, files: Mapping[str, bytes]) -> bytes:
    """`application`, made by `efi_application`, with `files` (contents by absolute path) inside.

    They lie in a section `.orovol`, a cpio archive, which the loader reads instead of the volume
    that it was started from.
    """
    image = bytearray(application)
    header = _pe_header(application)
    (count,) = struct.unpack_from("<H", image, header + _SECTION_COUNT_AT)
    (optional,) = struct.unpack_from("<H", image, header + _OPTIONAL_SIZE_AT)
    (initialized,) = struct.unpack_from("<I", image, header + _INITIALIZED_SIZE_AT)
    image_size, headers_size = struct.unpack_from("<II", image, header + _IMAGE_SIZE_AT)
    at = header + _OPTIONAL_AT + optional + count * _SECTION.size
    if at + _SECTION.size > headers_size:
        raise InputError(error("the EFI application has no room for another section header"))
    archive = pack(files)
    raw = archive.ljust(_up(len(archive), _FILE_ALIGNMENT), b"\0")
    image.extend(bytes(_up(len(image), _FILE_ALIGNMENT) - len(image)))
    name = ARCHIVE_SECTION.encode()
    flags = _DATA | _READ
    fields = (name, len(archive), image_size, len(raw), len(image), 0, 0, 0, 0, flags)
    _SECTION.pack_into(image, at, *fields)
    struct.pack_into("<H", image, header + _SECTION_COUNT_AT, count + 1)
    struct.pack_into("<I", image, header + _INITIALIZED_SIZE_AT, initialized + len(raw))
    struct.pack_into("<I", image, header + _IMAGE_SIZE_AT, image_size + _up(len(archive), _PAGE))
    return bytes(image + raw)


def _up(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment


def files_in(application: bytes, path: str) -> dict[str, bytes]:
    """What `with_files` put into an EFI application, empty if nothing did.

    Raises `InputError` for an executable or an archive that is damaged.
    """
    try:
        header = _pe_header(application)
        (count,) = struct.unpack_from("<H", application, header + _SECTION_COUNT_AT)
        (optional,) = struct.unpack_from("<H", application, header + _OPTIONAL_SIZE_AT)
        start = header + _OPTIONAL_AT + optional
        for index in range(count):
            fields = _SECTION.unpack_from(application, start + index * _SECTION.size)
            name, size, raw_size, raw = fields[0], fields[1], fields[3], fields[4]
            if name.rstrip(b"\0") == ARCHIVE_SECTION.encode():
                return unpack(application[raw : raw + min(size, raw_size)], path)
    except struct.error:
        raise InputError(error("the executable's headers are cut off", Span(path))) from None
    return {}


def _pe_header(image: bytes) -> int:
    """The offset of the signature "PE"; raises `InputError` if this is no PE file."""
    if len(image) >= _PE_POINTER_AT + 4 and image[:2] == b"MZ":
        (header,) = struct.unpack_from("<I", image, _PE_POINTER_AT)
        if image[header : header + 4] == b"PE\0\0":
            return int(header)
    raise InputError(error("not an EFI application (it has no PE signature)"))


def _segments(program: ElfFile) -> list[ProgramHeader]:
    span = Span(program.path)
    if program.header.e_type != c.ET_DYN or program.header.e_machine != c.EM_X86_64:
        hint = "link it with -pie"
        message = "an EFI application is made of a position-independent x86-64 executable"
        raise InputError(error(message, span, hint=hint))
    segments = sorted((s for s in program.segments if s.p_type == c.PT_LOAD), key=_address)
    end = _FIRST_ADDRESS
    for segment in segments:
        where = f"the segment at {segment.p_vaddr:#x}"
        if segment.p_flags not in _NAMES:
            message = f"{where} is neither R, RW nor RX; firmware may refuse such a section"
            raise InputError(error(message, span))
        if segment.p_vaddr % _PAGE or segment.p_vaddr < end:
            message = f"{where} does not begin on a page of its own from {_FIRST_ADDRESS:#x} on"
            raise InputError(error(message, span))
        end = segment.p_vaddr + segment.p_memsz
    if not segments:
        raise InputError(error("no PT_LOAD segment", span))
    return segments


def _seal(program: ElfFile, segments: list[ProgramHeader], relocated: list[int]) -> bytes:
    """Place, size and CRC-32 of the two segments that stay as they are wherever they are loaded."""
    fixed = [
        s
        for s in segments
        if not s.p_flags & c.PF_W and not any(0 <= a - s.p_vaddr < s.p_memsz for a in relocated)
    ]
    seal = b""
    for segment in fixed[:_SEALED]:
        checksum = zlib.crc32(program.segment_data(segment))
        seal += _SEAL_PART.pack(segment.p_vaddr, segment.p_filesz, checksum)
    return seal.ljust(_SEALED * _SEAL_PART.size, b"\0")


def _address(segment: ProgramHeader) -> int:
    return segment.p_vaddr


def _flags(permissions: int) -> int:
    flags = _CODE | _EXECUTE if permissions & c.PF_X else _DATA
    return flags | _READ | (_WRITE if permissions & c.PF_W else 0)


def _section(name: str, address: int, size: int, contents: bytes, flags: int) -> PE.Section:
    from lief import PE

    section = PE.Section(name)
    raw = contents.ljust(_up(len(contents), _FILE_ALIGNMENT), b"\0")
    section.content = list(raw)
    section.virtual_address = address
    section.virtual_size = size
    section.sizeof_raw_data = len(raw)
    section.characteristics = flags
    return section


def _fill_headers(image: PE.Binary, program: ElfFile, segments: list[ProgramHeader]) -> None:
    from lief import PE

    header, optional = image.header, image.optional_header
    for flag in (
        PE.Header.CHARACTERISTICS.EXECUTABLE_IMAGE,
        PE.Header.CHARACTERISTICS.LARGE_ADDRESS_AWARE,
        PE.Header.CHARACTERISTICS.LINE_NUMS_STRIPPED,
        PE.Header.CHARACTERISTICS.LOCAL_SYMS_STRIPPED,
        PE.Header.CHARACTERISTICS.DEBUG_STRIPPED,
    ):
        header.add_characteristic(flag)
    header.time_date_stamps = 0
    optional.subsystem = PE.OptionalHeader.SUBSYSTEM.EFI_APPLICATION
    for name in ("operating_system", "image", "subsystem"):
        setattr(optional, f"major_{name}_version", 0)
        setattr(optional, f"minor_{name}_version", 0)
    optional.major_linker_version = optional.minor_linker_version = 0
    optional.imagebase = 0  # firmware places it where it has room
    optional.addressof_entrypoint = program.header.e_entry
    optional.baseof_code = segments[0].p_vaddr
    code = [s for s in segments if s.p_flags & c.PF_X]
    data = [s for s in segments if not s.p_flags & c.PF_X]
    optional.sizeof_code = sum(_up(s.p_memsz, _FILE_ALIGNMENT) for s in code)
    optional.sizeof_initialized_data = sum(_up(s.p_memsz, _FILE_ALIGNMENT) for s in data)
    for characteristic in (
        PE.OptionalHeader.DLL_CHARACTERISTICS.NX_COMPAT,
        PE.OptionalHeader.DLL_CHARACTERISTICS.DYNAMIC_BASE,
        PE.OptionalHeader.DLL_CHARACTERISTICS.HIGH_ENTROPY_VA,
    ):
        optional.add(characteristic)


def _relocated_addresses(program: ElfFile) -> list[int]:
    """The addresses of all 64-bit words that move with the image, in order.

    A PE image has the word itself where ELF has an addend: the linker must have written it.
    """
    span = Span(program.path)
    dynamic: dict[int, int] = {}
    for segment in program.segments:
        if segment.p_type == c.PT_DYNAMIC:
            dynamic |= dict(_DYNAMIC.iter_unpack(program.segment_data(segment)))
    if _DT_RELR in dynamic:
        hint = "link without -z pack-relative-relocs"
        raise InputError(error("packed relative relocations are not supported", span, hint=hint))
    table = _at(program, dynamic.get(_DT_RELA, 0), dynamic.get(_DT_RELASZ, 0))
    addresses = []
    for address, info, addend in _RELA.iter_unpack(table):
        if info != _RELATIVE:
            message = f"the relocation at {address:#x} is not relative (type {info & 0xFFFFFFFF})"
            raise InputError(error(message, span))
        (word,) = struct.unpack("<q", _at(program, address, 8))
        if word != addend:
            message = f"the word at {address:#x} is {word:#x}, its relocation says {addend:#x}"
            hint = "the linker must write addends in place too (--apply-dynamic-relocs)"
            raise InputError(error(message, span, hint=hint))
        addresses.append(address)
    return sorted(addresses)


def _at(program: ElfFile, address: int, size: int) -> bytes:
    """`size` bytes of the image at `address`; raises `InputError` if no segment has them."""
    if not size:
        return b""
    for segment in program.segments:
        offset = address - segment.p_vaddr
        if segment.p_type == c.PT_LOAD and offset >= 0 and offset + size <= segment.p_filesz:
            return bytes(program.segment_data(segment)[offset : offset + size])
    raise InputError(error(f"{address:#x} is in no segment's contents", Span(program.path)))


def _relocation_blocks(addresses: list[int]) -> Iterator[bytes]:
    """The base relocation table: a block for each page with words that move."""
    for page, group in groupby(addresses, lambda address: address & ~(_PAGE - 1)):
        entries = [_BASED_DIR64 << 12 | address - page for address in group]
        entries += [_BASED_ABSOLUTE] * (len(entries) % 2)
        yield struct.pack(f"<II{len(entries)}H", page, 8 + 2 * len(entries), *entries)
    if not addresses:  # an image without a table counts as one that cannot move
        yield struct.pack("<IIHH", _FIRST_ADDRESS, 12, _BASED_ABSOLUTE, _BASED_ABSOLUTE)
