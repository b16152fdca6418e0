"""qcow2: QEMU's disk format, version 3, with clusters of 64 KiB.

Source: QEMU's docs/interop/qcow2.rst. No snapshots, encryption, backing or external files.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image.extents import Extents

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.image.extents import Buffer

MAGIC: Final = b"QFI\xfb"
_HEADER: Final = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_HEADER_2: Final = struct.Struct(">4sIQIIQIIQQIIQ")
_BITS: Final = 16
_CLUSTER: Final = 1 << _BITS
_L2: Final = _CLUSTER // 8
_REFCOUNTS: Final = _CLUSTER // 2  # 16-bit reference counts in one block
_COPIED: Final = 1 << 63
_COMPRESSED: Final = 1 << 62
_OFFSET: Final = 0x00FFFFFFFFFFFE00
_MAX_SIZE: Final = 1 << 56
_DIRTY, _CORRUPT = 1, 2


def pack(disk: Extents) -> Extents:
    """The qcow2 file of a disk of whole sectors."""
    l1_size = max(-(-disk.size // (_CLUSTER * _L2)), 1)
    l1_clusters = -(-l1_size * 8 // _CLUSTER)
    filled = list(disk.blocks(_CLUSTER))
    tables = sorted({index // _L2 for index, _ in filled})
    others = 1 + l1_clusters + len(tables) + len(filled)
    blocks = table_clusters = 1
    while True:
        total = others + blocks + table_clusters
        needed = -(-total // _REFCOUNTS)
        needed_table = -(-needed * 8 // _CLUSTER)
        if (needed, needed_table) == (blocks, table_clusters):
            break
        blocks, table_clusters = needed, needed_table

    refcount_table = 1
    refcount_blocks = refcount_table + table_clusters
    l1_at = refcount_blocks + blocks
    l2_at = l1_at + l1_clusters
    data_at = l2_at + len(tables)
    parts: list[tuple[int, Buffer]] = []
    l1 = [0] * l1_size
    l2 = {number: [0] * _L2 for number in tables}
    for position, number in enumerate(tables):
        l1[number] = (l2_at + position) * _CLUSTER | _COPIED
    for position, (index, data) in enumerate(filled):
        place = (data_at + position) * _CLUSTER
        l2[index // _L2][index % _L2] = place | _COPIED
        parts.append((place, data))
    for position, number in enumerate(tables):
        parts.append(((l2_at + position) * _CLUSTER, struct.pack(f">{_L2}Q", *l2[number])))
    places = ((refcount_blocks + number) * _CLUSTER for number in range(blocks))
    parts += [
        (0, _header(disk.size, l1_size, l1_at, refcount_table, table_clusters)),
        (refcount_table * _CLUSTER, struct.pack(f">{blocks}Q", *places)),
        (refcount_blocks * _CLUSTER, b"\0\1" * total),
        (l1_at * _CLUSTER, struct.pack(f">{l1_size}Q", *l1)),
    ]
    return Extents.collect(total * _CLUSTER, parts)


def _header(size: int, l1_size: int, l1_at: int, refcounts: int, refcount_clusters: int) -> bytes:
    header = _HEADER.pack(
        MAGIC,
        3,
        0,
        0,
        _BITS,
        size,
        0,
        l1_size,
        l1_at * _CLUSTER,
        refcounts * _CLUSTER,
        refcount_clusters,
        0,
        0,
        0,
        0,
        0,
        4,  # reference counts have 16 bits
        _HEADER.size,
    )
    return header + bytes(8)  # the end of the header's extensions


def unpack(file: Extents, path: str) -> Extents:
    """The disk in a qcow2 file. Raises `InputError` naming what is wrong or not supported."""

    def fail(message: str) -> NoReturn:
        raise InputError(error(f"qcow2: {message}", Span(path)))

    raw = file.read(0, _HEADER.size)
    if len(raw) < _HEADER_2.size or raw[:4] != MAGIC:
        fail("the file has no header")
    fields = _HEADER_2.unpack_from(raw)
    _, version, backing, _, bits, size, encrypted, l1_size, l1_at, *_ = fields
    features = int.from_bytes(raw[72:80], "big") if version >= 3 else 0
    if version not in (2, 3) or not 9 <= bits <= 21 or size > _MAX_SIZE:
        fail(f"version {version} with clusters of 2^{bits} bytes is not known here")
    if backing or encrypted or features & ~(_DIRTY | _CORRUPT):
        fail("files with a backing file, encryption or extended features are not known here")
    cluster, entries = 1 << bits, (1 << bits) // 8
    tables = -(-size // (cluster * entries))
    if l1_size < tables:
        fail(f"{l1_size} level 1 entries are too few for a disk of {size} bytes")
    raw_l1 = file.read(l1_at, tables * 8)
    if len(raw_l1) < tables * 8:
        fail("truncated: the level 1 table lies outside the file")
    parts: list[tuple[int, Buffer]] = []
    for number, entry in enumerate(struct.unpack(f">{tables}Q", raw_l1)):
        if not entry & _OFFSET:
            continue
        table = file.read(entry & _OFFSET, cluster)
        if len(table) < cluster:
            fail(f"truncated: level 2 table {number} lies outside the file")
        for slot, where in enumerate(struct.unpack(f">{entries}Q", table)):
            offset = (number * entries + slot) * cluster
            if offset >= size or not where & (_OFFSET | _COMPRESSED):
                continue
            if not where & _COMPRESSED and where & 1:  # a cluster of zeros
                continue
            data = _cluster(file, where, bits, fail=fail)
            parts.append((offset, data[: size - offset]))
    return Extents.collect(size, parts)


def _cluster(file: Extents, entry: int, bits: int, *, fail: Callable[[str], NoReturn]) -> bytes:
    cluster = 1 << bits
    if not entry & _COMPRESSED:
        data = file.read(entry & _OFFSET, cluster)
        if len(data) < cluster:
            fail("truncated: a cluster lies outside the file")
        return data
    shift = 62 - (bits - 8)
    place = entry & (1 << shift) - 1
    sectors = (entry >> shift & (1 << bits - 8) - 1) + 1
    packed = file.read(place, sectors * 512 - (place & 511))
    try:
        data = zlib.decompressobj(-15).decompress(packed, cluster)
    except zlib.error as problem:
        fail(f"a cluster cannot be decompressed: {problem}")
    if len(data) != cluster:
        fail("a compressed cluster is not whole")
    return data
