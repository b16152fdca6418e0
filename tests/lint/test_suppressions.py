"""Comments that suppress: where they hold, in every language, and what a string is not."""

from __future__ import annotations

import pytest

from orobuild.lint import LintConfig, check_paths
from orobuild.lint.comments import Language, comments
from orobuild.lint.suppressions import read

MARK = "orolint: ignore[ASM005] reason"


def lines(text: str, language: Language) -> list[list[int]]:
    return [sorted(mark.lines) for mark in read(text, "x", language)]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (Language.ASSEMBLY, f"nop # {MARK}\nnop\n", [[1]]),
        (Language.ASSEMBLY, f"# {MARK}\n\n# more\nnop\n", [[1, 4]]),
        (Language.ASSEMBLY, f"  # {MARK}\n  # {MARK}\nnop\n", [[1, 3], [2, 3]]),
        (Language.ASSEMBLY, f"/* {MARK} */ nop\nnop\n", [[1]]),
        (Language.ASSEMBLY, f"/*\n * {MARK}\n */\nnop\n", [[1, 2, 3, 4]]),
        (Language.ASSEMBLY, f"nop # {MARK}\r\nnop\r\n", [[1]]),
        (Language.ASSEMBLY, f'.ascii "# {MARK}"\n', []),
        (Language.ASSEMBLY, f'.ascii "\\"" # {MARK}\n', [[1]]),
        (Language.PREPROCESSED_ASSEMBLY, f"nop // {MARK}\n", [[1]]),
        (Language.C, f'asm("nop"); // {MARK}\n', [[1]]),
        (Language.C, f"char c = '\"'; /* {MARK} */\n", [[1]]),
        (Language.C, f'char *c = "// {MARK}";\n', []),
        (Language.C, f'auto c = R"x("// {MARK})x"; // {MARK}\n', [[1]]),
        (Language.RUST, f"/* /* nested */ {MARK} */\nasm!()\n", [[1, 2]]),
        (Language.RUST, f'let x = r#""// {MARK}"#; // {MARK}\n', [[1]]),
        (Language.RUST, f"fn f<'a>(x: &'a str) {{}} // {MARK}\n", [[1]]),
        (Language.RUST, f"let c = '\"'; // {MARK}\n", [[1]]),
        (Language.SCRIPT, f".text : {{ }} /* {MARK} */\n", [[1]]),
        (Language.SCRIPT, f"# {MARK}\n", []),
    ],
)
def test_a_mark_holds_for_its_line_or_the_next_with_code(language, text, expected):
    assert lines(text, language) == expected


def test_a_reason_ends_with_its_line_and_its_comment():
    (mark,) = read("/* orolint: ignore[ASM005, seg001]: why not? */ nop", "x", Language.ASSEMBLY)
    assert mark.codes == ("ASM005", "SEG001")
    assert mark.reason == "why not?"
    assert (mark.span.line, mark.span.column) == (1, 4)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", ["/*", '"', "'", "/* /*", 'r#"', "\\", "#", "//", 'R"(', "'\\"])
def test_what_is_never_closed_is_read_to_its_end(language, text):
    comments(text * 3, language)
    comments(text + "\n" + text, language)


def check(tmp_path, text, name="a.S"):
    path = tmp_path / name
    path.write_text(text)
    result = check_paths([str(path)])
    assert not result.errors
    return [f.rule for f in result.findings]


def test_a_finding_in_a_macro_is_suppressed_where_it_is_expanded_and_in_its_body(tmp_path):
    macro = ".macro bad\n    jmp *%rax {}\n.endm\n.data\nf:\n    bad {}\n"
    mark = "/* orolint: ignore[ASM005] reason */"
    assert check(tmp_path, macro.format("", "")) == ["ASM005"]
    assert check(tmp_path, macro.format(mark, "")) == []
    assert check(tmp_path, macro.format("", mark)) == []


def test_a_finding_in_an_included_file_is_suppressed_there(tmp_path):
    (tmp_path / "code.inc").write_text(f"f:\n    jmp *%rax /* {MARK} */\n")
    assert check(tmp_path, '.data\n#include "code.inc"\n') == []
    assert check(tmp_path, (tmp_path / "code.inc").read_text(), "alone.inc") == []


def test_a_suppression_of_a_rule_that_did_not_run_is_not_called_unused(tmp_path):
    path = tmp_path / "a.S"
    path.write_text(f".text\nnop /* {MARK} */\n")
    assert [f.rule for f in check_paths([str(path)]).findings] == ["SUP001"]
    for config in (LintConfig(ignore=("ASM005",)), LintConfig(select=("ASM001", "SUP"))):
        assert check_paths([str(path)], config=config).is_clean


def test_a_linker_script_has_suppressions_too(tmp_path):
    path = tmp_path / "k.ld"
    script = "PHDRS {{ text PT_LOAD; {} }}\nSECTIONS {{ .text : {{ *(.text) }} :text }}\n"
    path.write_text(script.format(""))
    (finding,) = check_paths([str(path)]).findings
    path.write_text(script.format(f"/* orolint: ignore[{finding.rule}] the default is right */"))
    assert check_paths([str(path)]).is_clean
