"""A build's images: what the configuration says to boot, made into media."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError, UsageError
from orobuild.pipeline import ready_loaders
from orobuild.pipeline.fingerprint import digest
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orobuild.image.boot_disk import Loaders
    from orobuild.image.boot_volume import Boot, Module
    from orobuild.image.disk import Region
    from orobuild.image.extents import Extents
    from orobuild.pipeline.cache import Cache
    from orobuild.pipeline.targets import LinkedTarget, Workshop
    from orobuild.project import schema

_LATEST: Final = 253402300799  # the last second of the year 9999


@dataclass(frozen=True)
class Images:
    """The media by file name, what they boot, and where what lies on the raw disk.

    `kinds` are the formats' names by file name. `firmware` says in words what they boot from.
    """

    files: dict[str, Extents]
    kinds: dict[str, str]
    boot: Boot
    layout: tuple[Region, ...]
    has_efi: bool

    @property
    def firmware(self) -> str:
        """What they boot from, in words."""
        return "BIOS and UEFI" if self.has_efi else "BIOS only (no C compiler for the UEFI loader)"


def loaders_of_user() -> Loaders:
    """The loaders for images outside of any project, built once and kept in the user's cache."""
    from pathlib import Path

    from orobuild.user_cache import directory

    cache = directory(os.environ)
    if cache is None:
        import tempfile

        with tempfile.TemporaryDirectory(prefix="orobuild-") as scratch:
            return ready_loaders.get(Path(scratch))
    return ready_loaders.get(Path(cache).parent / "loaders")


def source_date() -> int:
    """`SOURCE_DATE_EPOCH`, in seconds since 1970; 0 without it. Raises `UsageError`."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or int(text) > _LATEST:
        raise UsageError(
            f"SOURCE_DATE_EPOCH is '{text}', not a number of seconds",
            hint="for example: SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)",
        )
    return int(text)


def make(shop: Workshop, profile: str, linked: Mapping[str, LinkedTarget]) -> Images:
    """The images that the configuration asks for. Raises `InputError` and `UsageError`."""
    from orobuild.image import media

    config = shop.project.config
    loaders = ready_loaders.get(shop.cache_directory, command=config.compiler.command)
    boot = _boot(shop, profile, linked, loaders)
    product = media.Product(
        name=config.name,
        boot=boot,
        loaders=loaders,
        size=config.image.size_mib << 20 or None,
        files={path: _read(shop, file) for path, file in config.image.files.items()},
        timestamp=source_date(),
        cores=config.machine.cores,
        memory_mib=config.machine.memory_mib,
        version=config.version,
    )
    made = media.Media(product)
    files: dict[str, Extents] = {}
    kinds: dict[str, str] = {}
    for name in dict.fromkeys(config.image.formats):
        for file, contents in media.make(made, name).items():
            files[file], kinds[file] = contents, name
    layout = made.disk.layout if "img" in config.image.formats else ()
    return Images(files, kinds, boot, layout, loaders.efi is not None)


def _boot(
    shop: Workshop, profile: str, linked: Mapping[str, LinkedTarget], loaders: Loaders
) -> Boot:
    from orobuild.image import Boot, Entry

    image = shop.project.config.image
    entries = []
    for entry in image.entries or [_only_entry(shop, profile)]:
        name = entry.kernel or image.kernel
        target, kernel = shop.project.config.targets[name], linked[name]
        data = loadable(kernel.data, target.prebuilt or kernel.path, target.protocol, loaders)
        modules = _modules(shop, entry.modules)
        entries.append(Entry(entry.title, data, entry.command_line, modules))
    return Boot(tuple(entries), image.default_entry, image.timeout)


def loadable(data: bytes, path: str, protocol: str, loaders: Loaders) -> bytes:
    """A kernel as our loaders start it: `data` itself, or made into one. Raises `InputError`."""
    from orobuild.image.adaptation import adapt
    from orobuild.image.kernel import check_kernel

    adapted = adapt(data, path, protocol, loaders.entries)
    check_kernel(adapted, path)
    return adapted


def _only_entry(shop: Workshop, profile: str) -> schema.Entry:
    from orobuild.project import schema

    config = shop.project.config
    return schema.Entry(
        title=config.image.title or f"{config.name}, {profile}",
        command_line=config.image.command_line,
        modules=config.image.modules,
    )


def _modules(shop: Workshop, modules: Sequence[schema.Module]) -> tuple[Module, ...]:
    from orobuild.image import Module

    return tuple(Module(module.string, _read(shop, module.file)) for module in modules)


def _read(shop: Workshop, name: str) -> bytes:
    try:
        return shop.read_file(name)
    except OSError as problem:
        message = f"cannot read: {problem.strerror}"
        raise InputError(error(message, Span(name), hint="[image] names this file")) from problem


def sha256(cache: Cache, contents: bytes | Extents) -> str:
    """The SHA-256 of a file; a medium's is kept, since its holes take long to hash."""
    if isinstance(contents, bytes):
        return hashlib.sha256(contents).hexdigest()
    key = digest("sha256", contents.identity())
    if hit := cache.get(key):
        return hit[0].decode()
    found = contents.sha256()
    cache.put(key, found.encode())
    return found
