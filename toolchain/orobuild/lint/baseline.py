"""A baseline: findings that were there when somebody began to lint, kept out of the report.

An entry is rule, path and symbol with a count, never a line, so that it outlives edits around the
finding. What it no longer meets is stale and is said, so that a baseline only shrinks.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orobuild.diagnostics import Span, error, warning
from orobuild.errors import InputError
from orobuild.lint.fingerprint import subject
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orobuild.lint.finding import Finding
    from orobuild.lint.result import LintResult

VERSION: Final = 1
Key = tuple[str, str, str]
"""Rule code, path, and the symbol or, where there is none, the message without its numbers."""


def key(finding: Finding, baseline: str) -> Key:
    """What a finding is known by in the file `baseline`, which its path is relative to."""
    path = finding.span.path if finding.span else ""
    return finding.rule or "", _relative(path, baseline), subject(finding)


def _relative(path: str, baseline: str) -> str:
    relative = os.path.relpath(path or ".", Path(baseline).parent)
    return relative.replace(os.sep, "/")


def write(findings: Iterable[Finding], baseline: str) -> str:
    """The text of a file `baseline` that holds `findings`; the same findings, the same text."""
    counts = sorted(Counter(key(f, baseline) for f in findings).items())
    entries = [
        {"rule": rule, "path": path, "symbol": symbol, "count": count}
        for (rule, path, symbol), count in counts
    ]
    return json.dumps({"version": VERSION, "findings": entries}, indent=2) + "\n"


def read(text: str, path: str) -> dict[Key, int]:
    """The counts in a baseline's text. Raises `InputError` for what is none."""
    try:
        document: Any = json.loads(text)
        if document["version"] != VERSION:
            raise InputError(
                error(f"a baseline of version {document['version']}", Span(path), rule="baseline")
            )
        known: Counter[Key] = Counter()
        for entry in document["findings"]:
            words = (entry["rule"], entry["path"], entry["symbol"])
            count = entry.get("count", 1)
            if not all(isinstance(w, str) for w in words) or not isinstance(count, int):
                raise TypeError
            known[words] += count
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as reason:
        raise InputError(
            error(
                "this is no baseline",
                Span(path, getattr(reason, "lineno", 0)),
                hint="write one with --write-baseline",
                rule="baseline",
            )
        ) from reason
    return dict(known)


def apply(result: LintResult, known: Mapping[Key, int], path: str) -> LintResult:
    """`result` without what the baseline `path` knows, and with its stale entries as warnings.

    An entry is stale only if its file was checked.
    """
    left = dict(known)
    findings = []
    for finding in result.findings:
        name = key(finding, path)
        if left.get(name, 0) > 0:
            left[name] -= 1
        else:
            findings.append(finding)
    checked = {_relative(p, path) for p in result.checked}
    stale = tuple(
        warning(
            f"stale entry: {rule} of '{symbol}' in {where} is not found any more"
            + (f" ({count} times)" if count > 1 else ""),
            Span(path),
            hint="write the baseline again with --write-baseline",
            rule="baseline",
        )
        for (rule, where, symbol), count in left.items()
        if count > 0 and where in checked
    )
    return replace(result, findings=tuple(findings), errors=(*result.errors, *stale))
