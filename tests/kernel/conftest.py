"""The kernel as it is, and copies of it that are broken on purpose."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orobuild import machine
from orobuild.machine import ktap
from orobuild.pipeline.build import BuildResult, Request, build
from orobuild.project import load


@pytest.fixture(scope="session")
def copy_kernel(root, build_cache):
    """Copies the kernel's project to a folder; without `disk`, a build makes no disk image."""

    def copy(folder: Path, *, disk: bool = False) -> Path:
        for tree in ("asm", "kernel", "linker_scripts"):
            shutil.copytree(root / tree, folder / tree)
        configuration = (root / "pyproject.toml").read_text()
        image = f"\n[tool.orobuild.image]\ndisk = {str(disk).lower()}\n"
        (folder / "pyproject.toml").write_text(configuration + image)
        (folder / "build").mkdir()
        (folder / "build" / ".cache").symlink_to(build_cache)
        return folder

    return copy


@pytest.fixture(scope="session")
def built(copy_kernel, profile, tmp_path_factory) -> BuildResult:
    """The kernel as it is, linted."""
    return build(load(copy_kernel(tmp_path_factory.mktemp("kernel"))), Request(profile=profile))


@pytest.fixture
def build_changed(copy_kernel, profile, tmp_path):
    """Builds a copy of the kernel in which `old` in `file` was replaced by `new`, once.

    The build is not linted: lint is to find some of these, and here the kernel's own tests are.
    """

    def make(file: str, old: str, new: str, *, disk: bool = False) -> BuildResult:
        changed = copy_kernel(tmp_path, disk=disk) / file
        text = changed.read_text()
        assert old in text, f"{file} has changed: adapt this test"
        changed.write_text(text.replace(old, new, 1))
        return build(load(tmp_path), Request(profile=profile, unchecked=True))

    return make


@pytest.fixture(scope="session")
def boot():
    """Boots a kernel by PVH with a command line and returns its report."""

    def run(kernel: Path, command_line: str, *, timeout=60, **settings) -> machine.BootReport:
        settings.setdefault("cores", 2)
        return machine.boot(
            machine.Qemu(kernel=kernel, command_line=command_line, **settings), timeout=timeout
        )

    return run


@pytest.fixture(scope="session")
def read_ktap():
    """The KTAP results in a boot report."""

    def read(report: machine.BootReport) -> ktap.Log:
        return ktap.parse(report.lines)

    return read
