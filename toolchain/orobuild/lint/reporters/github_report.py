"""GitHub Actions workflow commands: findings become annotations.

Source: GitHub documentation, Workflow commands, "Setting an error message" and the escapes of
`@actions/core`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity

if TYPE_CHECKING:
    from orobuild.diagnostics import Diagnostic
    from orobuild.lint.result import LintResult

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def report(result: LintResult, *, color: bool) -> str:  # noqa: ARG001 - every reporter's shape
    """One command a diagnostic."""
    return "".join(command(d) + "\n" for d in result.diagnostics)


def command(diagnostic: Diagnostic) -> str:
    """The command that annotates one diagnostic's place; its rule is the title."""
    properties = []
    if diagnostic.span is not None:
        properties.append(("file", diagnostic.span.path))
        if diagnostic.span.line:
            properties.append(("line", str(diagnostic.span.line)))
        if diagnostic.span.column:
            properties.append(("col", str(diagnostic.span.column)))
    properties.append(("title", diagnostic.rule or "orolint"))
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties)
    lines = [diagnostic.message, *(n.message for n in diagnostic.notes)]
    if diagnostic.hint:
        lines.append(f"hint: {diagnostic.hint}")
    return f"::{_COMMAND[diagnostic.severity]} {listed}::{_data(chr(10).join(lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
