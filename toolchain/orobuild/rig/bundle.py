"""Opening a bundle: what it says is believed only when every byte of it has been checked.

Nothing is written before that. `open_bundle` checks the archive's form, the version and the index;
`verify` all contents, the signature, and the build in it as `orobuild image verify` does; `unpack` writes
what has been verified, all of it or nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError, UsageError
from orobuild.image import provenance
from orobuild.pipeline import outputs, sparse_files, verification
from orobuild.pipeline.verification import Verification
from orobuild.rig import index as ix
from orobuild.rig import signature
from orobuild.rig.archive import Archive

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from orobuild.image.extents import Extents
    from orobuild.rig.index import File, Index

_MOST_INDEX: Final = 16 << 20  # bytes of the index or of a signature
_UNLISTED: Final = (ix.FORMAT_FILE, ix.INDEX_FILE, ix.SIGNATURE_FILE)


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle. `raw_index` is bundle.json as it stands, with fields that are not known here."""

    archive: Archive
    index: Index
    raw_index: bytes
    signature: bytes | None

    def contents(self, name: str) -> Extents:
        """A file's contents. Raises `InputError` if it is damaged or not there."""
        member = self.archive.members.get(name)
        if member is None:
            raise self.archive.complain(f"there is no '{name}' in it")
        return self.archive.contents(member)


def open_bundle(path: str) -> Bundle:
    """Open the bundle at `path`: its form, its version and its index are checked, its contents not.

    Raises `InputError`, with the reason.
    """
    return read(sparse_files.read_input(path), path)


def read(data: Extents, path: str) -> Bundle:
    """`open_bundle` of a file's contents."""
    _check_version_at_the_front(data, path)
    archive = Archive(data, path)
    names = list(archive.members)
    _check_version(archive, names)
    tail = names[-2:] if ix.SIGNATURE_FILE in names else names[-1:]
    wanted = [ix.INDEX_FILE, ix.SIGNATURE_FILE][: len(tail)]
    if tail != wanted:
        raise archive.complain(f"'{ix.INDEX_FILE}' does not stand at its end")
    raw = _small(archive, ix.INDEX_FILE)
    try:
        index = ix.from_json(raw)
    except msgspec.DecodeError as problem:
        raise archive.complain(f"'{ix.INDEX_FILE}' is not what it should be: {problem}") from None
    if ix.version_in(_small(archive, ix.FORMAT_FILE)) != _version_of(index):
        raise archive.complain(f"'{ix.INDEX_FILE}' says another version: {index.version!r}")
    _check_listing(archive, index)
    signed = _small(archive, ix.SIGNATURE_FILE) if len(tail) == 2 else None
    return Bundle(archive, index, raw, signed)


def _check_version_at_the_front(data: Extents, path: str) -> None:
    """A later version may be packed otherwise, so its number is looked for before anything else.

    The first member's contents lie behind a zip header of 30 bytes and its name, which no version changes.
    """
    name = ix.FORMAT_FILE.encode()
    head = data.read(0, 30 + len(name) + 64)
    if head[:4] == b"PK\3\4" and head[30 : 30 + len(name)] == name:
        line, end, _ = head[30 + len(name) :].partition(b"\n")
        if version := ix.version_in(line + end):
            _refuse_newer(version, path)


def _refuse_newer(version: tuple[int, int], path: str) -> None:
    if version[0] > ix.MAJOR:
        said = ".".join(map(str, version))
        raise InputError(
            error(
                f"this is a bundle of version {said}; this orobuild understands {ix.MAJOR}.x",
                Span(path),
                hint="update orobuild, or make the bundle with an older one",
            )
        )


def _check_version(archive: Archive, names: list[str]) -> None:
    if not names or names[0] != ix.FORMAT_FILE:
        raise archive.complain(
            f"this is no bundle: its first member is not '{ix.FORMAT_FILE}'",
            "`orobuild rig bundle` makes bundles",
        )
    version = ix.version_in(_small(archive, ix.FORMAT_FILE))
    if version is None or version[0] < 1:
        raise archive.complain(f"'{ix.FORMAT_FILE}' does not say a version")
    _refuse_newer(version, archive.path)


def _version_of(index: Index) -> tuple[int, int] | None:
    return ix.version_in(f"orobuild rig bundle {index.version}\n".encode("utf-8", "replace"))


def _small(archive: Archive, name: str) -> bytes:
    member = archive.members.get(name)
    if member is None:
        raise archive.complain(f"there is no '{name}' in it")
    if member.size > _MOST_INDEX:
        raise archive.complain(f"'{name}' has {member.size:,} bytes, more than it may")
    return b"".join(archive.pieces(member))


def _check_listing(archive: Archive, index: Index) -> None:
    """The index and the archive must name the same files with the same sizes, and all that the index
    refers to must be among them."""
    listed = [file.name for file in index.files]
    for name in (n for n in archive.members if n not in _UNLISTED):
        if name not in listed:
            raise archive.complain(f"it holds '{name}', which its index does not name")
    if len(set(listed)) != len(listed):
        raise archive.complain("its index names a file twice")
    for file in index.files:
        member = archive.members.get(file.name)
        if member is None or file.name in _UNLISTED:
            raise archive.complain(f"its index names '{file.name}', which is not there")
        if member.size != file.size:
            told = f"has {member.size:,} bytes, its index says {file.size:,}"
            raise archive.complain(f"'{file.name}' {told}")
    kernel = index.kernel
    referred = [kernel.file, kernel.debug, kernel.symbols, *(method.file for method in index.boot)]
    for name in referred:
        if name not in listed:
            raise archive.complain(f"its index refers to '{name}', which is not there")
    for folder in (method.folder for method in index.boot if method.folder is not None):
        if not any(name.startswith(folder) for name in listed) or not folder.endswith("/"):
            raise archive.complain(f"its index refers to the folder '{folder}', which is not there")


