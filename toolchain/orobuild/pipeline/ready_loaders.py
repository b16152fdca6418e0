"""The boot loaders, kept whole from one build to the next.

`loader` builds them as a project is built, which asks the cache for every object of theirs. An image
is made in less time than that takes, so the finished programs are an entry of their own, good as
long as orobuild, the loaders' sources and the C compiler stay what they are.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.errors import InputError, InternalError, MissingToolError
from orobuild.image import cpio
from orobuild.image.boot_disk import Loaders
from orobuild.pipeline import compiler, outputs
from orobuild.pipeline.fingerprint import digest, fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

PREBUILT: Final = "BOOTX64.EFI"
"""The UEFI loader that a wheel brings along."""

_PROGRAMS: Final = ("mbr", "stage2", "cd", "pxe", "efi")
_ENTRY: Final = "entry/"


def get(directory: Path, *, command: Sequence[str] = ()) -> Loaders:
    """The loaders, from the build cache in `directory` or built. Raises what building raises."""
    key = digest("loaders", fingerprint(), *_compiler(directory, command), *_sources())
    path = directory / f"loaders-{key}.cpio"
    if found := _read(path):
        return found
    from orobuild.pipeline.loader import build_loaders

    made = build_loaders(directory, command=command)
    outputs.write(path, _packed(made))
    return made


def _packed(loaders: Loaders) -> bytes:
    programs = {name: getattr(loaders, name) or b"" for name in _PROGRAMS}
    programs |= {f"{_ENTRY}{name}": data for name, data in loaders.entries.items()}
    archive = cpio.pack({f"/{name}": data for name, data in programs.items()})
    return hashlib.sha256(archive).digest() + archive


def _read(path: Path) -> Loaders | None:
    """What `_packed` made; None if there is no such file, or it is damaged."""
    try:
        kept = path.read_bytes()
        checksum, archive = kept[:32], kept[32:]
        if hashlib.sha256(archive).digest() != checksum:
            return None
        programs = {n.removeprefix("/"): d for n, d in cpio.unpack(archive, str(path)).items()}
    except (OSError, InputError):
        return None
    mbr, stage2, cd, pxe, efi = (programs.pop(name) for name in _PROGRAMS)
    entries = {name.removeprefix(_ENTRY): data for name, data in programs.items()}
    return Loaders(mbr, stage2, cd, pxe, efi or None, entries)


def _compiler(directory: Path, command: Sequence[str]) -> list[str]:
    if (loader_root() / PREBUILT).is_file():
        return []
    try:
        found = compiler.find(command, directory)
    except MissingToolError:
        if command or os.environ.get("CC"):
            raise
        return []
    return [found.fingerprint, *found.command]


def loader_root() -> Path:
    """The directory that holds the loaders' `asm/boot` and `linker_scripts`."""
    package = Path(__file__).resolve().parents[1]
    for root in (package / "boot", package.parents[1]):
        if (root / "asm" / "boot").is_dir():
            return root
    raise InternalError("the boot loaders' sources are not installed with the package")


def _sources() -> list[str]:
    """What tells the loaders' sources from changed ones: names, sizes and times."""
    root = loader_root()
    found = []
    for pattern in ("asm/boot/**/*", "linker_scripts/boot_*", PREBUILT):
        for path in sorted(root.glob(pattern)):
            status = path.stat()
            found.append(f"{path.relative_to(root)}:{status.st_size}:{status.st_mtime_ns}")
    return found
