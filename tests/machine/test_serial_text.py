"""What a guest prints does nothing to a terminal but print."""

from __future__ import annotations

import random
import re

import pytest

from orobuild.machine.serial_text import SerialText, Stamps, printable

GARBAGE = [
    *(b"\x1b", b"\x1b[", b"\x1b]0;", b"\x9b", b"\xc2\x9b", b"\x07", b"\r", b"\n", b"\r\n", b"a"),
    *(b"\x1b[31m", b"\x1b[2J", b"\x1b[K", b"\x1bc", b"\x1b\\", b"\xe2", b"\x82", b"\xac", b"\xff"),
    *(b"\x1bP", b"\x1b(0", b"\x0e", b"\x7f", b"\xe2\x80\xae", b"1;2;3", b"m", b"\x1b[6n", b"\x00"),
]
# All that may be left: text, four characters that move within the line, colours and line editing.
HARMLESS = re.compile(
    r"(?:[\n\r\t\x08\x20-\x7e\xa0-\U0010ffff]|\x1b\[[0-9;:]*m|\x1b\[[0-9;]*[KDCGP@])*"
)


def clean(data, *, colors=True, editing=True):
    text = SerialText(colors=colors, editing=editing)
    return text.feed(data) + text.finish()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"plain\r\n", "plain\n"),
        (b"two returns\r\r\n", "two returns\n"),
        (b"50%\r100%\r\n", "50%\r100%\n"),
        (b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        (b"oops\b\b\x1b[K", "oops\b\b\x1b[K"),
        (b"\x1b[2J\x1b[01;01H\x1b[=3hOVMF", "OVMF"),
        (b"\x1b]0;your window\x07a\x1b]52;c;ZXZpbA==\x1b\\b", "ab"),
        (b"\x1bcreset\x1b(0charset\x1b>", "resetcharset"),
        (b"bell\x07 null\x00 delete\x7f", "bell^G null^@ delete^?"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\xc2\x9b2J", "<9b>2J"),
        ("right to left \u202e".encode(), "right to left <202e>"),
        ("größe €".encode(), "größe €"),
        (b"\x1b", "^["),
        (b"\x1b[12", "^[[12"),
    ],
)
def test_what_is_shown(said, shown):
    assert clean(said) == shown


def test_colours_and_editing_only_where_they_are_wanted():
    assert clean(b"\x1b[31mx\x1b[K", colors=False, editing=False) == "x"


@pytest.mark.parametrize("seed", range(40))
def test_however_the_bytes_are_cut_the_text_is_the_same_and_harmless(seed):
    chance = random.Random(seed)
    data = b"".join(chance.choices(GARBAGE, k=60))
    whole = clean(data)
    text = SerialText(colors=True, editing=True)
    cuts = sorted(chance.choices(range(len(data)), k=chance.choice([1, 5, len(data)])))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    assert "".join([*map(text.feed, pieces), text.finish()]) == whole
    assert HARMLESS.fullmatch(whole)


def test_a_sequence_that_never_ends_is_text_before_long():
    text = SerialText(colors=True, editing=True)

    shown = text.feed(b"\x1b]0;" + b"x" * 10_000)

    assert shown.endswith("x" * 9_000)
    assert len(shown) >= 10_000


def test_a_line_for_a_screen_is_without_anything_that_a_terminal_obeys():
    assert printable("\x1b[31ma\x1b[2Jb\x07") == "ab^G"


def test_stamps_stand_before_lines_and_nowhere_else():
    stamps = Stamps()

    pieces = [stamps.bytes(b"a", 1.5), stamps.bytes(b"b\nc\r\n", 2), stamps.bytes(b"d\x0be\xff", 3)]

    assert b"".join(pieces) == b"[    1.500000] ab\n[    2.000000] c\r\n[    3.000000] d\x0be\xff"
