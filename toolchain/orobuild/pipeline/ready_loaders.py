"""The boot loaders, kept whole from one build to the next.

`loader` builds them as a project is built, which asks the cache for every object of theirs. An image
is made in less time than that takes, so the finished programs are an entry of their own, good as
long as orobuild, the loaders' sources and the C compiler stay what they are.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from orobuild.errors import InternalError, MissingToolError
from orobuild.image.boot_disk import Loaders
from orobuild.pipeline import compiler
from orobuild.pipeline.cache import Cache, digest
from orobuild.pipeline.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

PREBUILT: Final = "BOOTX64.EFI"
"""The UEFI loader that a wheel brings along."""


def get(directory: Path, *, command: Sequence[str] = ()) -> Loaders:
    """The loaders, from the build cache in `directory` or built. Raises what building raises."""
    cache = Cache(directory, _no_dependency)
    key = digest("loaders", fingerprint(), *_compiler(directory, command), *_sources())
    if hit := cache.get(key):
        return msgspec.msgpack.decode(hit[0], type=Loaders)
    from orobuild.pipeline.loader import build_loaders

    made = build_loaders(directory, command=command)
    cache.put(key, msgspec.msgpack.encode(made))
    return made


def _no_dependency(name: str) -> bytes:
    raise FileNotFoundError(name)


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
