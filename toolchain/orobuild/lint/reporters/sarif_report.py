"""SARIF 2.1.0, which code hosts and editors read.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0, §3.13 to §3.52.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from orobuild import __version__
from orobuild.lint.finding import Finding
from orobuild.lint.fingerprint import fingerprint
from orobuild.lint.registry import rules

if TYPE_CHECKING:
    from orobuild.diagnostics import Diagnostic, Span
    from orobuild.lint.finding import Fix
    from orobuild.lint.result import LintResult
    from orobuild.lint.rule import Rule

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def report(result: LintResult, *, color: bool) -> str:  # noqa: ARG001 - every reporter's shape
    """One run with every rule, and one result a diagnostic."""
    table = rules()
    index = {code: i for i, code in enumerate(table)}
    run = {
        "tool": {
            "driver": {
                "name": "orolint",
                "version": __version__,
                "rules": [_rule(r) for r in table.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(path)}} for path in dict.fromkeys(result.checked)],
        "results": [_result(d, index) for d in result.diagnostics],
        "invocations": [
            {
                "executionSuccessful": not result.errors,
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": f"{path}: passed over as {why}"}}
                    for path, why in result.passed_over
                ],
            }
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.section("What it does")},
        "help": {
            "text": rule.section("Fix"),
            "markdown": (rule.documentation or "").strip(),
        },
        "defaultConfiguration": {"level": rule.severity.value, "enabled": rule.default},
    }


def _result(diagnostic: Diagnostic, index: dict[str, int]) -> dict[str, Any]:
    text = diagnostic.message + (f"\nhint: {diagnostic.hint}" if diagnostic.hint else "")
    result: dict[str, Any] = {
        "ruleId": diagnostic.rule or "error",
        "level": diagnostic.severity.value,
        "message": {"text": text},
    }
    if diagnostic.rule in index:
        result["ruleIndex"] = index[diagnostic.rule]
    address = diagnostic.evidence.address if isinstance(diagnostic, Finding) else None
    if diagnostic.span is not None:
        result["locations"] = [_location(diagnostic.span, address)]
    if isinstance(diagnostic, Finding):
        result["partialFingerprints"] = {"orolint/v1": fingerprint(diagnostic)}
        if diagnostic.fix is not None and diagnostic.span is not None:
            result["fixes"] = [_fix(diagnostic.fix, diagnostic.span.path)]
        if diagnostic.evidence.path and diagnostic.span is not None:
            result["codeFlows"] = [_code_flow(diagnostic, diagnostic.span)]
    return result


def _fix(fix: Fix, path: str) -> dict[str, Any]:
    replacements = [
        {
            "deletedRegion": {
                "startLine": edit.line,
                "startColumn": edit.column,
                "endLine": edit.end_line,
                "endColumn": edit.end_column,
            },
            "insertedContent": {"text": edit.text},
        }
        for edit in fix.edits
    ]
    change = {"artifactLocation": {"uri": _uri(path)}, "replacements": replacements}
    return {"description": {"text": fix.message}, "artifactChanges": [change]}


def _code_flow(finding: Finding, span: Span) -> dict[str, Any]:
    locations = [
        {
            "location": {
                **_location(span, step.address),
                "message": {"text": f"{step.place}: {step.instruction}"},
            }
        }
        for step in finding.evidence.path
    ]
    return {"threadFlows": [{"locations": locations}]}


def _location(span: Span, address: int | None) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(span.path)}}
    if span.line:
        physical["region"] = {"startLine": span.line}
        if span.column:
            physical["region"]["startColumn"] = span.column
    # §3.32.6 wants a JSON number, of which readers keep 53 bits; a kernel's address needs 64.
    if address is not None and address < 1 << 53:
        physical["address"] = {"absoluteAddress": address}
    location: dict[str, Any] = {"physicalLocation": physical}
    if address is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": f"{address:#x}"}]
    return location


def _uri(path: str) -> str:
    uri = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    return f"file://{uri}" if path.startswith("/") else uri
