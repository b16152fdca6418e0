"""Files that a resident process holds are read again exactly when they have changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from orobuild.pipeline.held_files import HeldFiles


def settled(path: Path, data: bytes) -> Path:
    """A file that changed long enough ago."""
    path.write_bytes(data)
    time.sleep(0.03)
    return path


def test_a_file_that_did_not_change_is_the_same_value(tmp_path: Path) -> None:
    path = settled(tmp_path / "a", b"one")
    held = HeldFiles()
    assert held.read(str(path)) is held.read(str(path))


def test_a_file_that_did_not_change_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settled(tmp_path / "a", b"one")
    held = HeldFiles()
    held.read(str(path))
    monkeypatch.setattr("builtins.open", None)
    assert held.read(str(path)) == b"one"


def test_touching_a_file_does_not_make_it_another_value(tmp_path: Path) -> None:
    path = settled(tmp_path / "a", b"one")
    held = HeldFiles()
    before = held.read(str(path))
    os.utime(path)
    assert held.read(str(path)) is before


@pytest.mark.parametrize("wait", [0.0, 0.03])
def test_a_change_is_seen_whenever_it_comes(tmp_path: Path, wait: float) -> None:
    path = tmp_path / "a"
    held = HeldFiles()
    for number in range(20):
        data = f"{number:02}".encode()
        path.write_bytes(data)
        time.sleep(wait)
        assert held.read(str(path)) == data


def test_a_file_that_was_replaced_with_an_old_time_stamp_is_seen(tmp_path: Path) -> None:
    path = settled(tmp_path / "a", b"one")
    held = HeldFiles()
    held.read(str(path))
    status = path.stat()
    other = tmp_path / "b"
    other.write_bytes(b"two")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert held.read(str(path)) == b"two"


def test_a_file_that_went_away_is_an_error(tmp_path: Path) -> None:
    path = settled(tmp_path / "a", b"one")
    held = HeldFiles()
    held.read(str(path))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        held.read(str(path))
