"""What a bundle holds, that other programs read it, and that it is the same bytes anywhere."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import jsonschema
import msgspec
import pytest

from image.test_reproducible import as_somebody_else
from orobuild.errors import InputError, UsageError
from orobuild.image import manifest
from orobuild.pipeline.build import Request, build
from orobuild.project import load
from orobuild.rig import bundle, expectation, index, packing, symbols, trial
from orobuild.rig.index import Suite
from orobuild.testing.outcome import Kind, Result
from rig.conftest import SUITES, rig_project

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def opened(made):
    return bundle.open_bundle(str(made.path))


@pytest.fixture(scope="module")
def archive(made):
    return zipfile.ZipFile(io.BytesIO(made.data))


def test_it_holds_everything_that_a_rack_needs(opened):
    roles = {role for file in opened.index.files for role in file.roles}
    assert roles >= {
        *("image", "img", "iso", "pxe", "kernel", "debug", "symbols", "map", "debugger", "lint"),
        *("manifest", "sbom", "provenance", "readme", "labgrid", "lava"),
    }
    assert {method.method for method in opened.index.boot} == {
        *("usb", "cd", "pxe", "uefi-http", "kernel"),
    }
    assert opened.index.tests.suites == list(SUITES)
    assert opened.index.serial == index.Serial()


def test_the_published_schema_is_current_and_holds(opened):
    published = ROOT / "docs" / "rig-bundle.schema.json"
    assert published.read_bytes() == index.schema(), (
        "run: python -m orobuild.rig.index > docs/rig-bundle.schema.json"
    )
    jsonschema.validate(json.loads(opened.raw_index), json.loads(published.read_text()))


def test_python_and_unzip_read_it(made, archive, opened, tmp_path, tool):
    assert archive.testzip() is None
    subprocess.run([tool("unzip"), "-q", made.path, "-d", tmp_path], check=True)
    bundle.unpack(opened, tmp_path / "ours")
    for name in archive.namelist():
        content = archive.read(name)
        assert (tmp_path / name).read_bytes() == content == (tmp_path / "ours" / name).read_bytes()
    assert sorted(archive.namelist()) == sorted(opened.archive.members)


def test_a_disk_is_mostly_a_hole_in_the_bundle_and_on_the_disk(made, archive, opened, tmp_path):
    info = archive.getinfo("build/parrot.img")
    assert info.file_size > 30 << 20
    assert info.compress_size < 1 << 20
    bundle.unpack(opened, tmp_path / "ours")
    assert (tmp_path / "ours/build/parrot.img").stat().st_blocks * 512 < 2 << 20


def test_the_build_in_it_is_one_that_image_verify_accepts(made, opened, tmp_path):
    bundle.unpack(opened, tmp_path / "u")
    command = [sys.executable, "-m", "orobuild", "image", "verify", tmp_path / "u/build"]
    key = made.path.parent / "key.pub"
    done = subprocess.run([*command, "--key", key], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_openssl_verifies_its_signature(made, archive, tmp_path, tool):
    envelope = json.loads(archive.read(index.SIGNATURE_FILE))
    from base64 import b64decode

    kind, payload = envelope["payloadType"].encode(), b64decode(envelope["payload"])
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    (tmp_path / "signed").write_bytes(signed)
    (tmp_path / "sig").write_bytes(b64decode(envelope["signatures"][0]["sig"]))
    command = [tool("openssl"), "pkeyutl", "-verify", "-pubin", "-rawin"]
    key = made.path.parent / "key.pub"
    files = ["-inkey", key, "-in", tmp_path / "signed", "-sigfile", tmp_path / "sig"]
    subprocess.run([*command, *files], check=True)
    assert json.loads(payload)["predicateType"] == index.PREDICATE


def test_the_symbols_are_those_of_nm(made, archive, tool):
    said = subprocess.run(
        [tool("nm"), "-n", made.built.kernel], capture_output=True, text=True, check=True
    )
    name = next(n for n in archive.namelist() if n.startswith("symbols/"))
    listed = archive.read(name).decode()
    assert sorted(listed.splitlines()) == sorted(said.stdout.splitlines())
    assert re.search(r"^0000000000100000 T start$", listed, re.MULTILINE)


@pytest.mark.parametrize("program", ["/bin/true", "/usr/bin/openssl", sys.executable])
def test_symbols_of_other_programs_are_those_of_nm(program, tool):
    """What is not in a table of symbols is not invented; what is has the letter that nm gives it."""
    from orobuild.elf import reader

    said = subprocess.run([tool("nm"), "-n", program], capture_output=True, text=True).stdout
    known = [line for line in said.splitlines() if not line.startswith(" ")]
    listed = symbols.listing(reader.read(Path(program).read_bytes(), program)).decode()
    assert sorted(listed.splitlines()) == sorted(line.partition("@")[0] for line in known)


def test_the_readme_names_only_files_that_are_there(archive):
    text = archive.read("README.txt").decode()
    named = set(re.findall(r"\b(?:build|debug|symbols|labgrid|lava)/[\w./-]*\w", text))
    names = set(archive.namelist())
    folders = {"/".join(name.split("/")[:-1]) for name in names}
    assert named - names - folders == set()
    assert "115200 bits a second" in text
    assert "2 suites with 3 cases: frames, smp" in " ".join(text.split())
    assert max(len(line) for line in text.splitlines() if "qemu-system" not in line) <= 100


def test_templates_are_yaml_with_the_bundles_facts(archive, opened):
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!template", lambda loader, node: node.value)
    found = {n: yaml.load(archive.read(n), Loader) for n in archive.namelist() if n[-5:] == ".yaml"}
    assert {"labgrid/qemu.yaml", "labgrid/remote.yaml", "lava/qemu.yaml"} <= found.keys()
    resources = found["labgrid/usb-sd-mux.yaml"]["targets"]["main"]["resources"]
    assert resources["USBSerialPort"]["speed"] == 115200
    deploy = found["lava/qemu.yaml"]["actions"][0]["deploy"]["images"]["disk"]
    image = next(file for file in opened.index.files if file.name == "build/parrot.img")
    assert deploy["sha256sum"] == image.sha256
    assert deploy["url"] == "BUNDLE_URL/build/parrot.img"
    (monitor,) = found["lava/qemu.yaml"]["actions"][2]["test"]["monitors"]
    log = "KTAP version 1\n1..2\n    ok 2 spare\nok 1 frames\nok 2 smp\n"
    assert re.search(monitor["start"], log)
    assert re.search(monitor["end"], log).group() == "ok 2 smp"
    cases = [match["test_case_id"] for match in re.finditer(monitor["pattern"], log)]
    assert cases == ["spare", "frames", "smp"]


@pytest.mark.full
def test_a_kernel_without_debugging_sections_has_them_beside_it(tmp_path, build_cache):
    root = rig_project(tmp_path, build_cache)
    text = (root / "orobuild.toml").read_text()
    stripped = text.replace('script = "parrot.ld"', 'script = "parrot.ld"\nstrip = "all"')
    (root / "orobuild.toml").write_text(stripped)
    project, line = packing.project_for_rig(load(root))
    built = build(project, Request(output=root / "build/release/rig"))
    unstripped = build(
        packing.without_stripping(project), Request(output=root / "build/release/rig-debug")
    )
    order = packing.Order(built=built, command_line=line, debug=packing.read_debug(unstripped))
    opened = bundle.read(packing.pack(order), "it")
    assert opened.index.kernel.debug == "debug/parrot.elf"
    assert opened.index.kernel.file == "build/parrot.elf"
    assert b" T start" in opened.contents(opened.index.kernel.symbols).to_bytes()
    debug = opened.contents("debug/parrot.elf").to_bytes()
    assert debug != opened.contents("build/parrot.elf").to_bytes()


@pytest.mark.full
def test_what_does_not_fit_its_manifest_is_not_packed(made, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(made.built.directory, folder)
    (folder / "parrot.map").write_text("another")
    order = packing.Order(built=replace(made.built, directory=folder), command_line=made.line)
    with pytest.raises(InputError, match=r"parrot\.map.*manifest says"):
        packing.pack(order)


def test_a_project_without_images_has_nothing_to_pack(made):
    project = made.built.project
    image = msgspec.structs.replace(project.config.image, disk=False)
    config = msgspec.structs.replace(project.config, image=image)
    with pytest.raises(UsageError, match="nothing to start from"):
        packing.project_for_rig(replace(project, config=config))


@pytest.mark.full
def test_the_plan_is_what_the_kernel_says_in_qemu(made):
    run = trial.boot(made.built, trial.cell_of(made.built), made.line)
    assert run.passed, [r for _, r in run.results()]
    assert trial.suites(run) == SUITES


def test_a_plan_comes_from_a_log_or_a_report(tmp_path):
    log = b"noise\nKTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 a\n  ok 2 b # SKIP\nok 1 s\n"
    assert expectation.of_file(log, "log") == [Suite(name="s", cases=["a", "b"])]
    row = {"path": ["s", "a"], "kind": "passed"}
    machine = {"path": ["[boot]"], "kind": "hang"}
    cells = [{"results": [row, machine]}, {"results": [row, {**row, "path": ["s", "c"]}]}]
    report = json.dumps({"cells": cells}).encode()
    assert expectation.of_file(report, "json") == [Suite(name="s", cases=["a", "c"])]


@pytest.mark.parametrize("text", [b"", b"{", b"{}", b'{"cells": 3}', b"\xff\0", b"{" * 100_000])
def test_what_is_neither_is_no_plan(text):
    with pytest.raises(InputError, match=r"report|results"):
        expectation.of_file(text, "x")


def test_what_is_expected_and_not_reported_is_missing():
    tests = index.Tests(suites=[*SUITES, Suite(name="uefi", cases=["time"])], may_lack=["uefi"])
    said = [Result(path=("frames", "order"), kind=Kind.PASSED)]
    assert [r.name for r in expectation.missing(tests, said)] == ["frames/spare", "smp"]


@pytest.mark.full
def test_two_places_users_umasks_and_zones_make_the_same_bundle(tmp_path, build_cache, made):
    """With the key: Ed25519 signs the same bytes the same way."""
    places = [tmp_path / "a", tmp_path / "another place, with ünï" / "deeper"]
    for place in places:
        place.mkdir(parents=True)
        rig_project(place, build_cache)
        (place / "key.pem").write_bytes(made.private[0])
    settings = [
        (0o022, (), {"TZ": "UTC", "PYTHONHASHSEED": "1", "HOME": str(tmp_path / "h1")}),
        (
            0o077,
            as_somebody_else(),
            {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2", "USER": "us3r-k9z", "LC_ALL": "C.UTF-8"},
        ),
    ]
    for place, (umask, words, variables) in zip(places, settings, strict=True):
        command = [*words, sys.executable, "-m", "orobuild", "rig", "bundle", "--no-plan"]
        done = subprocess.run(
            [*command, "-o", "out.zip"],
            cwd=place,
            capture_output=True,
            text=True,
            umask=umask,
            env={**os.environ, **variables},
        )
        assert done.returncode == 0, done.stdout + done.stderr
    one, other = (place / "out.zip" for place in places)
    assert one.read_bytes() == other.read_bytes()
    assert b"us3r-k9z" not in one.read_bytes()
    assert str(tmp_path).encode() not in one.read_bytes()


@pytest.mark.full
def test_the_date_that_is_given_is_in_the_archive(made):
    order = packing.Order(built=made.built, command_line=made.line, timestamp=1_700_000_000)
    with zipfile.ZipFile(io.BytesIO(packing.pack(order).to_bytes())) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}


def test_the_manifest_in_it_is_that_of_the_build(made, archive):
    raw = archive.read("build/manifest.json")
    assert raw == (made.built.directory / "manifest.json").read_bytes()
    assert manifest.from_json(raw).entries[0].command_line == made.line
