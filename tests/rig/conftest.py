"""A small project whose bundle the tests take apart: the kernel that says what its command line says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from image.conftest import signing_key
from orobuild.pipeline.build import BuildResult, Request, build
from orobuild.project import load
from orobuild.rig import packing
from orobuild.rig.index import Suite
from testing.parrot import parrot_project

if TYPE_CHECKING:
    from pathlib import Path

SUITES = (Suite(name="frames", cases=["order", "spare"]), Suite(name="smp", cases=["wakes"]))
SAYS = (
    "KTAP version 1@n1..2@n"
    "  KTAP version 1@n  # Subtest: frames@n  1..2@n  ok 1 order@n  ok 2 spare@nok 1 frames@n"
    "  KTAP version 1@n  # Subtest: smp@n  1..1@n  ok 1 wakes@nok 2 smp@n"
)


def rig_project(folder: Path, build_cache: Path, *, says: str = SAYS, more: str = "") -> Path:
    """The kernel's project in `folder`, which makes images; the loaders are not built again."""
    root = parrot_project(folder, f'\n[test]\ncommand-line = "{says}"\n{more}')
    configuration = root / "orobuild.toml"
    text = configuration.read_text().replace("disk = false", 'signing-key = "key.pem"')
    configuration.write_text(text)
    (root / "build").mkdir()
    build_cache.mkdir(parents=True, exist_ok=True)
    (root / "build" / ".cache").symlink_to(build_cache)
    signing_key(root)
    return root


@dataclass(frozen=True)
class Made:
    """A bundle, what it was made of, and the key's two halves as PEM texts and paths."""

    data: bytes
    built: BuildResult
    line: str
    private: tuple[bytes, str]
    public: tuple[bytes, str]
    path: Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, build_cache: Path) -> Made:
    """A signed bundle."""
    root = rig_project(tmp_path_factory.mktemp("rig"), build_cache)
    project, line = packing.project_for_rig(load(root))
    built = build(project, Request(output=root / "build" / "release" / "rig"))
    private = (root / "key.pem").read_bytes(), "key.pem"
    public = (root / "key.pub").read_bytes(), "key.pub"
    order = packing.Order(
        built=built, command_line=line, suites=SUITES, origin="the tests", key=private
    )
    path = root / "parrot.zip"
    data = packing.pack(order).to_bytes()
    path.write_bytes(data)
    return Made(data, built, line, private, public, path)
