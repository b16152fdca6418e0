"""`orobuild rig run`: on QEMU through labgrid, and on machines that do everything that a rack's do."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import junitparser
import pytest
import yaml

from orobuild.errors import UsageError
from orobuild.project.schema import KernelTests
from orobuild.rig import bundle
from orobuild.rig.lab import html_report, session
from orobuild.rig.lab.place import Job, follow
from orobuild.testing.flag import Flag
from orobuild.testing.outcome import Kind
from orobuild.testing.watcher import Watcher
from rig.conftest import SAYS

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
LOG = SAYS.replace("@n", "\r\n")


def environment(folder: Path, **drivers: list) -> Path:
    """An environment with a target for each keyword."""
    path = folder / "env.yaml"
    imports = ["orobuild.rig.lab.drivers", str(HERE / "rack.py")]
    targets = {name: {"drivers": made} for name, made in drivers.items()}
    path.write_text(yaml.safe_dump({"imports": imports, "targets": targets}))
    return path


def scripted(folder: Path, strategy: str = "ForeignStrategy", **settings: str) -> list:
    journal = folder / "journal"
    journal.touch()
    return [{"ScriptedDriver": {"journal": str(journal), **settings}}, {strategy: {}}]


@pytest.fixture(scope="module")
def unpacked(made, tmp_path_factory):
    """The bundle, opened, and a folder with its files."""
    folder = tmp_path_factory.mktemp("bundle") / "b"
    opened = bundle.open_bundle(str(made.path))
    bundle.unpack(opened, folder)
    return opened, folder


def run(unpacked, env: Path, **settings) -> session.LabRun:
    opened, folder = unpacked
    order = session.Order(
        index=opened.index,
        folder=folder,
        env=env,
        targets=session.targets_of(env),
        output=env.parent / "out",
        jobs=8,
        **settings,
    )
    return session.run(order)


def only(lab: session.LabRun):
    (cell,) = lab.run.cells
    return cell


def one(unpacked, folder: Path, **settings):
    """One scripted machine's results, and what its power was told."""
    env = environment(folder, machine=scripted(folder, **settings))
    return only(run(unpacked, env)), (folder / "journal").read_text().split()


def follow_one(folder: Path, unpacked, says: str, **settings):
    """One scripted machine with little patience; gives what was followed."""
    limits = {k: settings.pop(k) for k in ("preparing", "running", "leaving") if k in settings}
    env = environment(folder, machine=scripted(folder, says=says, **settings))
    job = Job(
        env=env,
        target="machine",
        media=[],
        images={"usb": str(unpacked[1] / "README.txt")},
        **limits,
    )
    return follow(job, Watcher(KernelTests(), Flag()))


QEMU = [{"BundleQEMUDriver": {"memory": "64M"}}, {"BundleStrategy": {"method": "usb"}}]


