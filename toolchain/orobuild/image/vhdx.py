"""VHDX: Hyper-V's disk format, dynamic, with blocks of 1 MiB and an empty log.

Source: Microsoft [MS-VHDX], revision 8.0.
"""

from __future__ import annotations

import functools
import struct
import uuid
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image.extents import Extents
from orobuild.image.gpt import derived_guid
from orobuild.image.partition import SECTOR_SIZE

if TYPE_CHECKING:
    from orobuild.image.extents import Buffer

SIGNATURE: Final = b"vhdxfile"
_MIB: Final = 1 << 20
_KIB64: Final = 1 << 16
_HEADERS: Final = (_KIB64, 2 * _KIB64)
_REGIONS: Final = (3 * _KIB64, 4 * _KIB64)
_HEADER: Final = struct.Struct("<4sIQ16s16s16sHHIQ4016x")
_REGION_TABLE: Final = struct.Struct("<4sIII")
_REGION: Final = struct.Struct("<16sQII")
_METADATA_TABLE: Final = struct.Struct("<8s2xH20x")
_METADATA: Final = struct.Struct("<16sIII4x")
_BAT: Final = uuid.UUID("2dc27766-f623-4200-9d64-115e9bfd4a08")
_METADATA_REGION: Final = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e")
_FILE_PARAMETERS: Final = uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
_DISK_SIZE: Final = uuid.UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
_DISK_ID: Final = uuid.UUID("beca12ab-b2e6-4523-93ef-c309e000c746")
_LOGICAL_SECTOR: Final = uuid.UUID("8141bf1d-a96f-4709-ba47-f233a8faab5f")
_PHYSICAL_SECTOR: Final = uuid.UUID("cda348c7-445d-4471-9cc9-e9885251c556")
_IS_DISK, _IS_REQUIRED = 2, 4
_LOG_AT, _METADATA_AT, _BAT_AT = _MIB, 2 * _MIB, 3 * _MIB
_BLOCK: Final = _MIB
_PRESENT: Final = 6
_MAX_SIZE: Final = 64 << 40


@functools.cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) of `data`, which zlib does not have."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _sealed(data: bytes) -> bytes:
    """`data` with its checksum, which is over all of it with zero in the checksum's place."""
    return data[:4] + struct.pack("<I", crc32c(data)) + data[8:]


def _is_sealed(data: bytes) -> bool:
    return struct.pack("<I", crc32c(data[:4] + bytes(4) + data[8:])) == data[4:8]


def _chunk_ratio(block: int, sector: int) -> int:
    return (1 << 23) * sector // block


