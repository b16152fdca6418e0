"""Adding suppressions: a comment above each finding's line, with a reason or a place for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orobuild.lint.comments import Language, strings
from orobuild.lint.suppressions import PLACEHOLDER, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orobuild.lint.finding import Finding

MISSING: str = f"{PLACEHOLDER}: say why this is right here"


@dataclass(frozen=True, slots=True)
class Added:
    """A text with suppressions in it, the findings that got one, and those that could not."""

    text: str
    placed: tuple[Finding, ...]
    unplaced: tuple[Finding, ...]


def add(text: str, language: Language, findings: Iterable[Finding], reason: str = "") -> Added:
    """Put a comment above the line of each finding; without a `reason` it waits for one.

    No comment fits behind a line that a backslash continues, and none suppresses what the comments
    themselves do wrong (SUP).
    """
    lines = text.split("\n")
    wanted: dict[int, dict[str, None]] = {}
    placed, unplaced = [], []
    said = {(line, code) for m in read(text, "", language) for line in m.lines for code in m.codes}
    for finding in findings:
        number = finding.line or (finding.span.line if finding.span else 0)
        code = finding.rule or ""
        if (
            not 0 < number <= len(lines)
            or code.startswith("SUP")
            or (number, code) in said
            or (number > 1 and lines[number - 2].rstrip().endswith("\\"))
        ):
            unplaced.append(finding)
            continue
        wanted.setdefault(number, {})[code] = None
        placed.append(finding)
    inside = _lines_in_strings(text, language)
    for number in sorted(wanted, reverse=True):
        line = lines[number - 1]
        indent = line[: len(line) - len(line.lstrip())]
        ending = "\r" if line.endswith("\r") else ""
        own = Language.ASSEMBLY if number in inside else language
        mark = f"orolint: ignore[{', '.join(wanted[number])}] {reason.strip() or MISSING}"
        lines.insert(number - 1, f"{indent.rstrip(chr(13))}{own.comment(mark)}{ending}")
    return Added("\n".join(lines), tuple(placed), tuple(unplaced))


def _lines_in_strings(text: str, language: Language) -> set[int]:
    """The lines (1-based) that begin inside a string: what is added there must be assembly's."""
    found: set[int] = set()
    if language not in (Language.C, Language.RUST):
        return found
    for start, end in strings(text, language):
        first = text.count("\n", 0, start) + 1
        found.update(range(first + 1, first + 1 + text.count("\n", start, end)))
    return found
