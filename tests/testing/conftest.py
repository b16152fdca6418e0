"""The kernel that says what its command line says, built once for all tests of a run."""

from __future__ import annotations

import pytest

from orobuild.pipeline.build import Request, build
from orobuild.project import load
from testing.parrot import Parrot, parrot_project


@pytest.fixture(scope="session")
def parrot(tmp_path_factory) -> Parrot:
    root = parrot_project(tmp_path_factory.mktemp("parrot"))
    return Parrot(build(load(root), Request()))
