"""Bundles that are not what they should be: refused with the reason, before anything is written.

Damaged at random, made by somebody else's zip, signed by another key, of a later version, and made to
write where they should not.
"""

from __future__ import annotations

import io
import json
import os
import random
import stat
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from functools import cache

import pytest

from image.conftest import signing_key
from orobuild.errors import InputError, UsageError
from orobuild.image import provenance
from orobuild.image.extents import Extents
from orobuild.rig import archive as zips
from orobuild.rig import bundle, index, signature
from orobuild.rig.archive import Archive, Writer

CHUNK = zips._CHUNK


def refusal(data: bytes, key=None) -> str | None:
    """Why a bundle is refused, None if it is accepted."""
    try:
        bundle.require(bundle.read(Extents.of(data), "it.zip"), key)
    except InputError as failure:
        return str(failure)
    return None


def without_images(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files that are quick to hash thousands of times; a build's manifest misses the others."""
    return {name: data for name, data in files.items() if len(data) < 1 << 20}


@cache
def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(made, change=lambda files: files, edit=lambda table: None, key=None) -> bytes:
    """A bundle like `made` in proper form and signed, with other files or another index."""
    files = change({n: d for n, d in files_of(made.data).items() if not n.startswith("bundle.")})
    table = json.loads(files_of(made.data)[index.INDEX_FILE])
    table["files"] = [
        {"roles": ["image"], "name": n, "size": len(d), "sha256": sha256(d)}
        for n, d in files.items()
        if n != index.FORMAT_FILE
    ]
    table["boot"] = [m for m in table["boot"] if m["file"] in files]
    writer = Writer()
    for name, data in files.items():
        writer.add(name, Extents.of(data))
    size, digest = writer.written
    table["body"] = {"size": size, "sha256": digest}
    edit(table)
    raw = json.dumps(table).encode()
    writer.add(index.INDEX_FILE, Extents.of(raw))
    private = provenance.private_key(*(key or made.private))
    writer.add(index.SIGNATURE_FILE, Extents.of(signature.sign(raw, private)))
    return writer.finish().to_bytes()


def sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def regions(data: bytes) -> dict[str, tuple[int, int]]:
    """Every part of the file by what it is: headers, contents, directory, end."""
    found = {}
    for name, member in Archive(Extents.of(data), "it").members.items():
        found[f"header of {name}"] = member.offset, member.start
        if member.packed:
            found[f"contents of {name}"] = member.start, member.end
        end = member.end
    found["directory"] = end, len(data) - 22
    found["end"] = len(data) - 22, len(data)
    return found


def test_what_is_whole_is_accepted(made):
    assert refusal(made.data) is None
    assert refusal(made.data, made.public) is None
    assert refusal(repacked(made), made.public) is None


def test_a_changed_byte_in_any_region_is_noticed(made):
    """One byte of each header, of each member's contents, of the directory and of the end."""
    numbers = random.Random(1)
    small = repacked(made, without_images)
    for what, (start, end) in regions(small).items():
        changed = bytearray(small)
        changed[numbers.randrange(start, end)] ^= 1 << numbers.randrange(8)
        said = str(refusal(bytes(changed), made.public))
        assert "it.zip" in said, what
        assert "cannot read" not in said, what


def test_a_changed_byte_of_a_disk_is_noticed(made):
    start, end = regions(made.data)["contents of build/parrot.img"]
    changed = bytearray(made.data)
    changed[(start + end) // 2] ^= 1
    assert "was changed: its SHA-256" in str(refusal(bytes(changed)))


@pytest.mark.full
def test_every_byte_of_headers_directory_and_end_counts(made):
    """They are checked before any contents are looked at."""
    for what, (start, end) in regions(made.data).items():
        if what.startswith("contents") and index.FORMAT_FILE not in what:
            continue
        for at in range(start, end, 1 if end - start < 200 else 37):
            changed = bytearray(made.data)
            changed[at] ^= 0x20
            with pytest.raises(InputError):
                bundle.read(Extents.of(bytes(changed)), "it.zip")


@pytest.mark.parametrize("share", [0, 1e-6, 0.01, 0.3, 0.9, 0.999999])
def test_a_cut_bundle_is_refused_with_that_reason(made, share):
    said = refusal(made.data[: int(len(made.data) * share)])
    assert said
    assert "cut off" in said or share < 0.01


def test_a_longer_bundle_is_refused(made):
    for data in (made.data + b"\0", b"#!/bin/sh\n" + made.data, made.data + made.data):
        assert refusal(data)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6" + bytes(18), b"\x1f\x8b" * 50, bytes(1000)])
def test_something_else_is_no_bundle(data):
    assert "no bundle" in str(refusal(data))


def test_a_zip_of_somebody_else_is_no_bundle(made):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files_of(made.data).items():
            archive.writestr(name, data[: 1 << 16])
    assert refusal(buffer.getvalue())


def test_another_key_is_refused(made, tmp_path):
    signing_key(tmp_path)
    other = (tmp_path / "key.pub").read_bytes(), "other.pub"
    assert "no signature is by the key given" in str(refusal(made.data, other))
    private = (tmp_path / "key.pem").read_bytes(), "other.pem"
    forged = repacked(made, key=private)
    assert "no signature is by the key given" in str(refusal(forged, made.public))


def test_a_signature_of_something_else_is_refused(made):
    """The same key signs builds; and it has signed other bundles."""
    files = files_of(made.data)
    for envelope in (files["build/provenance.json"], signature.sign(b"{}", key_of(made))):
        writer = Writer()
        for name, data in files.items():
            sealed = envelope if name == index.SIGNATURE_FILE else data
            writer.add(name, Extents.of(sealed))
        assert "signature of" in str(refusal(writer.finish().to_bytes(), made.public))


def key_of(made):
    return provenance.private_key(*made.private)


def test_a_bundle_without_a_signature_does_not_pass_as_signed(made):
    writer = Writer()
    for name, data in files_of(made.data).items():
        if name != index.SIGNATURE_FILE:
            writer.add(name, Extents.of(data))
    unsigned = writer.finish().to_bytes()
    assert refusal(unsigned) is None
    assert "not signed" in str(refusal(unsigned, made.public))


def test_what_was_changed_and_sealed_again_without_the_key_is_refused(made):
    """Hashes, sizes and checksums are all made to fit; the statement cannot be."""
    files = dict(files_of(made.data))
    table = json.loads(files[index.INDEX_FILE])
    files["README.txt"] = b"x" * len(files["README.txt"])
    next(f for f in table["files"] if f["name"] == "README.txt")["sha256"] = sha256(
        files["README.txt"]
    )
    writer = Writer()
    for name, data in files.items():
        if name == index.INDEX_FILE:
            table["body"] = dict(zip(("size", "sha256"), writer.written, strict=True))
            writer.add(name, Extents.of(json.dumps(table).encode()))
        else:
            writer.add(name, Extents.of(data))
    assert "another bundle" in str(refusal(writer.finish().to_bytes(), made.public))


@pytest.mark.parametrize("version", ["2.0", "10.3", "999999999.0"])
def test_a_later_major_version_is_refused_even_if_it_is_packed_otherwise(made, version):
    line = f"orobuild rig bundle {version}\n".encode()
    name = index.FORMAT_FILE.encode()
    head = b"PK\3\4" + bytes(22) + struct.pack("<2H", len(name), 0) + name + line
    said = str(refusal(head + random.Random(2).randbytes(5000)))
    assert f"version {version}" in said
    assert "update orobuild" in said


def test_a_later_minor_version_is_understood_and_keeps_what_is_new(made):
    def later(table):
        table["version"] = "1.7"
        table["tomorrow"] = {"x": [1]}
        table["kernel"]["tomorrow"] = True
        table["boot"].append({**table["boot"][0], "method": "teleport", "firmware": ["coreboot"]})

    def as_later(files):
        return {**files, index.FORMAT_FILE: b"orobuild rig bundle 1.7\n"}

    data = repacked(made, as_later, later)
    assert refusal(data, made.public) is None
    assert json.loads(bundle.read(Extents.of(data), "it").raw_index)["tomorrow"] == {"x": [1]}


def test_two_versions_in_one_bundle_are_refused(made):
    said = refusal(repacked(made, edit=lambda table: table.update(version="1.3")))
    assert "says another version" in str(said)


EVIL = {
    "out of the folder": ["../evil", "a/../../evil", "..", "a\\..\\..\\evil"],
    "absolute": ["/etc/evil", "\\\\host\\share", "C:/evil", "c:evil"],
    "empty part": ["a//b", "a/./b", "a/"],
    "not every system": ["a\nb", "a\0b", "a\x1b[2Jb", "ab:c", "a*", "x\u202ey"],
    "device": ["nul", "COM1.txt", "a/aux.c"],
    "dot": ["a.", "b /c", " d"],
    "composed": ["a\u0308"],
    "longer": ["a" * 300],
    "16 parts": ["/".join("abcdefghijklmnopq")],
}


@pytest.mark.parametrize(
    ("reason", "name"), [(r, n) for r, names in EVIL.items() for n in names]
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused_and_never_written(made, reason, name):
    with pytest.raises(UsageError, match="cannot be in a bundle"):
        Writer().add(name, Extents.of(b"x"))
    assert reason in str(refusal(forged_names(made, name)))


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("same", "same", "twice"),
        ("Readme", "README", "case does not count"),
        ("straße", "STRASSE", "case does not count"),
        ("a/b", "A/c", "case does not count"),
        ("a", "a/b", "a file and a folder"),
        ("a/b", "a", "a file and a folder"),
    ],
)
def test_names_that_meet_on_a_disk_are_refused(made, one, other, reason):
    assert reason in str(refusal(forged_names(made, one, other)))


def forged_names(made, *names: str) -> bytes:
    """A bundle in exact form, but for names that `Writer` does not take."""
    before = zips.member_names.complaint, zips.member_names.collision
    zips.member_names.complaint = zips.member_names.collision = lambda _: None
    try:
        return repacked(made, lambda files: with_names(files, names))
    finally:
        zips.member_names.complaint, zips.member_names.collision = before


class Same(str):
    """A name that is another key of a dictionary than an equal one."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


def with_names(files, names):
    return {**files, **{Same(name): b"x" for name in names}}


def foreign(*members, comment=b"", **fields) -> bytes:
    """A zip by Python's writer, which other programs take."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # it says itself that names are there twice
        archive.comment = comment
        for name, data, attributes in members:
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.flag_bits |= 1 << 11
            info.external_attr = attributes << 16
            for field, value in fields.items():
                setattr(info, field, value)
            archive.writestr(info, data)
    return buffer.getvalue()


LINK, REGULAR = stat.S_IFLNK | 0o777, stat.S_IFREG | 0o644
START = (index.FORMAT_FILE, index.format_line(), REGULAR)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (foreign(START, ("link", b"/etc/passwd", LINK)), "symbolic link"),
        (foreign(START, ("pipe", b"", stat.S_IFIFO | 0o644)), "no regular file"),
        (foreign(START, ("disk", b"", stat.S_IFBLK | 0o644)), "no regular file"),
        (foreign(START, ("folder/", b"", stat.S_IFDIR | 0o755)), "empty part"),
        (foreign(START, ("x", b"x", REGULAR), comment=b"hello"), "cut off"),
        (foreign(START, ("x", b"x", REGULAR), extra=b"\xfe\xca\0\0"), "not one that a bundle has"),
        (foreign(START, ("x", b"x", REGULAR | 0o111)), "not one that a bundle has"),
        (foreign(START, ("x", b"x", REGULAR), compress_type=zipfile.ZIP_BZIP2), "compressed"),
    ],
)
def test_what_other_zips_can_hold_and_a_bundle_cannot(data, reason):
    assert reason in str(refusal(data))


