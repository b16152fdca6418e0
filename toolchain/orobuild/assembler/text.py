"""String literals: the escapes of GNU as (gas/read.c, next_char_of_string) to bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Callable

_ESCAPE: Final = pattern(r"\\(?:([0-9]{1,3})|[xX]([0-9a-fA-F]*)|(.))", re.DOTALL)
_SIMPLE: Final = {
    "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v",
    "\\": b"\\", '"': b'"', "'": b"'",
}  # fmt: skip


def encode(text: str) -> bytes:
    """The bytes of source text: UTF-8, bytes that were not UTF-8 kept as they were."""
    return text.encode("utf-8", "surrogateescape")


def decode_string(body: str, warn: Callable[[int, str], object]) -> bytes:
    """The bytes that `body` (a string without its quotes) stands for.

    An escape that GNU as does not know stands for its own character, as there; it is worth a
    warning all the same, given by `warn(offset, message)`.
    """
    if "\\" not in body:
        return encode(body)
    out = bytearray()
    position = 0
    for match in _ESCAPE.finditer(body):
        out += encode(body[position : match.start()])
        position = match.end()
        octal, hexadecimal, simple = match.groups()
        if octal is not None:
            # GNU as takes 8 and 9 as octal digits too.
            number = 0
            for digit in octal:
                number = number * 8 + int(digit)
            out.append(number & 0xFF)
        elif hexadecimal is not None:
            out.append(int(hexadecimal[-8:] or "0", 16) & 0xFF)
        elif simple in _SIMPLE:
            out += _SIMPLE[simple]
        else:
            warn(match.start(), f"unknown escape '\\{simple}' stands for '{simple}' itself")
            out += encode(simple)
    out += encode(body[position:])
    return bytes(out)
