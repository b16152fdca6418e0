"""Every mnemonic that GNU as knows, with every shape of operands, in every mode and syntax."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assembler.encoder import mnemonic_corpus
from assembler.encoder.gnu_oracle import gnu_as, ours
from orobuild.assembler.encoder.types import Dialect

PAGE = Path(__file__).parents[3] / "docs/assembler-instructions.md"
MODES = [(bits, intel) for bits in (16, 32, 64) for intel in (False, True)]


def documented() -> list[tuple[re.Pattern[str], str]]:
    """The page's table of differences."""
    rows = re.findall(r"^\| `(.*)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    return [(re.compile(pattern.replace(r"\|", "|")), why) for pattern, why in rows]


def accepted(bits: int, *, intel: bool, share: float, seed: int = 0) -> dict[str, object]:
    """Texts that GNU as accepts, and what it makes of them."""
    dialect = Dialect(bits, intel=intel, naked=intel)
    texts = mnemonic_corpus.candidates(bits, intel=intel, share=share, seed=seed)
    found = {t: a for t, a in gnu_as(texts, dialect).items() if a is not None}
    if not intel:
        more = gnu_as(mnemonic_corpus.with_suffixes(list(found)), dialect)
        found |= {t: a for t, a in more.items() if a is not None}
    return dict(found)


def undocumented(expected: dict[str, object], bits: int, *, intel: bool) -> list[str]:
    """A line for every difference that the page does not have."""
    made, said = ours(list(expected), Dialect(bits, intel=intel, naked=intel))
    table = documented()
    lines = []
    for text, answer in expected.items():
        mine = made[text]
        if mine == answer:
            continue
        plain = text.replace("%", "")
        known = [why for pattern, why in table if pattern.fullmatch(plain)]
        if not any(mine is None or why.startswith("bytes:") for why in known):
            lines.append(f"{bits} {text}: GNU as {answer}, ours {mine or said[text]}")
    return lines


@pytest.mark.parametrize(("bits", "intel"), MODES)
def test_a_sample_of_the_mnemonics(bits: int, intel: bool) -> None:
    expected = accepted(bits, intel=intel, share=0.012, seed=11)
    assert len(expected) > 50
    assert undocumented(expected, bits, intel=intel) == []


@pytest.mark.full
@pytest.mark.parametrize(("bits", "intel"), MODES)
def test_all_mnemonics(bits: int, intel: bool) -> None:
    expected = accepted(bits, intel=intel, share=1.0)
    assert len(expected) > 15_000
    assert undocumented(expected, bits, intel=intel) == []


def test_the_comparison_sees_a_difference() -> None:
    expected = gnu_as(["mov $1,%eax"], Dialect(64))
    assert undocumented({"mov $2,%eax": expected["mov $1,%eax"]}, 64, intel=False)


def test_ordinary_instructions_are_not_excused_by_the_page() -> None:
    for text in (
        "mov (rax),eax",
        "movsb (rax),eax",
        "shl cl,eax",
        "cmp (rax),(rax)",
        "crc32l eax,eax",
    ):
        assert not [why for pattern, why in documented() if pattern.fullmatch(text)]
