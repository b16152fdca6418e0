"""docs/linker-scripts.md tells the truth about the script language."""

from __future__ import annotations

from pathlib import Path

import pytest

from orobuild.errors import InputError
from orobuild.linker.script import expressions, parse, parser, sections
from orobuild.linker.script.status import FEATURES, Feature, render

DOCUMENT = Path(__file__).parents[2] / "docs" / "linker-scripts.md"
WORKING = [feature for feature in FEATURES if feature.state == "works"]
REFUSED = [feature for feature in FEATURES if feature.state == "refused"]


def read_file(_name: str) -> bytes:
    return b"included = 1;"


@pytest.mark.parametrize("feature", WORKING, ids=lambda feature: feature.name)
def test_what_the_table_says_works_is_accepted(feature: Feature) -> None:
    script = parse(feature.example, "example.ld", read_file=read_file)
    assert script != parse("", "example.ld", read_file=read_file)


@pytest.mark.parametrize("feature", REFUSED, ids=lambda feature: feature.name)
def test_what_the_table_says_is_refused_is_refused_by_name(feature: Feature) -> None:
    with pytest.raises(InputError) as caught:
        parse(feature.example, "example.ld", read_file=read_file)
    (diagnostic,) = caught.value.diagnostics
    assert f"{feature.name} is not supported" in diagnostic.message
    assert diagnostic.hint
    assert diagnostic.span is not None
    assert diagnostic.span.line == 1
    assert diagnostic.span.column


def test_every_word_that_the_parser_knows_is_in_the_table() -> None:
    known = {
        *parser._COMMANDS,
        *parser.REFUSED,
        *expressions.FUNCTIONS,
        *sections.BODY_COMMANDS,
    }
    listed = {feature.name.removesuffix("()") for feature in FEATURES}
    assert known <= listed


def test_no_feature_is_listed_twice() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(names) == len(set(names))


def test_the_document_is_generated_from_the_table() -> None:
    assert DOCUMENT.read_text() == render()
