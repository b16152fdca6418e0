"""JUnit XML: a test suite a cell, a test case a result.

As Maven's Surefire writes it and Jenkins, GitLab and others read it: `failure` for what the kernel did
wrong, `error` for what could not be tested, `flakyFailure` in a case that passed when it was tried again.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from orobuild.lint.reporters.junit_report import clean, document
from orobuild.testing.outcome import ERRORS, Kind
from orobuild.testing.reporters import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orobuild.testing.cell import Cell
    from orobuild.testing.outcome import CellResult, Result, Run

_SKIPPED = (Kind.SKIPPED, Kind.EXPECTED_FAILURE)


def report(run: Run, root: Path) -> str:
    """The document, with its declaration."""
    results = [result for _, result in run.results()]
    numbers = _numbers(results, run.seconds)
    suites = ET.Element("testsuites", {"name": clean(run.project), **numbers})
    for cell in run.cells:
        _suite(suites, cell, root)
    return document(suites)


def _numbers(results: Sequence[Result], seconds: float) -> dict[str, str]:
    bad = [result for result in results if not result.is_good]
    errors = sum(result.kind in ERRORS for result in bad)
    return {
        "tests": str(len(results)),
        "failures": str(len(bad) - errors),
        "errors": str(errors),
        "time": f"{seconds:.3f}",
    }


def _suite(parent: ET.Element, cell: CellResult, root: Path) -> None:
    skipped = sum(result.kind in _SKIPPED for result in cell.results)
    numbers = {**_numbers(cell.results, cell.seconds), "skipped": str(skipped)}
    suite = ET.SubElement(parent, "testsuite", {"name": clean(cell.name), **numbers})
    properties = ET.SubElement(suite, "properties")
    facts = {
        "profile": cell.cell.profile,
        "emulator": cell.cell.emulator,
        "boot": cell.cell.boot,
        **({} if cell.cell.is_place else _of_emulator(cell.cell)),
        "attempts": str(cell.attempts),
        "log": shown(cell.log, root) if cell.log else "",
    }
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=clean(value))
    for result in cell.results:
        _case(suite, cell, result)
    if not cell.passed and cell.tail:
        ET.SubElement(suite, "system-out").text = clean("\n".join(cell.tail))


def _of_emulator(cell: Cell) -> dict[str, str]:
    """What is known of a machine because an emulator was told to make it."""
    return {
        "firmware": cell.firmware,
        "machine": cell.machine,
        "cpu": cell.cpu,
        "cores": str(cell.cores),
        "memory-mib": str(cell.memory_mib),
    }


def _case(suite: ET.Element, cell: CellResult, result: Result) -> None:
    *above, name = result.path
    case = ET.SubElement(
        suite,
        "testcase",
        name=clean(name),
        classname=clean(".".join([cell.name, *above])),
        time=f"{result.seconds:.3f}",
    )
    if result.kind in _SKIPPED:
        word = "expected failure: " if result.kind is Kind.EXPECTED_FAILURE else ""
        ET.SubElement(case, "skipped", message=clean(word + result.reason))
        return
    if result.kind is Kind.PASSED:
        return
    told = result.first or result
    tag = "error" if result.kind in ERRORS else "failure"
    problem = ET.SubElement(
        case,
        "flakyFailure" if result.kind is Kind.FLAKY else tag,
        message=clean(told.reason or told.kind.value),
        type=told.kind.value,
    )
    if result.place:
        case.set("file", clean(result.place.file))
        case.set("line", str(result.place.line))
    problem.text = clean("\n".join(result.evidence))
