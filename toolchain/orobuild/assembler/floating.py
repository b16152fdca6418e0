"""Floating point numbers: text to bytes, as GNU as converts it.

Owns the formats of `.float`, `.double`, `.tfloat`, `.hfloat` and `.bfloat16`, their special values
and their rounding (binutils 2.40, gas/config/atof-ieee.c `gen_to_words`, gas/atof-generic.c).
Values are exact fractions until they are rounded; nothing here goes through a Python float.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.patterns import pattern
from orobuild.records import dataclass

if TYPE_CHECKING:
    from fractions import Fraction

NUMBER: Final = pattern(
    r"[ \t]*(?P<sign>[-+]?)(?:(?P<word>[qs]?nan|inf(?:inity)?)|"
    r"(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?:[eE](?P<exponent>[-+]?[0-9]*))?)",
    re.IGNORECASE,
)
HEXADECIMAL: Final = pattern(r"[ \t]*0[a-zA-Z]:([0-9a-fA-F_]*)")
PREFIX: Final = pattern(r"[ \t]*0[a-zA-Z]")
_MAX_EXPONENT: Final = 20_000  # decimal; what lies beyond fits no format


@dataclass(frozen=True, slots=True)
class Format:
    """A binary format: `exponent` bits and `fraction` bits behind the point.

    `leading` is the x87's: the bit before the point is stored too. `size` is in bytes.
    """

    size: int
    exponent: int
    fraction: int
    leading: bool = False

    @property
    def bias(self) -> int:
        """What is added to the exponent when it is stored."""
        return (1 << (self.exponent - 1)) - 1


HALF: Final = Format(2, 5, 10)
BRAIN: Final = Format(2, 8, 7)
SINGLE: Final = Format(4, 8, 23)
DOUBLE: Final = Format(8, 11, 52)
EXTENDED: Final = Format(10, 15, 63, leading=True)


def digits(text: str, form: Format) -> bytes | None:
    """The bytes that hexadecimal digits stand for, the highest first; None for too many."""
    text = text.replace("_", "")
    if len(text) > 2 * form.size:
        return None
    return bytes.fromhex(text.ljust(2 * form.size, "0"))[::-1]


def encode(match: re.Match[str], form: Format) -> bytes | None:
    """The bytes of the number that `NUMBER` matched, or None when `form` cannot hold it."""
    sign = int(match["sign"] == "-")
    word = match["word"]
    if word is not None:
        return _special(word.lower(), sign, form)
    digits = (match["whole"] or "") + (match["part"] or "")
    # `-` alone is minus zero, `1e` is 1.
    exponent_text = (match["exponent"] or "0").lstrip("+")
    exponent = 0 if exponent_text in ("", "-") else int(exponent_text[:9])
    exponent -= len(match["part"] or "")
    significant = digits.lstrip("0")
    if not significant:
        return _pack(sign, 0, 0, form)
    if abs(exponent + len(significant)) > _MAX_EXPONENT:
        return None
    from fractions import Fraction  # which loads decimal, too: few files have such numbers

    value = Fraction(int(significant)) * Fraction(10) ** exponent
    return _rounded(sign, value, form, integer=value.denominator == 1)


def _rounded(sign: int, value: Fraction, form: Format, *, integer: bool) -> bytes | None:
    from fractions import Fraction

    power = value.numerator.bit_length() - value.denominator.bit_length()
    if value < Fraction(2) ** power:
        power -= 1
    biased = power + form.bias
    words = form.size // 2
    if biased >= (1 << form.exponent) - 1:
        return None
    # gen_to_words, "Exponent overflow": what has been shifted out of the words' room
    if -biased + form.leading > 16 * words + 14 - 2 * form.exponent:
        return None
    least = max(biased, 1) - form.bias - form.fraction
    scaled = value / Fraction(2) ** least
    number = scaled.numerator // scaled.denominator
    rest = scaled - number
    # GNU as rounds halves up, but computes decimal fractions a little too small.
    if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and integer):
        number += 1
    stored = max(biased, 1)
    if number >> (form.fraction + 1):
        number >>= 1
        stored += 1
    if not number >> form.fraction:
        stored = 0
    return _pack(sign, stored, number, form)


def _pack(sign: int, stored: int, number: int, form: Format) -> bytes:
    width = form.fraction + form.leading
    if not form.leading:
        number &= (1 << form.fraction) - 1
    whole = ((sign << form.exponent) | stored) << width | number
    return whole.to_bytes(form.size, "little")


def _special(word: str, sign: int, form: Format) -> bytes:
    leading = 1 << form.fraction
    if word.startswith("inf"):
        fraction = leading
    else:
        fraction = 2 * leading - 1
        if word == "snan":
            fraction -= leading >> 1
    return _pack(sign, (1 << form.exponent) - 1, fraction, form)
