"""ISO 9660 with El Torito for BIOS and UEFI, which also boots when it is written to a stick.

    sector 0 … 15    on a stick: boot record, protective MBR, GPT
    sector 16 … 31   descriptors, boot catalog, path tables, directories
    sector 32 …      OROBUILD/CDBOOT.BIN: the loader for CDs
    sector 128 …     OROBUILD/STAGE2.BIN: the second stage for sticks
    1 MiB …          OROBUILD/VOLUME.IMG: the boot volume
    the end          backup GPT

Catalog and partition table name the same extents. Our own code: pycdlib stamps the time of day,
and neither it nor others leave holes. Sectors have 2048 bytes here, LBAs 512.
Source: ECMA-119 (ISO 9660), "El Torito" 1.0, UEFI Specification 2.10 section 13.3.2.1.
"""

from __future__ import annotations

import hashlib
import struct
import time
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import error
from orobuild.errors import InputError
from orobuild.image import gpt
from orobuild.image.disk import BIOS_BOOT_NAME, VOLUME_LBA, VOLUME_NAME
from orobuild.image.extents import Extents
from orobuild.image.partition import CYLINDER_SIZE, SECTOR_SIZE, TABLE_OFFSET
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.image.extents import Buffer

SECTOR: Final = 2048
LBAS: Final = SECTOR // SECTOR_SIZE
CD_BOOT_SECTOR: Final = 32
STAGE2_SECTOR: Final = 128
VOLUME_SECTOR: Final = VOLUME_LBA // LBAS
_DESCRIPTORS: Final = 16
_CATALOG, _PATHS_L, _PATHS_M, _ROOT, _FOLDER = 19, 20, 21, 22, 23
_ALIGNMENT: Final = 1 << 18  # what partition editors want a partition to end on
_LOAD_COUNT: Final = 4  # LBAs that the BIOS loads; the loader reads the rest itself
_FOLDER_NAME: Final = b"OROBUILD"
PLATFORM_BIOS, PLATFORM_EFI = 0x00, 0xEF

_DIRECTORY_FLAG: Final = 2
_CATALOG_NAME, _CD_BOOT = b"BOOT.CAT;1", b"CDBOOT.BIN;1"
_STAGE2, _VOLUME = b"STAGE2.BIN;1", b"VOLUME.IMG;1"


@dataclass(frozen=True, slots=True)
class IsoText:
    """What the primary descriptor says; `timestamp` in seconds since 1970."""

    label: str = "OROBUILD"
    application: str = "OROBUILD"
    timestamp: int = 0