def bomb(declared: int, real: int) -> bytes:
    """A bundle with a member that unpacks to `real` zeros, and says that it has `declared` bytes."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"".join(packed.compress(bytes(CHUNK)) for _ in range(real // CHUNK)) + packed.flush()
    first = zips.Member(index.FORMAT_FILE, 24, 24, zlib.crc32(index.format_line()), 0, 0x210000, 0)
    member = zips.Member("bomb", declared, len(body), 0, 8, 0x210000, first.end)
    directory = zips._central(first) + zips._central(member)
    return (
        zips._local(first) + index.format_line() + zips._local(member) + body + directory
        + zips._end(2, len(directory), member.end)
    )  # fmt: skip


def test_a_member_that_unpacks_to_more_than_it_says_stops_there():
    opened = Archive(Extents.of(bomb(1000, 64 << 20)), "bomb.zip")
    sizes = []
    with pytest.raises(InputError, match="more than the 1,000 bytes"):
        sizes += (len(piece) for piece in opened.pieces(opened.members["bomb"]))
    assert sum(sizes) <= 1000


def test_sizes_that_are_too_much_are_refused_by_what_is_declared():
    """Before anything is unpacked: nothing has to be read for it."""
    many = [
        zips.Member(f"hole{number}", 3 << 30, 0, 0, 8, 0x210000, number * 35) for number in range(3)
    ]
    directory = b"".join(map(zips._central, many))
    headers = b"".join(map(zips._local, many))
    data = headers + directory + zips._end(3, len(directory), len(headers))
    with pytest.raises(InputError, match="would unpack to 9,663,676,416 bytes"):
        Archive(Extents.of(data), "x")


def test_members_that_share_their_bytes_are_refused():
    """The bomb without a compressor: many names for one content."""
    first = zips.Member(index.FORMAT_FILE, 24, 24, zlib.crc32(index.format_line()), 0, 0x210000, 0)
    twice = zips.Member("x", 24, 24, first.crc, 0, 0x210000, 0)
    directory = zips._central(first) + zips._central(twice)
    data = (
        zips._local(first) + index.format_line() + directory
        + zips._end(2, len(directory), first.end)
    )  # fmt: skip
    assert "does not begin where" in str(refusal(data))


def damaged_index(made, numbers: random.Random) -> bytes:
    """A sealed and signed bundle whose index has strange values in it."""
    strange = (None, True, 0, -1, 1 << 70, 1e308, "", "\0", "../x", "bundle.json", [], {}, [[]])

    def edit(table):
        for _ in range(numbers.choice((1, 1, 2, 5))):
            holder, key = numbers.choice(list(places(table)))
            if numbers.randrange(3):
                holder[key] = numbers.choice(strange)
            elif isinstance(holder, list) or numbers.randrange(2):
                del holder[key]

    return repacked(made, without_images, edit)


def places(value):
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list) and value[key]:
            yield from places(value[key])


def test_an_index_of_nonsense_is_refused_or_harmless(made):
    """It is signed, so it is believed to be meant; it must not lead anywhere else."""
    numbers = random.Random(3)
    for _ in range(60):
        refusal(damaged_index(made, numbers), made.public)  # raises nothing else


def test_a_deep_index_is_refused(made):
    deep = b"[" * 100_000 + b"]" * 100_000
    writer = Writer()
    for name, data in files_of(made.data).items():
        writer.add(name, Extents.of(deep if name == index.INDEX_FILE else data))
    assert refusal(writer.finish().to_bytes())


def run(*words, cwd=None):
    command = [sys.executable, "-m", "orobuild", "rig", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_command_refuses_with_the_reason_and_writes_nothing(made, tmp_path):
    changed = bytearray(made.data)
    changed[len(changed) // 2] ^= 1
    (tmp_path / "bad.zip").write_bytes(bytes(changed))
    for words in (("verify", "bad.zip"), ("unpack", "bad.zip", "out")):
        done = run(*words, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("bad.zip: error:")
        assert "Traceback" not in done.stderr
    assert names(tmp_path) == ["bad.zip"]


@pytest.mark.full
def test_what_is_there_already_is_not_written_over(made, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("full", "link"):
        done = run("unpack", made.path, tmp_path / name)
        assert done.returncode == 2
        assert "already there" in done.stderr
    assert names(tmp_path) == ["full", "link"]
    assert names(tmp_path / "full") == ["mine"]


def test_a_bundle_without_an_end_is_an_error_not_a_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "missing", "/dev/zero"):
        done = run("verify", name, cwd=tmp_path)
        assert done.returncode == 1, done.stderr
        assert "error: cannot read" in done.stderr


@pytest.mark.full
def test_random_damage_is_never_believed(made):
    """Thousands of bundles: bytes changed, cut, doubled, exchanged; never accepted, never a crash."""
    numbers = random.Random(4)
    small = repacked(made, without_images)
    for _ in range(20_000):
        data = bytearray(small)
        for _ in range(numbers.choice((1, 1, 1, 3, 20))):
            start = numbers.randrange(len(data))
            size = min(numbers.choice((1, 2, 4, 100)), len(data) - start)
            piece, to = data[start : start + size], numbers.randrange(len(data))
            how = numbers.randrange(4)
            if how == 0:
                data[start] ^= 1 << numbers.randrange(8)
            elif how == 1:
                del data[start : start + size]
            elif how == 2:
                data[to:to] = piece
            else:
                data[to : to + size] = piece
        if bytes(data) != small:
            assert refusal(bytes(data), made.public)


@pytest.mark.full
def test_random_indices_lead_nowhere_else(made):
    numbers = random.Random(5)
    for _ in range(1500):
        refusal(damaged_index(made, numbers), made.public)
