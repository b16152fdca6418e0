"""From a build to a bundle: which files go in, what the index says of them, in what order they lie.

The same build gives the same bytes; neither time, user nor directory occurs in them. `project_for_rig`
says what is built for a bundle, `pack` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

import orobuild
from orobuild.elf import reader
from orobuild.elf.build_id import build_id
from orobuild.errors import InputError, InternalError, UsageError
from orobuild.image import manifest as m
from orobuild.image import provenance
from orobuild.image.extents import Extents
from orobuild.pipeline import sparse_files, verification
from orobuild.rig import bundle, signature, symbols
from orobuild.rig import index as ix
from orobuild.rig.archive import Writer
from orobuild.rig.documents import labgrid_templates, lava_job, rack_readme
from orobuild.testing import kernel as test_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orobuild.elf.reader import ElfFile
    from orobuild.pipeline.build import BuildResult
    from orobuild.project import Project
    from orobuild.project.schema import Format

FORMATS: Final[tuple[Format, ...]] = ("img", "iso", "pxe")
"""What machines of a rack are started from."""

_METHODS: Final = {"img": "usb", "iso": "cd", "kernel": "kernel"}
_ORDER: Final = ("usb", "cd", "pxe", "uefi-http", "kernel")
_ROLES: Final = {
    "manifest.json": "manifest",
    "sbom.cdx.json": "sbom",
    "provenance.json": "provenance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a bundle is made of.

    `built` is a build of `project_for_rig`; `suites` are expected, and `origin` says in words where they
    are from; `debug` is the kernel with its debugging sections where the delivered one has none; `key` a
    private key's PEM text and path; `timestamp` (seconds since 1970) dates the files.
    """

    built: BuildResult
    command_line: str
    suites: tuple[ix.Suite, ...] = ()
    origin: str = ""
    debug: bytes | None = None
    key: tuple[bytes, str] | None = None
    timestamp: int = 0


def project_for_rig(project: Project) -> tuple[Project, str]:
    """`project`, whose images are those of a bundle and start the kernel for its tests; and with which
    command line. Raises `UsageError` for a project that makes no images."""
    if not project.config.image.disk:
        raise UsageError(
            "this project makes no images, so a machine would have nothing to start from",
            hint="image.disk = true, and a kernel that says how it is entered (docs/images.md)",
        )
    line = test_kernel.command_line(project, ())
    changed = test_kernel.for_tests(project, line)
    image = msgspec.structs.replace(changed.config.image, formats=list(FORMATS))
    config = msgspec.structs.replace(changed.config, image=image)
    return replace(changed, config=config), line


def without_stripping(project: Project) -> Project | None:
    """`project`, whose kernel keeps its debugging sections; None if it does anyway."""
    name = project.config.image.kernel
    target = project.config.targets[name]
    if target.strip == "none":
        return None
    kept = {**project.config.targets, name: msgspec.structs.replace(target, strip="none")}
    image = msgspec.structs.replace(project.config.image, disk=False)
    config = msgspec.structs.replace(project.config, targets=kept, image=image)
    return replace(project, config=config)


def pack(order: Order) -> Extents:
    """The bundle. Raises `InputError` if the build's folder is not what its manifest says."""
    folder = order.built.directory
    described = _manifest(folder)
    contents = dict(_build_files(folder, described))
    roles = {ix.BUILD + a.name: _roles_of(a) for a in described.artifacts}
    roles |= {ix.BUILD + n: [r] for n, r in _ROLES.items() if ix.BUILD + n in contents}
    kernel = _kernel(order, described, contents, roles)
    extra = order.built.project.config.rig
    tests = order.built.project.config.test
    index = ix.Index(
        version=ix.VERSION,
        made_by=f"orobuild {orobuild.__version__}",
        name=described.name,
        product_version=order.built.project.config.version,
        profile=described.profile,
        source=ix.Source(revision=described.source.revision, dirty=described.source.dirty),
        kernel=kernel,
        serial=ix.Serial(speed=extra.speed),
        boot=_boot_methods(described),
        tests=ix.Tests(
            suites=list(order.suites),
            origin=order.origin,
            may_lack=tests.may_lack,
            success=tests.success,
            failure=tests.failure,
            ends_with=tests.ends_with,
            case_timeout=tests.case_timeout,
            timeout=extra.timeout,
        ),
        files=_listed(contents, roles),
        body=ix.Body(size=0, sha256=""),
    )
    machine = order.built.project.config.machine
    texts = labgrid_templates.files(index, cores=machine.cores, memory_mib=machine.memory_mib)
    roles |= {key: ["labgrid"] for key in texts}
    jobs = lava_job.files(index)
    roles |= {key: ["lava"] for key in jobs}
    contents |= {name: Extents.of(text) for name, text in {**texts, **jobs}.items()}
    index = msgspec.structs.replace(index, files=_listed(contents, roles))
    contents["README.txt"], roles["README.txt"] = Extents.of(rack_readme.text(index)), ["readme"]
    return _written(msgspec.structs.replace(index, files=_listed(contents, roles)), contents, order)


