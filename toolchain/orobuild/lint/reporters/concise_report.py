"""One line a finding: place, severity, message, code. What editors and grep like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import render
from orobuild.records import replace

if TYPE_CHECKING:
    from orobuild.diagnostics import Diagnostic
    from orobuild.lint.result import LintResult


def report(result: LintResult, *, color: bool) -> str:
    """One line a diagnostic; empty when there is none."""
    return "".join(render(_bare(d), color=color) + "\n" for d in result.diagnostics)


def _bare(diagnostic: Diagnostic) -> Diagnostic:
    span = replace(diagnostic.span, text=None) if diagnostic.span else None
    return replace(diagnostic, span=span, hint=None, notes=())
