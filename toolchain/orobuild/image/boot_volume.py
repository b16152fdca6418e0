"""The boot volume: menu, kernels and modules as the files of a FAT volume, and reading them back.

Every loader reads this one volume: it is the EFI system partition of a disk, the El Torito image
of an ISO, and what a network boot serves file by file.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image import boot_config
from orobuild.image.boot_config import BootFile, Menu, MenuEntry
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orobuild.image.extents import Buffer
    from orobuild.image.fat_reader import FatVolume

CONFIG_PATH: Final = "OROBUILD/BOOT.CFG"
EFI_PATH: Final = "EFI/BOOT/BOOTX64.EFI"
_MAX_FILE: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Module:
    """A file handed to the kernel; `string` is what its Multiboot2 module tag says."""

    string: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to boot: an ELF kernel, its command line, its modules."""

    title: str
    kernel: bytes
    command_line: str = ""
    modules: tuple[Module, ...] = ()


@dataclass(frozen=True, slots=True)
class Boot:
    """All entries, the one that starts by itself, and after how many seconds."""

    entries: tuple[Entry, ...]
    default: int = 0
    timeout: int = 5


def files(
    boot: Boot, *, efi_loader: bytes | None = None, extra: Mapping[str, Buffer] | None = None
) -> dict[str, Buffer]:
    """Every file of the boot volume by its path. Equal kernels and modules are stored once.

    `extra` are the user's own files. Raises `InputError` if they are in the way of ours, or if a
    text does not fit in the menu.
    """
    placed: dict[str, Buffer] = {}
    known: dict[bytes, str] = {}

    def place(name: str, data: bytes, what: str) -> BootFile:
        if len(data) > _MAX_FILE:
            raise InputError(error(f"{what} has {len(data)} bytes; loaders take less than 4 GiB"))
        path = known.setdefault(data, name)
        placed[path] = data
        return BootFile(f"/{path}", len(data), zlib.crc32(data))

    menu = []
    for number, entry in enumerate(boot.entries):
        kernel = place(f"OROBUILD/K{number}.ELF", entry.kernel, f"the kernel of '{entry.title}'")
        modules = tuple(
            (
                place(f"OROBUILD/M{number}_{index}.BIN", module.data, f"module {index}"),
                module.string,
            )
            for index, module in enumerate(entry.modules)
        )
        menu.append(MenuEntry(entry.title, kernel, entry.command_line, modules))
    placed[CONFIG_PATH] = boot_config.to_text(Menu(tuple(menu), boot.default, boot.timeout))
    if efi_loader is not None:
        placed[EFI_PATH] = efi_loader
    ours = {path.upper() for path in placed}
    for path, data in (extra or {}).items():
        if path.strip("/").upper() in ours:
            raise InputError(error(f"'{path}' would replace a file of the loader's"))
        placed[path.strip("/")] = data
    return placed


def has_menu(volume: FatVolume) -> bool:
    """Whether a volume is a boot volume."""
    return volume.find(CONFIG_PATH) is not None


def read(volume: FatVolume, path: str) -> Boot:
    """What a boot volume starts; `path` is the medium's name in messages.

    Sizes and checksums are compared as the loaders do. Raises `InputError` naming the file.
    """
    found = volume.find(CONFIG_PATH)
    if found is None:
        raise InputError(error(f"there is no {CONFIG_PATH} on the volume", Span(path)))
    menu = boot_config.parse(volume.data(found), f"{path}:{CONFIG_PATH}")

    def load(file: BootFile) -> bytes:
        place = Span(f"{path}:{file.path}")
        there = volume.find(file.path)
        if there is None:
            raise InputError(error("the menu names this file, which is not there", place))
        data = volume.data(there)
        if file.size is not None and file.size != len(data):
            message = f"the file has {len(data)} bytes, the menu says {file.size}"
            raise InputError(error(message, place))
        if file.crc32 is not None and file.crc32 != zlib.crc32(data):
            raise InputError(error("the file does not match its checksum in the menu", place))
        return data

    entries: Sequence[Entry] = [
        Entry(
            entry.title,
            load(entry.kernel),
            entry.command_line,
            tuple(Module(string, load(file)) for file, string in entry.modules),
        )
        for entry in menu.entries
    ]
    return Boot(tuple(entries), menu.default, menu.timeout)
