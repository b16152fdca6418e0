"""manifest.json: complete, deterministic, and true of the files it describes."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import subprocess

import jsonschema
import pytest

from orobuild.image import Boot, Entry, Loaders, Module, boot_disk
from orobuild.image import manifest as m
from orobuild.image.fat_reader import read_volume
from orobuild.image.kernel import check_kernel


@pytest.fixture
def boot(build_kernel):
    return Boot((Entry("Test", build_kernel(), "it's=quoted", modules=(Module("m", b"1"),)),))


@pytest.fixture
def disk(loader, boot):
    programs = {"mbr": loader.mbr, "stage2": loader.stage2, "cd": loader.cd, "pxe": loader.pxe}
    return boot_disk(Loaders(**programs, efi=None), boot)


def artifact(name: str, kind: str, data: bytes) -> m.Artifact:
    return m.Artifact(name=name, kind=kind, size=len(data), sha256=hashlib.sha256(data).hexdigest())


@pytest.fixture
def manifest(disk, boot, build_kernel):
    artifacts = [
        artifact("oro.elf", "kernel", build_kernel()),
        artifact("oro.img", "img", disk.image.to_bytes()),
    ]
    entries = m.describe_entries(boot)
    return m.Manifest(
        name="oro",
        profile="release",
        source=m.Source(revision="ab" * 20, dirty=True),
        artifacts=artifacts,
        entries=entries,
        layout=[m.Region(name=r.name, offset=r.offset, size=r.size) for r in disk.layout],
        boot=m.ways_to_boot(artifacts, entries[0], has_efi=True),
        lint=m.Lint(checked=True, rules=3),
        tools={"orobuild": "1"},
        configuration={"name": "oro"},
    )


@pytest.fixture
def described(manifest):
    return json.loads(m.to_json(manifest))


def test_it_keeps_to_the_published_schema(described, root):
    published = json.loads((root / "docs" / "manifest.schema.json").read_text())

    jsonschema.validate(described, published)
    for broken in ({**described, "artifacts": 1}, {**described, "more": 1}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, published)


def test_the_published_schema_is_current(root):
    assert (root / "docs" / "manifest.schema.json").read_bytes() == m.schema(), (
        "run: python -m orobuild.image.manifest > docs/manifest.schema.json"
    )


def test_sizes_and_digests_are_those_of_the_files(described, build_kernel):
    elf, image = described["artifacts"]

    assert (elf["name"], image["name"]) == ("oro.elf", "oro.img")
    assert elf["size"] == len(build_kernel())
    assert elf["sha256"] == hashlib.sha256(build_kernel()).hexdigest()


def test_segments_are_those_that_readelf_prints(described, build_kernel, tmp_path, tool):
    (tmp_path / "k").write_bytes(build_kernel())
    said = subprocess.run(
        [tool("readelf"), "-lW", tmp_path / "k"], capture_output=True, text=True, check=True
    ).stdout
    pattern = r"LOAD +0x\S+ (0x\S+) (0x\S+) (0x\S+) (0x\S+) ([RWE ]{3}) 0x"
    printed = [
        (int(v, 16), int(p, 16), int(f, 16), int(m, 16), "".join(flags.split()))
        for v, p, f, m, flags in re.findall(pattern, said)
    ]

    ours = [
        (
            int(s["virtual"], 16),
            int(s["physical"], 16),
            s["file_size"],
            s["memory_size"],
            s["permissions"].replace(" ", ""),
        )
        for s in described["entries"][0]["kernel"]["segments"]
    ]

    assert ours == printed
    assert [s["sections"] for s in described["entries"][0]["kernel"]["segments"]] == [
        [".header"],
        [".text"],
        [".rodata"],
        [".data", ".bss"],
    ]


def test_modules_are_described(described):
    (entry,) = described["entries"]

    assert entry["modules"] == [
        {"string": "m", "size": 1, "sha256": hashlib.sha256(b"1").hexdigest()}
    ]


def test_the_layout_leads_to_the_kernel_in_the_disk(described, disk, build_kernel):
    places = {r["name"]: (r["offset"], r["size"]) for r in described["layout"]}

    volume = read_volume(disk.image.section(*places["boot volume"]), "oro.img")

    found = volume.find("OROBUILD/K0.ELF")
    assert volume.data(found) == build_kernel()


def test_it_is_json_and_the_same_every_time(manifest):
    data = m.to_json(manifest)

    assert m.from_json(data) == manifest
    assert m.to_json(m.from_json(data)) == data
    assert data.endswith(b"}\n")


def test_a_kernel_without_a_pvh_note_is_not_said_to_boot_that_way(described):
    assert [way["artifact"] for way in described["boot"]] == ["oro.img"]


def test_a_pvh_note_is_found_and_its_command_is_quoted(build_kernel):
    note = struct.pack("<III", 4, 4, 18) + b"Xen\0" + struct.pack("<I", 0x101000)
    other = struct.pack("<III", 4, 5, 3) + b"GNU\0" + b"build\0\0\0"
    kernel = bytearray(build_kernel() + other + note)
    count = struct.unpack_from("<H", kernel, 56)[0]
    # the section headers are not needed: their place is used for one more program header
    struct.pack_into("<Q", kernel, 40, 0)
    struct.pack_into("<HHHH", kernel, 56, count + 1, 0, 0, 0)
    size = len(other) + len(note)
    at = len(kernel) - size
    struct.pack_into("<IIQQQQQQ", kernel, 64 + 56 * count, 4, 4, at, 0, 0, size, size, 4)

    checked = check_kernel(bytes(kernel), "oro.elf")
    (entry,) = m.describe_entries(Boot((Entry("T", bytes(kernel), "it's"),)))
    (way,) = m.ways_to_boot([artifact("oro.elf", "kernel", bytes(kernel))], entry, has_efi=False)

    assert checked.pvh_entry == 0x101000
    assert entry.kernel.pvh_entry == "0x101000"
    assert way.command.endswith("""-kernel oro.elf -append 'it'"'"'s'""")
