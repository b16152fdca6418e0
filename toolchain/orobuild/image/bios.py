"""A raw disk image that boots from a BIOS: boot record, second stage, partition with the payload.

`bios_disk` makes it from bytes, `read_disk` finds the files in it again. The layout is described
in asm/boot/README.md. Same inputs, same bytes: the disk signature comes from the contents.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.elf.reader import is_elf
from orobuild.errors import InputError
from orobuild.image import partition, payload
from orobuild.image.flat import flatten
from orobuild.image.kernel import check_kernel
from orobuild.image.partition import CYLINDER_SECTORS, CYLINDER_SIZE, SECTOR_SIZE
from orobuild.image.payload import Files, Module

if TYPE_CHECKING:
    from collections.abc import Sequence

STAGE2_LBA: Final = 1
STAGE2_MAX: Final = 64 * SECTOR_SIZE
PARTITION_LBA: Final = CYLINDER_SECTORS

_MBR_PARAMETERS_AT: Final = 416
_MBR_PARAMETERS: Final = struct.Struct("<BBHHHQI4s")
_MBR_SIGNATURE: Final = b"oroM"
_PACKET_SIZE: Final = 16  # of an EDD disk address packet
_STAGE2_ADDRESS: Final = 0x8000
_STAGE2_PARAMETERS_AT: Final = 4
_STAGE2_PARAMETERS: Final = struct.Struct("<4sIQIII")
_STAGE2_SIGNATURE: Final = b"oroS"
_STAGE2_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Region:
    """A named range of the disk; `offset` and `size` in bytes."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class DiskImage:
    """A disk: its bytes, what lies where in them (by offset), and the files for the kernel."""

    data: bytes
    layout: tuple[Region, ...]
    files: Files


