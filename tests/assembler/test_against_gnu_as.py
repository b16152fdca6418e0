"""Every directive, against GNU as: the same sections, bytes, relocations and symbols."""

from __future__ import annotations

import pytest

from assembler.gnu_as import differences
from assembler.snippets import snippets

SUBJECTS = (
    "processors",
    "foreign",
    "data",
    "location",
    "sections",
    "symbols",
    "macros",
    "conditionals",
    "relocations",
    "source",
    "frames",
    "foreign64",
    "rare",
    "lines",
    "kernels",
)


def _cases(subject: str) -> list[object]:
    return [pytest.param(text, id=f"{subject}: {title}") for title, text in snippets(subject)]


@pytest.mark.parametrize("text", [case for s in SUBJECTS for case in _cases(s)])
def test_the_object_is_the_one_of_gnu_as(text: str) -> None:
    assert differences(text) == []


@pytest.mark.parametrize(
    "text", [case for s in (*SUBJECTS[:-7], "relocations32", "foreign32") for case in _cases(s)]
)
def test_the_32_bit_object_is_the_one_of_gnu_as(text: str) -> None:
    if ".code64" in text:
        text = text.replace(".code64", ".code32")
    assert differences(text, 32) == []


def test_the_comparison_sees_a_difference() -> None:
    from assembler.gnu_as import gnu, ours
    from orobuild.elf.compare import compare

    theirs, _ = gnu(".text\nf: nop\n")
    assert theirs is not None
    assert compare(ours(".text\nf: ret\n").object, theirs)
    assert compare(ours(".text\ng: nop\n").object, theirs)
    assert compare(ours(".text\nf: nop\n.balign 4\n").object, theirs)
