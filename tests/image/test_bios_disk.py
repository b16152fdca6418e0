"""The disk image as other programs see it: fdisk, sfdisk, and the bytes themselves."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orobuild.errors import InputError
from orobuild.image import Module, bios_disk, read_disk

MIB = 1 << 20


@pytest.fixture(scope="module")
def make(loader, build_kernel):
    def disk(**arguments):
        arguments = {"kernel": build_kernel(), **arguments}
        return bios_disk(mbr=loader.mbr, stage2=loader.stage2, **arguments)

    return disk


def run(*command):
    """The output of a program that ended well."""
    done = subprocess.run(
        command, capture_output=True, text=True, env={"LC_ALL": "C", **os.environ}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("size", [0, 1, MIB - 100_000, MIB, 9 * MIB + 1])
def test_sfdisk_finds_nothing_to_object_to(make, tmp_path, tool, size):
    path = tmp_path / "disk.img"
    path.write_bytes(make(modules=[Module("m", bytes(size))]).data)

    said = run(tool("sfdisk"), "--verify", path)

    assert "No errors detected" in said
    assert "warning" not in said.lower()


def test_fdisk_reads_one_active_partition_that_fills_the_disk(make, tmp_path, tool):
    path = tmp_path / "disk.img"
    data = make(modules=[Module("m", bytes(3 * MIB))]).data
    path.write_bytes(data)

    said = run(tool("sfdisk"), "--dump", path)

    assert "label: dos" in said
    (line,) = (line for line in said.splitlines() if "start=" in line)
    fields = dict(
        f.split("=") for f in line.split(" : ")[1].replace(" ", "").split(",") if "=" in f
    )
    assert line.endswith("bootable")
    assert fields["type"] == "da"
    assert int(fields["start"]) * 512 == MIB
    assert (int(fields["start"]) + int(fields["size"])) * 512 == len(data)


def test_fdisk_derives_the_geometry_that_was_meant(make, tmp_path, tool):
    path = tmp_path / "disk.img"
    path.write_bytes(make().data)

    said = run(tool("fdisk"), "--compatibility=dos", "--units=cylinders", "--list", path)

    assert "64 heads, 32 sectors/track" in said
    assert "does not end on cylinder boundary" not in said


def test_a_disk_is_whole_mebibytes_however_large_the_files(make):
    for size in (0, 100, MIB, 2 * MIB + 1):
        disk = make(modules=[Module("m", bytes(size))])
        assert len(disk.data) % MIB == 0
        assert len(disk.data) >= 2 * MIB


def test_regions_of_the_layout_do_not_overlap_and_hold_what_they_say(make, build_kernel):
    modules = [Module("a", b"A" * 1000), Module("b", b"B")]
    disk = make(modules=modules)

    end = 0
    for region in disk.layout:
        assert region.offset % 512 == 0
        assert region.offset >= end
        end = region.offset + region.size
    assert end <= len(disk.data)
    found = {r.name: disk.data[r.offset : r.offset + r.size] for r in disk.layout}
    assert found["kernel"] == build_kernel()
    assert found["module 0"] == b"A" * 1000
    assert found["module 1"] == b"B"


def test_the_same_inputs_give_the_same_bytes_in_another_process(make, loader, tmp_path, root):
    (tmp_path / "mbr").write_bytes(loader.mbr)
    (tmp_path / "stage2").write_bytes(loader.stage2)
    disk = make(command_line="x=1", modules=[Module("m", b"data")])
    (tmp_path / "kernel").write_bytes(disk.files.kernel)
    program = (
        "import sys; from pathlib import Path; from orobuild.image import bios_disk, Module\n"
        "read = lambda n: (Path(sys.argv[1]) / n).read_bytes()\n"
        "disk = bios_disk(mbr=read('mbr'), stage2=read('stage2'), kernel=read('kernel'),\n"
        "                 command_line='x=1', modules=[Module('m', b'data')])\n"
        "sys.stdout.buffer.write(disk.data)\n"
    )

    for seed in ("0", "1"):
        again = subprocess.run(
            [sys.executable, "-c", program, tmp_path],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root / "toolchain"), "TZ": f"X{seed}"},
        )
        assert again.stdout == disk.data


def test_the_disk_signature_comes_from_the_contents(make):
    signatures = {
        struct.unpack_from("<I", make(command_line=line).data, 440) for line in ("a", "b", "c", "")
    }

    assert len(signatures) == 4


def test_a_flat_loader_gives_the_same_disk_as_a_linked_one(
    make, loader, build_kernel, tmp_path, tool
):
    flat = {}
    for name in ("mbr", "stage2"):
        (tmp_path / name).write_bytes(getattr(loader, name))
        run(tool("objcopy"), "-O", "binary", tmp_path / name, tmp_path / f"{name}.bin")
        flat[name] = (tmp_path / f"{name}.bin").read_bytes()

    assert bios_disk(kernel=build_kernel(), **flat).data == make().data


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    command_line=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    modules=st.lists(
        st.builds(
            Module,
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            st.binary(max_size=2000),
        ),
        max_size=5,
    ),
)
def test_what_was_put_on_a_disk_is_found_on_it(make, command_line, modules):
    disk = make(command_line=command_line, modules=modules)

    found = read_disk(disk.data, "disk.img")

    assert found.files.command_line == command_line
    assert found.files.modules == tuple(modules)
    assert found == disk


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_reader_given_a_broken_disk_explains_itself(make, data):
    """Changed, cut, or arbitrary bytes: an `InputError`, or the same files; nothing else."""
    disk = make()
    changed = bytearray(disk.data[: MIB + 40_000])
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.sampled_from([(416, 512), (512, 600), (MIB, MIB + 200)]))
        changed[data.draw(st.integers(*where))] = data.draw(st.integers(0, 255))
    try:
        found = read_disk(bytes(changed[: data.draw(st.integers(0, len(changed)))]), "disk.img")
    except InputError as refused:
        message = str(refused)
    else:
        message = ""
        assert found.files == disk.files
    assert not message or message.startswith("disk.img: error: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"command_line": "a\0b"}, "the command line contains a NUL"),
        ({"command_line": "\ud800"}, "cannot be written as UTF-8"),
        ({"command_line": "x" * 40_000}, "the loader has room for 32768"),
        ({"modules": [Module("m\0", b"")]}, "module 0's string contains a NUL"),
        ({"modules": [Module("m", b"")] * 3000}, "the loader has room for 32768"),
        ({"kernel": b""}, "the file is empty"),
        ({"kernel": b"\x7fELF"}, "truncated"),
    ],
)
def test_what_does_not_fit_is_refused(make, arguments, message):
    with pytest.raises(InputError, match=message):
        make(**arguments)


@pytest.mark.parametrize(
    ("part", "data", "message"),
    [
        ("mbr", b"", "not the loader's master boot record"),
        ("mbr", b"\x90" * 440, "not the loader's master boot record"),
        ("mbr", b"\x90" * 600, "not the loader's master boot record"),
        ("stage2", b"", "not the loader's second stage"),
        ("stage2", b"\0" * 4096, "not the loader's second stage"),
        ("stage2", b"\0\0\0\0oroS\2\0\0\0" + b"\0" * 100, "of another version"),
        ("stage2", b"\0\0\0\0oroS\1\0\0\0" + b"\0" * 40_000, "its slot 32768"),
    ],
)
def test_something_else_in_the_loaders_place_is_refused(loader, build_kernel, part, data, message):
    parts = {"mbr": loader.mbr, "stage2": loader.stage2, part: data}

    with pytest.raises(InputError, match=message):
        bios_disk(kernel=build_kernel(), **parts)


def test_the_two_parts_exchanged_are_refused(loader, build_kernel):
    with pytest.raises(InputError, match="not the loader's master boot record"):
        bios_disk(mbr=loader.stage2, stage2=loader.mbr, kernel=build_kernel())
