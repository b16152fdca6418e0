"""The build hook of the package: puts the UEFI loader, ready to run, into source archives and their wheels.

The loader is C, and who installs the package has no C compiler. So a source archive brings
`BOOTX64.EFI` along, built here by this toolchain with `zig cc`, and a wheel that is made of one takes it from
there as long as the loader's sources are the same. A wheel that is made of a checkout has none: that is
how pre-commit installs the linter, which must not wait for a compiler that it never uses. Like a
checkout, such an installation builds the loader when it makes an image.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

READY = "asm/boot/BOOTX64.EFI"
"""Where a source archive has the loader; a wheel's is `orobuild/boot/BOOTX64.EFI`."""
STAMP = "asm/boot/BOOTX64.sources"
"""Where a source archive says of which sources it was built: a SHA-256."""


class LoaderHook(BuildHookInterface):
    """Adds the UEFI loader to what is built."""

    def dependencies(self) -> list[str]:
        """What building the loader takes; nothing where it is ready or not built."""
        if self.target_name != "sdist" or self._ready():
            return []
        metadata = self.metadata.core
        return [*metadata.dependencies, *metadata.optional_dependencies["cc"]]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files are gathered."""
        included = build_data["force_include"]
        if self.target_name == "sdist":
            loader = self._ready() or self._built()
            stamp = Path(self.directory, "BOOTX64.sources")
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(self._sources())
            included[str(loader)], included[str(stamp)] = READY, STAMP
        elif version != "editable" and (ready := self._ready()):
            included[str(ready)] = "orobuild/boot/BOOTX64.EFI"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Called when all is packed."""
        for name in ("BOOTX64.EFI", "BOOTX64.sources"):
            Path(self.directory, name).unlink(missing_ok=True)

    def _ready(self) -> Path | None:
        """The loader that a source archive brought along, if it is of these sources."""
        loader, stamp = Path(self.root, READY), Path(self.root, STAMP)
        if loader.is_file() and stamp.is_file() and stamp.read_text() == self._sources():
            return loader
        return None

    def _sources(self) -> str:
        root = Path(self.root)
        digest = hashlib.sha256()
        for path in (
            *sorted((root / "asm/boot/efi").iterdir()),
            root / "linker_scripts/boot_efi.ld",
        ):
            digest.update(f"{path.name}\0".encode() + path.read_bytes())
        return digest.hexdigest()

    def _built(self) -> Path:
        """The loader, built; with `zig cc` whatever CC says, so that all wheels have the same."""
        os.environ.pop("CC", None)
        sys.path.insert(0, str(Path(self.root, "toolchain")))
        from orobuild.pipeline.loader import build_loaders

        with tempfile.TemporaryDirectory(prefix="orobuild-") as cache:
            loader = build_loaders(Path(cache)).efi
        if loader is None:
            raise RuntimeError("the UEFI loader takes zig cc: pip install ziglang")
        path = Path(self.directory, "BOOTX64.EFI")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(loader)
        return path