def _written(index: ix.Index, contents: dict[str, Extents], order: Order) -> Extents:
    writer = Writer(order.timestamp)
    writer.add(ix.FORMAT_FILE, Extents.of(ix.format_line()))
    for file in index.files:
        writer.add(file.name, contents[file.name])
    size, sha256 = writer.written
    raw = ix.to_json(msgspec.structs.replace(index, body=ix.Body(size=size, sha256=sha256)))
    writer.add(ix.INDEX_FILE, Extents.of(raw))
    if order.key:
        signed = signature.sign(raw, provenance.private_key(*order.key))
        writer.add(ix.SIGNATURE_FILE, Extents.of(signed))
    made = writer.finish()
    try:
        bundle.require(bundle.read(made, "the new bundle"))
    except InputError as failure:
        if any("the new bundle" in str(d.span) for d in failure.diagnostics):
            raise InternalError(f"a bundle was made that is none: {failure}") from failure
        raise  # the build's folder is not what its manifest says
    return made


def _manifest(folder: Path) -> m.Manifest:
    read = verification.Directory(folder).read(verification.MANIFEST)
    try:
        return m.from_json(read.to_bytes())
    except msgspec.DecodeError as problem:
        raise InternalError(f"the build's manifest cannot be read: {problem}") from problem


def _build_files(folder: Path, described: m.Manifest) -> Iterator[tuple[str, Extents]]:
    """All of the output folder that the manifest knows, under the names that it has in the bundle."""
    directory = verification.Directory(folder)
    for name in sorted({artifact.name for artifact in described.artifacts} | _ROLES.keys()):
        if name != verification.PROVENANCE or directory.has(name):
            yield ix.BUILD + name, directory.read(name)


def _roles_of(artifact: m.Artifact) -> list[str]:
    """An image is one whatever its format; others are what the manifest calls them."""
    return ["image", artifact.kind] if artifact.kind in FORMATS else [artifact.kind]


def _listed(contents: dict[str, Extents], roles: dict[str, list[str]]) -> list[ix.File]:
    """Texts for people first, then the small files, then the build."""
    order = sorted(
        contents, key=lambda name: (name != "README.txt", name.startswith("build/"), name)
    )
    return [
        ix.File(
            name=name,
            roles=roles[name],
            size=contents[name].size,
            sha256=contents[name].sha256(),
        )
        for name in order
    ]


def _kernel(
    order: Order, described: m.Manifest, contents: dict[str, Extents], roles: dict[str, list[str]]
) -> ix.Kernel:
    """What the index says of the kernel; its debugging image and its symbols are added."""
    name = next(a.name for a in described.artifacts if a.kind == "kernel")
    delivered = contents[ix.BUILD + name].to_bytes()
    debug_name = ix.BUILD + name
    elf = reader.read(delivered, name) if reader.is_elf(delivered) else None
    if order.debug is not None and elf:
        debug = reader.read(order.debug, name)
        _check_same_image(elf, debug)
        debug_name, elf = f"debug/{name}", debug
        contents[debug_name], roles[debug_name] = Extents.of(order.debug), ["debug"]
    else:
        roles[debug_name] = [*roles[debug_name], "debug"]
    listing = f"symbols/{name}.symbols"
    contents[listing] = Extents.of(symbols.listing(elf) if elf else b"")
    roles[listing] = ["symbols"]
    identity = build_id(reader.read(delivered, name)) if reader.is_elf(delivered) else None
    return ix.Kernel(
        file=ix.BUILD + name,
        debug=debug_name,
        symbols=listing,
        command_line=order.command_line,
        build_id=identity.hex() if identity else None,
    )


_OF_THE_FILE: Final = ".note.gnu.build-id"
"""A hash of the file, debugging sections included: the one thing in which the two images differ."""


def _check_same_image(stripped: ElfFile, debug: ElfFile) -> None:
    """Addresses in the one must mean the same in the other."""
    for section in stripped.sections:
        if not section.is_alloc or section.name == _OF_THE_FILE:
            continue
        other = debug.section(section.name)
        if (
            other is None
            or (other.sh_addr, other.sh_size) != (section.sh_addr, section.sh_size)
            or debug.section_data(other) != stripped.section_data(section)
        ):
            raise InternalError(f"the kernel's {section.name} is another with debugging sections")


def _boot_methods(described: m.Manifest) -> list[ix.BootMethod]:
    """The ways that the manifest knows, in terms of a bundle; what a person tries first comes first."""
    return sorted(_ways(described), key=lambda method: _ORDER.index(method.method))


def _ways(described: m.Manifest) -> Iterator[ix.BootMethod]:
    kinds = {artifact.name: artifact.kind for artifact in described.artifacts}
    for way in described.boot:
        kind, firmware = kinds[way.artifact], _firmware(way.firmware)
        file, command = ix.BUILD + way.artifact, way.command
        if kind in _METHODS:
            yield ix.BootMethod(
                method=_METHODS[kind], firmware=firmware, file=file, command=command
            )
        elif kind == "pxe":
            folder = ix.BUILD + way.artifact.partition("/")[0] + "/"
            yield ix.BootMethod(
                method="pxe", firmware=firmware, file=file, folder=folder, command=command
            )
            if firmware == ["uefi"]:
                yield ix.BootMethod(method="uefi-http", firmware=firmware, file=file)


def _firmware(words: str) -> list[str]:
    """The manifest's words as a list; a kernel that is handed over by PVH goes through SeaBIOS."""
    named = [short for short, long in (("bios", "BIOS"), ("uefi", "UEFI")) if long in words]
    return named or ["bios"]


def read_debug(built: BuildResult) -> bytes:
    """The kernel of a build of `without_stripping`."""
    assert built.kernel is not None
    return sparse_files.read(built.kernel).to_bytes()
