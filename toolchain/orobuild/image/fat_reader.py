"""Reading a FAT volume, ours or anybody's: its kind, and its files by their paths.

Nothing in the volume is believed: chains that end nowhere, that run in circles or that two files
share are errors that name the file.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image import fat_names as names
from orobuild.image.fat import BPB, BPB32, CLUSTERS, ENTRY, EXTENDED, Kind
from orobuild.image.partition import SECTOR_SIZE
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.image.extents import Extents

_ENTRY_SIZE: Final = 32
_FREE, _END_OF_DIRECTORY = 0xE5, 0x00
_MAX_DEPTH: Final = 64


@dataclass(frozen=True, slots=True)
class FatFile:
    """A file: its path without a leading `/`, its size, where it lies, its time stamp as stored.

    `runs` are (offset in the volume, size) in bytes, in the file's order.
    """

    path: str
    size: int
    runs: tuple[tuple[int, int], ...]
    stamp: tuple[int, int]


@dataclass(frozen=True)
class FatVolume:
    """A volume that has been read. `tables_agree`: both file allocation tables are the same."""

    extents: Extents
    kind: Kind
    label: str
    serial: int
    cluster_size: int
    clusters: int
    free_clusters: int
    hidden_sectors: int
    tables_agree: bool
    files: tuple[FatFile, ...]
    directories: tuple[str, ...]

    def data(self, file: FatFile) -> bytes:
        """A file's contents."""
        return b"".join(self.extents.read(offset, size) for offset, size in file.runs)

    def find(self, path: str) -> FatFile | None:
        """The file at `path`, in any letter case, with or without a leading `/`."""
        wanted = path.strip("/").upper()
        return next((f for f in self.files if f.path.upper() == wanted), None)


def is_fat(extents: Extents) -> bool:
    """Whether the first sector looks like a FAT volume's."""
    sector = extents.read(0, SECTOR_SIZE)
    if len(sector) < SECTOR_SIZE or sector[510:] != b"\x55\xaa" or sector[0] not in (0xEB, 0xE9):
        return False
    fields = BPB.unpack_from(sector)
    return fields[2] in (512, 1024, 2048, 4096) and fields[3] in (1 << n for n in range(8))


def read_volume(extents: Extents, path: str) -> FatVolume:
    """The volume in `extents`; `path` is its name in messages. Raises `InputError`."""
    return _Reader(extents, path).volume()


