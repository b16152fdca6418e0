"""Documentation that is made from the code is current, and commands in it work."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_configuration_page_is_current():
    from orobuild.project.reference import markdown

    assert (ROOT / "docs" / "configuration.md").read_text() == markdown(), (
        "run: python -m orobuild.project.reference > docs/configuration.md"
    )
