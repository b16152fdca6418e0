"""What is said about wrong input: the place, the caret, the hint, the expansion chain."""

from __future__ import annotations

import pytest

from assembler.gnu_as import message, ours


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (".text\n  .sectoin .foo\n", "2:3", "unknown directive '.sectoin'"),
        (".text\n  .sectoin .foo\n", "2:3", "did you mean '.section'?"),
        (".long 5 +\n", "1:10", "expected an expression"),
        (".long (1\n", "1:7", "'(' is never closed"),
        (".long 1 2\n", "1:9", "junk after the operands"),
        (".long 0x\n", "1:7", "'0x' is not a number"),
        (".long 1/0\n", "1:10", "division by zero"),
        ('.ascii "abc\n', "1:8", "unterminated string"),
        ("nop\n/* never\nclosed\n", "2:1", "unterminated comment"),
        (".if 1\nnop\n", "1:1", "'.if' is never closed"),
        (".macro m\nnop\n", "1:1", "'.macro' is never closed"),
        (".rept 3\nnop\n", "1:1", "'.rept' is never closed"),
        (".endif\n", "1:1", "'.endif' without an '.if'"),
        (".if 1\n.else\n.else\n.endif\n", "3:1", "'.else' after '.else'"),
        (".if later\n.endif\nlater = 1\n", "1:5", "'later' is not defined before this line"),
        ("a: nop\na: nop\n", "2:1", "symbol 'a' is already defined"),
        ("a: nop\na: nop\n", "1:1", "the first definition is here"),
        (".set a,b\n.set b,a\n.long a\n", "3:1", "goes in a circle"),
        ("a = a + 1\n", "1:5", "'a' is defined by itself"),
        ("nop\nnop\n.org 1\n", "3:1", "'.org' goes backwards, from 0x2 to 0x1"),
        (".fill 1 << 30\n", "1:1", "this would put 1,073,741,824 bytes"),
        (".balign 3\n", "1:9", "the alignment 3 is not a power of two"),
        (".long a - b\n", "1:1", "'b' (not defined in this file) cannot be subtracted"),
        ("jmp 1b\n", "1:1", "there is no label '1:' before this '1b'"),
        (".loc 1 2\n", "1:6", "file number 1 has no '.file' line"),
        (".cfi_endproc\n", "1:1", "outside '.cfi_startproc'"),
        (".cfi_startproc\n", "1:1", "without '.cfi_endproc'"),
        ('.section .a,"aq"\n', "1:15", "unknown section flag 'q'"),
        (".type f,@functoin\n", "1:9", "unknown symbol type 'functoin'"),
        ('.include "no.inc"\n', "1:10", "cannot find 'no.inc'"),
        ('.incbin "no.bin"\n', "1:9", "cannot find 'no.bin'"),
        (".quad x@NOPE\n", "1:1", "unknown relocation operator '@NOPE'"),
        (".byte x@TPOFF\n", "1:1", "does not fit a field of 8 bits"),
        (".error \"stop here\"\n", "1:1", "stop here"),
        (".err\n", "1:1", "'.err' was reached"),
        (".bundle_align_mode 4\n", "1:1", "'.bundle_align_mode' is not supported"),
        ("nop; nop; .bogus\n", "1:11", "unknown directive '.bogus'"),
        ("a: b: .bogus\n", "1:7", "unknown directive '.bogus'"),
        ("mov $1, %exx\n", "1:9", "'%exx'"),
        (".code64\nfrobnicate %rax\n", "2:1", "frobnicate"),
        (".bss\n.long 1\n", "2:1", "cannot hold this"),
        (".bss\nnop\n", "2:1", "cannot hold this"),
        ("a: .skip 300\nloop a\n", "2:1", "too far for a 8-bit displacement"),
    ],
)  # fmt: skip
def test_a_mistake_is_located_and_explained(text: str, place: str, words: str) -> None:
    said = message(text)
    assert words in said
    assert f"{{standard input}}:{place}" in said


def test_the_source_line_and_a_caret_are_shown() -> None:
    assert message(".data\n    .long 1, 2 +, 3\n").splitlines()[1:3] == [
        "    2 |     .long 1, 2 +, 3",
        "      |                 ^",
    ]


NESTED = """\
.macro inner x
    bogus \\x
.endm
.macro outer y
    inner \\y + 1
.endm
.text
    outer 5
"""


def test_the_chain_of_expansions_is_shown_innermost_first() -> None:
    said = message(NESTED)
    places = ["{standard input}:2:1", "{standard input}:5:1", "{standard input}:8:5"]
    assert sorted(places, key=said.index) == places
    assert "note: in expansion of macro 'inner'" in said
    assert "note: in expansion of macro 'outer'" in said
    assert "bogus 5" in said


def test_a_mistake_in_an_included_file_names_both_files() -> None:
    said = message('.text\n.include "a.inc"\n', files={"a.inc": b"nop\n.bogus\n"})
    assert "a.inc:2:1: error: unknown directive '.bogus'" in said
    assert "{standard input}:2:1: note: included from here" in said


def test_line_markers_of_the_preprocessor_are_followed() -> None:
    said = message('# 1 "kernel.S"\n# 1 "<built-in>" 1\n# 40 "kernel.S" 2\nnop\n.bogus\n')
    assert "kernel.S:41:1: error" in said


def test_mistakes_come_in_the_order_of_the_lines() -> None:
    said = message("mov %exx, 1\n.bogus\nmov %eyy, 1\nloop a\n.skip 300\na:\n")
    assert said.index("exx") < said.index(".bogus") < said.index("eyy")


def test_an_include_is_found_in_the_include_directories() -> None:
    made = ours(
        '.include "a.inc"\n', files={"inc/a.inc": b".long 7\n"}, include_dirs=("asm", "inc/")
    )
    assert made.dependencies == ("inc/a.inc",)


def test_incbin_takes_a_part_of_a_file() -> None:
    from orobuild.elf.reader import read

    data = ours('.incbin "b", 2, 3\n', files={"b": b"0123456789"})
    elf = read(data.object, "o")
    text = elf.section(".text")
    assert text is not None
    assert bytes(elf.section_data(text)) == b"234"
    assert data.dependencies == ("b",)
    assert "has only 10 bytes" in message('.incbin "b", 8, 3\n', files={"b": b"0123456789"})


def test_predefined_symbols_are_absolute() -> None:
    from orobuild.elf.reader import read

    made = ours(
        ".long frame.size\n.if frame.size == 8\n.byte 1\n.endif\n", symbols={"frame.size": 8}
    )
    elf = read(made.object, "o")
    text = elf.section(".text")
    assert text is not None
    assert bytes(elf.section_data(text)) == b"\x08\0\0\0\1"
