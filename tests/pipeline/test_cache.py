"""The cache answers only while everything that a result depends on is unchanged."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orobuild.diagnostics import Note, Span, warning
from orobuild.pipeline.cache import Cache
from orobuild.pipeline.fingerprint import digest


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


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"dependencies": 3}', b'{"\xff": 1}'])
def test_a_damaged_record_is_a_miss(cache_at, tmp_path, damage):
    cache_at().put(digest("k"), b"data")
    for record in tmp_path.rglob("*.json"):
        record.write_bytes(damage)
    assert cache_at().get(digest("k")) is None


@pytest.mark.parametrize("damage", [b"", b"dat", b"Data", b"data\0"])
def test_a_damaged_result_is_a_miss(cache_at, tmp_path, damage):
    cache_at().put(digest("k"), b"data")
    (result,) = (p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".json")
    result.write_bytes(damage)
    assert cache_at().get(digest("k")) is None


def test_parts_cannot_run_into_each_other():
    assert digest("ab", "c") != digest("a", "bc")


def test_the_first_entries_may_be_read_by_several_threads_at_once(tmp_path):
    """In a process of its own: it is the first use that crashed."""
    program = """
import sys, threading
from pathlib import Path
from orobuild.diagnostics import Span, warning
from orobuild.pipeline.cache import Cache
from orobuild.pipeline.fingerprint import digest
def read(name): raise FileNotFoundError(name)
key = digest("x")
if sys.argv[2] == "put":
    Cache(Path(sys.argv[1]), read).put(key, b"1", warnings=[warning("w", Span("f", 1))])
else:
    start, found = threading.Barrier(8), []
    def work():
        cache = Cache(Path(sys.argv[1]), read)
        start.wait()
        found.append(cache.get(key))
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert len(found) == 8 and all(f and f[0] == b"1" and f[1][0].span.line == 1 for f in found), found
"""
    for step in ("put", "get"):
        done = subprocess.run(
            [sys.executable, "-c", program, tmp_path, step], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