def bios_disk(
    *,
    mbr: bytes,
    stage2: bytes,
    kernel: bytes,
    command_line: str = "",
    modules: Sequence[Module] = (),
    kernel_path: str = "kernel.elf",
    mbr_path: str = "boot_mbr.elf",
    stage2_path: str = "boot_stage2.elf",
) -> DiskImage:
    """A disk image that starts `kernel` from a BIOS.

    `mbr` and `stage2` are the loader's two programs, as linked ELF files or flat; `kernel` is the
    kernel's ELF file, put on the disk byte for byte. The paths are names for messages. Raises
    `InputError` if one of them is not what it should be or does not fit.
    """
    check_kernel(kernel, kernel_path)
    files = Files(kernel, command_line, tuple(modules))
    contents = payload.pack(files)
    code = _mbr_code(mbr, mbr_path)
    program = _prepare_stage2(stage2, stage2_path, contents.header, zlib.crc32(code))
    boot_record = code + _MBR_PARAMETERS.pack(
        _PACKET_SIZE,
        0,
        len(program) // SECTOR_SIZE,
        _STAGE2_ADDRESS,
        0,
        STAGE2_LBA,
        zlib.crc32(program),
        _MBR_SIGNATURE,
    )

    cylinders = -(-len(contents.data) // CYLINDER_SIZE)
    sectors = PARTITION_LBA + cylinders * CYLINDER_SECTORS
    if sectors > partition.MAX_SECTORS:
        raise InputError(
            error(f"the disk would have {sectors} sectors, an MBR has room for 2^32-1")
        )
    identity = hashlib.sha256(boot_record + program + contents.data).digest()
    table = partition.PartitionTable(
        int.from_bytes(identity[:4], "little") or 1,
        (
            partition.Partition(
                partition.TYPE_NON_FS_DATA, PARTITION_LBA, sectors - PARTITION_LBA, active=True
            ),
        ),
    )
    data = bytearray(sectors * SECTOR_SIZE)
    base = PARTITION_LBA * SECTOR_SIZE
    data[:SECTOR_SIZE] = boot_record + table.pack()
    data[STAGE2_LBA * SECTOR_SIZE : STAGE2_LBA * SECTOR_SIZE + len(program)] = program
    data[base : base + len(contents.data)] = contents.data
    layout = (
        Region("master boot record", 0, SECTOR_SIZE),
        Region("second stage", STAGE2_LBA * SECTOR_SIZE, len(program)),
        *(Region(name, base + offset, size) for name, offset, size in contents.places),
    )
    return DiskImage(bytes(data), layout, files)


def _flat(data: bytes, path: str) -> bytes:
    return flatten(data, path) if is_elf(data) else data


def _mbr_code(data: bytes, path: str) -> bytes:
    """The first 416 bytes, once it is clear that these are our master boot record's."""
    flat = _flat(data, path)
    size = _MBR_PARAMETERS_AT + _MBR_PARAMETERS.size
    if len(flat) != size or flat[-4:] != _MBR_SIGNATURE:
        raise InputError(
            error(
                f"this is not the loader's master boot record ({len(flat)} bytes; it has {size}, "
                f"ending in {_MBR_SIGNATURE.decode()})",
                Span(path),
                hint="link asm/boot/mbr.S with linker_scripts/boot_mbr.ld",
            )
        )
    return flat[:_MBR_PARAMETERS_AT]


def _prepare_stage2(data: bytes, path: str, header: bytes, mbr_crc32: int) -> bytes:
    """The second stage, padded to whole sectors, with its parameters filled in."""
    flat = _flat(data, path)
    end = _STAGE2_PARAMETERS_AT + _STAGE2_PARAMETERS.size
    signature, version = flat[4:8], flat[8:12]
    if len(flat) < end or signature != _STAGE2_SIGNATURE:
        raise InputError(
            error(
                "this is not the loader's second stage (its signature is missing)",
                Span(path),
                hint="link asm/boot/ with linker_scripts/boot_stage2.ld",
            )
        )
    if int.from_bytes(version, "little") != _STAGE2_VERSION:
        raise InputError(error("the second stage is of another version than orobuild", Span(path)))
    if len(flat) > STAGE2_MAX:
        raise InputError(
            error(
                f"the second stage has {len(flat)} bytes, its slot {STAGE2_MAX}",
                Span(path),
            )
        )
    parameters = _STAGE2_PARAMETERS.pack(
        _STAGE2_SIGNATURE,
        _STAGE2_VERSION,
        PARTITION_LBA,
        len(header),
        zlib.crc32(header),
        mbr_crc32,
    )
    prepared = flat[:_STAGE2_PARAMETERS_AT] + parameters + flat[end:]
    return prepared.ljust(-(-len(prepared) // SECTOR_SIZE) * SECTOR_SIZE, b"\0")


def read_disk(data: bytes, path: str) -> DiskImage:
    """The disk image in `data`, made by `bios_disk`; `path` is its name in messages.

    Every checksum that the loader would compare is compared. Raises `InputError` naming the first
    thing that is wrong.
    """
    span = Span(path)
    table = partition.unpack(data[:SECTOR_SIZE])
    if table is None:
        raise InputError(error("not a disk image: no boot signature 55 aa in sector 0", span))
    fields = _MBR_PARAMETERS.unpack_from(data, _MBR_PARAMETERS_AT)
    _, _, count, _, _, lba, stage2_crc32, signature = fields
    if signature != _MBR_SIGNATURE:
        hint = "only images made by orobuild can be read"
        raise InputError(error("this disk's master boot record is not ours", span, hint=hint))
    program = data[lba * SECTOR_SIZE : (lba + count) * SECTOR_SIZE]
    end = _STAGE2_PARAMETERS_AT + _STAGE2_PARAMETERS.size
    if len(program) < max(count * SECTOR_SIZE, end):
        raise InputError(error("truncated: the second stage lies outside the disk", span))
    if zlib.crc32(program) != stage2_crc32:
        raise InputError(error("the second stage does not match its checksum", span))
    fields = _STAGE2_PARAMETERS.unpack_from(program, _STAGE2_PARAMETERS_AT)
    signature, version, first, header_size, header_crc32, mbr_crc32 = fields
    if signature != _STAGE2_SIGNATURE or version != _STAGE2_VERSION:
        raise InputError(error("the second stage is not of a kind known here", span))
    if zlib.crc32(data[:_MBR_PARAMETERS_AT]) != mbr_crc32:
        raise InputError(error("the master boot record does not match its checksum", span))
    base = first * SECTOR_SIZE
    if not any(p.first == first for p in table.partitions) or base >= len(data):
        raise InputError(error(f"no partition starts at the payload's sector {first}", span))
    contents = payload.unpack(memoryview(data)[base:], header_size, header_crc32, path)
    layout = (
        Region("master boot record", 0, SECTOR_SIZE),
        Region("second stage", lba * SECTOR_SIZE, len(program)),
        *(Region(name, base + at, size) for name, at, size in contents.places),
    )
    return DiskImage(data, layout, contents.files)
