"""`-march=` and `.arch` refuse what GNU as refuses for the processor."""

from __future__ import annotations

import random

import pytest

from assembler.encoder.gnu_oracle import gnu_as
from assembler.encoder.processor_table import refused, texts
from assembler.gnu_as import message, ours
from orobuild.assembler import processor
from orobuild.assembler.encoder.types import Dialect
from orobuild.assembler.processor_features import lacks


def disagreements(march: str, bits: int, share: float) -> list[str]:
    """The instructions that only one side refuses for a processor that both know."""
    lines = list(texts(bits, share))
    wrong = refused(lines, bits, march=march)
    if wrong is None:
        return []
    made = processor.named(march, "", bits)
    assert made is not None
    answers = gnu_as(lines, Dialect(bits))
    found = []
    for number, line in enumerate(lines):
        answer = answers[line]
        assert answer is not None
        limited = made.features is not None
        missing = lacks(answer.code, bits, made.features) if limited else None
        if (missing is not None) != (number in wrong):
            found.append(f"{march}: {line}: GNU as {'refuses' if number in wrong else 'takes'} it")
    return found


@pytest.mark.parametrize("bits", [32, 64])
def test_a_processor_has_the_instructions_that_gnu_as_says(bits: int) -> None:
    names = random.Random(7).sample(sorted(processor.NAMES), 5)
    wrong = [d for name in names for d in disagreements(name, bits, 0.02)]
    assert wrong == []


@pytest.mark.full
@pytest.mark.parametrize("bits", [32, 64])
def test_every_processor_and_every_extension(bits: int) -> None:
    base = "generic64" if bits == 64 else "i386"
    words = [*processor.NAMES, *(f"{base}+{name}" for name in processor.EXTENSIONS)]
    words += [f"znver4+no{name}" for name in processor.EXTENSIONS]
    wrong = [d for word in sorted(words) for d in disagreements(word, bits, 1.0)]
    assert wrong == []


def test_the_error_names_the_processor_and_what_is_missing() -> None:
    said = message(".arch i386\nnop\nvaddps %xmm1, %xmm2, %xmm3\n")
    assert "3:1: error: 'i386' has no such instruction: it needs AVX" in said


def test_an_extension_makes_it_known_and_another_processor_forgets() -> None:
    ours(".arch i686\n.arch .avx\nvaddps %xmm1, %xmm2, %xmm3\n", 32)
    text = ".arch .avx\nvaddps %xmm1, %xmm2, %xmm3\n.arch i686\nvaddps %xmm1, %xmm2, %xmm3\n"
    assert ":4:1: error" in message(text)
