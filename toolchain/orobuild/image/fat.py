"""A FAT volume from files: FAT12, FAT16 or FAT32 with long names, the same bytes every time.

Owns the volume's geometry and everything in front of the files' data. Each file and directory is
one contiguous run of clusters, so that a boot loader reads it in few transfers. Our own code,
since no library gives the same bytes twice (they stamp the time of day) or leaves holes.
Source: Microsoft FAT Specification (2005).
"""

from __future__ import annotations

import hashlib
import struct
import sys
import time
from array import array
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from orobuild.diagnostics import error
from orobuild.errors import InputError
from orobuild.image import fat_names as names
from orobuild.image.extents import Extents
from orobuild.image.partition import HEADS, SECTOR_SIZE, SECTORS_PER_TRACK
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orobuild.image.extents import Buffer

Kind: TypeAlias = Literal[12, 16, 32]

# The number of clusters alone says which kind a volume is (section 3.5). Drivers are known to be
# off by a few at the borders, so nobody should have a volume within 16 of them.
CLUSTERS: Final[dict[int, tuple[int, int]]] = {
    12: (1, 4084),
    16: (4085, 65524),
    32: (65525, 0x0FFFFFF5),
}
_MARGIN: Final = 16
_COPIES: Final = 2
_ROOT_ENTRIES: Final = 512
_ENTRY_SIZE: Final = 32
_MAX_DIRECTORY: Final = 65536 * _ENTRY_SIZE
_MAX_FILE: Final = 0xFFFFFFFF
_MAX_SECTORS: Final = 0xFFFFFFFF
_MEDIA: Final = 0xF8
_INFO_SECTOR, _BACKUP_SECTOR = 1, 6
_ROOT_CLUSTER: Final = 2
_LARGEST_CLUSTER: Final = 64  # sectors; 32 KiB, the most that every driver takes
_MANY_CLUSTERS: Final = 1 << 20  # FAT32 takes larger clusters from here on

BPB: Final = struct.Struct("<3s8sHBHBHHBHHHII")
BPB32: Final = struct.Struct("<IHHIHH12x")
EXTENDED: Final = struct.Struct("<BBBI11s8s")
ENTRY: Final = struct.Struct("<11sBBBHHHHHHHI")

# Entered by a BIOS that starts the volume itself: INT 18h, "no boot device", then stop.
_NO_BOOT_CODE: Final = bytes.fromhex("cd18 f4 ebfd")


@dataclass(frozen=True, slots=True)
class Geometry:
    """A volume's numbers; sizes in sectors of 512 bytes except where the name says otherwise."""

    kind: Kind
    sectors: int
    cluster: int
    reserved: int
    table: int
    root: int
    clusters: int

    @property
    def data(self) -> int:
        """The first sector of cluster 2."""
        return self.reserved + _COPIES * self.table + self.root

    @property
    def cluster_size(self) -> int:
        """Bytes in a cluster."""
        return self.cluster * SECTOR_SIZE

    def offset(self, cluster: int) -> int:
        """Where in the volume a cluster starts, in bytes."""
        return (self.data + (cluster - 2) * self.cluster) * SECTOR_SIZE


@dataclass(slots=True)
class _Node:
    """A directory (`children`) or a file (`data`), and the place that it gets."""

    name: str
    data: Buffer | None = None
    children: dict[str, _Node] = field(default_factory=dict)
    short: bytes = b""
    cluster: int = 0

    def ordered(self) -> list[_Node]:
        return [self.children[key] for key in sorted(self.children)]


