"""The documented status of the directives is that of the code, and the code's is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from assembler.gnu_as import message
from assembler.snippets import snippets
from orobuild.assembler.directives import REFUSED, TABLE
from orobuild.assembler.status import table

PROGRAMS = Path(__file__).parent / "programs"
UNTESTED_AGAINST_GNU = {
    # newer than GNU as 2.40, or LLVM's
    ".addrsig", ".addrsig_sym", ".base64", ".endmacro",
    # need files; tested with the diagnostics
    ".include", ".incbin",
    # spellings of a tested one
    ".elsec", ".endc", ".fail", ".mexit", ".rep", ".string8", ".ln", ".print", ".format",
    ".noformat", ".page", ".nopage", ".plen", ".llen", ".ttl", ".name", ".debug",
    ".common.s", ".sect.s", ".section.s",
    ".allow_index_reg", ".disallow_index_reg", ".att_mnemonic", ".loc_mark_labels",
}  # fmt: skip


def test_the_page_is_made_from_the_code(root: Path) -> None:
    assert (root / "docs/assembler-directives.md").read_text() == table()


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refused_directive_says_so(name: str) -> None:
    assert f"'{name}' is not supported: " in message(f".text\n{name} 1\n")


def test_no_directive_is_both_refused_and_known() -> None:
    assert not set(REFUSED) & set(TABLE)


def test_every_directive_stands_in_a_program_that_is_compared_with_gnu_as() -> None:
    seen: set[str] = set()
    for path in PROGRAMS.glob("*.s"):
        for _, text in snippets(path.stem):
            seen |= {
                w.lower() for w in text.replace(":", " ").replace(";", " ").split() if w[0] == "."
            }
    python = "".join(p.read_text() for p in Path(__file__).parent.glob("test_*.py"))
    missing = {
        name
        for name in set(TABLE) - UNTESTED_AGAINST_GNU
        if name not in seen and f"{name} " not in python
    }
    assert missing == set()


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_directive_has_a_note(name: str) -> None:
    assert TABLE[name].note
