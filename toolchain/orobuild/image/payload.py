"""The payload: the files that the BIOS loader finds on the disk, and their header.

The format is described in asm/boot/README.md. Owns packing and reading it; where on the disk it
lies is `bios`'s business. Nothing that is read is believed before its CRC-32 has been compared.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final, TypeAlias

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image.partition import SECTOR_SIZE

HEADER_MAX: Final = 0x8000
SIGNATURE: Final = b"oroP"
VERSION: Final = 1
_HEAD: Final = struct.Struct("<4sIII")
_ENTRY: Final = struct.Struct("<IIIIII")
_KERNEL, _MODULE = 1, 3
_MAX_FILE: Final = 0xFFFFFFFF - SECTOR_SIZE

Places: TypeAlias = "tuple[tuple[str, int, int], ...]"


@dataclass(frozen=True)
class Module:
    """A file handed to the kernel; `string` is what its Multiboot2 module tag says."""

    string: str
    data: bytes


@dataclass(frozen=True)
class Files:
    """What a payload holds."""

    kernel: bytes
    command_line: str
    modules: tuple[Module, ...]


@dataclass(frozen=True)
class Contents:
    """A payload that has been read: its files, and `places` as in `Payload`."""

    files: Files
    places: Places


@dataclass(frozen=True)
class Payload:
    """A packed payload.

    `header` is its header, `data` header and files, each padded to whole sectors. `places` has
    (name, offset in `data`, size) of the header and every file, in bytes.
    """

    header: bytes
    data: bytes
    places: Places


def _sectors(size: int) -> int:
    return -(-size // SECTOR_SIZE)


def _string(text: str, what: str) -> bytes:
    if "\0" in text:
        raise InputError(error(f"{what} contains a NUL character"))
    try:
        return text.encode()
    except UnicodeEncodeError as problem:
        raise InputError(error(f"{what} cannot be written as UTF-8: {problem.reason}")) from None


def pack(files: Files) -> Payload:
    """The payload of `files`. Raises `InputError` if a string or a size does not fit."""
    rows = [(_KERNEL, "kernel", files.kernel, _string(files.command_line, "the command line"))]
    rows += [
        (
            _MODULE,
            f"module {index}",
            module.data,
            _string(module.string, f"module {index}'s string"),
        )
        for index, module in enumerate(files.modules)
    ]
    strings_at = _HEAD.size + _ENTRY.size * len(rows)
    header_size = strings_at + sum(len(string) + 1 for *_, string in rows)
    if header_size > HEADER_MAX:
        raise InputError(
            error(
                f"the command line and the modules' strings need {header_size} bytes, "
                f"the loader has room for {HEADER_MAX}",
                hint="shorten them, or put several files in one module",
            )
        )
    entries, strings = b"", b""
    sector = _sectors(header_size)
    places = [("payload header", 0, header_size)]
    for kind, name, data, string in rows:
        if len(data) > _MAX_FILE:
            raise InputError(
                error(f"{name} is {len(data)} bytes; the loader takes less than 4 GiB")
            )
        entries += _ENTRY.pack(
            kind, zlib.crc32(data), sector, len(data), strings_at + len(strings), len(string)
        )
        strings += string + b"\0"
        places.append((name, sector * SECTOR_SIZE, len(data)))
        sector += _sectors(len(data))
    header = _HEAD.pack(SIGNATURE, VERSION, header_size, len(rows)) + entries + strings
    image = bytearray(sector * SECTOR_SIZE)
    image[:header_size] = header
    for (_, offset, size), (*_, data, _) in zip(places[1:], rows, strict=True):
        image[offset : offset + size] = data
    return Payload(header, bytes(image), tuple(places))


def unpack(data: memoryview, header_size: int, header_crc32: int, path: str) -> Contents:
    """The payload at the start of `data`. Raises `InputError` naming what is wrong."""
    span = Span(path)
    header = bytes(data[:header_size])
    if not _HEAD.size <= header_size <= HEADER_MAX or len(header) < header_size:
        raise InputError(error(f"the payload header's size {header_size} is impossible", span))
    if zlib.crc32(header) != header_crc32:
        raise InputError(error("the payload header does not match its checksum", span))
    signature, version, size, count = _HEAD.unpack_from(header)
    if signature != SIGNATURE or version != VERSION or size != header_size:
        raise InputError(error("the payload header is not of a kind known here", span))
    if _HEAD.size + count * _ENTRY.size > header_size:
        raise InputError(error(f"the payload header has no room for {count} entries", span))
    kernels: list[tuple[bytes, str]] = []
    modules: list[Module] = []
    places = [("payload header", 0, header_size)]
    for index in range(count):
        entry = _ENTRY.unpack_from(header, _HEAD.size + index * _ENTRY.size)
        kind, crc32, sector, length, string_at, string_length = entry
        offset = sector * SECTOR_SIZE
        contents = bytes(data[offset : offset + length])
        string = header[string_at : string_at + string_length]
        if len(contents) < length or len(string) < string_length:
            raise InputError(error(f"file {index} of the payload lies outside the disk", span))
        if zlib.crc32(contents) != crc32:
            raise InputError(
                error(f"file {index} of the payload does not match its checksum", span)
            )
        try:
            text = string.decode()
        except UnicodeDecodeError:
            message = f"the string of file {index} of the payload is not UTF-8"
            raise InputError(error(message, span)) from None
        if kind == _KERNEL:
            kernels.append((contents, text))
            places.append(("kernel", offset, length))
        elif kind == _MODULE:
            places.append((f"module {len(modules)}", offset, length))
            modules.append(Module(text, contents))
        else:
            raise InputError(error(f"file {index} of the payload is of unknown kind {kind}", span))
    if len(kernels) != 1:
        raise InputError(error(f"the payload holds {len(kernels)} kernels, not one", span))
    return Contents(Files(*kernels[0], tuple(modules)), tuple(places))
