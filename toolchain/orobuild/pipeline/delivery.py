"""What a build hands over: the names of its files, and the manifest that describes them."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

import orobuild
from orobuild.debug import autoload
from orobuild.errors import UsageError
from orobuild.image import sbom
from orobuild.pipeline import circumstances
from orobuild.pipeline.images import sha256, source_date

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orobuild.elf.structures import ProgramHeader
    from orobuild.image.extents import Extents
    from orobuild.pipeline.checks import LintOutcome
    from orobuild.pipeline.images import Images
    from orobuild.pipeline.targets import LinkedTarget, Workshop
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
    """The files to deliver, by their names in the output folder; which is kernel and disk.

    `images` are the names of what can be booted, in the configuration's order.
    """

    files: dict[str, bytes | Extents]
    kernel: str | None
    disk: str | None
    images: tuple[str, ...]


def pack(
    shop: Workshop,
    profile: str,
    linked: Mapping[str, LinkedTarget],
    images: Images | None,
    lint: LintOutcome | None,
) -> Parcel:
    """Everything that a build delivers. Raises `UsageError` for a signing key that is none."""
    config = shop.project.config
    files: dict[str, bytes | Extents] = {target.path: target.data for target in linked.values()}
    kinds = dict.fromkeys(files, "program")
    if lint:
        files["lint.sarif"], kinds["lint.sarif"] = lint.sarif, "lint"
    kernel = linked.get(config.image.kernel)
    if not kernel:
        return Parcel(files, None, None, ())
    kinds[kernel.path] = "kernel"
    if kernel.map:
        files[f"{config.name}.map"] = kernel.map.encode("utf-8", "surrogateescape")
        kinds[f"{config.name}.map"] = "map"
    if kernel.path.endswith(".elf"):
        script = f"{kernel.path}-gdb.py"
        files[script] = autoload.script(msgspec.to_builtins(config.debug), config.lint)
        kinds[script] = "debugger"
    if not images:
        return Parcel(files, kernel.path, None, ())
    files |= images.files
    kinds |= images.kinds
    sums = {name: sha256(shop.cache, data) for name, data in files.items()}
    source = circumstances.revision(shop.git_status)
    tools = circumstances.tools(shop.compiler, shop.cache)
    artifacts = [(name, kinds[name], _size(files[name]), sums[name]) for name in sorted(files)]
    described = _manifest(shop, profile, images, artifacts, source, tools, lint)
    files["manifest.json"] = described
    sums["manifest.json"] = hashlib.sha256(described).hexdigest()
    # The kernel comes first, then the manifest, which says what the others are.
    order = sorted(sums, key=lambda name: (name != kernel.path, name != "manifest.json", name))
    files["sbom.cdx.json"] = sbom.cyclonedx(
        name=config.name,
        version=config.version,
        artifacts=[(name, sums[name]) for name in order],
        tools=tools,
        identity=hashlib.sha256(described).digest(),
        timestamp=_date(source_date()),
    )
    sums["sbom.cdx.json"] = sha256(shop.cache, files["sbom.cdx.json"])
    if key := signing_key(shop.project, shop.read_file):
        files["provenance.json"] = _provenance(key, profile, sums, source, shop.project)
    disk = f"{config.name}.img"
    return Parcel(files, kernel.path, disk if disk in files else None, tuple(images.files))


def _size(data: bytes | Extents) -> int:
    return len(data) if isinstance(data, bytes) else data.size


def _date(timestamp: int) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(timestamp)) if timestamp else None


def _manifest(
    shop: Workshop,
    profile: str,
    images: Images,
    artifacts: list[tuple[str, str, int, str]],
    source: tuple[str | None, bool],
    tools: Mapping[str, str],
    lint: LintOutcome | None,
) -> bytes:
    from orobuild.image import manifest as m

    listed = [m.Artifact(name=n, kind=k, size=s, sha256=d) for n, k, s, d in artifacts]
    entries = m.describe_entries(images.boot)
    default = entries[images.boot.default]
    configuration = msgspec.to_builtins(shop.project.config)
    configuration["image"].pop("signing-key", None)  # where it lies says something of the machine
    return m.to_json(
        m.Manifest(
            name=shop.project.config.name,
            profile=profile,
            source=m.Source(revision=source[0], dirty=source[1]),
            artifacts=listed,
            entries=entries,
            default_entry=images.boot.default,
            timeout=images.boot.timeout,
            layout=[m.Region(name=r.name, offset=r.offset, size=r.size) for r in images.layout],
            boot=m.ways_to_boot(listed, default, has_efi=images.has_efi),
            lint=m.Lint(checked=True, rules=lint.rules, findings=len(lint.findings))
            if lint and shop.project.config.targets[shop.project.config.image.kernel].lint
            else m.Lint(checked=False),
            tools=dict(tools),
            configuration=configuration,
        )
    )


def signing_key(project: Project, read_file: Callable[[str], bytes]) -> tuple[bytes, str] | None:
    """The signing key's PEM text and path, if one is configured. Raises `UsageError`."""
    named = os.environ.get("OROBUILD_SIGNING_KEY") or project.config.image.signing_key
    if not named:
        return None
    try:
        return read_file(named), named
    except OSError as problem:
        raise UsageError(f"cannot read the signing key '{named}': {problem.strerror}") from problem


def _provenance(
    key: tuple[bytes, str],
    profile: str,
    sums: Mapping[str, str],
    source: tuple[str | None, bool],
    project: Project,
) -> bytes:
    from orobuild.image import provenance

    revision, dirty = source
    parameters = {"name": project.config.name, "profile": profile, "sourceHasChanges": dirty}
    payload = provenance.statement(
        subjects=sums,
        parameters=parameters,
        dependencies={"git+file:.": f"gitCommit:{revision}"} if revision else {},
        builder_version=orobuild.__version__,
    )
    return provenance.sign(payload, provenance.private_key(*key))


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
