"""Media on the file system: holes stay holes, in both directions, and nothing is half-written."""

from __future__ import annotations

import os
import subprocess

import pytest

from orobuild.errors import InputError, UsageError
from orobuild.image.extents import Extents
from orobuild.pipeline import outputs, sparse_files
from rights import needs

MIB = 1 << 20
IMAGE = Extents.collect(
    64 * MIB, [(0, b"head"), (9 * MIB, b"x" * 100_000), (64 * MIB - 4, b"tail")]
)


def test_holes_survive_writing_and_reading(tmp_path):
    path = tmp_path / "a.img"

    outputs.write(path, IMAGE)

    assert path.stat().st_blocks * 512 < 300_000
    assert path.read_bytes() == IMAGE.to_bytes()
    found = sparse_files.read(path)
    assert found.same_bytes(IMAGE)
    assert sum(len(part) for _, part in found.parts) < 300_000


def test_a_file_that_is_right_already_is_not_touched(tmp_path):
    path = tmp_path / "a.img"
    outputs.write(path, IMAGE)
    before = path.stat()

    outputs.write(path, Extents.of(IMAGE.to_bytes()))

    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    outputs.write(path, Extents.collect(64 * MIB, [(0, b"heap")]))
    assert path.stat().st_ino != before.st_ino


def test_large_files_are_mapped(tmp_path, monkeypatch):
    path = tmp_path / "a.img"
    outputs.write(path, IMAGE)
    monkeypatch.setattr(sparse_files, "_MUCH", 1000)

    assert sparse_files.read(path).same_bytes(IMAGE)


def test_a_file_system_that_tells_nothing_of_holes_is_read_all_the_same(tmp_path, monkeypatch):
    path = tmp_path / "a.img"
    outputs.write(path, IMAGE)
    seek = os.lseek

    def lseek(descriptor: int, offset: int, how: int) -> int:
        if how in (os.SEEK_DATA, os.SEEK_HOLE):
            raise OSError(22, "Invalid argument")
        return seek(descriptor, offset, how)

    monkeypatch.setattr(os, "lseek", lseek)
    assert sparse_files.read(path).same_bytes(IMAGE)


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "/dev/zero"])
def test_what_is_no_file_is_refused(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "/dev/zero":
        path = type(path)(kind)

    with pytest.raises(InputError, match="cannot read: "):
        sparse_files.read_input(str(path))


def test_a_full_disk_leaves_what_was_there(tmp_path):
    needs(os.geteuid() == 0, "mounting takes root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder], check=True)
    try:
        outputs.write_all({folder / "a": b"old", folder / "b": b"old"})
        full = Extents.collect(64 * MIB, [(0, b"x" * 100_000), (MIB, b"y" * 400_000)])
        with pytest.raises(UsageError, match="No space left on device"):
            outputs.write_all({folder / "a": b"new", folder / "b": full})

        assert sorted(p.name for p in folder.iterdir()) == ["a", "b"]
        assert {p.read_bytes() for p in folder.iterdir()} == {b"old"}
        outputs.write(folder / "b", IMAGE)  # its holes take no room
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_read_only_target_is_one_message(tmp_path):
    with pytest.raises(UsageError, match="cannot write '/proc/"):
        outputs.write(type(tmp_path)("/proc/a.img"), IMAGE)
