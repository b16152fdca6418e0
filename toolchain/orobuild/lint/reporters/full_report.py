"""Everything, for people: message, source line, evidence, hint, and a count at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity, render

if TYPE_CHECKING:
    from orobuild.lint.result import LintResult


def report(result: LintResult, *, color: bool) -> str:
    """One block a diagnostic, an empty line between them, a summary line."""
    blocks = [render(d, color=color) for d in result.diagnostics]
    return "\n\n".join([*blocks, summary(result)]) + "\n"


def summary(result: LintResult) -> str:
    """`2 errors, 1 warning in 3 files`, or that nothing was found."""
    files = _count(len(result.checked), "file")
    if result.is_clean:
        return f"no findings in {files}"
    severities = [d.severity for d in result.diagnostics]
    counts = [_count(severities.count(s), s.value) for s in Severity if s in severities]
    return f"{', '.join(counts)} in {files}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