def assemble(
    volume: Extents,
    *,
    boot_record: Buffer,
    stage2: Buffer,
    cd_boot: Buffer,
    text: IsoText | None = None,
) -> Extents:
    """The ISO around a boot volume.

    `cd_boot` is the El Torito file for BIOSes, whose first sector is `CD_BOOT_SECTOR`. As a stick
    it starts with the 440 bytes of `boot_record`, and `stage2` lies at `STAGE2_SECTOR`. The volume
    starts at `VOLUME_LBA`, as on a disk.
    """
    text = text or IsoText()
    places = ((cd_boot, CD_BOOT_SECTOR, STAGE2_SECTOR), (stage2, STAGE2_SECTOR, VOLUME_SECTOR))
    for program, at, end in places:
        if len(program) > (end - at) * SECTOR:
            message = f"a loader of {len(program)} bytes does not fit in {(end - at) * SECTOR}"
            raise InputError(error(message))
    if len(boot_record) > TABLE_OFFSET or volume.size % SECTOR_SIZE:
        raise ValueError("the boot record is too long, or the volume has no whole sectors")
    volume = volume.resized(-(-volume.size // _ALIGNMENT) * _ALIGNMENT)
    volume_end = VOLUME_LBA * SECTOR_SIZE + volume.size
    size = -(-(volume_end + gpt.BACKUP_SECTORS * SECTOR_SIZE) // CYLINDER_SIZE) * CYLINDER_SIZE
    sectors = size // SECTOR
    if size // SECTOR_SIZE > 0xFFFFFFFF:
        raise InputError(error(f"an ISO of {size} bytes is too large"))
    sha = hashlib.sha256(volume.identity())
    sha.update(boot_record)
    sha.update(cd_boot)
    sha.update(stage2)
    system = _system_area(volume, bytes(boot_record), size, sha.digest())
    stamp = _short_date(text.timestamp)
    files = (
        (_CATALOG_NAME, _CATALOG, SECTOR),
        (_CD_BOOT, CD_BOOT_SECTOR, len(cd_boot)),
        (_STAGE2, STAGE2_SECTOR, len(stage2)),
        (_VOLUME, VOLUME_SECTOR, volume.size),
    )
    root = _record(b"\0", _ROOT, SECTOR, stamp, directory=True)
    folder = _record(b"\0", _FOLDER, SECTOR, stamp, directory=True)
    records = [_record(name, at, length, stamp) for name, at, length in files]
    parts: list[tuple[int, Buffer]] = [
        (0, system.pop("first")),
        (size - gpt.BACKUP_SECTORS * SECTOR_SIZE, system.pop("last")),
        (_DESCRIPTORS * SECTOR, _descriptors(text, sectors, root)),
        (_CATALOG * SECTOR, _catalog(volume.size)),
        (_PATHS_L * SECTOR, _paths("<")),
        (_PATHS_M * SECTOR, _paths(">")),
        (
            _ROOT * SECTOR,
            root
            + _record(b"\1", _ROOT, SECTOR, stamp, directory=True)
            + _record(_FOLDER_NAME, _FOLDER, SECTOR, stamp, directory=True),
        ),
        (
            _FOLDER * SECTOR,
            folder + _record(b"\1", _ROOT, SECTOR, stamp, directory=True) + b"".join(records),
        ),
        (STAGE2_SECTOR * SECTOR, stage2),
        (CD_BOOT_SECTOR * SECTOR, cd_boot),
        *volume.placed(VOLUME_LBA * SECTOR_SIZE),
    ]
    return Extents.collect(size, parts)


def _system_area(
    volume: Extents, boot_record: bytes, size: int, identity: bytes
) -> dict[str, bytes]:
    """What a stick's firmware reads: the first LBAs and the last ones."""
    lbas = size // SECTOR_SIZE
    guids = [gpt.derived_guid(identity, f"iso partition {number}") for number in range(3)]
    table = gpt.Table(
        guids[0],
        lbas,
        (
            gpt.Partition(
                gpt.TYPE_BIOS_BOOT, guids[1], STAGE2_SECTOR * LBAS, VOLUME_LBA - 1, BIOS_BOOT_NAME
            ),
            gpt.Partition(
                gpt.TYPE_ESP,
                guids[2],
                VOLUME_LBA,
                VOLUME_LBA + volume.size // SECTOR_SIZE - 1,
                VOLUME_NAME,
            ),
        ),
    )
    primary, backup = gpt.pack(table)
    signature = int.from_bytes(identity[:4], "little") or 1
    mbr = boot_record.ljust(TABLE_OFFSET, b"\0") + gpt.protective_table(lbas, signature)
    return {"first": mbr + primary, "last": backup}


def _both(value: int) -> bytes:
    """A 32-bit number in both byte orders."""
    return struct.pack("<I", value) + struct.pack(">I", value)


def _both_16(value: int) -> bytes:
    return struct.pack("<H", value) + struct.pack(">H", value)


def _moment(timestamp: int) -> time.struct_time:
    return time.gmtime(min(max(timestamp, 315532800), 4102444799))


def _short_date(timestamp: int) -> bytes:
    at = _moment(timestamp)
    return bytes((at.tm_year - 1900, at.tm_mon, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec, 0))


def _long_date(timestamp: int) -> bytes:
    return time.strftime("%Y%m%d%H%M%S00", _moment(timestamp)).encode() + b"\0"


def _record(name: bytes, sector: int, size: int, stamp: bytes, *, directory: bool = False) -> bytes:
    flags = _DIRECTORY_FLAG if directory else 0
    padding = b"" if len(name) % 2 else b"\0"
    head = bytes((33 + len(name) + len(padding), 0)) + _both(sector) + _both(size) + stamp
    return head + bytes((flags, 0, 0)) + _both_16(1) + bytes((len(name),)) + name + padding


def _paths(order: str) -> bytes:
    root = struct.pack(f"{order}BBIH", 1, 0, _ROOT, 1) + b"\0\0"
    return root + struct.pack(f"{order}BBIH", len(_FOLDER_NAME), 0, _FOLDER, 1) + _FOLDER_NAME


def _padded(text: str, size: int) -> bytes:
    return text.encode("ascii", "replace").ljust(size)[:size]


def _descriptors(text: IsoText, sectors: int, root: bytes) -> bytes:
    date = _long_date(text.timestamp)
    path_size = len(_paths("<"))
    primary = b"".join(
        (
            b"\x01CD001\x01\0",
            b" " * 32,
            _padded(text.label.upper(), 32),
            bytes(8),
            _both(sectors),
            bytes(32),
            _both_16(1) * 2,
            _both_16(SECTOR),
            _both(path_size),
            struct.pack("<II", _PATHS_L, 0),
            struct.pack(">II", _PATHS_M, 0),
            root,
            b" " * 128 * 3,
            _padded(text.application.upper(), 128),
            b" " * 37 * 3,
            date,
            date,
            b"0" * 16 + b"\0",
            b"0" * 16 + b"\0",
            b"\x01",
        )
    )
    boot = b"\0CD001\x01" + b"EL TORITO SPECIFICATION".ljust(64, b"\0")
    boot += struct.pack("<I", _CATALOG)
    return primary.ljust(SECTOR, b"\0") + boot.ljust(SECTOR, b"\0") + b"\xffCD001\x01"


def _catalog(volume_size: int) -> bytes:
    validation = bytearray(struct.pack("<BBH24sH2s", 1, PLATFORM_BIOS, 0, b"", 0, b"\x55\xaa"))
    total = sum(struct.unpack("<16H", validation))
    struct.pack_into("<H", validation, 28, -total & 0xFFFF)
    bios = struct.pack("<BBHBBHI20x", 0x88, 0, 0, 0, 0, _LOAD_COUNT, CD_BOOT_SECTOR)
    header = struct.pack("<BBH28x", 0x91, PLATFORM_EFI, 1)
    # A volume whose size does not fit reaches, by the UEFI specification, to the end of the CD.
    count = volume_size // SECTOR_SIZE
    count = count if count <= 0xFFFF else 0
    efi = struct.pack("<BBHBBHI20x", 0x88, 0, 0, 0, 0, count, VOLUME_SECTOR)
    return bytes(validation) + bios + header + efi