def verify(bundle: Bundle, key: tuple[bytes, str] | None = None) -> Verification:
    """Check everything in a bundle. `key` is a public key's PEM text and its path.

    Raises `UsageError` for a key that is none.
    """
    public = provenance.public_key(*key) if key else None
    done = Verification(has_signature=bundle.signature is not None)
    problems = done.problems
    _check_signature(bundle, public, done)
    if problems:
        return done  # who does not vouch for the index does not vouch for what it says of the rest
    body = bundle.archive.digest_before(bundle.archive.members[ix.INDEX_FILE])
    if body != (bundle.index.body.size, bundle.index.body.sha256):
        where = Span(bundle.archive.path)
        problems.append(error("it was changed: its SHA-256 is not what its index says", where))
    for file in bundle.index.files:
        _check_file(bundle, file, done)
    if problems:
        return done
    done.checked.append(f"{len(bundle.index.files)} files: size and SHA-256, and the archive's own")
    try:
        inner = verification.verify(_BuildFolder(bundle), key if _is_signed(bundle) else None)
    except InputError as failure:
        problems += failure.diagnostics
        return done
    done.checked += [f"{ix.BUILD} {line}" for line in inner.checked]
    problems += inner.problems
    return done


def _check_signature(bundle: Bundle, public: Ed25519PublicKey | None, done: Verification) -> None:
    path = bundle.archive.path
    if bundle.signature is None:
        if public:
            hint = "it was made without a signing key (image.signing-key)"
            done.problems.append(error("the bundle is not signed", Span(path), hint=hint))
        return
    where = f"{path}:{ix.SIGNATURE_FILE}"
    try:
        reason = signature.complaint(bundle.raw_index, bundle.signature, public, where)
    except InputError as failure:
        done.problems += failure.diagnostics
        return
    if reason:
        done.problems.append(error(reason, Span(where)))
    elif public:
        done.checked.append(f"signed by {provenance.key_id(public)[:16]}…")


def _check_file(bundle: Bundle, file: File, done: Verification) -> None:
    sha256 = hashlib.sha256()
    try:
        for piece in bundle.archive.pieces(bundle.archive.members[file.name]):
            sha256.update(piece)
    except InputError as failure:
        done.problems += failure.diagnostics
        return
    if sha256.hexdigest() != file.sha256:
        message = f"'{file.name}' was changed: its SHA-256 is not what the index says"
        done.problems.append(error(message, Span(bundle.archive.path)))


def _is_signed(bundle: Bundle) -> bool:
    """Whether the build in it has a provenance, which then must be by the same key."""
    return f"{ix.BUILD}{verification.PROVENANCE}" in bundle.archive.members


@dataclass(frozen=True, slots=True)
class _BuildFolder:
    """The build's output folder, in the bundle."""

    bundle: Bundle

    def read(self, name: str) -> Extents:
        return self.bundle.contents(ix.BUILD + name)

    def has(self, name: str) -> bool:
        return ix.BUILD + name in self.bundle.archive.members


def require(bundle: Bundle, key: tuple[bytes, str] | None = None) -> Verification:
    """`verify`, of which nothing may be wrong. Raises `InputError` with all that is."""
    done = verify(bundle, key)
    if done.problems:
        raise InputError(done.problems)
    return done


def unpack(bundle: Bundle, directory: Path) -> None:
    """Write all files of a bundle, which `require` has accepted, into a new folder.

    It appears when it is whole. Raises `UsageError` if there is something already, or it cannot be written.
    """
    if os.path.lexists(directory) and not _is_empty(directory):
        raise UsageError(
            f"'{directory}' is already there", hint="name a folder that does not exist, or is empty"
        )
    try:
        scratch = directory.parent / f".{directory.name}.{os.getpid()}.0"
        scratch.mkdir(parents=True)
    except OSError as problem:
        raise UsageError(f"cannot write to '{directory.parent}': {problem.strerror}") from problem
    try:
        _write_all(bundle, scratch)
        scratch.rename(directory)
    except OSError as problem:
        raise UsageError(f"cannot write '{directory}': {problem.strerror}") from problem
    finally:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(scratch)


def _is_empty(directory: Path) -> bool:
    return directory.is_dir() and not directory.is_symlink() and not any(directory.iterdir())


def _write_all(bundle: Bundle, folder: Path) -> None:
    wanted = {file.name: file.sha256 for file in bundle.index.files}
    for name, member in bundle.archive.members.items():
        contents = bundle.archive.contents(member)
        # The file may have been changed since it was verified.
        if name in wanted and contents.sha256() != wanted[name]:
            raise bundle.archive.complain(f"'{name}' was changed while the bundle was unpacked")
        outputs.write(folder / name, contents)
