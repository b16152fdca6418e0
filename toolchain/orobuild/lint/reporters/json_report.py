"""A JSON array of findings with all their evidence; addresses are `0x` strings.

A number would lose bits: JSON readers hold 53 of them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orobuild.lint.finding import Finding

if TYPE_CHECKING:
    from orobuild.diagnostics import Diagnostic, Span
    from orobuild.lint.finding import Evidence, Fix
    from orobuild.lint.result import LintResult


def report(result: LintResult, *, color: bool) -> str:  # noqa: ARG001 - every reporter's shape
    """An array, one object a diagnostic."""
    return json.dumps([_object(d) for d in result.diagnostics], indent=2) + "\n"


def _object(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.rule,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        **_place(diagnostic.span),
        "notes": [{"message": n.message, **_place(n.span)} for n in diagnostic.notes],
        "evidence": _evidence(diagnostic.evidence) if isinstance(diagnostic, Finding) else None,
        "fix": _fix(diagnostic.fix) if isinstance(diagnostic, Finding) and diagnostic.fix else None,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "message": fix.message,
        "applicability": "safe" if fix.safe else "unsafe",
        "edits": [
            {
                "location": {"line": edit.line, "column": edit.column},
                "end_location": {"line": edit.end_line, "column": edit.end_column},
                "content": edit.text,
            }
            for edit in fix.edits
        ],
    }


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return {"path": None, "line": None, "column": None}
    return {"path": span.path, "line": span.line or None, "column": span.column or None}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "address": None if evidence.address is None else f"{evidence.address:#x}",
        "symbol": evidence.symbol,
        "section": evidence.section,
        "segment": evidence.segment,
        "root": evidence.root,
        "path": [
            {
                "address": f"{step.address:#x}",
                "place": step.place,
                "instruction": step.instruction,
                "target": f"{step.target:#x}",
            }
            for step in evidence.path
        ],
        "facts": dict(evidence.facts),
    }
