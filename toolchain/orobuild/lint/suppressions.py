"""Suppressions in source: `orolint: ignore[RULE] reason` in a comment of the file's own syntax.

It holds for its own line, or, where it has a line for itself, for the next line that holds
anything but comments. `orolint: ignore-file[RULE] reason` holds for the whole file. What is wrong
with a suppression the rules of the family SUP say, which look at `Suppressions`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Severity, Span
from orobuild.lint.comments import Comment, Language, comments
from orobuild.lint.finding import Edit, Evidence, Finding, Fix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PLACEHOLDER: Final = "TODO"  # what --add-ignore leaves to be replaced by a reason
_MARK: Final = re.compile(
    r"orolint:[ \t]*(?P<word>[A-Za-z][\w-]*)[ \t]*(?P<list>\[(?P<codes>[^\]\n]*)\])?"
    r"[ \t]*[:-]?[ \t]*(?P<reason>[^\n]*)"
)
# What people write who know another linter.
_MEANT: Final = re.compile(
    r"(?:ig\w*re\w*|disable|noqa|allow|suppress|nolint)(?:[-_]\w+)*", re.IGNORECASE
)


@dataclass(slots=True, eq=False)
class Suppression:
    """One mark in a comment. `codes` are as written; `used` those that a finding has met.

    `lines` are those it holds for, empty for the whole file. `word` is `ignore`, `ignore-file`
    or what was written instead.
    """

    word: str
    codes: tuple[str, ...]
    reason: str
    lines: frozenset[int]
    span: Span
    comment: Comment
    has_list: bool
    used: set[str] = field(default_factory=set)

    @property
    def is_valid(self) -> bool:
        """Whether it suppresses anything: it is spelled right and gives a reason."""
        return self.word in ("ignore", "ignore-file") and bool(self.codes) and self.has_reason

    @property
    def has_reason(self) -> bool:
        """Whether somebody has said why."""
        return bool(re.search(r"\w", self.reason)) and not self.reason.startswith(PLACEHOLDER)


class Suppressions:
    """The suppressions of one file, and what is left of findings after them.

    `ran` are the codes of the rules that looked at the file, `lines` its text. `is_fragment`: other files include
    it, and only there may its findings show.
    """

    def __init__(
        self,
        marks: Sequence[Suppression],
        ran: Iterable[str],
        lines: Sequence[str],
        *,
        is_fragment: Callable[[], bool] = lambda: False,
    ) -> None:
        self.marks = marks
        self.ran = frozenset(ran)
        self.lines = lines
        self._is_fragment = is_fragment

    @property
    def is_fragment(self) -> bool:
        """Whether other files include this one."""
        return self._is_fragment()

    def apply(
        self,
        findings: Iterable[Finding],
        path: str,
        included: Callable[[str], Sequence[Suppression]] = lambda _path: (),
    ) -> tuple[Finding, ...]:
        """The findings that nothing suppresses; marks what was used.

        `included` gives the suppressions of a file that the checked one includes.
        """
        return tuple(f for f in findings if not self._suppress(f, path, included))

    def _suppress(
        self, finding: Finding, path: str, included: Callable[[str], Sequence[Suppression]]
    ) -> bool:
        span = finding.span
        places = [(self.marks, finding.line)]
        if span is not None:
            places.append((self.marks if span.path == path else included(span.path), span.line))
        hit = False
        for marks, line in places:
            for mark in marks:
                whole = mark.word == "ignore-file"
                if mark.is_valid and finding.rule in mark.codes and (whole or line in mark.lines):
                    mark.used.add(finding.rule)
                    hit = True
        return hit

    def finding(
        self, mark: Suppression, message: str, hint: str | None = None, fix: Fix | None = None
    ) -> Finding:
        """A finding about a mark; the engine sets its code and severity."""
        symbol = f"{mark.word}[{', '.join(mark.codes)}]"
        return Finding(
            Severity.ERROR, message, mark.span, hint, None, (), Evidence(symbol=symbol),
            mark.span.line, fix,
        )  # fmt: skip


def read(text: str, path: str, language: Language) -> list[Suppression]:
    """The marks in the comments of `text`, in order."""
    if "orolint:" not in text:
        return []
    lines = text.split("\n")
    found = []
    for comment in comments(text, language):
        for match in _MARK.finditer(comment.text):
            word = match["word"].lower()
            if word not in ("ignore", "ignore-file") and not _MEANT.fullmatch(word):
                continue
            codes = tuple(c.strip().upper() for c in (match["codes"] or "").split(",") if c.strip())
            before = comment.text[: match.start()]
            line = comment.line + before.count("\n")
            column = match.start() - before.rfind("\n")
            if line == comment.line:
                column += comment.column - 1
            found.append(
                Suppression(
                    word,
                    codes,
                    match["reason"].removesuffix("*/").strip(),
                    _lines(comment),
                    Span(path, line, column, len(match[0].rstrip()), lines[line - 1]),
                    comment,
                    match["list"] is not None,
                )
            )
    return found


def _lines(comment: Comment) -> frozenset[int]:
    own = range(comment.line, comment.end_line + 1)
    return frozenset(own) if comment.has_code else frozenset((*own, comment.following))


def without(mark: Suppression, codes: Iterable[str], lines: Sequence[str]) -> Fix | None:
    """A fix that takes `codes` out of a mark, and the comment away if nothing is left of it.

    None for a comment that says something else too, or spans lines.
    """
    comment, gone = mark.comment, set(codes)
    if comment.line != comment.end_line or len(_MARK.findall(comment.text)) != 1:
        return None
    kept = [code for code in mark.codes if code not in gone]
    match = _MARK.search(comment.text)
    assert match is not None
    if kept:
        start = comment.column + match.start("codes")
        end = comment.column + match.end("codes")
        edit = Edit(comment.line, start, comment.line, end, ", ".join(kept))
        return Fix(f"remove {', '.join(sorted(gone))}", (edit,), safe=True)
    if re.search(r"\w", comment.text[: match.start()]):
        return None
    line = lines[comment.line - 1]
    before, after = line[: comment.column - 1], line[comment.end_column - 1 :]
    if not before.strip() and not after.strip():
        edit = Edit(comment.line, 1, comment.line + 1, 1, "")
    elif not after.strip():
        edit = Edit(comment.line, len(before.rstrip()) + 1, comment.line, len(line) + 1, "")
        if line.endswith("\r"):
            edit = Edit(comment.line, len(before.rstrip()) + 1, comment.line, len(line), "")
    else:
        edit = Edit(comment.line, comment.column, comment.line, comment.end_column, " ")
    return Fix("remove the suppression", (edit,), safe=True)
