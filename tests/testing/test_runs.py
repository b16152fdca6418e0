"""Runs of several machines: retries, repetitions, filters, comparison of cells, ending early."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from orobuild.errors import UsageError
from orobuild.testing import comparison, selection
from orobuild.testing.flag import Flag
from orobuild.testing.outcome import CellResult, Kind, Result
from testing.parrot import CELL, TWO_SUITES

FAILS = TWO_SUITES.replace("ok 2 spare\nok 1", "# frames.c:9: lost\n  not ok 2 spare\nnot ok 1")
TWO_CORES = replace(CELL, cores=2)


@pytest.fixture
def changing_kernel(tmp_path, monkeypatch):
    """Makes QEMU start its kernel with another command line at each boot; the last one stays."""

    def change(*texts):
        for number, text in enumerate(texts):
            (tmp_path / f"text{number}").write_text(text)
        wrapper = tmp_path / "bin" / "qemu-system-x86_64"
        wrapper.parent.mkdir()
        wrapper.write_text(
            "#!/bin/bash\n"
            f"cd {tmp_path}; n=0; while ! mkdir boot$n 2>/dev/null; do n=$((n+1)); done\n"
            f"[ $n -lt {len(texts)} ] || n={len(texts) - 1}\n"
            'words=("$@")\n'
            'for i in "${!words[@]}"; do\n'
            '  [ "${words[$i]}" = -append ] && words[$((i+1))]="$(cat text$n)"\n'
            "done\n"
            f'exec {shutil.which("qemu-system-x86_64")} "${{words[@]}}"\n'
        )
        wrapper.chmod(0o755)
        monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")

    return change


def test_what_passes_only_on_a_retry_is_flaky_and_keeps_its_first_evidence(parrot, changing_kernel):
    changing_kernel(FAILS + "@f", TWO_SUITES + "@p")
    run = parrot.run("changed", retries=2)
    (cell,) = run.cells
    flaky = {result.name: result for result in cell.results if result.kind is Kind.FLAKY}
    assert list(flaky) == ["frames/spare"]
    assert flaky["frames/spare"].reason == "failed before it passed: frames.c:9: lost"
    assert flaky["frames/spare"].first.kind is Kind.FAILED
    assert (flaky["frames/spare"].place.file, flaky["frames/spare"].place.line) == ("frames.c", 9)
    assert cell.attempts == 2
    assert cell.passed
    assert run.status == 0
    assert "not ok 2 spare" in cell.earlier_logs[0].read_text()
    assert cell.log.read_text() == TWO_SUITES
    assert cell.log.name.endswith(".retry1.log")


def test_a_machine_that_reset_once_is_flaky_itself(parrot, changing_kernel):
    changing_kernel(TWO_SUITES[:40] + "@t", TWO_SUITES + "@p")
    cell = parrot.say("changed", retries=1)
    flaky = {result.name: result.first.kind for result in cell.results if result.first}
    assert flaky == {"[boot]": Kind.RESET, "[ktap]": Kind.TRUNCATED}
    assert cell.passed


def test_what_never_passes_fails_after_as_many_boots(parrot):
    cell = parrot.say(FAILS + "@f", retries=2)
    assert not cell.passed
    assert cell.attempts == 3
    assert [result.name for result in cell.bad] == ["frames/spare"]
    assert len(cell.earlier_logs) == 2
    parrot.say(TWO_SUITES + "@p")  # what earlier runs have left is no evidence of this one
    assert not any(log.exists() for log in (*cell.earlier_logs[1:], cell.log))


def test_repetitions_are_results_of_their_own(parrot, changing_kernel):
    changing_kernel(TWO_SUITES + "@p", FAILS + "@f", TWO_SUITES + "@p")
    run = parrot.run("changed", repeat=3)
    assert [cell.name for cell in run.cells] == [f"{CELL.name}#{n}" for n in (1, 2, 3)]
    assert [cell.passed for cell in run.cells] == [True, False, True]
    assert len({cell.log for cell in run.cells}) == 3
    assert run.status == 1


def test_a_suite_that_only_one_cell_lacks_is_missing_there(parrot, changing_kernel):
    one_suite = TWO_SUITES.replace("1..2\n  KTAP", "1..1\n  KTAP", 1)
    one_suite = one_suite[: one_suite.index("  KTAP", one_suite.index("ok 1 frames"))]
    changing_kernel(one_suite + "@p", TWO_SUITES + "@p")
    first, second = parrot.run("changed", CELL, TWO_CORES).cells
    assert second.passed
    (lacking,) = first.bad
    assert (lacking.name, lacking.kind) == ("smp", Kind.MISSING)
    assert "1 other cells have this suite" in lacking.reason


def test_a_configuration_may_say_that_not_every_cell_has_a_suite(parrot, changing_kernel):
    one_suite = TWO_SUITES.replace("1..2\n  KTAP", "1..1\n  KTAP", 1)
    one_suite = one_suite[: one_suite.index("  KTAP", one_suite.index("ok 1 frames"))]
    changing_kernel(one_suite + "@p", TWO_SUITES + "@p")
    assert parrot.run("changed", CELL, TWO_CORES, may_lack=["sm?"]).passed


def test_suites_that_a_cut_log_did_not_come_to_are_called_as_elsewhere():
    def cell(*results, suites):
        return CellResult(cell=CELL, results=results, suites=suites)

    good = cell(
        *(Result(path=(s, "a"), kind=Kind.PASSED) for s in ("x", "y", "z")), suites=("x", "y", "z")
    )
    cut = cell(
        Result(path=("x", "a"), kind=Kind.PASSED),
        Result(path=("test 2",), kind=Kind.MISSING),
        Result(path=("test 3",), kind=Kind.MISSING),
        Result(path=("[boot]",), kind=Kind.PANIC),
        suites=("x",),
    )
    _, named = comparison.with_missing_suites([good, cut])
    assert [result.name for result in named.results] == ["x/a", "y", "z", "[boot]"]


def test_a_filter_leaves_out_cases_and_never_the_machine(parrot):
    asked = selection.read(["frames/or*"])
    cell = parrot.say(FAILS + "@f", selection=asked)
    assert [result.name for result in cell.results] == ["frames/order"]
    assert cell.passed
    assert cell.deselected == 2
    reset = parrot.say(FAILS + "@t", selection=asked)
    assert [result.name for result in reset.bad] == ["[boot]"]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("frames", "frames/order", "smp/order"),
        ("frames/*", "frames/order", "smp/order"),
        ("*/order", "frames/order", "frames/spare"),
        ("*-max-*::frames", "frames/order", "smp/order"),
        ("*::", "smp/wakes", None),
        ("a/b", "a/b/c", "a/x/b"),
    ],
)
def test_filters(pattern, yes, no):
    asked = selection.read([pattern])
    assert asked.cells([CELL]) == (CELL,)
    assert asked.has_case(CELL.name, yes.split("/"))
    assert no is None or not asked.has_case(CELL.name, no.split("/"))


@pytest.mark.parametrize("pattern", ["", "::", ":"])
def test_an_empty_filter_is_refused(pattern):
    with pytest.raises(UsageError, match="is no filter"):
        selection.read([pattern])


def test_a_filter_that_no_case_matches_is_a_mistake_that_names_the_suites(parrot):
    asked = selection.read(["frmaes"])
    run = parrot.run(TWO_SUITES + "@p", selection=asked)
    with pytest.raises(UsageError, match="no suite and no case matches 'frmaes'") as failure:
        asked.check_found(run)
    assert "did you mean 'frames'?" in str(failure.value)


def test_the_first_failure_may_end_the_run(parrot):
    cells = [replace(CELL, cores=cores) for cores in (1, 2, 3)]
    run = parrot.run(FAILS + "@f", *cells, fail_fast=True)
    assert [cell.was_run for cell in run.cells] == [True, False, False]
    assert not run.interrupted
    assert run.status == 1


def test_a_run_that_is_ended_reports_what_it_has(parrot):
    cancelled = Flag()

    class Impatient:
        def started(self, name, attempt):
            pass

        def stepped(self, name, running, results):
            cancelled.set()

        def finished(self, result):
            pass

    hangs = TWO_SUITES[:60]
    run = parrot.run(hangs, CELL, TWO_CORES, cancelled=cancelled, listener=Impatient())
    assert run.interrupted
    first, second = run.cells
    assert {result.name: result.kind for result in first.results}["[boot]"] is Kind.NOT_RUN
    assert [result.kind for result in second.results] == [Kind.NOT_RUN]
    assert first.log.read_text().startswith("KTAP version 1")


def test_machines_run_beside_each_other(parrot):
    running, most = set(), []

    class Count:
        def started(self, name, attempt):
            running.add(name)
            most.append(len(running))

        def stepped(self, name, running, results):
            pass

        def finished(self, result):
            running.discard(result.name)

    cells = [replace(CELL, cores=cores) for cores in (1, 2, 3)]
    assert parrot.run(TWO_SUITES + "@w@p", *cells, jobs=2, listener=Count()).passed
    assert max(most) == 2
