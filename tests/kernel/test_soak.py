"""Long runs: nothing is lost in ten minutes, and no boot of two hundred fails."""

from __future__ import annotations

import itertools

import pytest

SOAK_SECONDS = 600  # of the guest's timer ticks, 200 a second
PREEMPTIONS = 100_000
LEAST = {"threads": 60, "messages": 100}  # of a round


def rounds_of(report):
    return report.console.of_kind("soak")


def assert_nothing_was_lost(report):
    assert report.passed, "\n".join([report.reason, *report.lines[-40:]])
    rounds = rounds_of(report)
    assert len(rounds) >= 2
    assert {fact.values["frames_lost"] for fact in rounds} == {"0"}
    # The kernel reports a round when every thread that it made is freed, every message received or
    # dropped. Each round starts the same programs; what the random ones make comes on top.
    for key in ("threads", "messages"):
        counts = [fact.integer(key) for fact in rounds]
        steps = [later - earlier for earlier, later in itertools.pairwise(counts)]
        assert min(steps) >= LEAST[key], f"{key}: {counts}"


def test_a_few_rounds_lose_nothing(built, boot):
    report = boot(built.kernel, "rounds=3 log=error", timeout=200)

    assert_nothing_was_lost(report)
    assert len(rounds_of(report)) == 3


@pytest.mark.full
@pytest.mark.timeout(4 * SOAK_SECONDS)
def test_ten_minutes_of_preemption_faults_and_spawns_lose_nothing(built, boot):
    """And as many preemptions on each core as the programs that watch their registers must see."""
    command_line = f"soak={SOAK_SECONDS} log=error"
    report = boot(built.kernel, command_line, cores=2, timeout=4 * SOAK_SECONDS - 60)
    assert_nothing_was_lost(report)
    assert all(core.ticks >= PREEMPTIONS for core in report.cores)


@pytest.mark.full
@pytest.mark.timeout(7200)
def test_two_hundred_boots_in_a_row(built, boot):
    for number in range(200):
        report = boot(built.kernel, "", cores=4)
        assert report.passed, "\n".join([f"boot {number}: {report.reason}", *report.lines])
        assert [core.core for core in report.cores] == [0, 1, 2, 3]