def pack(disk: Extents) -> Extents:
    """The VHDX of a disk of whole sectors. Raises `InputError` if it is larger than 64 TiB."""
    if disk.size > _MAX_SIZE:
        raise InputError(error("a VHDX has at most 64 TiB"))
    identity = disk.identity()
    blocks = -(-disk.size // _BLOCK)
    ratio = _chunk_ratio(_BLOCK, SECTOR_SIZE)
    entries = [0] * (blocks + (blocks - 1) // ratio)
    bat_size = -(-len(entries) * 8 // _MIB) * _MIB
    following = _BAT_AT + bat_size
    parts: list[tuple[int, Buffer]] = []
    for index, _ in disk.blocks(_BLOCK):
        # After every `ratio` blocks there is an entry for a sector bitmap, which we have none of.
        entries[index + index // ratio] = following | _PRESENT
        parts.extend(disk.section(index * _BLOCK, _BLOCK).placed(following))
        following += _BLOCK
    parts.append((_BAT_AT, struct.pack(f"<{len(entries)}Q", *entries)))
    parts.append((0, SIGNATURE + "orobuild".encode("utf-16-le")))
    for sequence, at in enumerate(_HEADERS):
        written, data = (derived_guid(identity, name).bytes_le for name in ("vhdx", "vhdx data"))
        none = bytes(16)
        fields = (b"head", 0, sequence, written, data, none, 0, 1, _MIB, _LOG_AT)
        parts.append((at, _sealed(_HEADER.pack(*fields))))
    regions = _REGION_TABLE.pack(b"regi", 0, 2, 0)
    regions += _REGION.pack(_BAT.bytes_le, _BAT_AT, bat_size, 1)
    regions += _REGION.pack(_METADATA_REGION.bytes_le, _METADATA_AT, _MIB, 1)
    sealed = _sealed(regions.ljust(_KIB64, b"\0")).rstrip(b"\0")
    parts += [(at, sealed) for at in _REGIONS]
    parts.append((_METADATA_AT, _metadata(disk.size, derived_guid(identity, "vhdx disk"))))
    return Extents.collect(following, parts)


def _metadata(size: int, guid: uuid.UUID) -> bytes:
    items = (
        (_FILE_PARAMETERS, struct.pack("<II", _BLOCK, 0), _IS_REQUIRED),
        (_DISK_SIZE, struct.pack("<Q", size), _IS_DISK | _IS_REQUIRED),
        (_LOGICAL_SECTOR, struct.pack("<I", SECTOR_SIZE), _IS_DISK | _IS_REQUIRED),
        (_PHYSICAL_SECTOR, struct.pack("<I", SECTOR_SIZE), _IS_DISK | _IS_REQUIRED),
        (_DISK_ID, guid.bytes_le, _IS_DISK | _IS_REQUIRED),
    )
    table, values = _METADATA_TABLE.pack(b"metadata", len(items)), b""
    for item, value, flags in items:
        table += _METADATA.pack(item.bytes_le, _KIB64 + len(values), len(value), flags)
        values += value
    return table.ljust(_KIB64, b"\0") + values


class _Reader:
    def __init__(self, file: Extents, path: str) -> None:
        self.file, self.path = file, path

    def problem(self, message: str) -> InputError:
        return InputError(error(f"VHDX: {message}", Span(self.path)))

    def fail(self, message: str) -> NoReturn:
        raise self.problem(message)

    def check_header(self) -> None:
        """The newest whole header must say that there is nothing in the log."""
        headers = []
        for at in _HEADERS:
            raw = self.file.read(at, _HEADER.size)
            if len(raw) == _HEADER.size and raw[:4] == b"head" and _is_sealed(raw):
                headers.append(_HEADER.unpack(raw))
        if not headers:
            self.fail("neither header is whole")
        if any(max(headers, key=lambda fields: int(fields[2]))[5]):
            self.fail("the log is not empty: its owner did not close the file")

    def regions(self) -> dict[uuid.UUID, tuple[int, int]]:
        for place in _REGIONS:
            raw = self.file.read(place, _KIB64)
            if len(raw) < _KIB64 or raw[:4] != b"regi" or not _is_sealed(raw):
                continue
            count = min(_REGION_TABLE.unpack_from(raw)[2], 2047)
            rows = (_REGION.unpack_from(raw, 16 + 32 * row) for row in range(count))
            return {uuid.UUID(bytes_le=guid): (at, size) for guid, at, size, _ in rows}
        raise self.problem("neither region table is whole")

    def metadata(self, at: int) -> dict[uuid.UUID, bytes]:
        table = self.file.read(at, _KIB64)
        if len(table) < _KIB64 or table[:8] != b"metadata":
            self.fail("the metadata table is missing")
        count = min(_METADATA_TABLE.unpack_from(table)[1], 2047)
        found = {}
        for row in range(count):
            guid, offset, size, _ = _METADATA.unpack_from(table, 32 + 32 * row)
            found[uuid.UUID(bytes_le=guid)] = self.file.read(at + offset, min(size, _MIB))
        return found

    def number(self, items: dict[uuid.UUID, bytes], item: uuid.UUID, size: int) -> int:
        value = items.get(item, b"")[:size]
        if len(value) < size:
            self.fail(f"the metadata lack item {item}")
        return int.from_bytes(value, "little")


def unpack(file: Extents, path: str) -> Extents:
    """The disk in a VHDX. Raises `InputError` naming what is wrong or not supported."""
    reader = _Reader(file, path)
    reader.check_header()
    regions = reader.regions()
    if _BAT not in regions or _METADATA_REGION not in regions:
        reader.fail("the region table lacks the block table or the metadata")
    items = reader.metadata(regions[_METADATA_REGION][0])
    block = reader.number(items, _FILE_PARAMETERS, 4)
    size = reader.number(items, _DISK_SIZE, 8)
    sector = reader.number(items, _LOGICAL_SECTOR, 4)
    if reader.number(items, _FILE_PARAMETERS, 8) >> 33 & 1:
        reader.fail("differencing disks are not known here")
    if sector not in (512, 4096) or not _MIB <= block <= 256 * _MIB or block & block - 1:
        reader.fail(f"blocks of {block} bytes and sectors of {sector} are not possible")
    if size > _MAX_SIZE:
        reader.fail(f"a disk of {size} bytes is not possible")
    ratio = _chunk_ratio(block, sector)
    blocks = -(-size // block)
    count = blocks + (blocks - 1) // ratio if blocks else 0
    raw = file.read(regions[_BAT][0], count * 8)
    if len(raw) < count * 8:
        reader.fail("truncated: the block table lies outside the file")
    entries = struct.unpack(f"<{count}Q", raw)
    parts: list[tuple[int, Buffer]] = []
    for index in range(blocks):
        entry = entries[index + index // ratio]
        if entry & 7 != _PRESENT:
            continue
        length = min(block, size - index * block)
        found = file.section(entry >> 20 << 20, length)
        if found.size < length:
            reader.fail(f"truncated: block {index} lies outside the file")
        parts.extend(found.placed(index * block))
    return Extents.collect(size, parts)
