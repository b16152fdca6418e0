"""What a build hands over: the names of its files, and the manifest that describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orobuild

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orobuild.elf.structures import ProgramHeader
    from orobuild.image import BootDisk
    from orobuild.pipeline.checks import LintOutcome
    from orobuild.pipeline.targets import LinkedTarget
    from orobuild.project import Project


@dataclass(frozen=True, slots=True)
class Segment:
    """A program header, and the names of the sections that lie in it."""

    header: ProgramHeader
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuiltTarget:
    """A delivered target; a flat binary has no segments."""

    name: str
    path: Path
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """The files to deliver, by their names in the output folder; which is kernel and disk."""

    files: dict[str, bytes]
    kernel: str | None
    disk: str | None


def pack(
    project: Project,
    profile: str,
    linked: Mapping[str, LinkedTarget],
    disk: BootDisk | None,
    lint: LintOutcome | None,
) -> Parcel:
    """Everything that a build delivers."""
    name = project.config.name
    files = {target.path: target.data for target in linked.values()}
    if lint:
        files["lint.sarif"] = lint.sarif
    kernel = linked.get(project.config.image.kernel)
    if not kernel:
        return Parcel(files, None, None)
    files[f"{name}.map"] = kernel.map.encode("utf-8", "surrogateescape")
    if disk:
        files[f"{name}.img"] = disk.image.to_bytes()
        files["manifest.json"] = _manifest(project, profile, kernel, files, disk, lint)
    return Parcel(files, kernel.path, f"{name}.img" if disk else None)


_KINDS = {".img": "disk", ".map": "map", ".sarif": "lint"}


def _manifest(
    project: Project,
    profile: str,
    kernel: LinkedTarget,
    files: Mapping[str, bytes],
    disk: BootDisk,
    lint: LintOutcome | None,
) -> bytes:
    from orobuild.image import manifest
    from orobuild.image.kernel import check_kernel

    def kind(name: str) -> Any:
        return "kernel" if name == kernel.path else _KINDS.get(name[name.rfind(".") :], "other")

    described = manifest.manifest(
        name=project.config.name,
        profile=profile,
        artifacts=[manifest.Artifact(name, data, kind(name)) for name, data in files.items()],
        kernel=check_kernel(kernel.data, kernel.path),
        disk=disk,
        command_line=project.config.image.command_line,
        versions={"orobuild": orobuild.__version__},
        lint={"rules": lint.rules, "findings": len(lint.findings)} if lint else {"unchecked": True},
    )
    return manifest.to_json(described)


def describe(project: Project, directory: Path, target: LinkedTarget) -> BuiltTarget:
    """A delivered target as the summary shows it."""
    if project.config.targets[target.name].format != "elf":
        return BuiltTarget(target.name, directory / target.path, ())
    from orobuild.pipeline.checks import read

    elf = read(target)
    segments = tuple(
        Segment(
            header,
            tuple(
                s.name
                for s in elf.sections
                if s.is_alloc
                and s.sh_size
                and header.p_vaddr <= s.sh_addr < header.p_vaddr + header.p_memsz
            ),
        )
        for header in elf.segments
    )
    return BuiltTarget(target.name, directory / target.path, segments)
