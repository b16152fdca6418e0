"""GitHub annotations: an error for each result that is not good, a warning for each flaky one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Diagnostic, Note, Severity, Span
from orobuild.lint.reporters.github_report import command
from orobuild.testing.outcome import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orobuild.testing.outcome import CellResult, Result, Run


def report(run: Run, root: Path) -> str:  # noqa: ARG001 - every reporter's shape
    """One workflow command a result; cases that are missing alike are one."""
    return "".join(command(found) + "\n" for found in _diagnostics(run))


def _diagnostics(run: Run) -> Iterator[Diagnostic]:
    for cell in run.cells:
        missing = [r for r in cell.bad if r.kind is Kind.MISSING]
        for result in cell.results:
            if result.kind is Kind.FLAKY:
                yield _diagnostic(cell, result, Severity.WARNING)
            elif not result.is_good and (result.kind is not Kind.MISSING or len(missing) == 1):
                yield _diagnostic(cell, result, Severity.ERROR)
        if len(missing) > 1:
            names = ", ".join(result.name for result in missing)
            yield Diagnostic(
                Severity.ERROR,
                f"{len(missing)} tests were not reported: {names}",
                rule=f"{cell.name}: {Kind.MISSING.value}",
            )


def _diagnostic(cell: CellResult, result: Result, severity: Severity) -> Diagnostic:
    return Diagnostic(
        severity,
        result.reason or result.kind.value,
        Span(result.place.file, result.place.line) if result.place else None,
        rule=f"{cell.name}: {result.kind.value}: {result.name}",
        notes=tuple(Note(text) for text in result.evidence if text.strip() != result.reason),
    )
