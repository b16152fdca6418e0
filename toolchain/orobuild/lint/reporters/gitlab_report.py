"""GitLab's code quality report.

Source: GitLab documentation, Code Quality, "Code Quality report format".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.fingerprint import unique

if TYPE_CHECKING:
    from orobuild.lint.result import LintResult

_SEVERITY = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def report(result: LintResult, *, color: bool) -> str:  # noqa: ARG001 - every reporter's shape
    """A JSON array, one object a diagnostic; fingerprints differ from each other."""
    issues = [
        {
            "description": diagnostic.message,
            "check_name": diagnostic.rule or "error",
            "fingerprint": key,
            "severity": _SEVERITY[diagnostic.severity],
            "location": {
                "path": diagnostic.span.path if diagnostic.span else "",
                "lines": {"begin": max(1, diagnostic.span.line if diagnostic.span else 1)},
            },
        }
        for diagnostic, key in zip(result.diagnostics, unique(result.diagnostics), strict=True)
    ]
    return json.dumps(issues, indent=2) + "\n"
