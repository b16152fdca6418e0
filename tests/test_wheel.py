"""The package as others get it: a wheel, unpacked somewhere else, builds a kernel that boots."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from test_documentation import documented_files

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (made,) = directory.glob("*.whl")
    return made


def test_it_carries_the_boot_loader_and_the_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "orobuild/boot/asm/boot/mbr.S" in names
    assert "orobuild/boot/linker_scripts/boot_stage2.ld" in names
    assert "orobuild/templates/c/asm/entry.S" in names
    assert [n for n in names if n.endswith(("licenses/LICENSE", "licenses/NOTICE"))]
    assert not [n for n in names if n.startswith(("tests", "kernel"))]


def test_it_builds_and_boots_somebody_elses_kernel(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    project = tmp_path / "project"
    project.mkdir()
    for name, text in documented_files(ROOT / "docs" / "your-own-kernel.md").items():
        (project / name).write_text(text)
    result = subprocess.run(
        [sys.executable, "-m", "orobuild", "run", "--cores", "1"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "hello from a kernel of my own" in result.stdout
