"""Diagnostics: what every stage says to the person whose input it reads.

A `Diagnostic` is a value. It owns its text and its place in the source; it never prints.
`render` turns it into the one shape that all tools share::

    asm/isr.S:12:5: error: unknown directive '.sectoin'
       12 |     .sectoin .text
          |     ^~~~~~~~
    hint: did you mean '.section'?

Lines and columns are 1-based; 0 means "not known". Columns count characters.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from orobuild.records import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Severity(enum.Enum):
    """How bad a diagnostic is; the value is the word that is printed."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in an input file.

    `path` is the name as the user gave it. `line` and `column` are 1-based, 0 when unknown.
    `length` is the number of characters to underline. `text` is the source line, without its
    newline, when it is at hand; it is shown above the caret.
    """

    path: str
    line: int = 0
    column: int = 0
    length: int = 1
    text: str | None = None

    def __str__(self) -> str:
        if not self.line:
            return self.path
        if not self.column:
            return f"{self.path}:{self.line}"
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Note:
    """A second place or fact that belongs to a diagnostic (a macro expansion, the other side)."""

    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding, error or warning.

    `rule` is a lint code (`SEG002`) or a short name of the check (`strict-section`); it is
    printed in brackets after the message. `notes` follow in order, innermost macro expansion
    first. `hint` says what to do.
    """

    severity: Severity
    message: str
    span: Span | None = None
    hint: str | None = None
    rule: str | None = None
    notes: tuple[Note, ...] = field(default=())

    def with_notes(self, *notes: Note) -> Diagnostic:
        """The same diagnostic with `notes` appended."""
        return replace(self, notes=self.notes + notes)


def error(
    message: str,
    span: Span | None = None,
    *,
    hint: str | None = None,
    rule: str | None = None,
    notes: Sequence[Note] = (),
) -> Diagnostic:
    """An error diagnostic."""
    return Diagnostic(Severity.ERROR, message, span, hint, rule, tuple(notes))


def warning(
    message: str,
    span: Span | None = None,
    *,
    hint: str | None = None,
    rule: str | None = None,
    notes: Sequence[Note] = (),
) -> Diagnostic:
    """A warning diagnostic."""
    return Diagnostic(Severity.WARNING, message, span, hint, rule, tuple(notes))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name in `known` that is most like `name`, or None when nothing is close."""
    import difflib  # only a mistake needs it, and every start would pay for it

    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint naming the nearest of `known`, or None."""
    match = nearest(name, known)
    return f"did you mean '{match}'?" if match else None


_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;35", Severity.NOTE: "1;36"}
_MAX_LINE = 240  # a longer source line is cut around the caret


def _printable(text: str) -> str:
    """`text` with control characters replaced, so that input cannot drive the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _source_lines(span: Span, paint: _Paint) -> list[str]:
    if span.text is None or not span.line:
        return []
    text, column = span.text.rstrip("\r\n"), span.column
    if len(text) > _MAX_LINE:
        start = max(0, min(column - 1 - _MAX_LINE // 2, len(text) - _MAX_LINE))
        text, column = text[start : start + _MAX_LINE], max(0, column - start)
    # A tab is one character; one space for it keeps the caret under its column.
    text = _printable(text).replace("\t", " ")
    column = min(column, len(text) + 1)  # a wrong column must not print a million spaces
    gutter = f"{span.line:>5}"
    lines = [f"{gutter} | {text}"]
    if column:
        width = max(1, min(span.length, len(text) - column + 1))
        marker = "^" + "~" * (width - 1)
        lines.append(f"{' ' * len(gutter)} | {' ' * (column - 1)}{paint('1;32', marker)}")
    return lines


class _Paint:
    def __init__(self, *, color: bool) -> None:
        self.color = color

    def __call__(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text


def render(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """`diagnostic` as people read it; several lines, no newline at the end."""
    paint = _Paint(color=color)
    place = f"{diagnostic.span}: " if diagnostic.span else ""
    word = paint(_COLORS[diagnostic.severity], f"{diagnostic.severity.value}:")
    rule = f" [{diagnostic.rule}]" if diagnostic.rule else ""
    lines = [f"{paint('1', _printable(place))}{word} {_printable(diagnostic.message)}{rule}"]
    if diagnostic.span:
        lines += _source_lines(diagnostic.span, paint)
    for note in diagnostic.notes:
        place = f"{note.span}: " if note.span else ""
        word = paint(_COLORS[Severity.NOTE], "note:")
        lines.append(f"{_printable(place)}{word} {_printable(note.message)}")
        if note.span:
            lines += _source_lines(note.span, paint)
    if diagnostic.hint:
        lines += [
            f"{paint('1;32', 'hint:')} {line}" if i == 0 else f"      {line}"
            for i, line in enumerate(map(_printable, diagnostic.hint.splitlines()))
        ]
    return "\n".join(lines)


def render_all(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """Every diagnostic, in order, each ended by a newline."""
    return "".join(render(d, color=color) + "\n" for d in diagnostics)
