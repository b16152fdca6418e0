"""The kernel's own tests pass on old and new machines of either make, small and large.

By default fifteen machines in which any two settings meet; with --full every processor that is worth
a name with every other setting too, sixty-four cores, and Bochs, which has what QEMU's own code
generator lacks: AVX-512, PCIDs, TSC deadlines and an APIC as strict as a real one. A failure prints
its machine as a row of the matrix; so does the end of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import pytest

from orobuild import machine
from orobuild.machine.ktap import Status
from orobuild.pipeline.build import Request, build
from orobuild.project import load

SUITES = (
    "text",
    "memory_map",
    "frames",
    "paging",
    "elf_loader",
    "entries",
    "exceptions",
    "firmware",
    "topology",
    "scheduler",
    "smp",
    "input",
    "typing",
    "panic",
    "failures",
)


@dataclass(frozen=True)
class Row:
    """A machine, and what of it the kernel's boot line must name."""

    machine: str
    cpu: str
    cores: int
    memory_mib: int
    facts: tuple[tuple[str, str], ...]

    @property
    def cells(self) -> tuple[str, str, int, int]:
        return self.machine, self.cpu, self.cores, self.memory_mib

    def __str__(self) -> str:
        return "-".join(map(str, self.cells))


FEATURES = ("xsave", "la57", "pdpe1gb", "smap")

# Any two settings of different columns meet in some row.
PAIRWISE = """
    machine cpu     xsave la57 pdpe1gb smap cores MiB
    pc      max     +     +    -       -     1    1024
    pc      EPYC    -     +    +       +     1    64
    q35     SandyBridge -     -    +       -     1    8192
    pc      EPYC    -     +    -       -     2    1024
    q35     SandyBridge +     -    +       +     2    64
    q35     max     +     +    +       +     2    8192
    pc      max     +     +    +       +     4    64
    q35     SandyBridge -     +    -       +     4    8192
    q35     EPYC    +     -    +       -     4    1024
    pc      EPYC    +     -    +       +     8    8192
    pc      SandyBridge +     +    -       -     8    1024
    q35     max     -     -    -       -     8    64
    pc      EPYC    -     +    +       -    16    64
    q35     SandyBridge +     -    -       +    16    1024
    q35     max     -     -    +       +    16    8192
"""
COLUMNS, *TABLE = [line.split() for line in PAIRWISE.split("\n") if line.strip()]


def chosen_row(machine: str, cpu: str, *settings: str) -> Row:
    *switches, cores, memory_mib = settings
    on = {name: sign == "+" for name, sign in zip(FEATURES, switches, strict=True)}
    model = ",".join([cpu, *(f"{name}={'on' if on[name] else 'off'}" for name in FEATURES)])
    facts = {
        "vectors": "xsave" if on["xsave"] else "fxsave",
        "paging": "5" if on["la57"] else "4",
        "gib_pages": str(int(on["pdpe1gb"])),
        "smap": str(int(on["smap"])),
    }
    return Row(machine, model, int(cores), int(memory_mib), tuple(facts.items()))


# What each processor offers of what the kernel's boot line names.
PROCESSORS = {
    "qemu64": {"smep": "0", "smap": "0", "paging": "4", "vectors": "fxsave"},
    "core2duo": {"smep": "0", "smap": "0", "paging": "4", "gib_pages": "0", "vectors": "fxsave"},
    "Opteron_G1": {"smep": "0", "smap": "0", "paging": "4", "vectors": "fxsave"},
    "Nehalem": {"smep": "0", "smap": "0", "paging": "4", "vectors": "fxsave"},
    "Haswell": {"smep": "1", "smap": "0", "paging": "4", "vectors": "xsave"},
    "Skylake-Server": {"smep": "1", "smap": "1", "paging": "4", "gib_pages": "1"},
    "EPYC": {"smep": "1", "smap": "1", "paging": "4", "gib_pages": "1"},
    "max,la57=off": {"smep": "1", "smap": "1", "umip": "1", "paging": "4"},
    "max": {"smep": "1", "smap": "1", "umip": "1", "paging": "5"},
    "max,xsave=off": {"paging": "5", "vectors": "fxsave"},
    "max,pdpe1gb=off": {"paging": "5", "gib_pages": "0"},
}

