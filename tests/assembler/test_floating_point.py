"""Floating point numbers, against GNU as: values, rounding, ranges, special values."""

from __future__ import annotations

import random

import pytest

from assembler.gnu_as import differences, message

FORMATS = (".hfloat", ".bfloat16", ".float", ".double", ".tfloat")


def numbers(rng: random.Random) -> list[str]:
    """Numbers of every kind that a literal can be, around every format's limits."""
    return [
        str(rng.randint(-(10 ** rng.randint(1, 22)), 10 ** rng.randint(1, 22))),
        repr(rng.uniform(-10, 10)),
        f"{rng.randint(0, 99)}.{rng.randint(0, 10 ** rng.randint(1, 20))}e{rng.randint(-60, 50)}",
        f"{rng.randint(0, 99)}.{rng.randint(0, 10 ** rng.randint(1, 20))}e{rng.randint(-340, 320)}",
        f"{rng.randint(0, 1 << rng.randint(3, 26))}{rng.choice(['.5', '.25', '.75', '.125'])}",
        f"{rng.randint(1, 9999)}e{rng.randint(-5000, 5000)}",
    ]


@pytest.mark.parametrize("directive", FORMATS)
@pytest.mark.parametrize("seed", range(4))
def test_numbers_have_the_bits_of_gnu_as(directive: str, seed: int) -> None:
    for number in numbers(random.Random(seed)):
        assert differences(f"{directive} {number}\n") == [], number


@pytest.mark.parametrize("directive", FORMATS)
def test_special_values_have_the_bits_of_gnu_as(directive: str) -> None:
    values = "nan -nan qnan snan inf -inf +Infinity 0 -0 . - 1e 1e+ 1.e2 .5 007 0f1.5 0f:7e00 0x10"
    for value in values.split():
        assert differences(f"{directive} {value}\n") == [], value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".float 3.5e38", "out of the range"),
        (".float 1e-60", "out of the range"),
        (".hfloat 65536", "out of the range"),
        (".float x", "expected a floating point number"),
        (".float 1d5", "junk after the operands"),
        (".float 0f:112233445", "more digits"),
        (".double 1e999999999999", "out of the range"),
    ],
)
def test_what_is_no_number_of_the_format_is_refused(text: str, words: str) -> None:
    assert words in message(text)
