"""`orobuild image verify` of documents damaged at random: never believed, never a crash.

The bytes of a document are changed, or its structure: a value goes, comes twice, becomes another of the
document's or a strange one.
"""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from image.conftest import signing_key
from orobuild.errors import InputError
from orobuild.pipeline import verification
from orobuild.pipeline.build import Request, build
from orobuild.project import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = """\
name = "third"
version = "1.2"
targets.kernel = { prebuilt = "kernel.elf", lint = false }
image = { formats = ["img"], signing-key = "key.pem" }
"""
STRANGE = (
    *(None, True, 0, -1, 1 << 31, 1 << 64, 1e308, float("inf"), "", "x", "\0", "\ud800", "\u00e9"),
    *("../x", "/etc/passwd", ".", "third.img", "third.elf/x", "manifest.json", "a" * 300),
    *([], {}, [[]], {"a": 1}),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, build_cache, build_kernel):
    """The output folder of a build with one medium and a signature; its public key beside it."""
    project = tmp_path_factory.mktemp("third")
    (project / "build").mkdir()
    (project / "build" / ".cache").symlink_to(build_cache)
    (project / "orobuild.toml").write_text(CONFIGURATION)
    (project / "kernel.elf").write_bytes(build_kernel())
    signing_key(project)
    build(load(project), Request())
    return project / "build" / "release"


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside of this one."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def restructured(document: bytes, numbers: random.Random) -> bytes:
    changed = json.loads(document)
    for _ in range(numbers.choice((1, 1, 2, 4))):
        *way, last = numbers.choice(list(paths(changed)))
        holder, how = at(changed, tuple(way)), numbers.randrange(4)
        if how == 0:
            holder[last] = numbers.choice(STRANGE)
        elif how == 1:
            del holder[last]
        elif how == 2 and isinstance(holder, list):
            holder.append(holder[last])
        else:
            other = at(changed, numbers.choice(list(paths(changed)) or [()]))
            holder[last] = json.loads(json.dumps(other))
        if not list(paths(changed)):
            break
    return json.dumps(changed).encode()


def overwritten(document: bytes, numbers: random.Random) -> bytes:
    changed = bytearray(document)
    for _ in range(numbers.choice((1, 3, 30))):
        start, cut = numbers.randrange(len(changed)), numbers.choice((0, 1, 1, 10, 1000))
        changed[start : start + cut] = numbers.randbytes(numbers.choice((0, 1, 1, 5))) or b"{"
    return bytes(changed)


def damaged(document: bytes, numbers: random.Random) -> bytes:
    return numbers.choice((restructured, restructured, overwritten))(document, numbers)


def passes(folder: Path, key: bool) -> bool:
    public = ((folder.parents[1] / "key.pub").read_bytes(), "key.pub") if key else None
    try:
        return verification.verify(verification.Directory(folder), public).passed
    except InputError:
        return False


def assert_none_passes(folder: Path, name: str, seeds: range) -> None:
    path = folder / name
    original = path.read_bytes()
    try:
        for seed in seeds:
            numbers = random.Random(seed)
            data = damaged(original, numbers)
            path.write_bytes(data)
            assert data == original or not passes(folder, numbers.random() < 0.5), seed
    finally:
        path.write_bytes(original)


@pytest.mark.parametrize("name", ["manifest.json", "sbom.cdx.json"])
def test_no_damage_to_a_document_is_believed(folder, name):
    assert passes(folder, key=True)

    assert_none_passes(folder, name, range(12))


@pytest.mark.full
@pytest.mark.parametrize("name", ["manifest.json", "sbom.cdx.json"])
@pytest.mark.parametrize("first", range(1000, 5000, 1000))
def test_no_damage_to_a_document_is_believed_at_length(folder, name, first):
    assert_none_passes(folder, name, range(first, first + 1000))


def test_no_damage_to_a_signed_statement_is_believed(folder):
    """What surrounds it in the envelope is not signed, and says nothing."""
    path = folder / "provenance.json"
    original = path.read_bytes()
    envelope = json.loads(original)
    statement = base64.b64decode(envelope["payload"])
    try:
        for seed in range(12):
            numbers = random.Random(seed)
            payload = damaged(statement, numbers)
            altered = {**envelope, "payload": base64.b64encode(payload).decode()}
            path.write_bytes(json.dumps(altered).encode())
            assert payload == statement or not passes(folder, key=True), seed
            passes(folder, key=False)
            path.write_bytes(damaged(original, numbers))
            passes(folder, key=True)
    finally:
        path.write_bytes(original)
