"""Our own boot loaders, built like any project: their sources travel with the package.

In a checkout they lie in `asm/boot/` and `linker_scripts/`; a wheel carries the same tree as
package data in `orobuild/boot/`. The BIOS loader is assembly alone. The UEFI loader is C: a checkout
takes a C compiler for it, and a wheel brings the executable along.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.errors import MissingToolError
from orobuild.image import adaptation
from orobuild.lint.config import LintConfig
from orobuild.pipeline import checks, compiler, targets
from orobuild.pipeline.fingerprint import digest, fingerprint
from orobuild.pipeline.ready_loaders import PREBUILT, loader_root
from orobuild.project import Config, Project, Target
from orobuild.project.schema import Compiler, Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.image import Loaders

MBR: Final = "mbr"
CD: Final = "cd"
PXE: Final = "pxe"
STAGE2: Final = "stage2"
EFI: Final = "efi"
BIOS_TARGETS: Final = (MBR, CD, PXE, STAGE2)
ENTRY: Final = "entry_"
"""What the names of the entry programs' targets begin with."""

_FIRST_STAGES: Final = {MBR: "mbr.S", CD: "cd.S", PXE: "pxe.S"}
_C_FLAGS: Final = [
    "-std=c11",
    "-Os",
    "-fpic",
    "-fvisibility=hidden",
    "-fno-jump-tables",
    "-fno-asynchronous-unwind-tables",
    "-fcf-protection=none",
    "-mno-red-zone",  # firmware's interrupts run on our stack
    "-mgeneral-regs-only",
    "-mno-mmx",
    "-mno-sse",
    "-mno-sse2",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
]


def loader_project() -> Project:
    """The loaders as a project, with a target for each of their programs."""
    root = loader_root()
    first_stages = set(_FIRST_STAGES.values())
    names = sorted(p.name for p in (root / "asm" / "boot").glob("*.S"))
    sources = {name: [source] for name, source in _FIRST_STAGES.items()}
    sources[STAGE2] = [name for name in names if name not in first_stages]
    scripts = {MBR: "boot_mbr", CD: "boot_head", PXE: "boot_head", STAGE2: "boot_stage2"}
    programs = {
        name: Target(
            sources=[f"asm/boot/{source}" for source in sources[name]],
            script=f"linker_scripts/{scripts[name]}.ld",
            include_dirs=["asm/boot"],
        )
        for name in BIOS_TARGETS
    }
    for name in adaptation.PROGRAMS:
        programs[f"{ENTRY}{name}"] = Target(
            sources=[f"asm/boot/entry/{name}.S"],
            script="linker_scripts/boot_entry.ld",
            include_dirs=["asm/boot/entry"],
        )
    programs[EFI] = Target(
        sources=["asm/boot/efi/*.c", "asm/boot/efi/*.S"],
        script="linker_scripts/boot_efi.ld",
        pie=True,
        strip="debug",
    )
    config = Config(
        name="boot",
        targets=programs,
        compiler=Compiler(flags=_C_FLAGS),
        image=Image(kernel=STAGE2),
    )
    return Project(root, Path(__file__), config, LintConfig())


def build_loaders(cache: Path, *, command: Sequence[str] = (), jobs: int = 0) -> Loaders:
    """All loaders. `cache` is a build cache's directory, `command` the C compiler's words.

    The UEFI loader is the wheel's, if there is one: then it is the same for everyone, whichever C
    compiler they have. `Loaders.efi` is None if there is neither that nor a C compiler.
    Raises what `build` raises.
    """
    from orobuild import image

    project = loader_project()
    ready = _prebuilt()
    found = None if ready else _find_compiler(command, cache)
    shop = targets.Workshop(
        project=project,
        profile=project.profile(None)[1],
        compiler=found,
        cache_directory=cache,
        unchecked=False,
    )
    names = [name for name in project.config.targets if found or name != EFI]
    linked = {}
    with ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1) as pool:
        pending = {name: targets.start_compiling(shop, name, pool) for name in names}
        for name, sources in pending.items():
            objects = targets.finish_objects(shop, sources)
            linked[name] = targets.link_objects(shop, name, sources.target, objects)
    checks.lint_all(shop, linked)
    efi = _application(shop, linked[EFI].data) if found else ready
    programs = {name: linked[name].data for name in BIOS_TARGETS}
    entries = {name: linked[f"{ENTRY}{name}"].data for name in adaptation.PROGRAMS}
    return image.Loaders(**programs, efi=efi, entries=entries)


def _find_compiler(command: Sequence[str], cache: Path) -> compiler.Compiler | None:
    """The C compiler that the user's own sources would get; one that was named must be there."""
    try:
        return compiler.find(command, cache)
    except MissingToolError:
        if command or os.environ.get("CC"):
            raise
        return None


def _application(shop: targets.Workshop, elf: bytes) -> bytes:
    """The EFI application; kept, since LIEF takes longer to import than all the rest."""
    key = digest("efi application", fingerprint(), elf)
    if hit := shop.cache.get(key):
        return hit[0]
    from orobuild.image.efi import efi_application

    made = efi_application(elf)
    shop.cache.put(key, made)
    return made


def _prebuilt() -> bytes | None:
    path = loader_root() / PREBUILT
    return path.read_bytes() if path.is_file() else None