def fat_volume(
    files: Mapping[str, Buffer],
    *,
    kind: Kind = 32,
    size: int | None = None,
    label: str = "OROBUILD",
    serial: int | None = None,
    timestamp: int = 0,
    hidden_sectors: int = 0,
) -> Extents:
    """The volume that holds `files`, by their paths with `/`; directories are made as needed.

    `size` in bytes is the whole volume's; without it the volume is as small as its kind and the
    files allow. `serial` follows from the contents unless it is given. `timestamp` is in seconds
    since 1970 (UTC), and every file has it. `hidden_sectors` is the LBA of the volume's first
    sector. Raises `InputError` for names that FAT cannot hold and for files that do not fit.
    """
    root = _tree(files)
    geometry = _geometry(kind, size, root)
    chains = _allocate(root, geometry)
    stamp = _stamp(timestamp)
    title = _label(label)
    if serial is None:
        serial = int.from_bytes(_identity(files, geometry)[:4], "little")

    boot = _boot_sector(geometry, title, serial, hidden_sectors)
    used = sum(count for _, count in chains)
    parts: list[tuple[int, Buffer]] = [(0, boot)]
    if kind == 32:
        info = _info_sector(geometry.clusters - used, _ROOT_CLUSTER + used)
        parts.append((_INFO_SECTOR * SECTOR_SIZE, info))
        parts.append((_BACKUP_SECTOR * SECTOR_SIZE, boot + info))
    table = _table(kind, chains)
    parts += [
        ((geometry.reserved + copy * geometry.table) * SECTOR_SIZE, table)
        for copy in range(_COPIES)
    ]
    fixed_root = (geometry.reserved + _COPIES * geometry.table) * SECTOR_SIZE
    for node, parent in _directories(root):
        place = geometry.offset(node.cluster) if node.cluster else fixed_root
        head = ENTRY.pack(title, names.ATTR_VOLUME_ID, 0, 0, 0, 0, 0, 0, *stamp, 0, 0)
        if node is not root:
            above = 0 if parent is root else parent.cluster
            head = _entry(b".          ", names.ATTR_DIRECTORY, stamp, node.cluster, 0)
            head += _entry(b"..         ", names.ATTR_DIRECTORY, stamp, above, 0)
        parts.append((place, head + _directory(node, stamp)))
        parts += [
            (geometry.offset(child.cluster), child.data)
            for child in node.children.values()
            if child.data is not None and len(child.data)
        ]
    return Extents.collect(geometry.sectors * SECTOR_SIZE, parts)


def _tree(files: Mapping[str, Buffer]) -> _Node:
    """The files as a tree. Directories' keys are upper case: FAT knows no difference."""
    root = _Node("")
    for path, data in files.items():
        if len(data) > _MAX_FILE:
            raise InputError(
                error(f"'{path}' has {len(data)} bytes; a file on FAT has less than 4 GiB")
            )
        *folders, name = names.split(path)
        node = root
        for folder in folders:
            node = node.children.setdefault(folder.upper(), _Node(folder))
            if node.data is not None:
                raise InputError(error(f"'{path}': '{folder}' is a file, not a directory"))
        if name.upper() in node.children:
            other = node.children[name.upper()].name
            raise InputError(error(f"'{path}' and '{other}' are one name on a FAT volume"))
        node.children[name.upper()] = _Node(name, data)
    for node, _ in _directories(root):
        _name_entries(node)
    return root


def _name_entries(node: _Node) -> None:
    """Give every child of a directory its 8.3 name; names that are one already come first."""
    children, taken = node.ordered(), set[bytes]()
    numbers: dict[str, int] = {}
    for child in children:
        if short := names.short_form(child.name):
            child.short = short
            taken.add(short)
    for child in children:
        if not child.short:
            child.short = names.alias(child.name, taken, numbers)
            taken.add(child.short)


def _directories(root: _Node) -> Iterator[tuple[_Node, _Node]]:
    """Every directory with its parent, each before what is in it."""
    pending = [(root, root)]
    for node, parent in pending:
        yield node, parent
        pending.extend((child, node) for child in node.ordered() if child.data is None)