class _Reader:
    def __init__(self, extents: Extents, path: str) -> None:
        self.extents, self.path = extents, path
        sector = extents.read(0, SECTOR_SIZE)
        if not is_fat(extents):
            self.fail("this is no FAT volume: its first sector has no BIOS parameter block")
        fields = BPB.unpack_from(sector)
        _, _, self.bytes, spc, reserved, copies, root, small, _, table, _, _, hidden, large = fields
        self.sectors, self.hidden = small or large, hidden
        is32 = not table
        at = BPB.size
        self.root_cluster = 0
        if is32:
            table, _, _, self.root_cluster, _, _ = BPB32.unpack_from(sector, at)
            at += BPB32.size
        _, _, signature, serial, label, _ = EXTENDED.unpack_from(sector, at)
        has_label = signature == 0x29
        self.serial = serial if has_label else 0
        self.label = label.decode("cp437").rstrip() if has_label else ""
        if not reserved or not copies or not table:
            self.fail("the BIOS parameter block has no reserved sectors or no allocation table")
        self.cluster_size = spc * self.bytes
        self.root_at = (reserved + copies * table) * self.bytes
        self.root_size = root * _ENTRY_SIZE
        data = self.root_at + -(-self.root_size // self.bytes) * self.bytes
        self.data_at = data
        if self.sectors * self.bytes > extents.size:
            self.fail(
                f"truncated: the volume has {self.sectors * self.bytes} bytes, "
                f"only {extents.size} are there"
            )
        self.clusters = max(self.sectors * self.bytes - data, 0) // self.cluster_size
        if is32 != (self.clusters >= CLUSTERS[32][0]) and not (is32 and self.clusters):
            self.fail(f"{self.clusters} clusters do not fit the kind of the volume's table")
        self.kind: Kind = 32 if is32 else 16 if self.clusters >= CLUSTERS[16][0] else 12
        needed = -(-(self.clusters + 2) * self.kind // 8)
        if table * self.bytes < needed:
            self.fail(f"the allocation table is too small for {self.clusters} clusters")
        tables = [
            extents.read((reserved + copy * table) * self.bytes, needed) for copy in range(copies)
        ]
        self.table, self.agree = tables[0], all(t == tables[0] for t in tables)
        self.owner: dict[int, str] = {}

    def fail(self, message: str) -> NoReturn:
        raise InputError(error(message, Span(self.path)))

    def volume(self) -> FatVolume:
        files: list[FatFile] = []
        folders: list[str] = []
        for entry in self._walk("", self.root_cluster, 0):
            files.append(entry) if isinstance(entry, FatFile) else folders.append(entry)
        return FatVolume(
            self.extents,
            self.kind,
            self.label,
            self.serial,
            self.cluster_size,
            self.clusters,
            self._free(),
            self.hidden,
            self.agree,
            tuple(files),
            tuple(folders),
        )

    def _next(self, cluster: int) -> int:
        if self.kind == 12:
            value = int.from_bytes(self.table[cluster * 3 // 2 : cluster * 3 // 2 + 2], "little")
            return value >> 4 if cluster & 1 else value & 0xFFF
        width = self.kind // 8
        value = int.from_bytes(self.table[cluster * width : cluster * width + width], "little")
        return value & 0x0FFFFFFF

    def _free(self) -> int:
        if self.kind == 12:
            return sum(not self._next(c) for c in range(2, self.clusters + 2))
        format_ = "I" if self.kind == 32 else "H"
        values = struct.unpack_from(f"<{self.clusters}{format_}", self.table, self.kind // 4)
        return values.count(0)

    def _chain(self, first: int, what: str) -> list[tuple[int, int]]:
        """The runs of the chain that starts at a cluster, as (offset, size) in bytes."""
        end = {12: 0xFF8, 16: 0xFFF8, 32: 0x0FFFFFF8}[self.kind]
        runs: list[tuple[int, int]] = []
        cluster, previous = first, -1
        while cluster < end:
            if not 2 <= cluster < self.clusters + 2:
                self.fail(f"'{what}' has cluster {cluster}, the volume has none of that number")
            if cluster in self.owner:
                self.fail(f"'{what}' and '{self.owner[cluster]}' share cluster {cluster}")
            self.owner[cluster] = what
            if cluster == previous + 1:
                runs[-1] = (runs[-1][0], runs[-1][1] + self.cluster_size)
            else:
                runs.append((self.data_at + (cluster - 2) * self.cluster_size, self.cluster_size))
            previous, cluster = cluster, self._next(cluster)
        return runs

    def _walk(self, folder: str, cluster: int, depth: int) -> Iterator[FatFile | str]:
        if depth > _MAX_DEPTH:
            self.fail(f"'{folder}' lies deeper than {_MAX_DEPTH} directories")
        runs = self._chain(cluster, folder or "/") if cluster else [(self.root_at, self.root_size)]
        contents = b"".join(self.extents.read(offset, size) for offset, size in runs)
        pieces: list[bytes] = []
        check = -1
        for at in range(0, len(contents) - _ENTRY_SIZE + 1, _ENTRY_SIZE):
            entry = contents[at : at + _ENTRY_SIZE]
            if entry[0] == _END_OF_DIRECTORY:
                return
            attributes = entry[11]
            if entry[0] == _FREE:
                pieces = []
                continue
            if attributes & 0x3F == names.ATTR_LONG_NAME:
                order, check, piece = names.long_piece(entry)
                pieces = [piece] if order & names.LAST_LONG_ENTRY else [piece, *pieces]
                continue
            fields = ENTRY.unpack(entry)
            short, _, case, _, _, _, _, high, clock, date, low, size = fields
            long_name = names.long_name(pieces) if pieces and check == names.checksum(short) else ""
            pieces = []
            if attributes & names.ATTR_VOLUME_ID:
                if not folder:
                    self.label = short.decode("cp437").rstrip()
                continue
            if short[:1] == b".":
                continue
            name = long_name or _with_case(names.short_name(short), case)
            path = f"{folder}/{name}" if folder else name
            first = low | (high << 16 if self.kind == 32 else 0)
            if attributes & names.ATTR_DIRECTORY:
                if not first:
                    self.fail(f"the directory '{path}' has no cluster")
                yield path
                yield from self._walk(path, first, depth + 1)
            else:
                yield FatFile(path, size, self._contents(first, size, path), (clock, date))

    def _contents(self, first: int, size: int, path: str) -> tuple[tuple[int, int], ...]:
        """The runs of a file, cut to its size."""
        left, runs = size, []
        for offset, length in self._chain(first, path) if first else ():
            if left > 0:
                runs.append((offset, min(length, left)))
            left -= length
        if left > 0:
            self.fail(f"'{path}' has {size} bytes, its clusters hold {size - left}")
        return tuple(runs)


def _with_case(name: str, flags: int) -> str:
    """An 8.3 name with the lower case that Windows NT keeps in two bits of the entry."""
    base, dot, extension = name.partition(".")
    if flags & 0x08:
        base = base.lower()
    if flags & 0x10:
        extension = extension.lower()
    return base + dot + extension
