"""The kernel's own tests pass on old and new machines of either make, small and large.

By default each processor is tried once with a choice of the other settings; with --full every
combination is, those with sixteen cores among them. A failure prints its cell as a row of the matrix.
"""

from __future__ import annotations

from itertools import product

import pytest

MACHINES = ("q35", "pc")
CORES = (1, 2, 4, 8, 16)
MEMORY_MIB = (64, 1024, 8192)

# What each processor offers of what the kernel's boot line names.
PROCESSORS = {
    "qemu64": {"smep": "0", "smap": "0", "paging": "4"},
    "core2duo": {"smep": "0", "smap": "0", "paging": "4"},  # no XSAVE, no 1 GiB pages
    "Opteron_G1": {"smep": "0", "smap": "0", "paging": "4"},
    "Nehalem": {"smep": "0", "smap": "0", "paging": "4"},
    "Haswell": {"smep": "1", "smap": "0", "paging": "4"},
    "Skylake-Server": {"smep": "1", "smap": "1", "paging": "4"},
    "EPYC": {"smep": "1", "smap": "1", "paging": "4"},
    "max,la57=off": {"smep": "1", "smap": "1", "umip": "1", "paging": "4"},
    "max": {"smep": "1", "smap": "1", "umip": "1", "paging": "5"},
    "max,xsave=off": {"paging": "5"},
    "max,pdpe1gb=off": {"paging": "5"},
}

EVERY = tuple(product(MACHINES, PROCESSORS, CORES, MEMORY_MIB))
CHOSEN = {
    (MACHINES[i % 2], cpu, CORES[i % 4], MEMORY_MIB[i % len(MEMORY_MIB)])
    for i, cpu in enumerate(PROCESSORS)
}


@pytest.mark.parametrize(
    ("pc", "cpu", "cores", "memory_mib"),
    [
        pytest.param(
            *cell, marks=() if cell in CHOSEN else pytest.mark.full, id="-".join(map(str, cell))
        )
        for cell in EVERY
    ],
)
def test_every_suite_passes(built, boot, read_ktap, pc, cpu, cores, memory_mib):
    settings = {"machine": pc, "cpu": cpu, "cores": cores, "memory_mib": memory_mib}
    report = boot(built.kernel, "test", timeout=200, **settings)
    row = f"{pc:4} {cpu:16} {cores:3} cores {memory_mib:5} MiB: {report.reason}"
    assert read_ktap(report).passed, "\n".join((row, *report.lines))
    assert report.passed, "\n".join((row, *report.lines))
    (facts,) = report.console.of_kind("boot")
    offered = {name: facts.values[name] for name in PROCESSORS[cpu]}
    assert offered == PROCESSORS[cpu], row
    assert facts.values["cores"] == str(cores), row
