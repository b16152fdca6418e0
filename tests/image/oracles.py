"""Other programs' opinions of our media: each function asks one and fails if it objects."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from orobuild.image.extents import Extents


def run(*command: str | Path, status: int = 0) -> str:
    """Everything that a program prints; it must end with `status`."""
    name = str(command[0])
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    assert program, f"{name} is not installed; `python3 build.py test` installs it"
    done = subprocess.run(
        [program, *command[1:]],
        capture_output=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "0"},
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == status, f"{name}: {done.returncode}\n{said}"
    return said


def save(path: Path, extents: Extents | bytes) -> Path:
    """Write a medium with its holes."""
    if isinstance(extents, bytes):
        path.write_bytes(extents)
        return path
    with path.open("wb") as file:
        for offset, data in extents.parts:
            file.seek(offset)
            file.write(data)
        file.truncate(extents.size)
    return path


def fsck_fat(volume: Path) -> str:
    """`fsck.fat -n` with verification: it must find nothing at all to say."""
    said = run("fsck.fat", "-n", "-V", volume)
    lines = [line for line in said.splitlines() if line and "check/repair" not in line]
    assert lines[0].startswith("fsck.fat "), said
    assert lines[1] == "Starting verification pass.", said
    assert len(lines) == 3, said
    assert "files" in lines[2], said
    return said


def mtools_files(volume: str, directory: Path) -> dict[str, bytes]:
    """Every file that mtools copies out of a volume (`FILE` or `FILE@@OFFSET`)."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    run("mcopy", "-s", "-Q", "-n", "-i", volume, "::/", directory)
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def sgdisk_verify(disk: Path) -> None:
    """`sgdisk -v` finds no problem, and does not fall back to a backup."""
    said = run("sgdisk", "-v", disk)
    assert "No problems found." in said, said
    assert "aution" not in said, said
    assert "arning" not in said, said


def sfdisk_verify(disk: Path) -> None:
    said = run("sfdisk", "--verify", disk)
    assert "No errors detected" in said, said
    assert "warning" not in said.lower(), said
