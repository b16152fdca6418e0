"""JUnit XML: a test suite a file, a failed test case a finding, a passed one when clean."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from orobuild.diagnostics import render

if TYPE_CHECKING:
    from orobuild.diagnostics import Diagnostic
    from orobuild.lint.result import LintResult

# XML 1.0 §2.2 Char: what a document may hold; a path or a symbol may hold anything.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(result: LintResult, *, color: bool) -> str:  # noqa: ARG001 - every reporter's shape
    """The document, with its declaration."""
    by_path: dict[str, list[Diagnostic]] = {path: [] for path in result.checked}
    for diagnostic in result.diagnostics:
        by_path.setdefault(diagnostic.span.path if diagnostic.span else "", []).append(diagnostic)
    root = ET.Element("testsuites", name="orolint")
    for path, diagnostics in by_path.items():
        suite = ET.SubElement(
            root,
            "testsuite",
            name=clean(path),
            tests=str(max(1, len(diagnostics))),
            failures=str(len(diagnostics)),
            errors="0",
        )
        if not diagnostics:
            ET.SubElement(suite, "testcase", name="orolint", classname=clean(path))
        for diagnostic in diagnostics:
            case = ET.SubElement(
                suite, "testcase", name=diagnostic.rule or "error", classname=clean(path)
            )
            failure = ET.SubElement(
                case,
                "failure",
                message=clean(diagnostic.message),
                type=diagnostic.severity.value,
            )
            failure.text = clean(render(diagnostic))
    return document(root)


def document(root: ET.Element) -> str:
    """`root` as a whole document, with its declaration."""
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def clean(text: str) -> str:
    """`text` without the characters that no XML document may hold."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
