"""The kernel boots, on every core, by both protocols."""

from __future__ import annotations

import pytest

from orobuild import machine

FULL = pytest.mark.full  # the matrix beside this file boots such machines by default


def boot(built, medium, **settings):
    what = {"disk": built.disk} if medium == "disk" else {"kernel": built.kernel}
    report = machine.boot(machine.Qemu(**what, **settings), timeout=60)
    assert report.passed, "\n".join([report.reason, *report.lines])
    return report


def assert_every_core_ran(report, cores):
    assert [core.core for core in report.cores] == list(range(cores))
    assert len({core.apic for core in report.cores}) == cores
    assert all(core.ticks > 0 for core in report.cores)
    assert all(core.threads > 0 for core in report.cores)


@pytest.mark.parametrize("medium", ["disk", "kernel"])
@pytest.mark.parametrize(
    "cores",
    [pytest.param(1, marks=FULL), pytest.param(2, marks=FULL), pytest.param(4, marks=FULL), 8],
)
def test_every_core_takes_timer_ticks_and_runs_threads(built, medium, cores):
    assert_every_core_ran(boot(built, medium, cores=cores), cores)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"cpu": "qemu64"}, marks=FULL),
        {"memory_mib": 4096},
        {"drive": machine.Drive.VIRTIO},
        pytest.param({"machine": "pc"}, marks=FULL),
        pytest.param({"cpu": "Nehalem"}, marks=FULL),
        pytest.param({"cpu": "EPYC"}, marks=FULL),
        pytest.param({"memory_mib": 64}, marks=FULL),
        pytest.param({"drive": machine.Drive.USB}, marks=FULL),
    ],
    ids=str,
)
def test_other_machines_boot_too(built, settings):
    assert_every_core_ran(boot(built, "disk", cores=2, **settings), 2)


def test_the_kernel_says_how_it_was_entered(built):
    for medium, protocol in (("disk", "multiboot2"), ("kernel", "pvh")):
        report = boot(built, medium, cores=1)
        assert any(f"protocol={protocol}" in line for line in report.lines)


@FULL
@pytest.mark.parametrize("medium", ["disk", "kernel"])
@pytest.mark.parametrize("_attempt", range(20))
def test_twenty_boots_in_a_row(built, medium, _attempt):
    assert_every_core_ran(boot(built, medium, cores=4), 4)
