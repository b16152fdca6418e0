"""Whatever the input: an object or diagnostics, soon, and never a traceback."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assembler.gnu_as import message, ours
from assembler.snippets import snippets
from orobuild import assembler
from orobuild.assembler import macro
from orobuild.errors import InputError

SUBJECTS = (
    "data", "location", "sections", "symbols", "macros", "conditionals", "relocations", "source",
    "frames",
)  # fmt: skip
TEXTS = [text for subject in SUBJECTS for _, text in snippets(subject)]
WORDS = sorted({word for text in TEXTS for word in text.split()})


def attempt(text: str, *, strict: bool = False) -> None:
    """Assemble; anything but an object or diagnostics fails the test."""
    began = time.process_time()
    try:
        assert ours(text, strict=strict).object.startswith(b"\x7fELF")
    except InputError as problem:
        str(problem)
    assert time.process_time() - began < 10


@pytest.mark.parametrize("subject", SUBJECTS)
def test_any_prefix_of_a_program_is_answered(subject: str) -> None:
    rng = random.Random(subject)
    for _, text in snippets(subject):
        for end in sorted(rng.sample(range(len(text)), min(12, len(text)))):
            attempt(text[:end], strict=bool(end % 2))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), max_size=15), st.booleans()
)
def test_any_mixture_of_words_is_answered(lines: list[str], strict: bool) -> None:
    attempt("\n".join(lines), strict=strict)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(TEXTS), st.data())
def test_any_damage_to_a_program_is_answered(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    junk = data.draw(st.text(max_size=4) | st.binary(max_size=4).map(lambda b: b.decode("latin-1")))
    cut = data.draw(st.integers(0, 3))
    attempt(text[:at] + junk + text[at + cut :])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".macro m\nm\n.endm\nm\n", "nested too deeply"),
        (".macro m\nm\nm\n.endm\nm\n", "nested too deeply"),
        (".long " + "(" * 5000 + "1" + ")" * 5000, "nested too deeply"),
        (".long " + "-" * 5000 + "x", "nested too deeply"),
        (".long " + "+".join(["a"] * 5000), "too long"),
        ("".join(f".set a{i},a{i + 1}+1\n" for i in range(5000)) + ".long a0", "too deeply"),
        (".fill 1 << 30", "the limit is"),
        ("nop\n.org a+40\n.org 16\na: nop\n", "do not settle"),
        (".cfi_startproc\n.cfi_return_column 256\n.cfi_endproc", "does not fit a byte"),
        ('.section .a,"a",@0x100000000', "does not fit 32 bits"),
        (".rept 1 << 40\nnop\n.endr", "too many statements"),
        ('.section .a,"aM",@progbits,99999999999999999999', "does not fit into 64 bits"),
        ('.section .a,"aM",@progbits,0x80000000', "the entry size"),
        (".org 1 << 40", "the limit is"),
        (".skip x\nx = 1 << 40", "too large"),
        ('.incbin "a"\n' * 2, "cannot find"),
        ("".join(chr(i % 256) for i in range(20000)), "error"),
    ],
)
def test_what_would_never_end_is_refused(text: str, words: str) -> None:
    assert words in message(text)


@pytest.mark.parametrize(
    "text",
    [
        ".struct 4\nx: .skip 4\n.attach_to_group g\ny:\n.text\n.long x, y\n",
        ".attach_to_group g\nnop\n.text\nnop\n",
        '.section .debug_abbrev,"",@progbits\n.byte 1\n.text\nnop\n',
        ".section .debug_str\n.byte 1\n.text\nnop\n",
    ],
)
def test_what_once_broke_is_answered(text: str) -> None:
    attempt(text)
    assert ours(text, debug_info=True).object


def test_a_file_that_includes_itself_is_refused() -> None:
    assert "included too deeply" in message('.include "a"', files={"a": b'.include "a"\n'})


def test_a_huge_section_without_bytes_costs_nothing() -> None:
    assert len(ours(".bss\n.skip 1 << 40\n.fill 1000, 8\n").object) < 1000


def test_a_million_repetitions_are_fine() -> None:
    assert len(ours(".rept 200000\nnop\n.endr\n").object) > 200_000


def test_a_macro_that_expands_itself_twice_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(macro, "MAX_RECURSIONS", 200)
    text = '.macro e n\n.if \\n\ne "(\\n-1)"\ne "(\\n-1)"\n.else\nnop\n.endif\n.endm\n'
    options = assembler.Options(strict=False)
    assert assembler.assemble(text + "e 6\n", "x.s", options, read_file=None).object
    with pytest.raises(InputError, match="expands itself too often"):
        assembler.assemble(text + "e 30\n", "x.s", options, read_file=None)
