"""KTAP logs: complete, nested, mixed with other text, cut off, and wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orobuild.machine.ktap import Status, parse

# Linux, Documentation/dev-tools/ktap.rst, "Example KTAP output"
KERNEL_DOC = """\
KTAP version 1
1..1
  KTAP version 1
  1..3
    KTAP version 1
    1..1
    # test_1: initializing test_1
    ok 1 test_1
  ok 1 example_test_1
    KTAP version 1
    1..2
    ok 1 test_1 # SKIP test_1 skipped
    ok 2 test_2
  ok 2 example_test_2
    KTAP version 1
    1..3
    ok 1 test_1
    # test_2: FAIL
    not ok 2 test_2
    ok 3 test_3 # SKIP test_3 skipped
  not ok 3 example_test_3
not ok 1 main_test
"""


def lines(text):
    return text.splitlines()


def names(log):
    return {"/".join(path): result.status for path, result in log.leaves()}


def test_the_example_of_the_specification():
    log = parse(lines(KERNEL_DOC))

    assert names(log) == {
        "main_test/example_test_1/test_1": Status.PASSED,
        "main_test/example_test_2/test_1": Status.SKIPPED,
        "main_test/example_test_2/test_2": Status.PASSED,
        "main_test/example_test_3/test_1": Status.PASSED,
        "main_test/example_test_3/test_2": Status.FAILED,
        "main_test/example_test_3/test_3": Status.SKIPPED,
    }
    assert not log.passed
    assert not log.problems
    assert all(not result.problems for _, result in log.leaves())
    assert log.count(Status.SKIPPED) == 2


def test_diagnostics_belong_to_the_result_that_follows():
    log = parse(lines(KERNEL_DOC))

    found = {"/".join(path): r.diagnostics for path, r in log.leaves() if r.diagnostics}
    assert found == {
        "main_test/example_test_1/test_1": ("test_1: initializing test_1",),
        "main_test/example_test_3/test_2": ("test_2: FAIL",),
    }


def test_text_of_the_machine_around_and_between_is_no_test():
    log = parse(
        lines(
            "SeaBIOS\nok 1 no test yet\noro: boot protocol=pvh\nKTAP version 1\n1..2\n"
            "timer calibrated\nok 1 - first\nnot okay\nok 2 - second # took 3 ms\nbye\n"
        )
    )

    assert names(log) == {"first": Status.PASSED, "second": Status.PASSED}
    assert log.tests[0].diagnostics == ("timer calibrated",)
    assert log.passed


def test_carriage_returns_do_not_matter():
    assert parse(["KTAP version 1\r", "1..1\r", "ok 1 a\r"]).passed


def test_a_log_cut_off_before_the_planned_end_has_missing_tests():
    log = parse(lines("KTAP version 1\n1..3\nok 1 first\n"))

    assert names(log) == {
        "first": Status.PASSED,
        "test 2": Status.MISSING,
        "test 3": Status.MISSING,
    }
    assert not log.passed
    assert log.problems == ("3 tests were planned, 1 reported",)


def test_a_log_cut_off_inside_a_subtest_keeps_what_ran():
    log = parse(
        lines(
            "KTAP version 1\n1..2\n  KTAP version 1\n  # Subtest: memory\n  1..2\n  ok 1 buddy\n"
            "  # slab: allocating\n"
        )
    )

    assert names(log)["memory/buddy"] is Status.PASSED
    assert names(log)["memory/test 2"] is Status.MISSING
    assert log.tests[0].subtests[1].diagnostics == ("slab: allocating",)
    assert not log.passed


def test_a_parent_that_passes_over_a_failed_subtest_is_corrected():
    log = parse(lines("KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 a\nok 1 b\n"))

    assert log.tests[0].status is Status.FAILED
    assert "subtest did not pass" in log.tests[0].problems[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("KTAP version 1\n1..2\nok 1 a\nok 3 c\n", "result 3 where 2 was expected"),
        ("KTAP version 1\n1..1\nok 1 a\nok 1 a\n", "result 1 where 2 was expected"),
    ],
)
def test_numbers_out_of_order_are_noticed(text, problem):
    log = parse(lines(text))

    assert problem in [p for test in log.tests for p in test.problems]
    assert not log.passed


def test_more_tests_than_planned_are_noticed():
    assert parse(lines("KTAP version 1\n1..1\nok 1 a\nok 2 b\n")).problems == (
        "1 tests were planned, 2 reported",
    )


def test_a_timeout_is_told_apart():
    log = parse(lines("KTAP version 1\n1..1\nnot ok 1 slow # TIMEOUT 30 s\n"))

    assert (log.tests[0].status, log.tests[0].comment) == (Status.TIMED_OUT, "30 s")


@pytest.mark.parametrize("text", ["", "hello\n", "ok 1 a\n", "1..3\n"])
def test_a_log_without_a_version_line_has_no_ktap(text):
    log = parse(lines(text))

    assert not log.found
    assert not log.passed


def test_a_plan_of_a_billion_is_not_believed_to_the_last():
    assert len(parse(lines("KTAP version 1\n1..999999999\n")).tests) == 10_000


def test_an_empty_plan_does_not_count_as_passed():
    assert not parse(lines("KTAP version 1\n1..0\n")).passed


@given(st.integers(0, len(KERNEL_DOC)))
def test_every_prefix_of_a_log_is_a_result(size):
    log = parse(lines(KERNEL_DOC[:size]))

    reported = {name: s for name, s in names(log).items() if s is not Status.MISSING}
    complete = names(parse(lines(KERNEL_DOC)))
    assert size == len(KERNEL_DOC) or not log.passed
    assert len(reported) <= len(complete)


@given(
    st.lists(
        st.sampled_from(
            [
                "KTAP version 1",
                "1..2",
                "ok 1 a",
                "not ok 2 b",
                "ok 2 c # SKIP",
                "# d",
                "# Subtest: e",
                "text",
                "",
            ]
        ).flatmap(lambda line: st.sampled_from([line, "  " + line, "    " + line, "   " + line]))
    )
)
def test_nothing_makes_the_parser_fail(log):
    parse(log)
