"""manifest.json: complete, deterministic, and true of the files it describes."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import subprocess

import pytest

from orobuild.image import Boot, Entry, Loaders, Module, boot_disk
from orobuild.image.fat_reader import read_volume
from orobuild.image.kernel import check_kernel
from orobuild.image.manifest import Artifact, manifest, to_json


@pytest.fixture
def disk(loader, build_kernel):
    programs = {"mbr": loader.mbr, "stage2": loader.stage2, "cd": loader.cd, "pxe": loader.pxe}
    entry = Entry("Test", build_kernel(), modules=(Module("m", b"1"),))
    return boot_disk(Loaders(**programs, efi=None), Boot((entry,)))


@pytest.fixture
def described(disk, build_kernel):
    kernel = build_kernel()
    artifacts = [
        Artifact("oro.img", disk.image.to_bytes(), "disk"),
        Artifact("oro.elf", kernel, "kernel"),
    ]
    return manifest(
        name="oro",
        profile="release",
        artifacts=artifacts,
        kernel=check_kernel(kernel, "oro.elf"),
        disk=disk,
        command_line="it's=quoted",
        versions={"orobuild": "1", "assembler": "2"},
        lint={"rules": 3, "findings": 0},
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
        for s in described["kernel"]["segments"]
    ]

    assert ours == printed
    assert [s["sections"] for s in described["kernel"]["segments"]] == [
        [".header"],
        [".text"],
        [".rodata"],
        [".data", ".bss"],
    ]


def test_the_layout_leads_to_the_kernel_in_the_disk(described, disk, build_kernel):
    places = {r["name"]: (r["offset"], r["size"]) for r in described["disk"]["layout"]}

    volume = read_volume(disk.image.section(*places["boot volume"]), "oro.img")

    found = volume.find("OROBUILD/K0.ELF")
    assert volume.data(found) == build_kernel()


def test_it_is_json_and_the_same_every_time(described):
    data = to_json(described)

    assert json.loads(data) == described
    assert to_json(json.loads(data)) == data
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
    made = manifest(
        name="oro",
        profile="debug",
        artifacts=[Artifact("oro.elf", bytes(kernel), "kernel")],
        kernel=checked,
        command_line="it's",
    )

    assert checked.pvh_entry == 0x101000
    assert made["kernel"]["pvh_entry"] == "0x101000"
    assert made["boot"][0]["try"].endswith("""-kernel oro.elf -append 'it'"'"'s'""")
