"""build.py: what it does on a machine that lacks something."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, ROOT / "build.py", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_imports_nothing_but_the_standard_library():
    tree = ast.parse((ROOT / "build.py").read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= set(sys.stdlib_module_names)


def test_other_words_go_to_orobuild():
    result = run("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("orobuild, version ")


def test_a_missing_emulator_prints_the_command_for_every_package_manager(tmp_path):
    result = run("--version", PATH=str(tmp_path))
    assert result.returncode == 2
    assert "qemu-system-x86_64 not found" in result.stderr
    for command in (
        "sudo apt-get install -y --no-install-recommends qemu-system-x86",
        "sudo dnf install -y qemu-system-x86-core",
        "sudo pacman -S --noconfirm qemu-system-x86",
        "brew install qemu",
    ):
        assert f"    {command}\n" in result.stderr


@pytest.fixture
def apt(tmp_path):
    """A PATH whose apt-get writes down how it is called, and installs by making a program."""

    def make(*, working: bool) -> Path:
        log = tmp_path / "log"
        program = tmp_path / "apt-get"
        makes = f"touch {tmp_path}/qemu-system-x86_64; chmod +x {tmp_path}/qemu-system-x86_64"
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {log}\n'
            f'[ "$1" = update ] && {{ touch {tmp_path}/updated; exit 0; }}\n'
            f"[ -e {tmp_path}/updated ] || {{ echo no lists >&2; exit 100; }}\n"
            + (f"{makes}\n" if working else "echo no such package >&2; exit 100\n")
        )
        program.chmod(0o755)
        for name in ("sh", "touch", "chmod"):
            (tmp_path / name).symlink_to(shutil.which(name))
        return log

    return make


@pytest.mark.usefixtures("as_root")
def test_apt_refreshes_its_lists_when_they_are_empty(apt, tmp_path):
    log = apt(working=True)
    result = run("--version", PATH=str(tmp_path))
    assert result.returncode == 0, result.stderr
    install = "install -y --no-install-recommends qemu-system-x86"
    assert log.read_text().splitlines() == [install, "update", install]


@pytest.mark.usefixtures("as_root")
def test_an_apt_that_cannot_help_is_reported_with_what_it_said(apt, tmp_path):
    apt(working=False)
    result = run("--version", PATH=str(tmp_path))
    assert result.returncode == 2
    assert "no such package" in result.stderr


@pytest.fixture
def as_root(tmp_path):
    """Without root, a sudo that asks nothing stands in for it."""
    if os.geteuid() != 0:
        sudo = tmp_path / "sudo"
        sudo.write_text('#!/bin/sh\nshift\n[ "$1" = true ] || exec "$@"\n')
        sudo.chmod(0o755)


def test_the_environment_starts_in_the_c_locale_in_a_directory_of_any_name(tmp_path):
    clone = tmp_path / "a cl\u00f6ne"
    clone.mkdir()
    shutil.copy(ROOT / "build.py", clone)
    (clone / "toolchain").mkdir()
    (clone / "toolchain" / "found.py").touch()
    venv = clone / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    (packages / "_orobuild.pth").write_text(f"{clone / 'toolchain'}\n", encoding="utf-8")
    subprocess.run(
        [sys.executable, "-c", "import build; build.make_path_entries_relative()"],
        cwd=clone,
        check=True,
    )
    started = subprocess.run(
        [venv / "bin" / "python", "-c", "import found"],
        env={"LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr


def test_what_it_compiles_needs_no_writing_later(tmp_path):
    (tmp_path / "found.py").touch()
    code = "import build, pathlib, sys; build.compile_sources(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, env=environment, check=True)
    assert list(tmp_path.glob("__pycache__/found.*.pyc"))


ASKED = r'(?:\btool\(|\boracles\.run\(|subprocess\.(?:run|Popen)\(\s*\[)\s*"([^"]+)"'
ASKED_BY_ORACLES = r'\brun\(\s*"([^"]+)"'


def test_every_program_that_a_test_asks_for_is_installed_by_it():
    """What is on the author's machine by chance would hide a missing line."""
    packaged = set(re.findall(r'Tool\(\s*"([^"]+)"', (ROOT / "build.py").read_text()))
    with_another = {
        "as": ("addr2line", "ar", "nm", "objcopy", "objdump", "readelf", "size", "strip"),
        "mcopy": ("mdel", "mdir", "mmd"),
        "fsck.fat": ("mkfs.fat",),
        "losetup": ("mount", "umount"),
    }
    assert with_another.keys() <= packaged
    packaged.update(name for names in with_another.values() for name in names)
    packaged |= {"sh", "bash", "cp"}
    asked = {
        name
        for file in (ROOT / "tests").rglob("*.py")
        if file.parent.name != "corpus"  # of packages, whose own tools are theirs
        for name in re.findall(
            ASKED_BY_ORACLES if file.name == "oracles.py" else ASKED, file.read_text()
        )
    }
    assert {"fsck.fat", "openssl", "losetup", "objdump"} <= asked  # it finds all ways of asking
    assert asked - packaged == set()
