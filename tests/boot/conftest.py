"""The kernel, built once for all boot tests of a run."""

from __future__ import annotations

import pytest

from orobuild.pipeline.build import Request, build
from orobuild.project import load


@pytest.fixture(scope="session")
def built(root, profile, tmp_path_factory):
    return build(load(root), Request(profile=profile, output=tmp_path_factory.mktemp("kernel")))
