"""One run in every format, read back by what is not ours: a JSON schema's checker, a JUnit reader."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import junitparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orobuild.testing import reporters
from orobuild.testing.outcome import CellResult, Kind, Place, Result, Run
from orobuild.testing.reporters import human_report, json_report
from testing.parrot import CELL

ROOT = Path("/project")
FAILED = Result(
    path=("frames", "order"),
    kind=Kind.FAILED,
    reason="frames.c:40: order is 0x3, not 0x2",
    evidence=("frames.c:40: order is 0x3, not 0x2", "100% wrong"),
    place=Place("mm/frames.c", 40),
    seconds=0.25,
)
RESULTS = (
    Result(path=("frames", "spare"), kind=Kind.PASSED, seconds=0.5),
    FAILED,
    Result(path=("smp", "wakes"), kind=Kind.SKIPPED, reason="one core"),
    Result(path=("smp", "sleeps"), kind=Kind.EXPECTED_FAILURE, reason="not yet"),
    replace(FAILED, path=("smp", "locks"), kind=Kind.FLAKY, first=FAILED),
    Result(path=("test 3",), kind=Kind.MISSING, reason="promised by the plan, and not reported"),
    Result(path=("test 4",), kind=Kind.MISSING, reason="promised by the plan, and not reported"),
    Result(path=("[boot]",), kind=Kind.CRASH, reason="signal 11 ended the emulator"),
)
BAD = CellResult(
    cell=CELL,
    results=RESULTS,
    attempts=2,
    seconds=3.5,
    log=ROOT / "build/release/test/a.retry1.log",
    earlier_logs=(ROOT / "build/release/test/a.log",),
    tail=("last words \x1b[31m\x00",),
    suites=("frames", "smp"),
)
GOOD = CellResult(cell=replace(CELL, cores=2), results=RESULTS[:1], seconds=1.0, suites=("frames",))
RUN = Run(project="oro", cells=(BAD, GOOD), seconds=4.0)


def report(name, run=RUN):
    return reporters.report(run, name, ROOT)


def test_json_is_what_its_schema_says():
    value = json.loads(report("json"))
    jsonschema.validate(value, json_report.schema())
    assert value["counts"] == {
        "passed": 2,
        "flaky": 1,
        "skipped": 1,
        "expected failure": 1,
        "failed": 1,
        "missing": 2,
        "emulator crash": 1,
    }
    bad = value["cells"][0]
    assert (bad["log"], bad["earlier-logs"]) == (
        "build/release/test/a.retry1.log",
        ["build/release/test/a.log"],
    )
    assert bad["results"][4]["first"]["kind"] == "failed"


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.pop("status"),
        lambda value: value["cells"][0].update(colour="red"),
        lambda value: value["cells"][0]["results"][0].update(kind="fine"),
        lambda value: value["cells"][0]["results"][4]["first"].pop("good"),
    ],
)
def test_the_schema_sees_a_document_that_is_wrong(change):
    value = json.loads(report("json"))
    change(value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, json_report.schema())


def test_the_published_schema_is_current(root):
    published = json.loads((root / "docs" / "test-report.schema.json").read_text())
    assert published == json_report.schema(), (
        "run: python -m orobuild.testing.reporters.json_report > docs/test-report.schema.json"
    )


def junit(run=RUN):
    return junitparser.JUnitXml.fromstring(report("junit", run).encode())


def test_junit_is_read_by_another_reader():
    suites = list(junit())
    assert [suite.name for suite in suites] == [BAD.name, GOOD.name]
    first = suites[0]
    assert (first.tests, first.failures, first.errors, first.skipped) == (8, 3, 1, 2)
    assert first.time == 3.5
    cases = {case.name: case for case in first}
    assert cases["order"].classname == f"{BAD.name}.frames"
    (failure,) = cases["order"].result
    assert isinstance(failure, junitparser.Failure)
    assert failure.message == "frames.c:40: order is 0x3, not 0x2"
    assert failure.type == "failed"
    assert "100% wrong" in failure.text
    (error,) = cases["[boot]"].result
    assert isinstance(error, junitparser.Error)
    assert [type(r) for r in cases["wakes"].result] == [junitparser.Skipped]
    assert cases["spare"].result == []
    assert {p.name: p.value for p in first.properties()}["cores"] == "1"
    # The counts that it makes itself are those that the document gives.
    given_counts = (first.tests, first.failures, first.errors, first.skipped)
    first.update_statistics()
    assert (first.tests, first.failures, first.errors, first.skipped) == given_counts


def test_a_flaky_case_of_junit_is_no_failure_and_has_its_first_evidence():
    from junitparser import xunit2

    suites = xunit2.JUnitXml.fromstring(report("junit").encode())
    (flaky,) = [case for suite in suites for case in suite if case.name == "locks"]
    assert next(iter(flaky.iterchildren(xunit2.FlakyFailure))).message == FAILED.reason
    assert not flaky.result


def test_github_has_an_annotation_for_each_thing_to_look_at():
    lines = report("github").splitlines()
    assert len(lines) == 4
    assert lines[0] == (
        "::error file=mm/frames.c,line=40,title=release-pvh-q35-max-1c-16M%3A failed%3A frames/order"
        "::frames.c:40: order is 0x3, not 0x2%0A100%25 wrong"
    )
    assert lines[1].startswith("::warning file=mm/frames.c")
    assert lines[3] == (
        "::error title=release-pvh-q35-max-1c-16M%3A missing::2 tests were not reported: test 3, test 4"
    )


def test_people_read_what_is_wrong_first_and_the_numbers_last():
    text = report("human")
    lines = text.splitlines()
    assert lines[0] == "── emulator crash  release-pvh-q35-max-1c-16M  [boot]"
    assert "   │ last words" in text
    assert "── failed  release-pvh-q35-max-1c-16M  frames/order" in lines
    assert "── missing: 2  release-pvh-q35-max-1c-16M  test 3, test 4" in lines
    assert "   log  build/release/test/a.retry1.log" in lines
    assert lines[-1].startswith("2 cells: 1 passed, 1 not  2 passed, 1 flaky")
    assert "\x1b" not in text  # what a console says does not change a terminal's colours


def test_people_are_told_how_often_what_failed():
    again = tuple(replace(BAD, repetition=n) for n in (1, 2))
    fine = replace(GOOD, cell=CELL, repetition=3)
    run = Run(project="oro", cells=(*again, fine), seconds=1.0)
    assert f"frames/order failed in 2 of 3 runs of {CELL.name}" in report("human", run)


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ((Kind.PASSED,), 0),
        ((Kind.FLAKY, Kind.SKIPPED, Kind.EXPECTED_FAILURE), 0),
        ((Kind.PASSED, Kind.LINT), 1),
        ((Kind.NOT_STARTED,), 2),
        ((Kind.NOT_STARTED, Kind.HANG), 1),
    ],
)
def test_the_exit_status(kinds, status):
    results = tuple(Result(path=(str(n),), kind=kind) for n, kind in enumerate(kinds))
    run = Run(project="oro", cells=(CellResult(cell=CELL, results=results),), seconds=0.0)
    assert run.status == status
    assert run.passed is (status == 0)


anything = st.text(st.characters(codec="utf-8"), max_size=20)
some_results = st.builds(
    Result,
    path=st.lists(anything, min_size=1, max_size=3).map(tuple),
    kind=st.sampled_from(Kind),
    reason=anything,
    evidence=st.lists(anything, max_size=3).map(tuple),
    place=st.none() | st.builds(Place, anything, st.integers(0, 10**6)),
    seconds=st.floats(0, 1e6),
    first=st.none() | st.just(FAILED),
)
some_runs = st.builds(
    Run,
    project=anything,
    cells=st.lists(
        st.builds(
            CellResult,
            cell=st.just(CELL),
            results=st.lists(some_results, max_size=4).map(tuple),
            repetition=st.integers(0, 3),
            tail=st.lists(anything, max_size=3).map(tuple),
            suites=st.lists(anything, max_size=3).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    seconds=st.floats(0, 1e6),
    interrupted=st.booleans(),
)


@settings(max_examples=12)
@given(some_runs)
def test_whatever_a_console_holds_every_format_can_be_read(run):
    jsonschema.validate(json.loads(report("json", run)), json_report.schema())
    suites = list(junit(run))
    assert sum(suite.tests for suite in suites) == sum(len(cell.results) for cell in run.cells)
    for line in report("github", run).split("\n")[:-1]:
        assert re.match(r"::(error|warning) ", line)
    report("human", run)
    for cell in run.cells:
        assert "\n" not in human_report.line(cell)
