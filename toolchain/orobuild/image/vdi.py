"""VDI: VirtualBox's disk format, with blocks of 1 MiB allocated as they are needed.

Source: VirtualBox's `VDICore.h`, header version 1.1.
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

SIGNATURE: Final = 0xBEDA107F
SIGNATURE_AT: Final = 64
_TEXT: Final = b"<<< Oracle VM VirtualBox Disk Image >>>\n"
_VERSION: Final = 0x00010001
_HEADER_SIZE: Final = 400
_DYNAMIC, _FIXED = 1, 2
_BLOCK: Final = 1 << 20
_FREE: Final = 0xFFFFFFFF
_ZERO: Final = 0xFFFFFFFE
_HEADER: Final = struct.Struct("<64sIIIII256sIIIIIIIQIIII16s16s16s16sIIII")
_MAX_SIZE: Final = 1 << 50


def pack(disk: Extents) -> Extents:
    """The VDI of a disk of whole sectors."""
    blocks = -(-disk.size // _BLOCK)
    table = [_FREE] * blocks
    table_at = SECTOR_SIZE
    data_at = -(-(table_at + blocks * 4) // 4096) * 4096
    parts: list[tuple[int, Buffer]] = []
    allocated = 0
    for index, block in disk.blocks(_BLOCK):
        table[index] = allocated
        # Holes within a block stay holes.
        inner = disk.section(index * _BLOCK, _BLOCK) if len(block) == _BLOCK else Extents.of(block)
        parts.extend(inner.placed(data_at + allocated * _BLOCK))
        allocated += 1
    identity = disk.identity()
    none = bytes(16)
    sectors = disk.size // SECTOR_SIZE
    header = _HEADER.pack(
        _TEXT,
        SIGNATURE,
        _VERSION,
        _HEADER_SIZE,
        _DYNAMIC,
        0,
        b"",
        table_at,
        data_at,
        0,
        0,
        0,
        SECTOR_SIZE,
        0,
        disk.size,
        _BLOCK,
        0,
        blocks,
        allocated,
        derived_guid(identity, "vdi").bytes_le,
        derived_guid(identity, "vdi snapshot").bytes_le,
        none,
        none,
        min(sectors // (16 * 63), 16383),
        16,
        63,
        SECTOR_SIZE,
    )
    parts += [(0, header), (table_at, struct.pack(f"<{blocks}I", *table))]
    return Extents.collect(data_at + allocated * _BLOCK, parts)


def unpack(file: Extents, path: str) -> Extents:
    """The disk in a VDI. Raises `InputError` naming what is wrong."""

    def fail(message: str) -> NoReturn:
        raise InputError(error(f"VDI: {message}", Span(path)))

    raw = file.read(0, _HEADER.size)
    if len(raw) < _HEADER.size:
        fail("truncated: the header is not whole")
    fields = _HEADER.unpack(raw)
    _, signature, version, _, kind, _, _, table_at, data_at, *rest = fields
    size, block, extra, blocks, allocated = rest[5:10]
    if signature != SIGNATURE or version >> 16 != 1:
        fail(f"version {version >> 16}.{version & 0xFFFF} is not known here")
    if kind not in (_DYNAMIC, _FIXED):
        fail(f"images of type {kind} (differencing) are not known here")
    if block != _BLOCK or extra or size > _MAX_SIZE or blocks != -(-size // _BLOCK):
        fail(f"{blocks} blocks of {block} bytes do not make a disk of {size} bytes")
    raw_table = file.read(table_at, blocks * 4)
    if len(raw_table) < blocks * 4:
        fail("truncated: the block map lies outside the file")
    parts: list[tuple[int, Buffer]] = []
    for index, place in enumerate(struct.unpack(f"<{blocks}I", raw_table)):
        if place in (_FREE, _ZERO):
            continue
        if place >= allocated:
            fail(f"block {index} is said to be number {place} of {allocated}")
        length = min(_BLOCK, size - index * _BLOCK)
        found = file.section(data_at + place * _BLOCK, length)
        if found.size < length:
            fail(f"truncated: block {index} lies outside the file")
        parts.extend(found.placed(index * _BLOCK))
    return Extents.collect(size, parts)
