"""A baseline: what it holds back, what outlives an edit, and what it says when it is stale."""

from __future__ import annotations

import json

import pytest

from orobuild.errors import InputError
from orobuild.lint import baseline, check_paths

BAD = ".data\nf:\n    iretq\ng:\n    iretq\n"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / "a.s").write_text(BAD)
    return tmp_path


def known(where: str = "lint.json"):
    return baseline.read(baseline.write(check_paths(["boot/a.s"]).findings, where), where)


def test_what_is_known_is_not_reported(tree):
    result = check_paths(["boot/a.s"])
    assert len(result.findings) == 2
    assert baseline.apply(result, known(), "lint.json").is_clean


def test_lines_may_move_and_symbols_may_not(tree):
    entries = known()
    (tree / "boot" / "a.s").write_text("# more\n\n" + BAD.replace("g:", "\n\n\ng:"))
    assert baseline.apply(check_paths(["boot/a.s"]), entries, "lint.json").is_clean
    (tree / "boot" / "a.s").write_text(BAD.replace("g:", "h:"))
    result = baseline.apply(check_paths(["boot/a.s"]), entries, "lint.json")
    assert [f.evidence.symbol for f in result.findings] == ["h"]
    (stale,) = result.errors
    assert "ASM005 of 'g' in boot/a.s is not found any more" in stale.message


def test_a_second_finding_of_the_same_kind_is_new(tree):
    entries = known()
    (tree / "boot" / "a.s").write_text(BAD + ".bss\nf2:\n.data\ng:\n  iretq\n.previous\nf:iretq\n")
    assert baseline.apply(check_paths(["boot/a.s"]), entries, "lint.json").findings


def test_entries_of_files_that_were_not_checked_are_not_stale(tree):
    (tree / "boot" / "b.s").write_text(".text\n")
    assert baseline.apply(check_paths(["boot/b.s"]), known(), "lint.json").is_clean


def test_paths_are_relative_to_the_baseline(tree, monkeypatch):
    text = baseline.write(check_paths(["boot/a.s"]).findings, "boot/lint.json")
    assert {e["path"] for e in json.loads(text)["findings"]} == {"a.s"}
    monkeypatch.chdir(tree / "boot")
    result = baseline.apply(check_paths(["./a.s"]), baseline.read(text, "lint.json"), "lint.json")
    assert result.is_clean


def test_the_same_findings_make_the_same_text(tree):
    findings = check_paths(["boot/a.s"]).findings
    assert baseline.write(findings, "b") == baseline.write(reversed(findings), "b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"version": 1}',
        '{"version": 2, "findings": []}',
        '{"version": 1, "findings": [1]}',
        '{"version": 1, "findings": [{"rule": "A", "path": 1, "symbol": ""}]}',
        '{"version": 1, "findings": [{"rule": "A", "path": "", "symbol": "", "count": "1"}]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_baseline_is_refused(text):
    with pytest.raises(InputError, match="baseline"):
        baseline.read(text, "lint.json")
