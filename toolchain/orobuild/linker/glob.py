"""File and section name patterns, as fnmatch(3) without flags: `*` also matches `/`.

Owns pattern matching only; it never backtracks more than once per star, so that no pattern can
take exponential time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SPECIAL = frozenset("*?[")  # as wildcardp of ld/ldlang.c: a backslash alone is a character


def is_wild(pattern: str) -> bool:
    """Whether `pattern` has a wildcard character."""
    return any(char in _SPECIAL for char in pattern)


def literal_prefix(pattern: str) -> str:
    """What every name that matches `pattern` begins with: all before its first wildcard."""
    special = (i for i, char in enumerate(pattern) if char in _SPECIAL or char == "\\")
    return pattern[: next(special, len(pattern))]


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a name matches `pattern`."""
    if not is_wild(pattern):
        return pattern.__eq__
    if pattern == "*":
        return lambda _name: True
    if pattern.endswith("*") and not is_wild(pattern[:-1]):
        prefix = pattern[:-1]
        return lambda name: name.startswith(prefix)
    compiled = re.compile(_translate(pattern), re.DOTALL)
    return lambda name: compiled.fullmatch(name) is not None


def _translate(pattern: str) -> str:
    parts = _pieces(pattern)
    # Between two stars the first match is as good as any (the text between is fixed length), so
    # an atomic group forbids the backtracking that makes such expressions exponential.
    first, *rest = parts
    if not rest:
        return first
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    return f"{first}{middle}.*{rest[-1]}"


def _pieces(pattern: str) -> list[str]:
    """The regular expressions between the stars of `pattern`."""
    pieces = [""]
    index = 0
    while index < len(pattern):
        char = pattern[index]
        index += 1
        if char == "*":
            pieces.append("")
        elif char == "?":
            pieces[-1] += "."
        elif char == "\\" and index < len(pattern):
            pieces[-1] += re.escape(pattern[index])
            index += 1
        elif char == "[":
            end = pattern.find("]", index + 1 + (pattern[index : index + 1] in ("!", "^")))
            if end < 0:
                pieces[-1] += re.escape(char)
                continue
            body = pattern[index:end]
            negated = body[:1] in ("!", "^")
            pieces[-1] += _bracket(body[1:] if negated else body, negated=negated)
            index = end + 1
        else:
            pieces[-1] += re.escape(char)
    return pieces


def _bracket(body: str, *, negated: bool) -> str:
    """A bracket expression; a range whose ends are in the wrong order matches nothing."""
    items = ""
    index = 0
    while index < len(body):
        low = body[index]
        if index + 2 < len(body) and body[index + 1] == "-":
            high = body[index + 2]
            if low <= high:
                items += f"{re.escape(low)}-{re.escape(high)}"
            index += 3
        else:
            items += re.escape(low)
            index += 1
    if not items:
        return "." if negated else "(?!)"
    return f"[{'^' if negated else ''}{items}]"
