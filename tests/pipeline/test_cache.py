"""The cache answers only while everything that a result depends on is unchanged."""

from __future__ import annotations

import pytest

from orobuild.diagnostics import Note, Span, warning
from orobuild.pipeline.cache import Cache, digest


@pytest.fixture
def files():
    return {"a.inc": b"one"}


@pytest.fixture
def cache_at(tmp_path, files):
    def read(name):
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    return lambda: Cache(tmp_path, read)


def test_a_result_comes_back_with_its_warnings(cache_at):
    said = warning("careful", Span("a.S", 3, 1, 2, "text"), hint="h", notes=(Note("n"),))
    cache_at().put(digest("k"), b"data", dependencies=["a.inc"], warnings=[said])
    assert cache_at().get(digest("k")) == (b"data", (said,))


def test_a_changed_dependency_is_a_miss(cache_at, files):
    cache_at().put(digest("k"), b"data", dependencies=["a.inc"])
    files["a.inc"] = b"two"
    assert cache_at().get(digest("k")) is None


def test_a_dependency_that_went_away_is_a_miss(cache_at, files):
    cache_at().put(digest("k"), b"data", dependencies=["a.inc"])
    del files["a.inc"]
    assert cache_at().get(digest("k")) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"dependencies": 3}'])
def test_a_damaged_record_is_a_miss(cache_at, tmp_path, damage):
    cache_at().put(digest("k"), b"data")
    for record in tmp_path.rglob("*.json"):
        record.write_bytes(damage)
    assert cache_at().get(digest("k")) is None


def test_parts_cannot_run_into_each_other():
    assert digest("ab", "c") != digest("a", "bc")