def test_a_machine_of_qemus_passes_and_its_reports_say_so(made, tmp_path):
    env = environment(tmp_path, pc=QEMU)
    words = ["rig", "run", made.path, "--env", env, "-o", tmp_path / "out"]
    key = made.path.parent / "key.pub"
    done = subprocess.run(
        [sys.executable, "-m", "orobuild", *words, "--key", key], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 suites, 3 passed" in done.stdout
    out = tmp_path / "out"
    report = json.loads((out / "results.json").read_text())
    jsonschema.validate(report, json.loads((ROOT / "docs/test-report.schema.json").read_text()))
    (cell,) = report["cells"]
    assert cell["machine"]["emulator"] == "place"
    assert cell["machine"]["cpu"] is None, "nobody has said what is in the machine"
    assert cell["timings"].keys() >= {"power", "first byte", "first test", "tests done", "off"}
    assert junitparser.JUnitXml.fromfile(str(out / "junit.xml")).failures == 0
    assert "ok 2 smp" in (out / "pc.log").read_text()
    page = (out / "report.html").read_text()
    assert "1 of 1 machines passed" in page
    assert "ok 2 smp" in page


@pytest.mark.full
def test_every_machine_of_an_environment_is_run_and_left_without_power(unpacked, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    machines = {name: scripted(tmp_path / name, says=LOG) for name in "ab"}
    lab = run(unpacked, environment(tmp_path, **machines))
    assert lab.run.passed, [r for _, r in lab.run.results()]
    for name in "ab":
        assert (tmp_path / name / "journal").read_text().split() == ["off", "on", "off"]
    assert "2 of 2 machines passed" in html_report.report(lab, unpacked[0].index)


@pytest.mark.full
def test_what_the_bundle_expects_and_a_machine_does_not_report_is_missing(unpacked, tmp_path):
    log = "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  ok 1 order\nok 1 frames\n"
    cell, _ = one(unpacked, tmp_path, says=log)
    assert [(r.name, r.kind) for r in cell.bad] == [
        ("frames/spare", Kind.MISSING),
        ("smp", Kind.MISSING),
    ]


@pytest.mark.full
def test_a_kernel_that_panics_is_explained_and_its_machine_switched_off(unpacked, tmp_path):
    start = LOG[: LOG.index("  ok 2 spare")]
    panic = f"{start}oro: panic-begin\noro: reason='the end' rip=0x100000\noro: panic-end\n"
    cell, journal = one(unpacked, tmp_path, says=panic)
    assert Kind.PANIC in {r.kind for r in cell.bad}
    assert journal[-1] == "off"


@pytest.mark.full
def test_a_machine_that_ends_in_the_middle_has_no_pass(unpacked, tmp_path):
    cell, _ = one(unpacked, tmp_path, says=LOG[:90] + "<end>")
    assert {r.kind for r in cell.bad} >= {Kind.RESET, Kind.TRUNCATED}


@pytest.mark.full
def test_a_machine_that_ends_after_its_tests_has_passed(unpacked, tmp_path):
    cell, _ = one(unpacked, tmp_path, says=LOG + "<end>")
    assert cell.passed, cell.bad


@pytest.mark.full
def test_a_serial_port_that_fails_is_opened_again(unpacked, tmp_path):
    cell, journal = one(unpacked, tmp_path, says=LOG[:60] + "<raise>" + LOG[60:])
    assert cell.passed, cell.bad
    assert journal == ["off", "on", "off"]


@pytest.mark.full
def test_bytes_that_are_lost_or_wrong_are_results_and_never_a_pass(unpacked, tmp_path):
    damaged = LOG.replace("  ok 2 spare", "  \xff\x00k 2 sp\x1b[2J")
    cell, _ = one(unpacked, tmp_path, says=damaged)
    assert not cell.passed
    assert any("spare" in r.name or r.kind is Kind.PLAN for r in cell.bad)


@pytest.mark.parametrize("does", ["raise", pytest.param("die", marks=pytest.mark.full)])
def test_a_relay_that_fails_is_said_and_is_no_fault_of_the_kernel(unpacked, tmp_path, does):
    cell, journal = one(unpacked, tmp_path, says=LOG, on_does=does)
    assert "switching on: " in cell.bad[0].reason
    assert cell.bad[0].kind is Kind.CRASH
    assert journal == ["off", "on", "off"]


@pytest.mark.full
def test_a_place_that_cannot_be_left_well_is_said_beside_its_results(unpacked, tmp_path):
    cell, _ = one(unpacked, tmp_path, says=LOG, off_does="raise")
    assert [(r.name, r.kind) for r in cell.bad] == [("[place]", Kind.ERROR)]
    assert "no such relay" in cell.bad[0].reason


@pytest.mark.full
def test_a_driver_that_hangs_is_ended_with_all_that_it_started(unpacked, tmp_path):
    done = follow_one(tmp_path, unpacked, "<child><hang>", running=1.0, leaving=1.0)
    assert "did not answer" in done.release
    assert "no end within" in done.report.reason
    assert not processes_with(str(tmp_path)), "the worker is left"


def processes_with(text: str) -> list[str]:
    """The command lines of running processes in whose environment or arguments `text` is."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if text in words and str(os.getpid()) != entry.name:
                found.append(words)
    return found


@pytest.mark.full
def test_a_place_that_does_not_get_ready_is_not_waited_for_for_ever(unpacked, tmp_path):
    (tmp_path / "journal").write_text("on\n")  # so that switching off hangs at once
    done = follow_one(tmp_path, unpacked, LOG, off_does="hang", preparing=1.0, leaving=1.0)
    assert done.report is None
    assert "not ready within 1 s" in done.problem


@pytest.mark.full
@pytest.mark.parametrize(
    ("drivers", "reason"),
    [
        ([{"NoSuchDriver": {}}], "NoSuchDriver"),
        ([{"ScriptedDriver": {}}], "Strategy"),
        ([{"BundleStrategy": {}}], "no driver|not find|PowerProtocol"),
        ([{"BundleQEMUDriver": {"firmware": "coreboot"}}, {"BundleStrategy": {}}], "coreboot"),
        ([{"ScriptedDriver": {}}, {"BundleStrategy": {"method": "cd"}}], "USBStorageDriver"),
        ([{"ScriptedDriver": {}}, {"BundleStrategy": {"method": "pxe"}}], "TFTPProviderDriver"),
        (
            [{"BundleQEMUDriver": {"extra_args": "-machine nonsense"}}, {"BundleStrategy": {}}],
            "QEMU did not start: .*unsupported machine type",
        ),
    ],
)
def test_an_environment_that_cannot_work_says_why(unpacked, tmp_path, drivers, reason):
    cell = only(run(unpacked, environment(tmp_path, machine=drivers)))
    (result,) = [r for r in cell.bad if "[" in r.name]
    assert re.search(reason, result.reason), result.reason
    assert "Traceback" not in result.reason


@pytest.mark.parametrize(
    "text",
    ["", "a", "[1]", "targets:", "targets: []", "a: b: c", "\t{", "targets: {", "\0", "&a [*a"],
)
def test_what_is_no_environment_is_refused(tmp_path, text):
    (tmp_path / "env.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"no YAML|no targets"):
        session.targets_of(tmp_path / "env.yaml")


def test_nothing_is_run_of_a_bundle_that_was_changed(made, tmp_path):
    changed = bytearray(made.data)
    changed[len(changed) // 2] ^= 1
    (tmp_path / "bad.zip").write_bytes(changed)
    env = environment(tmp_path, machine=scripted(tmp_path, says=LOG))
    words = ["rig", "run", "bad.zip", "--env", env, "-o", "out"]
    done = subprocess.run(
        [sys.executable, "-m", "orobuild", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "was changed" in done.stderr
    assert (tmp_path / "journal").read_text() == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.full),
        pytest.param(signal.SIGTERM, marks=pytest.mark.full),
    ],
)
def test_a_run_that_is_ended_switches_its_machines_off(made, tmp_path, number):
    env = environment(tmp_path, machine=scripted(tmp_path, says=LOG[:60]))
    words = ["rig", "run", str(made.path), "--env", str(env), "-o", str(tmp_path / "out")]
    child = subprocess.Popen(
        [sys.executable, "-m", "orobuild", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    journal = tmp_path / "journal"
    wait_for(lambda: journal.read_text().split() == ["off", "on"])
    child.send_signal(number)
    status = child.wait(120)
    assert status == (-number if number == signal.SIGKILL else 128 + number)
    wait_for(lambda: journal.read_text().split() == ["off", "on", "off"])
    if number != signal.SIGKILL:
        report = json.loads((tmp_path / "out" / "results.json").read_text())
        assert report["interrupted"]


def wait_for(condition) -> None:
    limit = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.mark.full
def test_eight_machines_of_different_kinds_pass_at_once(made, unpacked, tmp_path):
    """BIOS, UEFI, PXE, CD and a kernel by PVH; processors of two makers; one core to eight."""

    def pc(method: str, **settings) -> list:
        return [
            {"BundleQEMUDriver": {"memory": "256M", **settings}},
            {"BundleStrategy": {"method": method}},
        ]

    machines = {
        "stick-1": pc("usb", cores=1, cpu="qemu64"),
        "stick-8": pc("usb", cores=8, cpu="max"),
        "nvme-uefi": pc("usb", firmware="uefi", drive="nvme", cores=2),
        "cd": pc("cd", cpu="EPYC", cores=4),
        "cd-uefi": pc("cd", firmware="uefi"),
        "pxe": pc("pxe", cpu="Skylake-Client", cores=2),
        "pxe-uefi": pc("pxe", firmware="uefi"),
        "pvh": pc("kernel", machine="pc", cores=4, cpu="Opteron_G3"),
    }
    lab = run(unpacked, environment(tmp_path, **machines), timeout=280)
    assert lab.run.passed, [(c.name, r) for c, r in lab.run.results() if not r.is_good]
    assert len(lab.run.cells) == 8
    page = html_report.report(lab, unpacked[0].index)
    assert all(name in page for name in machines)
