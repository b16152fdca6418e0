"""Assembly inside C, C++ and Rust: the blocks of a file, and where each character of them stands.

A block is what one `asm` statement or macro hands to the assembler, with escapes undone and
operands replaced by a name. Nothing here reads a file or judges.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

OPERAND: Final = "oro_operand"
"""What stands for an operand: it may be anything."""
UNKNOWN: Final = " oro_unknown "
"""What stands for a piece of text that only a compiler can know."""


@dataclass(slots=True)
class Origins:
    """Several texts in one space of offsets: the file itself, then what `include_str!` reads."""

    paths: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    _lines: dict[int, list[int]] = field(default_factory=dict)

    def add(self, path: str, text: str) -> int:
        """The offset of the first character of `text`."""
        start = self.starts[-1] + len(self.texts[-1]) + 1 if self.starts else 0
        self.paths.append(path)
        self.texts.append(text)
        self.starts.append(start)
        return start

    def span(self, offset: int, length: int = 1) -> Span:
        """The place of the character at `offset`."""
        index = max(0, bisect_right(self.starts, offset) - 1)
        text = self.texts[index]
        lines = self._lines.get(index)
        if lines is None:
            lines = self._lines[index] = [0, *(m.end() for m in re.finditer("\n", text))]
        within = min(max(0, offset - self.starts[index]), len(text))
        line = bisect_right(lines, within)
        shown = text[lines[line - 1] :].partition("\n")[0].rstrip("\r")
        return Span(self.paths[index], line, within - lines[line - 1] + 1, length, shown)


class Text:
    """A text put together of pieces, each with the offset where it comes from."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = 0
        self.starts: list[int] = []
        self.sources: list[int] = []

    def add(self, piece: str, source: int) -> None:
        """Append `piece`, whose characters stand from `source` on."""
        if piece:
            self.starts.append(self.size)
            self.sources.append(source)
            self.parts.append(piece)
            self.size += len(piece)

    def source(self, offset: int) -> int:
        """Where the character at `offset` stands."""
        index = bisect_right(self.starts, offset) - 1
        if index < 0:
            return 0
        piece = len(self.parts[index])
        return self.sources[index] + min(offset - self.starts[index], max(0, piece - 1))

    def __str__(self) -> str:
        return "".join(self.parts)


@dataclass(slots=True)
class Block:
    """One block. `start` is the offset of the word `asm`, `whole` says that all text is known.

    `at_file_scope`: outside any function, so that nothing but other such blocks says which section
    it is in. `text` is the assembly, `layers` lead from an offset in it to one in the file.
    """

    start: int
    at_file_scope: bool
    text: str
    layers: tuple[Text, ...]
    whole: bool

    def source(self, line: int, column: int) -> int:
        """The offset in the file of a place in the block, both 1-based."""
        offset = 0
        for _ in range(line - 1):
            offset = self.text.find("\n", offset) + 1
        offset = min(offset + max(0, column - 1), max(0, len(self.text) - 1))
        for layer in self.layers:
            offset = layer.source(offset)
        return offset


_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,8})|u\{?([0-9a-fA-F]{1,6})\}?|([0-7]{1,3})|(\r?\n[ \t\r\n]*)|(.))",
    re.DOTALL,
)
_NAMED: Final = {
    "n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b",
}  # fmt: skip


def unquote(literal: str, source: int, out: Text, *, trims: bool = False) -> None:
    """Append what a string literal of C or Rust holds; `source` is where the literal stands.

    `trims`: behind a backslash at the end of a line the next line's white space goes, as in Rust.
    """
    raw = re.match(r"(?:b|c)?r(#*)\"", literal) or re.match(
        r"(?:u8|[uUL])?R\"([^()\\\s]*)\(", literal
    )
    if raw is not None:
        closing = len(raw[1]) + (2 if literal[raw.end() - 1] == "(" else 1)
        out.add(literal[raw.end() : len(literal) - closing], source + raw.end())
        return
    position = literal.index('"') + 1
    end = len(literal) - 1
    while position < end:
        match = _ESCAPE.search(literal, position, end)
        stop = match.start() if match else end
        out.add(literal[position:stop], source + position)
        if match is None:
            break
        if match[4] is not None and not trims:
            out.add(match[4].lstrip("\r").removeprefix("\n"), source + match.end() - 1)
        else:
            out.add(_escaped(match), source + stop)
        position = match.end()


def _escaped(match: re.Match[str]) -> str:
    if match[4] is not None:
        return ""
    for group, base in ((1, 16), (2, 16), (3, 8)):
        if match[group] is not None:
            code = int(match[group], base)
            return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else " "
    found = _NAMED.get(match[5], match[5])
    return " " if found == "\0" else found


def templated(text: str, pattern: re.Pattern[str], replace: Iterable[tuple[str, str]]) -> Text:
    """`text` with every match of a named group of `pattern` replaced by the group's string.

    The string `=` keeps the last character of the match (doubled marks stand for one), `|` what
    stands before the first bar in it, an empty one all of it.
    """
    table = dict(replace)
    out = Text()
    position = 0
    for match in pattern.finditer(text):
        out.add(text[position : match.start()], position)
        new, start = table[match.lastgroup or ""], match.start()
        if new == "=":
            new = match[0][-1]
        elif new == "|":  # the first of the alternatives of two dialects
            new, start = match[0][1:-1].partition("|")[0], start + 1
        elif not new:
            new = match[0]
        out.add(new, start)
        position = match.end()
    out.add(text[position:], position)
    return out
