"""VMDK: VMware's disk format, as one sparse file (`monolithicSparse`) or a stream (`streamOptimized`).

Source: VMware "Virtual Disk Format 5.0". A sparse extent is a header, a text descriptor, and grains
of 64 KiB that a directory of tables finds; in a stream the grains are compressed, each behind a
marker, and the tables follow them.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image import deflate
from orobuild.image.extents import Extents
from orobuild.image.gpt import derived_guid
from orobuild.image.partition import SECTOR_SIZE

if TYPE_CHECKING:
    from orobuild.image.extents import Buffer

MAGIC: Final = b"KDMV"
_HEADER: Final = struct.Struct("<4sIIQQQQIQQQB4sH433x")
_GRAIN: Final = 128  # sectors
_GRAIN_SIZE: Final = _GRAIN * SECTOR_SIZE
_TABLE: Final = 512  # entries in a grain table
_DESCRIPTOR_AT, _DESCRIPTOR_SIZE = 1, 20
_NEWLINES, _REDUNDANT, _COMPRESSED, _MARKERS = 1, 2, 1 << 16, 1 << 17
_DEFLATE: Final = 1
_AT_END: Final = 0xFFFFFFFFFFFFFFFF
_LINE_ENDS: Final = b"\n \r\n"
_GRAIN_MARKER: Final = struct.Struct("<QI")
_MARKER: Final = struct.Struct("<QII496x")
_END_OF_STREAM, _TABLE_MARKER, _DIRECTORY_MARKER, _FOOTER_MARKER = 0, 1, 2, 3
_MAX_SECTORS: Final = 1 << 34


def _sectors(size: int) -> int:
    return -(-size // SECTOR_SIZE)


def _header(flags: int, capacity: int, redundant: int, directory: int, overhead: int) -> bytes:
    stream = bool(flags & _COMPRESSED)
    fields = (
        MAGIC,
        3 if stream else 1,
        flags,
        capacity,
        _GRAIN,
        _DESCRIPTOR_AT,
        _DESCRIPTOR_SIZE,
        _TABLE,
        redundant,
        directory,
        overhead,
        0,
        _LINE_ENDS,
        _DEFLATE if stream else 0,
    )
    return _HEADER.pack(*fields)


def _descriptor(disk: Extents, kind: str, name: str) -> bytes:
    identity = disk.identity()
    sectors = disk.size // SECTOR_SIZE
    # CID 0 and FFFFFFFE have meanings of their own.
    content_id = int.from_bytes(identity[:4], "little") % 0xFFFFFFFD + 1
    guid = str(derived_guid(identity, "vmdk"))
    cylinders = min(sectors // (16 * 63), 16383)
    text = f"""\
# Disk DescriptorFile
version=1
encoding="UTF-8"
CID={content_id:08x}
parentCID=ffffffff
createType="{kind}"

# Extent description
RW {sectors} SPARSE "{name}"

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "4"
ddb.adapterType = "ide"
ddb.geometry.cylinders = "{cylinders}"
ddb.geometry.heads = "16"
ddb.geometry.sectors = "63"
ddb.uuid.image = "{guid}"
ddb.longContentID = "{identity[:16].hex()}"
"""
    data = text.encode()
    if len(data) > _DESCRIPTOR_SIZE * SECTOR_SIZE or '"' in name or not name.isprintable():
        raise InputError(error(f"'{name}' cannot stand in a VMDK's descriptor"))
    return data


def pack(disk: Extents, *, name: str = "disk.vmdk", stream: bool = False) -> Extents:
    """The VMDK of a disk of whole sectors; `name` is the file's own, which its descriptor says."""
    return _pack_stream(disk, name) if stream else _pack_sparse(disk, name)


