"""Comments of the languages that are checked: where each stands, and what it says.

A string that looks like a comment is none. Nothing here knows what comments mean.
"""

from __future__ import annotations

import enum
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


class Language(enum.Enum):
    """What a text is written in."""

    PREPROCESSED_ASSEMBLY = "preprocessed assembly"  # a line that begins with # is cpp's
    ASSEMBLY = "assembly"
    C = "C or C++"
    RUST = "Rust"
    SCRIPT = "linker script"

    def comment(self, text: str) -> str:
        """`text` as a comment that any compiler of the language takes."""
        if self is Language.ASSEMBLY:
            return f"# {text}"
        return f"// {text}" if self is Language.RUST else f"/* {text} */"


_C_STRING: Final = r'"(?:\\\r?\n|\\.|[^"\\\n])*"'
PATTERNS: Final = {
    Language.PREPROCESSED_ASSEMBLY: rf"{_C_STRING}|(?P<comment>/\*.*?(?:\*/|\Z)|//[^\n]*|\#[^\n]*)",
    Language.ASSEMBLY: rf"{_C_STRING}|(?P<comment>/\*.*?(?:\*/|\Z)|//[^\n]*|\#[^\n]*)",
    Language.C: (
        rf'R"(?P<fence>[^()\\\s]{{0,16}})\(.*?(?:\)(?P=fence)"|\Z)|{_C_STRING}|'
        r"'(?:\\.|[^'\\\n])+'|(?P<comment>/\*.*?(?:\*/|\Z)|//[^\n]*)"
    ),
    Language.RUST: (
        r'(?<![\w"])b?c?r(?P<fence>\#*)".*?(?:"(?P=fence)|\Z)|"(?:\\.|[^"\\])*(?:"|\Z)|'
        r"'(?:\\[^\n]{1,10}?|[^'\\\n])'|(?P<comment>/\*|//[^\n]*)"
    ),
    Language.SCRIPT: r'"[^"\n]*"|(?P<comment>/\*.*?(?:\*/|\Z))',
}
_NESTED: Final = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment: `text` with its marks, from (`line`, `column`) to before the end.

    `has_code` says whether anything but comments stands on the line where it starts or ends,
    `following` is the next line that holds anything else (0: there is none). All 1-based.
    """

    text: str
    line: int
    column: int
    end_line: int
    end_column: int
    has_code: bool
    following: int


def comments(text: str, language: Language) -> list[Comment]:
    """Every comment of `text`, in order."""
    spans = list(_spans(text, language))
    starts = [0, *(m.end() for m in re.finditer("\n", text))]
    bare = _without(text, spans).split("\n")
    filled = [number for number, line in enumerate(bare, 1) if line.strip()]
    has_code = set(filled)
    found = []
    for start, end in spans:
        line, end_line = bisect_right(starts, start), bisect_right(starts, end)
        after = bisect_right(filled, end_line)
        found.append(
            Comment(
                text[start:end],
                line,
                start - starts[line - 1] + 1,
                end_line,
                end - starts[end_line - 1] + 1,
                bool(has_code & {line, end_line}),
                filled[after] if after < len(filled) else 0,
            )
        )
    return found


def strings(text: str, language: Language) -> list[tuple[int, int]]:
    """Where each string of `text` starts and ends, as offsets, with its quotes."""
    return [(start, end) for start, end, is_comment in _tokens(text, language) if not is_comment]


def _spans(text: str, language: Language) -> Iterator[tuple[int, int]]:
    return ((start, end) for start, end, is_comment in _tokens(text, language) if is_comment)


def _tokens(text: str, language: Language) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is a comment) of comments, strings and characters."""
    pattern = re.compile(PATTERNS[language], re.DOTALL)
    position = 0
    while match := pattern.search(text, position):
        position = max(match.end(), match.start() + 1)
        if match["comment"] == "/*" and language is Language.RUST:  # they nest there
            position = nested_end(text, match.end())
        yield match.start(), position, match["comment"] is not None


def nested_end(text: str, position: int) -> int:
    """Where the comment ends that a `/*` before `position` opened; Rust's comments nest."""
    depth = 1
    while depth and (match := _NESTED.search(text, position)):
        depth += 1 if match[0] == "/*" else -1
        position = match.end()
    return len(text) if depth else position


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """`text` with the comments blanked, every line where it was."""
    parts: list[str] = []
    position = 0
    for start, end in spans:
        parts += (text[position:start], re.sub(r"[^\n]", " ", text[start:end]))
        position = end
    return "".join((*parts, text[position:]))
