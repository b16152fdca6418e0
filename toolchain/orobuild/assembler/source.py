"""Source text: physical lines to statements, and where each statement came from.

Owns comments, `;` separators, character constants and `# 12 "file"` line markers, as the
scrubber of GNU as treats them (binutils 2.40, gas/app.c), and the `Frame` that an include file,
a macro expansion or a repetition is read from. It never looks at what a statement means.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Diagnostic, Note, Span, error
from orobuild.patterns import pattern
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.assembler.encoder.types import Dialect

_SPECIAL: Final = pattern(r"[#;/\"'\\]")
_TOKEN: Final = pattern(
    r'(?P<string>"(?:\\.|[^"\\])*")'
    r"|(?P<open>\")"
    r"|(?P<block>/\*)"
    r"|(?P<slashes>//)"
    r"|(?P<hash>\#)"
    r"|(?P<semicolon>;)"
    r"|(?P<backslash>\\)"
    r"|'(?P<char>\\.|[^\\])'?"
)
_BLOCK: Final = 128  # lines
_MARKER: Final = pattern(r'[ \t]*#[ \t]*([0-9]+)[ \t]+"((?:\\.|[^"\\])*)"([ \t0-9]*)[ \t]*$')
_ESCAPES: Final = {"b": 8, "f": 12, "n": 10, "r": 13, "t": 9}
# Characters that can start or continue an operand: white space between two of them separates
# macro arguments (gas/app.c `symbol_chars`, gas/config/tc-i386.c `extra_symbol_chars`).
_WORD: Final = frozenset(
    'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$*%-([{}"\\'
)


@dataclass(frozen=True, slots=True)
class Marker:
    """From physical line `start` on, lines are numbered from `line` in `path`."""

    start: int
    line: int
    path: str


@dataclass(slots=True)
class Scrubbed:
    """A text as statements: `statements[i]` stands on physical line `lines[i]` (1-based)."""

    statements: list[str]
    lines: list[int]
    markers: list[Marker]
    problems: list[Diagnostic]


def scrub(text: str, path: str) -> Scrubbed:
    """Split `text` into statements without comments. Empty statements are dropped.

    Character constants become numbers, as in GNU as, so that later phases may split at ``,``.
    """
    return _Scrubber(text, path).run()


class _Scrubber:
    """One walk over one text. `piece` is a statement whose line ended in a backslash.

    Lines without any of the characters that mean something are taken a block at a time.
    """

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.raw = text.split("\n")
        self.out = Scrubbed([], [], [], [])
        self.pool: dict[str, str] = {}
        self.piece = ""
        self.piece_line = 0

    def run(self) -> Scrubbed:
        statements, lines = self.out.statements, self.out.lines
        special = _SPECIAL.search
        pool = self.pool
        number = 0
        count = len(self.raw)
        ordinary = 0  # the number of the line from which on nothing is known
        while number < count:
            if number >= ordinary and not self.piece_line:
                block = self.raw[number : number + _BLOCK]
                if special("\n".join(block)) is None:
                    # Equal statements are one string: that saves memory, and their hashes.
                    found = list(map(str.strip, block))
                    if "" in found:
                        lines += [i for i, line in enumerate(found, number + 1) if line]
                        found = list(filter(None, found))
                    else:
                        lines += range(number + 1, number + 1 + len(found))
                    statements += map(pool.setdefault, found, found)
                    number += len(block)
                    continue
                ordinary = number + len(block)
            line = self.raw[number]
            number += 1
            if special(line) is None:
                if self.piece_line:
                    self.finish(line, number)
                    continue
                statement = line.strip()
                if statement:
                    statements.append(pool.setdefault(statement, statement))
                    lines.append(number)
                continue
            number = self.special_line(line, number)
        if self.piece_line:
            self.finish("", number)
        return self.out

    def finish(self, text: str, number: int) -> None:
        statement = (self.piece + text).strip()
        if statement:
            self.out.statements.append(statement)
            self.out.lines.append(self.piece_line or number)
        self.piece = ""
        self.piece_line = 0

    def special_line(self, line: str, number: int) -> int:
        """Scrub one physical line; the number of the last line that it reached."""
        if not self.piece_line:
            stripped = line.lstrip()
            if stripped.startswith(("#", "/")) and not stripped.startswith("/*"):
                if stripped[0] == "#" and (match := _MARKER.match(line)):
                    marker = Marker(number + 1, int(match[1]), unescape(match[2]))
                    self.out.markers.append(marker)
                return number
        position = 0
        start = 0
        parts: list[str] = []
        while match := _TOKEN.search(line, position):
            kind = match.lastgroup
            position = match.end()
            if kind == "string":
                continue
            if kind == "semicolon":
                parts.append(line[start : match.start()])
                self.finish("".join(parts), number)
                parts, start = [], position
            elif kind == "char":
                parts += (line[start : match.start()], str(character(match["char"])))
                start = position
            elif kind == "hash" or (kind == "slashes" and _starts_comment(line, match.start())):
                line = line[: match.start()]
                break
            elif kind == "block":
                parts += (line[start : match.start()], " ")
                line, number, position = self.block(line, number, match.start())
                start = position
            elif kind == "backslash" and position == len(line) and number < len(self.raw):
                parts.append(line[start : match.start()])
                self.piece += "".join(parts) + " "
                self.piece_line = self.piece_line or number
                return number
            elif kind == "open":
                self.problem(line, number, match.start(), "unterminated string", 'add a closing "')
                line = line[: match.start()]
                break
        parts.append(line[start:])
        self.finish("".join(parts), number)
        return number

    def block(self, line: str, number: int, start: int) -> tuple[str, int, int]:
        """Skip a ``/* */`` comment; the line it ends on, its number and the position behind it."""
        end = line.find("*/", start + 2)
        first, opened, text = number, start, line
        while end < 0:
            if number >= len(self.raw):
                self.problem(text, first, opened, "unterminated comment", "add a closing */")
                return "", number, 0
            line = self.raw[number]
            number += 1
            end = line.find("*/")
        return line, number, end + 2

    def problem(self, line: str, number: int, start: int, message: str, hint: str) -> None:
        path, logical = locate(self.out.markers, self.path, number)
        span = Span(path, logical, start + 1, max(1, len(line.rstrip()) - start), line)
        self.out.problems.append(error(message, span, hint=hint))


def _starts_comment(line: str, position: int) -> bool:
    """Whether the ``//`` at `position` is a comment.

    GNU as 2.40 knows ``//`` only at the start of a line; elsewhere it can be valid only inside a
    macro argument such as a URL, where no white space precedes it.
    """
    return position == 0 or line[position - 1] in " \t;,)" or line[:position].isspace()


def character(body: str) -> int:
    """The number of a character constant; `body` is ``a`` or ``\\n``."""
    if len(body) == 2:
        return _ESCAPES.get(body[1], ord(body[1]))
    return ord(body)


def unescape(text: str) -> str:
    """A file name of a line marker without its backslashes."""
    return re.sub(r"\\(.)", r"\1", text)


def marker_at(markers: Sequence[Marker], physical: int) -> Marker | None:
    """The line marker that holds at physical line `physical`."""
    return next((m for m in reversed(markers) if m.start <= physical), None)


def locate(markers: Sequence[Marker], path: str, physical: int) -> tuple[str, int]:
    """The path and line that physical line `physical` has according to the line markers."""
    marker = marker_at(markers, physical)
    return (
        (path, physical) if marker is None else (marker.path, marker.line + physical - marker.start)
    )


def resplit(text: str) -> list[str]:
    """A macro-expanded statement, split again where an argument brought in ``;`` or a comment."""
    if _SPECIAL.search(text) is None:
        stripped = text.strip()
        return [stripped] if stripped else []
    return scrub(text, "").statements


def squeeze(text: str) -> str:
    """`text` with the white space that GNU's scrubber keeps among operands.

    One space stays between two characters that can belong to operands; all other white space
    outside strings goes. Macro arguments are separated by what is left.
    """
    if " " not in text and "\t" not in text:
        return text
    out: list[str] = []
    position, length = 0, len(text)
    while position < length:
        char = text[position]
        if char == '"':
            end = position + 1
            while end < length and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            out.append(text[position : end + 1])
            position = end + 1
            continue
        if char in " \t":
            while position < length and text[position] in " \t":
                position += 1
            if out and position < length and out[-1][-1] in _WORD and text[position] in _WORD:
                out.append(" ")
            continue
        out.append(char)
        position += 1
    return "".join(out)


class Frame:
    """One text being read: a file, an include, a macro expansion or a repetition.

    `index` is the next statement. `note` says what the frame is, for the expansion chain of a
    diagnostic ("in expansion of macro 'isr'"); None for the main file. `parent` is the frame
    that caused this one, at its statement `parent_index`. `kind` is ``file``, ``macro`` or
    ``repeat``; the statements are read `repeat` times in all. `origin` is the file frame that
    holds the text of a macro's body. The instructions up to statement `ahead` have been looked
    at before their turn, as `ahead_dialect`. `named` and `numbered` are what `.file` and `.line`
    have said of a file that has no line marker: its name; a physical line and its number.
    """

    __slots__ = (
        "_raw", "_text", "ahead", "ahead_dialect", "conditionals", "index", "kind", "lines", "markers",
        "named", "nesting", "note", "numbered", "origin", "parent", "parent_index", "path", "repeat", "statements",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        statements: list[str],
        lines: list[int],
        *,
        markers: Sequence[Marker] = (),
        text: str | None = None,
        origin: Frame | None = None,
        parent: Frame | None = None,
        note: str | None = None,
        conditionals: int = 0,
    ) -> None:
        self.path = path
        self.index: int = 0
        self.ahead = 0
        self.ahead_dialect: Dialect | None = None
        self.statements = statements
        self.lines = lines
        self.markers = markers
        self.named: str | None = None
        self.numbered: tuple[int, int] | None = None
        self._text = text
        self._raw: list[str] | None = None
        self.origin = origin
        self.parent = parent
        self.parent_index = parent.index if parent else 0
        self.note = note
        self.conditionals = conditionals
        self.kind = "file"
        self.nesting = 0
        self.repeat = 1

    @property
    def raw(self) -> list[str] | None:
        """The text's lines as they are written; None where it is not a file's.

        Only messages and listings want them.
        """
        if self._raw is None and self._text is not None:
            self._raw = self._text.split("\n")
        return self._raw

    def relocate(self, *, path: str | None = None, number: int | None = None) -> None:
        """`.file` says whose text follows, or `.line` the number of this line.

        Either counts once the other is known too, by itself or from a line marker
        (gas/input-scrub.c, as_where). What stands in a repetition holds until its end.
        """
        if self.kind != "file" and not (self.kind == "repeat" and self.origin is self.parent):
            return
        source = self.origin or self
        physical = self.lines[self.index - 1]
        known = marker_at(source.markers, physical)
        if known is not None and known.path == source.path and known.line == known.start:
            known = None  # the end of a repetition
        if known is not None or source is not self:
            now = locate(source.markers, source.path, physical)
            path, number = path or now[0], now[1] if number is None else number
        else:
            source.named = path = path or source.named
            if number is not None:
                source.numbered = (physical, number)
            elif source.numbered is not None:
                number = source.numbered[1] + physical - source.numbered[0]
        if path is None or number is None:
            return
        changed = [Marker(physical + 1, number + 1, path)]
        if changed[0] in source.markers:
            return  # in an earlier turn
        if source is not self:
            end = self.lines[-1] + 1
            before, line = locate(source.markers, source.path, end)
            changed.append(Marker(end, line, before))
        source.markers = sorted([*source.markers, *changed], key=lambda m: m.start)

    def span(self, index: int, offset: int = 0, length: int = 0) -> Span:
        """The place of `length` characters at `offset` in statement `index`."""
        statement = self.statements[index]
        physical = self.lines[index]
        source = self.origin or self
        path, line = locate(source.markers, source.path, physical)
        text = source.raw[physical - 1].rstrip("\r") if source.raw else statement
        if self.origin:
            # The body's line as written holds \parameters; show what it became.
            text = statement
        column = _column(text, statement, offset, self.occurrence(index))
        return Span(path, line, column, length or max(1, len(statement) - offset), text)

    def occurrence(self, index: int) -> int:
        """How many earlier statements of the same line are spelled the same."""
        line, statement = self.lines[index], self.statements[index]
        count = 0
        while index > 0 and self.lines[index - 1] == line:
            index -= 1
            count += self.statements[index] == statement
        return count

    def notes(self) -> tuple[Note, ...]:
        """The expansion chain, innermost first."""
        notes: list[Note] = []
        frame: Frame = self
        while frame.parent is not None:
            if len(notes) == 12:
                notes.append(Note("and more levels"))
                break
            index = max(0, frame.parent_index - 1)
            notes.append(Note(frame.note or "", frame.parent.span(index)))
            frame = frame.parent
        return tuple(notes)


def _column(text: str, statement: str, offset: int, occurrence: int) -> int:
    """The 1-based column in `text` of character `offset` of `statement`, as well as it is known."""
    start = text.find(statement)
    for _ in range(occurrence):
        start = text.find(statement, start + 1)
    if start >= 0:
        return start + offset + 1
    # Comments or character constants changed the statement; look for the word at the offset.
    if match := re.match(r"[\w.$%@]+", statement[offset:]):
        start = text.find(match[0])
        if start >= 0:
            return start + 1
    return len(text) - len(text.lstrip()) + 1
