"""Outputs appear whole or not at all."""

from __future__ import annotations

import os
import subprocess

import pytest

from orobuild.errors import UsageError
from orobuild.pipeline import outputs
from orobuild.pipeline.inputs import read_regular


def test_files_are_written_with_the_usual_permissions(tmp_path):
    outputs.write_all({tmp_path / "deep" / "a": b"1", tmp_path / "b": b""})
    assert (tmp_path / "deep" / "a").read_bytes() == b"1"
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o666 & ~umask


def test_when_one_file_cannot_be_written_none_is(tmp_path):
    old = tmp_path / "old"
    old.write_bytes(b"before")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot write"):
        outputs.write_all({old: b"after", tmp_path / "file" / "below": b"x"})
    assert old.read_bytes() == b"before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "old"]


def test_an_unchanged_file_keeps_its_time(tmp_path):
    file = tmp_path / "same"
    file.write_bytes(b"x")
    os.utime(file, (1, 1))
    outputs.write(file, b"x")
    assert file.stat().st_mtime == 1


def test_zeros_become_holes(tmp_path):
    data = bytearray(8 << 20)
    data[5_000_000] = 7
    outputs.write(tmp_path / "sparse", bytes(data))
    assert (tmp_path / "sparse").read_bytes() == data
    assert (tmp_path / "sparse").stat().st_blocks * 512 < 1 << 20


def test_only_files_that_end_are_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_bytes(b"x")
    assert read_regular(tmp_path / "file") == b"x"
    for name in ("fifo", "/dev/zero", ".", "missing"):
        with pytest.raises(OSError, match=r"regular|directory"):
            read_regular(tmp_path / name)


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    dead = subprocess.Popen(["sh", "-c", ":"])
    dead.wait()
    left = tmp_path / "user" / f".oro.img.{dead.pid}.0"
    left.parent.mkdir()
    others = [
        tmp_path / name for name in (f".oro.img.{os.getpid()}.0", ".oro.img", "oro.1.0", ".a.1")
    ]
    for file in (left, *others):
        file.write_bytes(b"half")
    outputs.remove_abandoned(str(tmp_path))
    assert not left.exists()
    assert all(file.exists() for file in others)
