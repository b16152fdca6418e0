"""KTAP logs: complete, nested, mixed with other text, cut off, and wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orobuild.machine.ktap import Parser, Status, parse

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


def statuses(text):
    return {"/".join(path): (result.status, result.comment) for path, result in named(text)}


def named(text):
    return parse(lines(text)).leaves()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ok 1 a # SKIP no device", (Status.SKIPPED, "no device")),
        ("ok 1 a #skip: no device", (Status.SKIPPED, "no device")),
        ("ok 1 # skip", (Status.SKIPPED, "")),
        ("not ok 1 a # TODO later", (Status.EXPECTED_FAILURE, "later")),
        ("ok 1 a # TODO later", (Status.PASSED, "later")),
        ("ok 1 a # XFAIL known", (Status.EXPECTED_FAILURE, "known")),
        ("not ok 1 a # TIMEOUT 45 seconds", (Status.TIMED_OUT, "45 seconds")),
        ("not ok 1 a # ERROR no memory", (Status.ERROR, "no memory")),
        ("ok 1 - a # in 3 ms", (Status.PASSED, "in 3 ms")),
        (
            "not ok 1 a # skipping is not what this says",
            (Status.FAILED, "skipping is not what this says"),
        ),
    ],
)
def test_directives(line, expected):
    (found,) = statuses(f"KTAP version 1\n1..1\n{line}\n").values()
    assert found == expected


@pytest.mark.parametrize(
    ("rest", "name"),
    [
        ("list#add", "list#add"),
        ("- C# and F# # SKIP no", "C# and F#"),
        ("a \\# b # c", "a # b"),
        ("- ", "test 1"),
        ("", "test 1"),
        ("vector 0x20 -> 32", "vector 0x20 -> 32"),
    ],
)
def test_names_may_have_any_character(rest, name):
    ((path, _),) = named(f"KTAP version 1\n1..1\nok 1 {rest}\n")
    assert path == (name,)


def test_time_stamps_before_every_line_are_no_part_of_it():
    plain = KERNEL_DOC.splitlines()
    stamped = [f"[{0.1 * n + 9.95:12.6f}] {line}" for n, line in enumerate(plain)]
    mixed = ["[    0.000000] Linux", *stamped, "[  100.000000] reboot"]
    assert names(parse(mixed)) == names(parse(plain))


@pytest.mark.parametrize("prefix", ["<6>", "[INFO] ", "kernel: ", "\x1b[32m", "cpu0| "])
def test_other_things_may_stand_there(prefix):
    log = parse([f"{prefix}{line}" for line in KERNEL_DOC.splitlines()])
    assert names(log) == names(parse(lines(KERNEL_DOC)))


def test_lines_of_other_cores_between_and_colours_do_not_matter():
    noisy = []
    for number, line in enumerate(KERNEL_DOC.splitlines()):
        noisy += [line, f"oro: core={number} ticks=7", "\x1b[1mwarning: 1..4 of 9\x1b[0m"]
    assert names(parse(noisy)) == names(parse(lines(KERNEL_DOC)))


def test_a_line_that_is_lost_is_missing_and_the_others_keep_their_numbers():
    log = parse(lines("KTAP version 1\n1..4\nok 1 a\nok 3 c\nok 4 d\n"))
    assert names(log) == {
        "a": Status.PASSED,
        "test 2": Status.MISSING,
        "c": Status.PASSED,
        "d": Status.PASSED,
    }
    assert log.problems == ("4 tests were planned, 3 reported",)
    assert [p for test in log.tests for p in test.problems] == ["result 3 where 2 was expected"]


def test_a_plan_may_skip_everything():
    assert statuses("KTAP version 1\n1..0 # SKIP no hardware\n") == {
        "all tests": (Status.SKIPPED, "no hardware")
    }
    text = "KTAP version 1\n1..1\n  KTAP version 1\n  1..0 # SKIP no TPM\nok 1 tpm\n"
    assert statuses(text) == {"tpm": (Status.SKIPPED, "no TPM")}


def test_a_plan_at_the_end_and_two_plans():
    assert parse(lines("TAP version 14\nok 1 a\nok 2 b\n1..2\n")).passed
    log = parse(lines("TAP version 14\n1..2\nok 1 a\nok 2 b\n1..3\n"))
    assert log.problems == ("a second plan: 1..3 after 1..2",)


def test_results_without_a_number_as_tap_allows_them():
    assert list(names(parse(lines("TAP version 13\n1..2\nok - a\nok - b\n")))) == ["a", "b"]
    assert not parse(lines("TAP version 13\n1..1\nok then\n")).passed


def test_bailing_out_is_no_pass():
    log = parse(lines("TAP version 13\n1..1\nok 1 a\nBail out! the disk is full\n"))
    assert log.problems == ("bailed out: the disk is full",)
    assert not log.passed


def test_a_suite_is_called_by_its_subtest_line_where_its_result_has_no_name():
    text = "KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: smp\n  1..1\n  ok 1 a\nok 1\n"
    assert list(names(parse(lines(text)))) == ["smp/a"]


def test_what_runs_is_known_at_every_moment():
    parser = Parser()
    seen = []
    for number, line in enumerate(lines(KERNEL_DOC)):
        parser.line(line, float(number))
        seen.append((parser.results, parser.running, parser.is_complete))
    assert seen[4] == (0, ("test 1", "test 1", "test 1"), False)
    assert seen[-2][2] is False
    assert seen[-1] == (10, ("test 2",), True)
    assert parser.end().complete


def test_results_know_how_long_after_the_line_before_them_they_came():
    parser = Parser()
    for at, line in enumerate(("KTAP version 1", "1..2", "ok 1 a", "# noise", "ok 2 b")):
        parser.line(line, at * 1.5)
    assert [test.seconds for test in parser.end().tests] == [1.5, 3.0]


def test_nesting_without_end_is_bounded():
    log = parse([f"{'  ' * depth}KTAP version 1" for depth in range(5000)])
    assert not log.passed


@given(st.binary(max_size=400), st.integers(0, len(KERNEL_DOC)))
def test_random_bytes_in_the_middle_never_make_a_truncated_log_pass(noise, at):
    text = KERNEL_DOC[:at] + noise.decode("utf-8", "replace") + KERNEL_DOC[at:]
    assert not parse(text.split("\n")).passed