def _directory_size(node: _Node, *, is_root: bool) -> int:
    count = 1 if is_root else 2  # the volume's label, or the dot entries
    for child in node.children.values():
        count += 1
        if names.short_form(child.name) is None:
            count += -(-len(child.name.encode("utf-16-le")) // 26)
    if count * _ENTRY_SIZE > _MAX_DIRECTORY:
        raise InputError(error(f"the directory '{node.name}' needs {count} entries, FAT has 65536"))
    return count * _ENTRY_SIZE


def _sizes(root: _Node, kind: Kind) -> Iterator[tuple[_Node, int]]:
    """What needs clusters, and how many bytes: directories, then files."""
    for node, _ in _directories(root):
        if node is not root or kind == 32:
            yield node, _directory_size(node, is_root=node is root)
    for node, _ in _directories(root):
        for child in node.ordered():
            if child.data is not None and len(child.data):
                yield child, len(child.data)


def _clusters(root: _Node, kind: Kind, cluster_size: int) -> int:
    return sum(-(-size // cluster_size) for _, size in _sizes(root, kind))


def _geometry(kind: Kind, size: int | None, root: _Node) -> Geometry:
    if kind != 32 and _directory_size(root, is_root=True) > _ROOT_ENTRIES * _ENTRY_SIZE:
        message = f"the root directory of FAT{kind} has room for {_ROOT_ENTRIES} entries"
        raise InputError(error(message, hint="put the files into a directory"))
    low, high = CLUSTERS[kind]
    low, high = (low + _MARGIN if low > 1 else low), high - _MARGIN
    cluster = 1
    while cluster <= _LARGEST_CLUSTER:
        needed = max(_clusters(root, kind, cluster * SECTOR_SIZE), low)
        if size is None:
            found = _with_clusters(kind, cluster, needed)
        else:
            found = _with_sectors(kind, cluster, size // SECTOR_SIZE)
        wants_larger = kind == 32 and found.clusters > _MANY_CLUSTERS
        if found.clusters <= high and not (wants_larger and cluster < _LARGEST_CLUSTER):
            break
        cluster *= 2
    if found.sectors > _MAX_SECTORS or found.clusters > high:
        raise InputError(error(f"{found.sectors} sectors are too many for a FAT{kind} volume"))
    if found.clusters < low:
        raise InputError(
            error(
                f"a volume of {found.sectors * SECTOR_SIZE} bytes is too small for FAT{kind}",
                hint=f"it takes at least {_with_clusters(kind, 1, low).sectors * SECTOR_SIZE}",
            )
        )
    if found.clusters < needed:
        raise InputError(
            error(
                f"the files need {needed * found.cluster_size} bytes, "
                f"the volume has room for {max(found.clusters, 0) * found.cluster_size}",
                hint="make the volume larger, or leave something out",
            )
        )
    return found


def _numbers(kind: Kind) -> tuple[int, int]:
    """Reserved sectors, and sectors of a root directory with a place of its own."""
    return (32, 0) if kind == 32 else (1, _ROOT_ENTRIES * _ENTRY_SIZE // SECTOR_SIZE)


def _table_sectors(kind: Kind, clusters: int) -> int:
    return -(-((clusters + 2) * kind) // (8 * SECTOR_SIZE))


def _with_clusters(kind: Kind, cluster: int, clusters: int) -> Geometry:
    reserved, root = _numbers(kind)
    table = _table_sectors(kind, clusters)
    sectors = reserved + _COPIES * table + root + clusters * cluster
    return Geometry(kind, sectors, cluster, reserved, table, root, clusters)


def _with_sectors(kind: Kind, cluster: int, sectors: int) -> Geometry:
    reserved, root = _numbers(kind)
    most = max((sectors - reserved - root) // cluster, 0)
    table = _table_sectors(kind, most)  # enough for what is left once the tables are there too
    clusters = (sectors - reserved - root - _COPIES * table) // cluster
    return Geometry(kind, sectors, cluster, reserved, table, root, clusters)


def _allocate(root: _Node, geometry: Geometry) -> list[tuple[int, int]]:
    """Give everything its clusters; the chains as (first cluster, count)."""
    chains, following = [], _ROOT_CLUSTER
    for node, size in _sizes(root, geometry.kind):
        count = -(-size // geometry.cluster_size)
        node.cluster = following
        chains.append((following, count))
        following += count
    return chains


def _table(kind: Kind, chains: list[tuple[int, int]]) -> bytes:
    """The used part of the file allocation table; entries behind it are free, so zero."""
    if kind == 32:
        entries, end = array("I", (0x0FFFFF00 | _MEDIA, 0x0FFFFFFF)), 0x0FFFFFFF
    else:
        end = (1 << kind) - 1
        entries = array("H", (end & ~0xFF | _MEDIA, end))
    for first, count in chains:
        entries.extend(range(first + 1, first + count))
        entries.append(end)
    if kind == 12:
        packed = bytearray()
        for index in range(0, len(entries), 2):
            pair = entries[index] | (entries[index + 1] << 12 if index + 1 < len(entries) else 0)
            packed += pair.to_bytes(3, "little")
        return bytes(packed)
    if sys.byteorder == "big":
        entries.byteswap()
    return entries.tobytes()


def _boot_sector(geometry: Geometry, label: bytes, serial: int, hidden: int) -> bytes:
    is32 = geometry.kind == 32
    small = geometry.sectors < 0x10000 and not is32
    sector = BPB.pack(
        b"\xeb\x58\x90" if is32 else b"\xeb\x3c\x90",
        b"MSWIN4.1",  # the name that the specification recommends: some drivers look at it
        SECTOR_SIZE,
        geometry.cluster,
        geometry.reserved,
        _COPIES,
        0 if is32 else _ROOT_ENTRIES,
        geometry.sectors if small else 0,
        _MEDIA,
        0 if is32 else geometry.table,
        SECTORS_PER_TRACK,
        HEADS,
        hidden,
        0 if small else geometry.sectors,
    )
    if is32:
        sector += BPB32.pack(geometry.table, 0, 0, _ROOT_CLUSTER, _INFO_SECTOR, _BACKUP_SECTOR)
    kind = f"FAT{geometry.kind}   ".encode()
    sector += EXTENDED.pack(0x80, 0, 0x29, serial, label, kind) + _NO_BOOT_CODE
    return sector.ljust(SECTOR_SIZE - 2, b"\0") + b"\x55\xaa"


def _info_sector(free: int, following: int) -> bytes:
    return struct.pack("<4s480x4sII12xI", b"RRaA", b"rrAa", free, following, 0xAA550000)


def _directory(node: _Node, stamp: tuple[int, int]) -> bytes:
    entries = []
    for child in node.ordered():
        if names.short_form(child.name) is None:
            entries.append(names.long_entries(child.name, child.short))
        kind = names.ATTR_DIRECTORY if child.data is None else names.ATTR_ARCHIVE
        size = 0 if child.data is None else len(child.data)
        entries.append(_entry(child.short, kind, stamp, child.cluster, size))
    return b"".join(entries)


def _entry(short: bytes, attributes: int, stamp: tuple[int, int], cluster: int, size: int) -> bytes:
    time_of_day, date = stamp
    high, low = divmod(cluster, 1 << 16)
    fields = (0, 0, time_of_day, date, date, high, time_of_day, date, low, size)
    return ENTRY.pack(short, attributes, *fields)


def _stamp(timestamp: int) -> tuple[int, int]:
    """(time, date) as FAT writes them; what it cannot write becomes its first or last moment."""
    moment = time.gmtime(min(max(timestamp, 315532800), 4354819198))
    clock = moment.tm_hour << 11 | moment.tm_min << 5 | moment.tm_sec // 2
    return clock, (moment.tm_year - 1980) << 9 | moment.tm_mon << 5 | moment.tm_mday


def _label(label: str) -> bytes:
    text = label.upper()
    if not text or len(text) > 11 or any(c not in names.LABEL for c in text) or text[0] == " ":
        message = f"'{label}' cannot be a FAT volume's label: 1 to 11 letters, digits, '_' or '-'"
        raise InputError(error(message))
    return text.ljust(11).encode("ascii")


def _identity(files: Mapping[str, Buffer], geometry: Geometry) -> bytes:
    """What tells one volume from another: the files and the geometry."""
    sha = hashlib.sha256(repr(geometry).encode())
    for path in sorted(files):
        data = files[path]
        sha.update(f"\0{path}\0{len(data)}\0".encode())
        sha.update(data)
    return sha.digest()
