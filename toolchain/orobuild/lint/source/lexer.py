"""Words of C and Rust: enough to find assembly in them, whatever stands around it.

A grammar gives up at what only a preprocessor understands (`asm(LOCK CHOOSE("a", "b") "c")` makes
tree-sitter's lose the function, and the bodies of `#define` are opaque to it); words do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from orobuild.lint.comments import PATTERNS, Language, nested_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_REST: Final = (
    r"|(?P<word>[^\W\d]\w*)|(?P<number>\d[\w.]*)|(?P<directive>^[ \t]*\#(?:\\\r?\n|[^\n])*)"
    r"|(?P<mark>[^\s\w])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is `word`, `number`, `string` (with quotes and prefix), `directive` or `mark`.

    `start` and `end` are offsets in the text.
    """

    kind: str
    text: str
    start: int
    end: int


@cache
def _pattern(language: Language) -> re.Pattern[str]:
    rest = _REST if language is Language.C else re.sub(r"\|\(\?P<directive>.*?\n?\)\*\)", "", _REST)
    prefix = r"(?:u8|[uUL])?" if language is Language.C else ""
    literals = PATTERNS[language].replace('|"(?:', f'|{prefix}"(?:', 1)
    return re.compile(f"(?:{literals}){rest}", re.DOTALL | re.MULTILINE)


def tokens(
    text: str, language: Language, start: int = 0, end: int | None = None
) -> Iterator[Token]:
    """The tokens of `text` between two offsets, comments and white space left out."""
    pattern = _pattern(language)
    position, stop = start, len(text) if end is None else end
    while match := pattern.search(text, position, stop):
        position = max(match.end(), match.start() + 1)
        if match["comment"] is not None:
            if match["comment"] == "/*" and language is Language.RUST:
                position = nested_end(text, match.end())
            continue
        kind = match.lastgroup
        if kind not in ("word", "number", "directive", "mark"):
            kind = "string" if match[0][-1] == '"' or match[0][-1] == "#" else "character"
        yield Token(kind, match[0], match.start(), position)


def closing_bracket(words: Sequence[Token], index: int) -> int:
    """The index of what closes the bracket at `index`; the number of words if nothing does."""
    level = 0
    for at in range(index, len(words)):
        if words[at].kind == "mark":
            level += (words[at].text in "([{") - (words[at].text in ")]}")
            if level == 0:
                return at
    return len(words)