CHOSEN = tuple(chosen_row(*row) for row in TABLE)
EVERY = (
    *(
        Row(pc, cpu, cores, memory_mib, tuple(PROCESSORS[cpu].items()))
        for pc, cpu, cores, memory_mib in product(
            ("q35", "pc"), PROCESSORS, (1, 2, 4, 8, 16), (64, 1024, 8192)
        )
    ),
    Row("q35", "max", 32, 512, ()),
    Row("q35", "max", 64, 512, ()),
    Row("q35", "max", 2, 8, ()),
)
HPET = Row("q35,pit=off", "max", 2, 256, (("clock", "hpet"),))


def check(report: machine.BootReport, results, cores: int, facts, row: str) -> None:
    evidence = "\n".join((f"{row}: {report.reason}", *report.lines))
    assert results.passed, evidence
    assert tuple(test.name for test in results.tests) == SUITES, evidence
    assert results.count(Status.PASSED) >= 40, evidence
    assert report.console.verdict == "pass", evidence
    (said,) = report.console.of_kind("boot")
    wanted = {**dict(facts), "cores": str(cores)}
    assert {name: said.values.get(name) for name in wanted} == wanted, evidence
    spoken = [line for line in report.lines if line.startswith("  # core=")]
    assert len(spoken) >= 4 * cores, evidence
    assert all(line.endswith(" the quick brown fox jumps over the lazy dog") for line in spoken)


def test_any_two_settings_meet_in_the_default_rows():
    values = [sorted({row[column] for row in TABLE}) for column in range(len(COLUMNS))]
    assert [len(column) for column in values] == [2, 3, 2, 2, 2, 2, 5, 3]
    for (i, one), (j, other) in combinations(enumerate(values), 2):
        met = {(row[i], row[j]) for row in TABLE}
        assert met == set(product(one, other)), f"{COLUMNS[i]} and {COLUMNS[j]}"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "row",
    [*CHOSEN, HPET, *(pytest.param(row, marks=pytest.mark.full) for row in EVERY)],
    ids=str,
)
def test_every_suite_passes(built, boot, read_ktap, record_property, row):
    settings = {"cpu": row.cpu, "cores": row.cores, "memory_mib": row.memory_mib}
    report = boot(built.kernel, "test", timeout=840, machine=row.machine, **settings)
    record_property("machine matrix", (*row.cells, report.verdict.value))
    check(report, read_ktap(report), row.cores, row.facts, str(row))


# What Bochs's processors offer; AVX-512 makes the area of 2,688 bytes (Intel SDM Vol. 1 13.5).
BOCHS = {
    "corei7_skylake_x": {"vector_bytes": "2688", "pcid": "1", "timer": "tsc-deadline"},
    "corei7_haswell_4770": {"vectors": "xsave", "pcid": "1", "smep": "1", "smap": "0"},
    "corei7_sandy_bridge_2600k": {"vector_bytes": "832", "pcid": "1", "smep": "0"},
    "ryzen": {"vectors": "xsave", "pcid": "0", "smap": "1"},
    "core2_penryn_t9600": {"vectors": "xsave", "pcid": "0", "timer": "periodic"},
    "athlon64_clawhammer": {"vectors": "fxsave", "gib_pages": "0"},
}
CHOSEN_BOCHS = ("corei7_skylake_x", 1, "x2apic")


@pytest.fixture(scope="module")
def disks(copy_kernel, profile, tmp_path_factory):
    """A disk that runs the tests, for each mode of the local APIC that the kernel is to choose."""
    made = {}
    for apic in ("xapic", "x2apic"):
        folder = copy_kernel(tmp_path_factory.mktemp(apic), disk=True)
        configuration = folder / "pyproject.toml"
        words = "test apic=x2apic" if apic == "x2apic" else "test"
        configuration.write_text(configuration.read_text() + f'command-line = "{words}"\n')
        made[apic] = build(load(folder), Request(profile=profile)).disk
    return made


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("cpu", "cores", "apic"),
    [
        pytest.param(*cell, marks=() if cell == CHOSEN_BOCHS else pytest.mark.full)
        for cell in product(BOCHS, (1, 2, 4), ("xapic", "x2apic"))
    ],
)
def test_every_suite_passes_on_bochs(disks, read_ktap, record_property, cpu, cores, apic):
    report = machine.boot(machine.Bochs(disk=disks[apic], cpu=cpu, cores=cores), timeout=840)
    row = (f"Bochs, {apic}", cpu, cores, 256)
    record_property("machine matrix", (*row, report.verdict.value))
    check(report, read_ktap(report), cores, BOCHS[cpu].items(), str(row))
