"""`orobuild test` as it is typed: exit statuses, formats, wrong usage, and being ended at any moment."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import random
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import jsonschema
import pytest
from click import ClickException
from click.testing import CliRunner

from orobuild.cli.commands.test import command
from orobuild.cli.main import group
from orobuild.configuration import ConfigError
from orobuild.errors import UsageError
from orobuild.testing.reporters import json_report
from testing.parrot import TWO_SUITES, parrot_project

COMMAND = [sys.executable, "-m", "orobuild", "test"]


def configured(text, **keys):
    """`[test]` with the kernel's words and other keys."""
    lines = [f"{key.replace('_', '-')} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(["[test]", f"command-line = {json.dumps(text)}", *lines, ""])


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return parrot_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def run(project):
    """Runs the command on a kernel that says `text`."""

    def go(text, *arguments, tests=None, environment=None):
        parrot_project(project, configured(text, **(tests or {})))
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=project,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return go


def test_a_pass_has_status_0_and_no_colour_in_a_pipe(run):
    done = run(TWO_SUITES + "@p")
    assert done.returncode == 0, done.stdout + done.stderr
    first, last = done.stdout.splitlines()
    assert first.startswith("[1/1] passed   release-pvh-q35-max-1c-16M  2 suites, 3 passed  ")
    assert last.startswith("1 cell: 1 passed  3 passed  in ")
    assert "\x1b" not in done.stdout + done.stderr


def test_a_failure_has_status_1_and_says_where_and_every_format_is_written(run, project):
    text = "KTAP version 1\n1..1\n# parrot.S:9: no\nnot ok 1 speaks\n@f"
    files = ("--json", "out/r.json", "--junit", "out/r.xml")
    done = run(text, *files, "--output-format", "github")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=parrot.S,line=9,title=release-pvh-q35-max-1c-16M")
    assert "[1/1] FAILED" in done.stderr
    value = json.loads((project / "out/r.json").read_text())
    jsonschema.validate(value, json_report.schema())
    assert (value["status"], value["passed"]) == (1, False)
    assert "<failure" in (project / "out/r.xml").read_text()


def test_the_list_of_cells_boots_none(run, project):
    done = run("@h", "--list", tests={"cores": [1, 2], "cpus": ["max", "max,la57=off"]})
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [
        f"release-pvh-q35-{cpu}-{cores}c-16M" for cpu in ("max", "max,la57=off") for cores in (1, 2)
    ]


def test_axes_on_the_command_line_replace_the_configurations(run):
    done = run(TWO_SUITES + "@p", "--cores", "2", "--cores", "3", "--list", tests={"cores": [1]})
    assert [line.split()[0][-6:] for line in done.stdout.splitlines()] == ["2c-16M", "3c-16M"]


@pytest.mark.parametrize(
    ("arguments", "tests", "said"),
    [
        (("-k", "nosuch*::"), {}, "no cell's name matches 'nosuch*'"),
        (("-k", "::"), {}, "'::' is no filter"),
        (("--firmware", "uefi"), {}, "the matrix has no cells"),
        (("--profile", "relase"), {}, "unknown profile 'relase'"),
        (("--repeat", "0"), {}, "0 is not in the range"),
        (("--retires", "1"), {}, "--retires"),
        ((), {"firmwares": ["bios"]}, "unknown key 'firmwares'"),
        ((), {"firmware": ["uboot"]}, "Invalid enum value 'uboot'"),
        ((), {"exclude": ["x*"]}, "no cell's name matches 'x*'"),
        ((), {"select": "test="}, "which has no place for a suite's name"),
        ((), {"retries": -1}, "it cannot be negative"),
        ((), {"cores": [0]}, "0 cores: a machine has 1 to 255"),
        ((), {"cpus": ["a b", "a_b"]}, "two cells of the matrix are called"),
    ],
)
def test_wrong_usage_is_refused_and_boots_nothing(project, monkeypatch, arguments, tests, said):
    parrot_project(project, configured("@h", **tests))
    monkeypatch.chdir(project)
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert isinstance(done.exception, UsageError | ConfigError | ClickException)
    assert said in str(done.exception)


def test_wrong_usage_has_status_2(run):
    done = run("@h", "--firmware", "uefi")
    assert done.returncode == 2
    assert "QEMU starts a kernel file (PVH) through SeaBIOS only" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_an_emulator_nothing_is_built(run):
    done = run("@p", environment={"PATH": "/nonexistent"})
    assert done.returncode == 2
    assert "'qemu-system-x86_64' is not installed" in done.stderr
    assert "apt install" in done.stderr
    assert "compile" not in done.stderr


def test_an_argument_that_is_no_filter_of_any_case_is_a_mistake(run):
    done = run(TWO_SUITES + "@p", "-k", "frames", "-k", "smpp")
    assert done.returncode == 2
    assert "no suite and no case matches 'smpp'" in done.stderr
    assert "3 passed" not in done.stdout
    assert "2 passed" in done.stdout


def test_a_kernel_that_can_run_some_suites_is_told_which(run, project):
    words = ("-k", "frames/or*", "--output-format", "json")
    done = run(TWO_SUITES, *words, tests={"select": "@p{}"})
    assert done.returncode == 0, done.stdout
    assert (
        json.loads(done.stdout)["cells"][0]["deselected"] == 2
    )  # and nothing else is printed there
    (log,) = (project / "build/release/test").glob("*.log")
    assert log.read_text().rstrip() == TWO_SUITES.rstrip()


def test_help_has_examples_and_completion_knows_the_command():
    text = CliRunner().invoke(command, ["--help"]).output
    assert "orobuild test --repeat 20 -x" in text
    asked = {"_OROBUILD_COMPLETE": "bash_complete", "COMP_WORDS": "orobuild te", "COMP_CWORD": "1"}
    said = CliRunner().invoke(group(), env=asked, prog_name="orobuild").output
    assert "plain,test" in said


def on_a_terminal(project, *arguments, **environment):
    """What the command writes to a terminal, and its status."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=project,
        env={**os.environ, "TERM": "xterm-256color", **environment},
        stdout=slave,
        stderr=subprocess.DEVNULL,
        stdin=slave,
    )
    os.close(slave)
    written = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the last writer has gone
            break
        if not data:
            break
        written += data
    os.close(master)
    return written.decode(), process.wait(60)


def test_a_terminal_shows_what_runs_and_then_what_came_of_it(project):
    text = TWO_SUITES.replace("  ok 1 wakes", "@w@w@w@w@w@w@w@w  ok 1 wakes") + "@p"
    parrot_project(project, configured(text))
    shown, status = on_a_terminal(project)
    assert status == 0, shown
    assert "2 results, smp/test 1  " in shown or "3 results, smp/test 1  " in shown
    assert "0 of 1 cells done" in shown
    assert "\x1b[32m\x1b[1mpassed" in shown or "\x1b[1;32mpassed" in shown
    assert shown.count("1 cell: 1 passed") == 1
    dumb, status = on_a_terminal(project, TERM="dumb")
    assert status == 0
    assert "\x1b" not in dumb


def emulators_below(folder):
    """The process ids of the emulators whose command line names `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if words.startswith(b"qemu-system") or b"/qemu-system" in words.split(b"\0")[0]:
                found += [int(entry.name)] if str(folder).encode() in words else []
    return found


def end_at_random(project, tmp_path, number, seed):
    """Start a run of machines that hang, send a signal, and give the status and what it printed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [*COMMAND, "-j", "2", "--repeat", "4", "--json", tmp_path / "r.json"],
        cwd=project,
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONFAULTHANDLER": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    time.sleep(random.Random(seed).uniform(0.0, 6.0))
    if number is signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    try:
        said, complained = process.communicate(timeout=60)
    finally:
        process.kill()  # so that a run that does not end is this test's failure alone
    limit = time.monotonic() + 60
    while emulators_below(project):
        assert time.monotonic() < limit, "an emulator is left"
        time.sleep(0.05)
    return process.returncode, said, complained, scratch


# By default a moment early and one late in a run; with --full many, and SIGKILL.
SIGNALS = [
    (signal.SIGINT, 130, 1),
    (signal.SIGTERM, 143, 2),
    *(
        pytest.param(number, status, seed, marks=pytest.mark.full)
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9))
        for seed in range(10, 20)
    ),
]


@pytest.mark.parametrize(("number", "status", "seed"), SIGNALS)
def test_a_run_that_is_ended_leaves_no_emulator_and_no_half_file(
    project, tmp_path, number, status, seed
):
    parrot_project(project, configured(TWO_SUITES[:60], timeout=100))
    got, said, complained, scratch = end_at_random(project, tmp_path, number, seed)
    # Before the interpreter has come to our code, a signal ends it as it ends any program.
    assert got in (status, -number), said + complained
    assert "Traceback" not in complained or "KeyboardInterrupt" in complained
    report = tmp_path / "r.json"
    if report.exists():
        value = json.loads(report.read_text())
        jsonschema.validate(value, json_report.schema())
        assert value["interrupted"]
        assert "interrupted: the results are those of what had ended" in said
    assert not list(project.rglob(".*.log.*"))
    if number is not signal.SIGKILL:
        assert list(scratch.iterdir()) == []
