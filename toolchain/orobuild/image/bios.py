"""The BIOS loader's programs, made ready for a medium: parameters and checksums filled in.

Knows what stands where in them (asm/boot/README.md), and nothing of disks, CDs or networks. Each
program is given as a linked ELF file or flat.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from orobuild.diagnostics import Span, error
from orobuild.elf.reader import is_elf
from orobuild.errors import InputError
from orobuild.image.flat import flatten

SECTOR_SIZE: Final = 512
CD_SECTOR_SIZE: Final = 2048
STAGE2_MAX: Final = 62 * SECTOR_SIZE
"""Bytes that the second stage may have: with its .bss it ends below 64 KiB."""

_MBR_CODE_SIZE: Final = 416
_MBR_PARAMETERS: Final = struct.Struct("<BBHHHQI4s")
_HEAD_CODE_SIZE: Final = 992
_HEAD_PARAMETERS: Final = struct.Struct("<BBHHHQHHI4s4x")
_STAGE2_PARAMETERS_AT: Final = 4
_STAGE2_PARAMETERS: Final = struct.Struct("<4sIQIII")
_STAGE2_VERSION: Final = 2
_PACKET_SIZE: Final = 16  # of an EDD disk address packet
_FIRST_STAGE_SEGMENT: Final = 0x7C0
_STAGE2_ADDRESS: Final = 0x8000


def disk_loader(
    mbr: bytes, stage2: bytes, *, stage2_lba: int, volume_lba: int
) -> tuple[bytes, bytes]:
    """The first 440 bytes of a disk's first sector, and the second stage in whole sectors.

    `stage2_lba` is where the second stage will lie, `volume_lba` where the boot volume begins, in
    sectors of 512 bytes. Raises `InputError` if a program is not what it should be.
    """
    code = _first_stage(mbr, "boot_mbr.elf", _MBR_CODE_SIZE, _MBR_PARAMETERS.size, b"oroM")
    program = _second_stage(stage2, volume_lba, mbr=zlib.crc32(code))
    parameters = _MBR_PARAMETERS.pack(
        _PACKET_SIZE,
        0,
        len(program) // SECTOR_SIZE,
        _STAGE2_ADDRESS,
        0,
        stage2_lba,
        zlib.crc32(program),
        b"oroM",
    )
    return code + parameters, program


def cd_loader(cd: bytes, stage2: bytes, *, lba: int, volume_lba: int) -> bytes:
    """The El Torito boot file (no emulation) in whole sectors of 2048 bytes.

    `lba` is its own first sector, of 2048 bytes; `volume_lba` the boot volume's first, of 512 bytes.
    """
    code = _first_stage(cd, "boot_cd.elf", _HEAD_CODE_SIZE, _HEAD_PARAMETERS.size, b"oroH")
    program = _second_stage(stage2, volume_lba, cd=zlib.crc32(code))
    return _with_head(code, program, lba)


def network_loader(pxe: bytes, stage2: bytes) -> bytes:
    """The network bootstrap program for the PXE of a BIOS."""
    code = _first_stage(pxe, "boot_pxe.elf", _HEAD_CODE_SIZE, _HEAD_PARAMETERS.size, b"oroH")
    return _with_head(code, _second_stage(stage2, 0, pxe=zlib.crc32(code)), 0)


def _with_head(code: bytes, program: bytes, lba: int) -> bytes:
    size = _HEAD_CODE_SIZE + _HEAD_PARAMETERS.size + len(program)
    sectors = -(-size // CD_SECTOR_SIZE)
    parameters = _HEAD_PARAMETERS.pack(
        _PACKET_SIZE,
        0,
        sectors,
        0,
        _FIRST_STAGE_SEGMENT,
        lba,
        len(program) // SECTOR_SIZE,
        0,
        zlib.crc32(program),
        b"oroH",
    )
    return (code + parameters + program).ljust(sectors * CD_SECTOR_SIZE, b"\0")


def _flat(data: bytes, path: str) -> bytes:
    return flatten(data, path) if is_elf(data) else data


def _first_stage(data: bytes, path: str, code: int, parameters: int, signature: bytes) -> bytes:
    """The code of a first stage, once it is clear that this is ours."""
    flat = _flat(data, path)
    if len(flat) != code + parameters or signature not in flat[-8:]:
        raise InputError(
            error(
                f"this is no first stage of the loader ({len(flat)} bytes; it has "
                f"{code + parameters}, '{signature.decode()}' near its end)",
                Span(path),
                hint="link asm/boot/ with the scripts beside it in linker_scripts/",
            )
        )
    return flat[:code]


def _second_stage(
    data: bytes, volume_lba: int, *, mbr: int = 0, cd: int = 0, pxe: int = 0
) -> bytes:
    """The second stage in whole sectors; the CRC-32 of the first stage that will start it."""
    path = "boot_stage2.elf"
    flat = _flat(data, path)
    end = _STAGE2_PARAMETERS_AT + _STAGE2_PARAMETERS.size
    if len(flat) < end or flat[4:8] != b"oroS":
        raise InputError(
            error(
                "this is not the loader's second stage (its signature is missing)",
                Span(path),
                hint="link asm/boot/ with linker_scripts/boot_stage2.ld",
            )
        )
    if int.from_bytes(flat[8:12], "little") != _STAGE2_VERSION:
        raise InputError(error("the second stage is of another version than orobuild", Span(path)))
    if len(flat) > STAGE2_MAX:
        message = f"the second stage has {len(flat)} bytes, there is room for {STAGE2_MAX}"
        raise InputError(error(message, Span(path)))
    if not 0 <= volume_lba < 1 << 32:
        message = f"the boot volume would begin at sector {volume_lba}; the loader counts to 2^32-1"
        raise InputError(error(message))
    parameters = _STAGE2_PARAMETERS.pack(b"oroS", _STAGE2_VERSION, volume_lba, mbr, cd, pxe)
    prepared = flat[:_STAGE2_PARAMETERS_AT] + parameters + flat[end:]
    return prepared.ljust(-(-len(prepared) // SECTOR_SIZE) * SECTOR_SIZE, b"\0")