def _pack_sparse(disk: Extents, name: str) -> Extents:
    capacity = disk.size // SECTOR_SIZE
    grains = -(-disk.size // _GRAIN_SIZE)
    tables = -(-grains // _TABLE)
    table_sectors = _TABLE * 4 // SECTOR_SIZE
    directory_sectors = _sectors(tables * 4)
    redundant = _DESCRIPTOR_AT + _DESCRIPTOR_SIZE
    directory = redundant + directory_sectors + tables * table_sectors
    end = directory + directory_sectors + tables * table_sectors
    overhead = -(-end // _GRAIN) * _GRAIN
    entries = bytearray(tables * _TABLE * 4)
    parts: list[tuple[int, Buffer]] = []
    following = overhead
    for index, grain in disk.blocks(_GRAIN_SIZE):
        struct.pack_into("<I", entries, index * 4, following)
        parts.append((following * SECTOR_SIZE, grain))
        following += _GRAIN
    _check_room(following)
    for at in (redundant, directory):
        first = at + directory_sectors
        places = (first + number * table_sectors for number in range(tables))
        parts.append((at * SECTOR_SIZE, struct.pack(f"<{tables}I", *places)))
        parts.append((first * SECTOR_SIZE, bytes(entries)))
    flags = _NEWLINES | _REDUNDANT
    parts.append((0, _header(flags, capacity, redundant, directory, overhead)))
    parts.append((_DESCRIPTOR_AT * SECTOR_SIZE, _descriptor(disk, "monolithicSparse", name)))
    return Extents.collect(following * SECTOR_SIZE, parts)


def _pack_stream(disk: Extents, name: str) -> Extents:
    capacity = disk.size // SECTOR_SIZE
    tables = -(-disk.size // (_GRAIN_SIZE * _TABLE))
    table_sectors = _TABLE * 4 // SECTOR_SIZE
    parts: list[tuple[int, Buffer]] = []
    following = _GRAIN  # the overhead: header and descriptor
    directory = [0] * tables
    table = [0] * _TABLE
    current = -1

    def put(data: bytes) -> int:
        nonlocal following
        place, following = following, following + _sectors(len(data))
        parts.append((place * SECTOR_SIZE, data))
        return place

    def finish_table() -> None:
        if current >= 0:
            put(_MARKER.pack(table_sectors, 0, _TABLE_MARKER))
            directory[current] = put(struct.pack(f"<{_TABLE}I", *table))

    for index, grain in disk.blocks(_GRAIN_SIZE):
        number, slot = divmod(index, _TABLE)
        if number != current:
            finish_table()
            current, table = number, [0] * _TABLE
        packed = deflate.compress(grain)
        table[slot] = put(_GRAIN_MARKER.pack(index * _GRAIN, len(packed)) + packed)
    finish_table()
    put(_MARKER.pack(_sectors(tables * 4), 0, _DIRECTORY_MARKER))
    directory_at = put(struct.pack(f"<{tables}I", *directory))
    flags = _NEWLINES | _COMPRESSED | _MARKERS
    put(_MARKER.pack(1, 0, _FOOTER_MARKER))
    put(_header(flags, capacity, 0, directory_at, _GRAIN))
    put(_MARKER.pack(0, 0, _END_OF_STREAM))
    _check_room(following)
    parts.append((0, _header(flags, capacity, 0, _AT_END, _GRAIN)))
    parts.append((_DESCRIPTOR_AT * SECTOR_SIZE, _descriptor(disk, "streamOptimized", name)))
    return Extents.collect(following * SECTOR_SIZE, parts)


def _check_room(sectors: int) -> None:
    if sectors > 0xFFFFFFFF:
        raise InputError(error("the disk holds too much for a VMDK's 32-bit sector numbers"))


def unpack(file: Extents, path: str) -> Extents:
    """The disk in a VMDK of one sparse extent. Raises `InputError` naming what is wrong."""

    def fail(message: str) -> NoReturn:
        raise InputError(error(f"VMDK: {message}", Span(path)))

    raw = file.read(0, SECTOR_SIZE)
    if len(raw) < SECTOR_SIZE or raw[:4] != MAGIC:
        fail("the file has no sparse extent header")
    fields = _HEADER.unpack(raw)
    if fields[9] == _AT_END:
        # The footer is the last but one sector; the last one ends the stream.
        raw = file.read(file.size - 2 * SECTOR_SIZE, SECTOR_SIZE)
        if len(raw) < SECTOR_SIZE or raw[:4] != MAGIC:
            fail("the stream has no footer: the file is truncated")
        fields = _HEADER.unpack(raw)
    _, version, flags, capacity, grain, _, _, per_table, _, directory, *_, algorithm = fields
    compressed = bool(flags & _COMPRESSED)
    if version not in (1, 2, 3) or not 8 <= grain <= 2048 or grain & grain - 1:
        fail(f"version {version} with grains of {grain} sectors is not known here")
    if not 1 <= per_table <= 4096 or capacity > _MAX_SECTORS:
        fail(f"{capacity} sectors in tables of {per_table} entries are not possible")
    if compressed and algorithm != _DEFLATE:
        fail(f"compression {algorithm} is not known here")
    grain_size = grain * SECTOR_SIZE
    grains = -(-capacity // grain)
    tables = -(-grains // per_table)
    raw_directory = file.read(directory * SECTOR_SIZE, tables * 4)
    if len(raw_directory) < tables * 4:
        fail("truncated: the grain directory lies outside the file")
    size = capacity * SECTOR_SIZE
    parts: list[tuple[int, Buffer]] = []
    for number, at in enumerate(struct.unpack(f"<{tables}I", raw_directory)):
        if not at:
            continue
        table = file.read(at * SECTOR_SIZE, per_table * 4)
        if len(table) < per_table * 4:
            fail(f"truncated: grain table {number} lies outside the file")
        for slot, place in enumerate(struct.unpack(f"<{per_table}I", table)):
            offset = (number * per_table + slot) * grain_size
            if place in (0, 1) or offset >= size:  # 1: a grain of zeros
                continue
            data = file.read(place * SECTOR_SIZE, grain_size)
            if compressed:
                lba, length = _GRAIN_MARKER.unpack(data[:12].ljust(12, b"\0"))
                packed = file.read(place * SECTOR_SIZE + 12, min(length, 2 * grain_size))
                try:
                    data = zlib.decompressobj().decompress(packed, grain_size + 1)
                except zlib.error as problem:
                    fail(f"grain {offset // grain_size} cannot be decompressed: {problem}")
                if lba * SECTOR_SIZE != offset:
                    fail(f"grain {offset // grain_size} says that it is sector {lba}")
            if len(data) != grain_size and len(data) < size - offset:
                fail(f"truncated: grain {offset // grain_size} is not whole")
            parts.append((offset, data[: size - offset]))
    return Extents.collect(size, parts)
