"""Bochs keeps an LVT entry masked that was written while its APIC was disabled, as real machines do."""

from __future__ import annotations

import pytest

from orobuild import machine
from orobuild.pipeline.build import Request, build
from orobuild.project import load

pytestmark = pytest.mark.full

RIGHT_ORDER = """\
    lapic_enable();
    core->online = true;
    unsigned done = 0;
    while (!atomic_load(&released))
        share_work(core, &done);
    flush_tlb_all(); /* forget the trampoline page and the boot segment */
    lapic_timer_start(tick_hz());
"""
WRONG_ORDER = """\
    lapic_timer_start(tick_hz());
    lapic_enable();
    core->online = true;
    unsigned done = 0;
    while (!atomic_load(&released))
        share_work(core, &done);
    flush_tlb_all();
"""


@pytest.mark.parametrize("command_line", ["test", "test apic=x2apic"])
def test_the_kernel_boots_there_with_four_cores(
    copy_kernel, profile, tmp_path, read_ktap, command_line
):
    folder = copy_kernel(tmp_path, disk=True)
    configuration = folder / "pyproject.toml"
    configuration.write_text(configuration.read_text() + f'command-line = "{command_line}"\n')
    disk = build(load(folder), Request(profile=profile)).disk
    report = machine.boot(machine.Bochs(disk=disk, cores=4), timeout=200)
    assert report.console.verdict == "pass", "\n".join(report.lines)
    assert read_ktap(report).passed
    assert [core.core for core in report.cores] == [0, 1, 2, 3]
    wanted = "apic=x2apic" if "x2apic" in command_line else "apic=xapic"
    assert any(f" {wanted} " in line for line in report.lines)
    assert any(" timer=tsc-deadline " in line and " pcid=1" in line for line in report.lines)


def test_a_timer_started_before_the_spurious_vector_never_fires_there(build_changed):
    built = build_changed("kernel/smp/smp.c", RIGHT_ORDER, WRONG_ORDER, disk=True)
    assert machine.boot(machine.Qemu(disk=built.disk, cores=2), timeout=60).passed
    report = machine.boot(machine.Bochs(disk=built.disk, cores=2), timeout=40)
    assert not report.passed
    assert not any("core=1" in line and "ticks=0" not in line for line in report.lines)
