"""Every rule flags what it is for, passes what only looks like it, and is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from lint import building
from lint.building import build, fixtures
from orobuild.diagnostics import render
from orobuild.lint import documentation, files
from orobuild.lint.registry import rules
from orobuild.lint.rule import SECTIONS

ROOT = Path(__file__).parents[2]
FIXTURES = fixtures()


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f.path.stem)
def test_fixture_has_exactly_the_findings_that_it_says(fixture):
    name = fixture.path.name
    as_written = name.endswith((".ld", ".rs", ".c")) or fixture.is_source
    if fixture.pages or fixture.other is not None:
        findings = building.findings(fixture)
    else:
        data = fixture.path.read_bytes() if as_written else build(fixture)
        findings = files.check_bytes(data, name, fixture.config)
    rendered = [render(f) for f in findings]
    assert sorted(str(f.rule) for f in findings) == sorted(c for c, _ in fixture.expected), rendered
    for code, text in fixture.expected:
        assert any(f.rule == code and text in r for f, r in zip(findings, rendered, strict=True)), (
            text,
            rendered,
        )


@pytest.mark.parametrize("code", rules())
def test_rule_has_a_fixture_that_it_flags_and_one_that_it_passes(code):
    assert any(code == expected for f in FIXTURES for expected, _ in f.expected)
    assert any(f.rule == code and f.says_nothing for f in FIXTURES)


@pytest.mark.parametrize("rule", rules().values(), ids=lambda r: r.code)
def test_rule_is_documented(rule):
    assert rule.summary.endswith(".")
    for heading in SECTIONS:
        assert rule.section(heading), f"{rule.code} has no section '{heading}'"


def test_pages_in_docs_are_what_the_rules_say():
    folder = ROOT / "docs" / "rules"
    written = {p.name: p.read_text() for p in folder.glob("*.md")}
    assert written == documentation.pages(), "run: python -m orobuild.lint.documentation docs/rules"
