"""Fixes: what they make, that GNU as agrees they are safe, and that nothing else is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lint.building import FIXTURES, assemble, fixtures
from orobuild.diagnostics import Severity
from orobuild.elf import reader
from orobuild.errors import InputError
from orobuild.lint import LintConfig, fixing
from orobuild.lint.adding import add
from orobuild.lint.comments import Language
from orobuild.lint.files import check_bytes
from orobuild.lint.finding import Edit, Finding, Fix
from orobuild.lint.registry import rules

SOURCES = [f for f in fixtures() if f.is_source and f.path.suffix == ".S"]


def mend(text: str, name: str = "a.S", *, unsafe: bool = False) -> str:
    return fixing.mend(
        text, lambda t: check_bytes(t.encode(), name, LintConfig()), unsafe=unsafe
    ).text


def codes(text: str) -> list[str | None]:
    return [f.rule for f in check_bytes(text.encode(), "a.S", LintConfig())]


MENDED = {
    "ASM001": (
        ".globl f\nf:\n    ret\n.type f, @function\n.size f, . - f\n",
        ".globl f\n.text\nf:\n    ret\n.type f, @function\n.size f, . - f\n",
        False,
    ),
    "ASM007": ('.section .table,"awx"\n.long 1\n', '.section .table,"aw"\n.long 1\n', True),
    "ASM008": (
        ".section .stubs  # of vectors\nnop\n",
        '.section .stubs,"ax",@progbits  # of vectors\nnop\n',
        True,
    ),
    "ASM010": (
        """
.text
.globl f, g
f:
    ret

.balign 16
g:  ret
""",
        """
.text
.globl f, g
.type f, @function
f:
    ret
.size f, . - f

.balign 16
.type g, @function
g:  ret
.size g, . - g
""",
        True,
    ),
    "SUP001": (
        ".text\nnop # orolint: ignore[ASM001, ASM005] both\n/* orolint: ignore[ASM006] no */\n",
        ".text\nnop\n",
        False,
    ),
}


@pytest.mark.parametrize("code", [code for code, rule in rules().items() if rule.fixable])
def test_every_fix_does_what_its_rule_says_and_is_done_after_once(code):
    before, after, unsafe = MENDED[code]
    assert codes(before) == [code] * codes(before).count(code) != []
    if unsafe:
        assert mend(before) == before
    assert mend(before, unsafe=unsafe) == after
    assert codes(after) == []
    assert mend(after, unsafe=True) == after
    assemble(after, "--64")


@pytest.mark.parametrize("fixture", SOURCES, ids=lambda f: f.path.stem)
def test_safe_fixes_leave_the_object_as_it_is(fixture):
    """GNU as makes the same object, section by section and symbol by symbol."""
    text = fixture.path.read_text()
    fixed = mend(text)
    if fixed != text and "#include" not in text:
        assert assemble(fixed, "--64") == assemble(text, "--64")


def test_an_unsafe_fix_makes_the_section_that_it_says():
    elf = reader.read(assemble(mend(MENDED["ASM008"][0], unsafe=True), "--64"), "o")
    section = elf.section(".stubs")
    assert section is not None
    assert section.sh_flags == 6  # SHF_ALLOC | SHF_EXECINSTR


def test_lines_end_as_they_did():
    assert mend("f:\r\n    ret\r\n") == ".text\r\nf:\r\n    ret\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "#ifdef A\nf: ret\n#endif\n",
        ".macro m\nf: ret\n.endm\nm\n",
        '.section .x /* why */, "awx"\n.long 1\n#define X \\\n',
    ],
)
def test_where_a_fix_could_be_wrong_there_is_none(text):
    assert mend(text, unsafe=True).replace('"aw"', '"awx"') == text


def edit(*pieces: Edit) -> Finding:
    return Finding(Severity.ERROR, "x", rule="X", fix=Fix("x", pieces, safe=True))


def test_fixes_that_overlap_wait_for_the_next_round():
    one, two = edit(Edit(1, 1, 1, 3, "AB")), edit(Edit(1, 2, 1, 4, "yz"))
    assert fixing.apply("abcd", [one, two]) == ("ABcd", [one])
    half = edit(Edit(1, 2, 1, 3, "!"), Edit(2, 1, 2, 2, "!"))
    assert fixing.apply("abcd\nefgh", [one, half])[0] == "ABcd\nefgh"


@pytest.mark.parametrize(
    "piece", [Edit(9, 1, 9, 1, "x"), Edit(1, 4, 1, 2, "x"), Edit(0, 1, 1, 1, "")]
)
def test_a_fix_for_another_text_is_not_applied(piece):
    assert fixing.apply("ab\n", [edit(piece)]) == ("ab\n", [])


def test_a_text_that_its_fix_would_break_stays():
    def check(text: str) -> list[Finding]:
        if "!" in text:
            raise InputError(())
        return [edit(Edit(1, 1, 1, 1, "!"))]

    assert fixing.mend("a", check).text == "a"


def test_fixes_that_undo_each_other_end():
    def check(text: str) -> list[Finding]:
        return [edit(Edit(1, 1, 1, 2, "b" if text == "a" else "a"))]

    assert fixing.mend("a", check).text in ("a", "b")


class TestAdding:
    def add(self, text: str, reason: str = "so be it", name: str = "a.S") -> str:
        findings = check_bytes(text.encode(), name, LintConfig())
        assert findings
        language = Language.ASSEMBLY if name.endswith(".s") else Language.PREPROCESSED_ASSEMBLY
        return add(text, language, findings, reason).text

    @pytest.mark.parametrize("fixture", SOURCES, ids=lambda f: f.path.stem)
    def test_afterwards_nothing_is_found(self, fixture):
        text = fixture.path.read_text()
        found = check_bytes(text.encode(), "a.S", fixture.config)
        own = [f for f in found if not str(f.rule).startswith("SUP")]
        if len(own) == len(found):
            added = add(text, Language.PREPROCESSED_ASSEMBLY, found, "so be it")
            assert not added.unplaced
            assert check_bytes(added.text.encode(), "a.S", fixture.config) == ()

    def test_a_comment_is_the_languages_and_as_far_in_as_its_line(self):
        assert self.add(".data\n\tf: iretq\n").splitlines()[1] == (
            "\t/* orolint: ignore[ASM005] so be it */"
        )
        assert self.add(".data\nf: iretq\n", name="a.s").splitlines()[1] == (
            "# orolint: ignore[ASM005] so be it"
        )

    def test_without_a_reason_it_waits_for_one(self):
        added = self.add(".data\nf: iretq\n", reason="")
        assert codes(added) == ["ASM005", "SUP002"]
        assert self.add(added, reason="") == added

    def test_what_a_backslash_continues_gets_no_comment(self):
        text = ".data\n.set one, \\\n\nf: iretq\n"
        (finding,) = check_bytes(text.encode(), "a.S", LintConfig())
        moved = replace(finding, line=3)
        added = add(text, Language.PREPROCESSED_ASSEMBLY, [moved], "why")
        assert added.text == text
        assert added.unplaced == (moved,)


def test_every_fixable_rule_has_a_case_here():
    assert {code for code, rule in rules().items() if rule.fixable} == set(MENDED)
    assert FIXTURES.is_dir()
