"""VHD: the disk format of Hyper-V's first generation and Azure, fixed or dynamic.

Source: Microsoft "Virtual Hard Disk Image Format Specification", version 1.0. Numbers are big-endian.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image.extents import Extents
from orobuild.image.gpt import derived_guid
from orobuild.image.partition import SECTOR_SIZE

if TYPE_CHECKING:
    from orobuild.image.extents import Buffer

COOKIE: Final = b"conectix"
_DYNAMIC_COOKIE: Final = b"cxsparse"
_FOOTER: Final = struct.Struct(">8sIIQI4sI4sQQHBBII16sB427x")
_DYNAMIC_HEADER: Final = struct.Struct(">8sQQIIII16sII512s24s24s24s24s24s24s24s24s256x")
_NONE: Final = 0xFFFFFFFFFFFFFFFF
_FIXED, _DYNAMIC = 2, 3
_BLOCK: Final = 2 << 20
_BITMAP: Final = _BLOCK // SECTOR_SIZE // 8
_BLOCK_SECTORS: Final = (_BITMAP + _BLOCK) // SECTOR_SIZE
_FREE: Final = 0xFFFFFFFF
_EPOCH: Final = 946684800  # 2000-01-01, from which the format counts seconds
_TABLE_AT: Final = SECTOR_SIZE + 1024
_MAX_SIZE: Final = 2040 << 30


def geometry(sectors: int) -> tuple[int, int, int]:
    """(cylinders, heads, sectors per track), by the calculation in the specification's appendix."""
    sectors = min(sectors, 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        return sectors // 255 // 16, 16, 255
    per_track, tracks = 17, sectors // 17
    heads = max((tracks + 1023) // 1024, 4)
    if tracks >= heads * 1024 or heads > 16:
        per_track, heads, tracks = 31, 16, sectors // 31
    if tracks >= heads * 1024:
        per_track, heads, tracks = 63, 16, sectors // 63
    return tracks // heads, heads, per_track


def _checksum(data: bytes) -> int:
    return ~sum(data) & 0xFFFFFFFF


def _footer(disk: Extents, kind: int, timestamp: int) -> bytes:
    def packed(checksum: int) -> bytes:
        return _FOOTER.pack(
            COOKIE,
            2,
            0x00010000,
            _NONE if kind == _FIXED else SECTOR_SIZE,
            min(max(timestamp - _EPOCH, 0), 0xFFFFFFFF),
            # Readers take the size from the geometry, which cuts it, unless Windows made the file.
            b"win ",
            0x000A0000,
            b"Wi2k",
            disk.size,
            disk.size,
            *geometry(disk.size // SECTOR_SIZE),
            kind,
            checksum,
            derived_guid(disk.identity(), "vhd").bytes,
            0,
        )

    return packed(_checksum(packed(0)))


def pack(disk: Extents, *, fixed: bool = False, timestamp: int = 0) -> Extents:
    """The VHD of a disk of whole sectors. `timestamp` in seconds since 1970."""
    if disk.size > _MAX_SIZE:
        raise InputError(
            error("a VHD has at most 2040 GiB", hint="VMDK, VDI and qcow2 take larger disks")
        )
    if fixed:
        footer = _footer(disk, _FIXED, timestamp)
        parts: list[tuple[int, Buffer]] = [*disk.parts, (disk.size, footer)]
        return Extents.collect(disk.size + SECTOR_SIZE, parts)
    footer = _footer(disk, _DYNAMIC, timestamp)
    blocks = -(-disk.size // _BLOCK)
    table = [_FREE] * blocks
    following = -(-(_TABLE_AT + blocks * 4) // SECTOR_SIZE)
    parts = [(0, footer), (SECTOR_SIZE, _dynamic_header(blocks))]
    for index, _ in disk.blocks(_BLOCK):
        table[index] = following
        parts.append((following * SECTOR_SIZE, b"\xff" * _BITMAP))
        inner = disk.section(index * _BLOCK, _BLOCK)
        parts.extend(inner.placed(following * SECTOR_SIZE + _BITMAP))
        following += _BLOCK_SECTORS
    # The table fills whole sectors with "free".
    padded = struct.pack(f">{blocks}I", *table)
    padded += b"\xff" * (-len(padded) % SECTOR_SIZE)
    parts += [(_TABLE_AT, padded), (following * SECTOR_SIZE, footer)]
    return Extents.collect((following + 1) * SECTOR_SIZE, parts)


def _dynamic_header(blocks: int) -> bytes:
    def packed(checksum: int) -> bytes:
        fields = (_DYNAMIC_COOKIE, _NONE, _TABLE_AT, 0x00010000, blocks, _BLOCK, checksum)
        return _DYNAMIC_HEADER.pack(*fields, b"", 0, 0, b"", *([b""] * 8))

    return packed(_checksum(packed(0)))


def is_vhd(file: Extents) -> bool:
    """Whether the file ends in a VHD's footer, or starts with its copy."""
    return COOKIE in (file.read(max(file.size - SECTOR_SIZE, 0), 8), file.read(0, 8))


def unpack(file: Extents, path: str) -> Extents:
    """The disk in a VHD. Raises `InputError` naming what is wrong."""

    def fail(message: str) -> NoReturn:
        raise InputError(error(f"VHD: {message}", Span(path)))

    footer = file.read(file.size - SECTOR_SIZE, SECTOR_SIZE) if file.size >= SECTOR_SIZE else b""
    if footer[:8] != COOKIE:
        fail("truncated: the file does not end in a footer")
    fields = _FOOTER.unpack(footer)
    size, kind, checksum = fields[9], fields[13], fields[14]
    if _checksum(footer[:64] + bytes(4) + footer[68:]) != checksum:
        fail("the footer does not match its checksum")
    if kind == _FIXED:
        if size > file.size - SECTOR_SIZE:
            fail("truncated: the file is smaller than the disk")
        return file.section(0, size)
    if kind != _DYNAMIC or size > _MAX_SIZE:
        fail(f"disks of type {kind} (differencing) are not known here")
    header = file.read(fields[3], _DYNAMIC_HEADER.size)
    if len(header) < _DYNAMIC_HEADER.size or header[:8] != _DYNAMIC_COOKIE:
        fail("the dynamic header is missing")
    _, _, table_at, _, blocks, block, checksum, *_ = _DYNAMIC_HEADER.unpack(header)
    if _checksum(header[:36] + bytes(4) + header[40:]) != checksum:
        fail("the dynamic header does not match its checksum")
    if block < SECTOR_SIZE or block & block - 1 or block > 1 << 28 or blocks < -(-size // block):
        fail(f"{blocks} blocks of {block} bytes do not make a disk of {size} bytes")
    blocks = -(-size // block)
    raw_table = file.read(table_at, blocks * 4)
    if len(raw_table) < blocks * 4:
        fail("truncated: the block table lies outside the file")
    bitmap_size = -(-(block // SECTOR_SIZE // 8) // SECTOR_SIZE) * SECTOR_SIZE
    parts: list[tuple[int, Buffer]] = []
    for index, place in enumerate(struct.unpack(f">{blocks}I", raw_table)):
        if place == _FREE:
            continue
        offset = index * block
        length = min(block, size - offset)
        start = place * SECTOR_SIZE
        bitmap = file.read(start, bitmap_size)
        found = file.section(start + bitmap_size, length)
        if found.size < length or len(bitmap) < bitmap_size:
            fail(f"truncated: block {index} lies outside the file")
        if bitmap[: block // SECTOR_SIZE // 8].strip(b"\xff"):
            found = _present(found, bitmap)
        parts.extend(found.placed(offset))
    try:
        return Extents.collect(size, parts)
    except ValueError:
        fail("blocks lie in each other")


def _present(block: Extents, bitmap: bytes) -> Extents:
    """The sectors of a block whose bit is set; the others are zero."""
    parts: list[tuple[int, Buffer]] = []
    for sector in range(block.size // SECTOR_SIZE):
        if bitmap[sector // 8] & 0x80 >> sector % 8:
            at = sector * SECTOR_SIZE
            parts.append((at, block.read(at, SECTOR_SIZE)))
    return Extents.collect(block.size, parts)
