"""Whether a folder holds what its manifest says: every file, every kernel in every medium.

Checks the bytes against manifest.json, that against the bill of materials, the kernels against
what the manifest says of them and against what each medium boots, and all of it against the signed
provenance. Reads; never writes. The folder may be one that lies in an archive.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from orobuild.diagnostics import Diagnostic, Span, error
from orobuild.errors import InputError
from orobuild.image import examination, manifest, provenance, sbom
from orobuild.pipeline import sparse_files

if TYPE_CHECKING:
    from pathlib import Path

    from orobuild.image.extents import Extents
    from orobuild.image.manifest import Artifact, Manifest

MANIFEST: Final = "manifest.json"
SBOM: Final = "sbom.cdx.json"
PROVENANCE: Final = "provenance.json"
_TAKEN_APART: Final = frozenset(
    ("img", "iso", "vmdk", "vmdk-stream", "vdi", "vhd", "vhd-fixed", "vhdx", "qcow2", "ova")
)


@dataclass(slots=True)
class Verification:
    """What was checked, in words, and what is wrong. `signed_by` is a key's id, None unsigned."""

    checked: list[str] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    has_signature: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class Folder(Protocol):
    """What can be verified: files by their names in a build's output folder."""

    def read(self, name: str) -> Extents:
        """A file's contents. Raises `InputError` if there is none, or it cannot be read."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A folder of the file system."""

    path: Path

    def read(self, name: str) -> Extents:
        """A file's contents. Raises `InputError` if there is none, or it cannot be read."""
        try:
            return sparse_files.read(self.path / name)
        except OSError as problem:
            raise InputError(error(f"cannot read: {problem.strerror}", Span(name))) from problem

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.path / name).is_file()


def verify(folder: Folder, key: tuple[bytes, str] | None = None) -> Verification:
    """Check a build's output folder. `key` is a public key's PEM text and its path.

    Raises `InputError` where there is no manifest to check by, `UsageError` for a key that is none.
    """
    public = provenance.public_key(*key) if key else None
    raw = folder.read(MANIFEST).to_bytes()
    try:
        described = manifest.from_json(raw)
    except (msgspec.DecodeError, RecursionError) as problem:
        message = f"this is no manifest of format {manifest.FORMAT}: {problem}"
        raise InputError(error(message, Span(MANIFEST))) from None
    done = Verification()
    sums = {MANIFEST: hashlib.sha256(raw).hexdigest()}
    _check_artifacts(folder, described, done, sums)
    _check_sbom(folder, done, sums)
    if folder.has(PROVENANCE):
        done.has_signature = True
        try:
            found = folder.read(PROVENANCE).to_bytes()
            subjects = provenance.open_envelope(found, public, PROVENANCE)
        except InputError as failure:
            done.problems += failure.diagnostics
        else:
            _compare(subjects, sums, PROVENANCE, done)
            by = f", signed by {provenance.key_id(public)[:16]}…" if public else ""
            done.checked.append(f"provenance of {len(subjects)} files{by}")
    elif public:
        _complain(done, PROVENANCE, "there is no signed provenance")
    return done


def _complain(done: Verification, name: str, message: str, hint: str | None = None) -> None:
    done.problems.append(error(message, Span(name), hint=hint))


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _check_artifacts(
    folder: Folder, described: Manifest, done: Verification, sums: dict[str, str]
) -> None:
    media = 0
    for artifact in described.artifacts:
        name = artifact.name
        if not _is_inside(name):
            _complain(done, MANIFEST, f"the artifact '{name}' lies outside the folder")
            continue
        try:
            contents = folder.read(name)
        except InputError as failure:
            done.problems += failure.diagnostics
            continue
        sums[name] = contents.sha256()
        if contents.size != artifact.size:
            message = f"the file has {contents.size} bytes, the manifest says {artifact.size}"
            _complain(done, name, message)
        elif sums[name] != artifact.sha256:
            hint = "`orobuild image diff` with the original shows where"
            _complain(done, name, "the file is not the one in the manifest: its SHA-256", hint)
        if artifact.kind in _TAKEN_APART:
            media += _check_medium(contents, artifact, described, done)
    done.checked.append(f"{len(described.artifacts)} files: size and SHA-256")
    if media:
        done.checked.append(f"{media} media: structure, menu, kernels and modules")


def _check_medium(
    contents: Extents, artifact: Artifact, described: Manifest, done: Verification
) -> bool:
    """Compare what a medium boots with the manifest's entries, kernels and segments included."""
    try:
        part = examination.examine(contents, artifact.name)
        complaints = [c for inner in part.walk() for c in inner.complaints]
        boot = None if complaints else examination.boot_of(contents, artifact.name)
    except InputError as failure:
        done.problems += failure.diagnostics
        return False
    for complaint in complaints:
        _complain(done, artifact.name, complaint)
    if complaints:
        return False
    if boot is None:
        _complain(done, artifact.name, "there is no boot volume in it")
        return False
    try:
        entries = manifest.describe_entries(boot)
    except InputError as failure:
        done.problems += failure.diagnostics
        return False
    wanted = (described.entries, described.default_entry, described.timeout)
    if (entries, boot.default, boot.timeout) != wanted:
        _complain(done, artifact.name, "it boots something else than the manifest says")
        return False
    return True


def _check_sbom(folder: Folder, done: Verification, sums: dict[str, str]) -> None:
    try:
        raw = folder.read(SBOM).to_bytes()
    except InputError as failure:
        done.problems += failure.diagnostics
        return
    digests = sbom.digests(raw)
    if digests is None:
        _complain(done, SBOM, "this is no CycloneDX document")
        return
    _compare(digests, sums, SBOM, done)
    sums[SBOM] = hashlib.sha256(raw).hexdigest()
    done.checked.append(f"bill of materials of {len(digests)} files")


def _compare(
    claimed: dict[str, str], sums: dict[str, str], document: str, done: Verification
) -> None:
    """Both must name the same files, with the same SHA-256."""
    for name in sorted(claimed.keys() | sums.keys()):
        if name not in claimed:
            _complain(done, document, f"'{name}' is missing in it")
        elif name not in sums:
            _complain(done, document, f"it names '{name}', the manifest does not")
        elif claimed[name] != sums[name]:
            _complain(done, document, f"it has another SHA-256 of '{name}'")
