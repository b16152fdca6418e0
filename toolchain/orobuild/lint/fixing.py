"""Mending a text: fixes of findings applied, the result checked again until nothing is left.

It reads and writes no file. A fix is applied as a whole or not at all, and never over another;
a text that can no longer be read after its fixes stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orobuild.lint.finding import Edit, Finding

_ROUNDS: Final = 20


@dataclass(frozen=True, slots=True)
class Mended:
    """A text after its fixes: `applied` are the findings that they mended."""

    text: str
    applied: tuple[Finding, ...]


def mend(text: str, check: Callable[[str], Sequence[Finding]], *, unsafe: bool = False) -> Mended:
    """Apply the fixes of what `check` finds in `text`, safe ones or all, and check again.

    Raises what `check` raises for `text` itself.
    """
    applied: list[Finding] = []
    findings = check(text)
    seen = {text}
    for _ in range(_ROUNDS):
        wanted = [f for f in findings if f.fix and (unsafe or f.fix.safe)]
        changed, done = apply(text, wanted)
        if not done or changed in seen:
            break
        try:
            findings = check(changed)
        except InputError:
            break
        seen.add(changed)
        text = changed
        applied += done
    return Mended(text, tuple(applied))


def apply(text: str, findings: Iterable[Finding]) -> tuple[str, list[Finding]]:
    """`text` with the fixes of as many findings as do not overlap, and those findings."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    taken: list[tuple[int, int, str]] = []
    done = []
    for finding in findings:
        if finding.fix is None:
            continue
        pieces = [_piece(edit, starts, len(text)) for edit in finding.fix.edits]
        if None in pieces or any(_overlap(p, t) for p in pieces if p for t in taken):
            continue
        taken += [p for p in pieces if p is not None]
        done.append(finding)
    newline = "\r\n" if lines[0].endswith("\r") else "\n"
    for start, end, new in sorted(taken, reverse=True):
        text = text[:start] + new.replace("\n", newline) + text[end:]
    return text, done


def _piece(edit: Edit, starts: Sequence[int], size: int) -> tuple[int, int, str] | None:
    """(start, end, new text) of an edit by offsets; None if it is not in the text."""
    if not (0 < edit.line < len(starts) and 0 < edit.end_line <= len(starts)):
        return None
    start = starts[edit.line - 1] + edit.column - 1
    end = min(starts[edit.end_line - 1] + edit.end_column - 1, size)
    return (start, end, edit.text) if start <= end else None


def _overlap(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Whether two edits touch the same characters; two insertions at one place do, too."""
    if one[:2] == other[:2]:
        return True
    return one[0] < other[1] and other[0] < one[1]
