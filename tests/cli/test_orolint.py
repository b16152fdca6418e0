"""`orolint` as its users start it: exit status, what is printed where, what is written."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

BAD = ".data\nf:\n    iretq\n"
IMPLICIT = "f:\n    ret\n"
MENDED = ".text\nf:\n    ret\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / "a.S").write_text(BAD)
    (tmp_path / "b.S").write_text(IMPLICIT)
    (tmp_path / "good.S").write_text(MENDED)
    return tmp_path


def run(cwd: Path, *arguments: str, text: str | bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [Path(sys.executable).with_name("orolint"), *arguments],
        cwd=cwd,
        input=text.encode() if isinstance(text, str) else text,
        capture_output=True,
        timeout=120,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def lines(cwd: Path, *arguments: str) -> list[str]:
    done = run(cwd, *arguments, "--output-format", "concise")
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_directory_is_searched_for_sources(project):
    (project / ".git").mkdir()
    (project / ".git" / "hidden.S").write_text(BAD)
    (project / "notes.txt").write_text(BAD)
    assert [line.partition(":")[0] for line in lines(project, ".")] == ["b.S", "boot/a.S"]
    assert run(project, ".").returncode == 1
    assert run(project, "--show-files", ".").stdout.splitlines() == ["b.S", "good.S", "boot/a.S"]
    assert run(project, "--show-files", "--exclude", "boot", ".").stdout.count("a.S") == 0


def test_status_and_silence(project):
    assert run(project, "good.S").returncode == 0
    assert run(project, "-q", "good.S").stdout == ""
    assert "no findings" in run(project, "good.S").stdout
    assert run(project, "--exit-zero", ".").returncode == 0
    assert run(project, "--exit-zero", ".").stdout.count("[ASM") == 2
    assert run(project).returncode == 2
    assert run(project, "missing.S").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--unsafe-fixes", "b.S"], "add --fix or --diff"),
        (["--fix", "--add-ignore", "b.S"], "one after the other"),
        (["--write-baseline", "b.S"], "needs --baseline"),
        (["--watch", "--fix", "b.S"], "--watch only checks"),
        (["--stdin-filename", "x.S", "b.S"], "give '-' as the file"),
        (["--select", "XYZ", "b.S"], "no rule's code starts with 'XYZ'"),
        (["--config", "nothing.toml", "b.S"], "no configuration file"),
        (["--explain", "ASM01"], "no rule 'ASM01'"),
        (["--fixx", "b.S"], "--fix"),
    ],
)
def test_wrong_usage_is_said(project, arguments, message):
    done = run(project, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_fixing_writes_the_file_once_and_keeps_its_mode(project):
    path = project / "b.S"
    path.chmod(0o640)
    (project / "link.S").symlink_to("b.S")
    done = run(project, "--fix", "link.S")
    assert (done.returncode, path.read_text()) == (0, MENDED)
    assert "1 finding fixed" in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (project / "link.S").is_symlink()
    before = path.stat().st_mtime_ns
    assert run(project, "--fix", "link.S").returncode == 0
    assert path.stat().st_mtime_ns == before
    assert sorted(p.name for p in project.iterdir()) == ["b.S", "boot", "good.S", "link.S"]


def test_fixing_leaves_a_part_of_another_file_where_it_is(tmp_path):
    (tmp_path / "lib").mkdir()
    part = "probe:\n    ret\n"
    (tmp_path / "lib" / "mem.S").write_text(part)
    (tmp_path / "head.S").write_text('.text\nstart:\n#include "lib/mem.S"\n')
    assert run(tmp_path, "--fix", "--select", "ASM001", ".").returncode == 0
    assert (tmp_path / "lib" / "mem.S").read_text() == part

    assert run(tmp_path, "--fix", "--select", "ASM001", "lib").returncode == 0
    assert ".text" in (tmp_path / "lib" / "mem.S").read_text()


def test_what_cannot_be_fixed_is_still_reported(project):
    done = run(project, "--fix", ".")
    assert done.returncode == 1
    assert "[ASM005]" in done.stdout
    assert "[ASM001]" not in done.stdout


def test_a_difference_is_shown_and_nothing_written(project):
    done = run(project, "--diff", ".")
    assert done.returncode == 1
    assert done.stdout == "--- b.S\n+++ b.S\n@@ -1,2 +1,3 @@\n+.text\n f:\n     ret\n"
    assert (project / "b.S").read_text() == IMPLICIT
    assert run(project, "--diff", "good.S").returncode == 0
    applied = subprocess.run(
        ["git", "apply", "-p0"], cwd=project, input=done.stdout, text=True, check=False
    )
    assert applied.returncode == 0
    assert (project / "b.S").read_text() == MENDED


def test_a_byte_order_mark_and_bytes_that_are_no_text_survive(project):
    path = project / "b.S"
    path.write_bytes(b"\xef\xbb\xbf# caf\xe9\r\nf:\r\n    ret\r\n")
    assert run(project, "--fix", "b.S").returncode == 0
    assert path.read_bytes() == b"\xef\xbb\xbf# caf\xe9\r\n.text\r\nf:\r\n    ret\r\n"


def test_standard_input_is_checked_under_a_name(project):
    done = run(project, "--stdin-filename", "boot/x.S", "-", text=BAD)
    assert done.returncode == 1
    assert done.stdout.startswith("boot/x.S:3:5: error")
    done = run(project, "--fix", "--stdin-filename", "x.S", "-", text=IMPLICIT)
    assert (done.returncode, done.stdout) == (0, MENDED)
    done = run(project, "--fix", "--stdin-filename", "x.S", "-", text=BAD)
    assert (done.returncode, done.stdout) == (1, BAD)
    assert "[ASM005]" in done.stderr
    done = run(project, "--fix", "--stdin-filename", "x.S", "-", text=b"hlt\0")
    assert (done.returncode, done.stdout) == (1, "hlt\0")
    assert run(project, "-", text=BAD).returncode == 1


def test_ignores_are_added_with_a_reason_or_a_place_for_it(project):
    assert run(project, "--add-ignore", "--reason", "copied first", "boot").returncode == 0
    assert "orolint: ignore[ASM005] copied first" in (project / "boot" / "a.S").read_text()
    done = run(project, "--add-ignore", "b.S")
    assert done.returncode == 1
    assert "[SUP002]" in done.stdout
    assert "TODO" in (project / "b.S").read_text()


def test_a_baseline_is_written_used_and_grows_stale(project):
    assert run(project, "--baseline", "lint.json", "--write-baseline", ".").returncode == 0
    assert run(project, "--baseline", "lint.json", ".").returncode == 0
    (project / "b.S").write_text(MENDED)
    done = run(project, "--baseline", "lint.json", ".")
    assert done.returncode == 1
    assert "lint.json: warning: stale entry" in done.stdout
    (project / "orobuild.toml").write_text('[lint]\nbaseline = "lint.json"\n')
    assert run(project / "boot", "a.S").returncode == 0
    assert run(project, "--baseline", "b.S", ".").returncode == 1


def test_the_configuration_is_found_and_its_faults_are_located(project):
    config = project / "orobuild.toml"
    config.write_text('[lint.per-file-ignores]\n"boot/*" = ["ASM005"]\n')
    assert run(project / "boot", "a.S").returncode == 0
    assert run(project / "boot", "--isolated", "a.S").returncode == 1
    config.write_text('[lint]\nexclude = ["boot"]\nignore = ["ASM001"]\n')
    assert lines(project, ".") == []
    config.write_text('[lint]\nselct = ["ASM"]\n')
    done = run(project, ".")
    assert done.returncode == 2
    assert "orobuild.toml:2:1: error: [tool.orobuild.lint]: unknown key 'selct'" in done.stderr
    (project / "other.toml").write_text('[tool.orobuild.lint]\nselect = ["SEG"]\n')
    assert run(project, "--config", "other.toml", ".").returncode == 0


def test_a_report_goes_to_a_file(project):
    done = run(project, "--output-format", "json", "-o", "report.json", "b.S")
    assert (done.returncode, done.stdout) == (1, "")
    (finding,) = json.loads((project / "report.json").read_text())
    assert finding["fix"]["applicability"] == "safe"
    assert finding["fix"]["edits"][0]["content"] == ".text\n"


def test_statistics_do_not_disturb_a_machine(project):
    done = run(project, "--statistics", "--output-format", "json", ".")
    assert len(json.loads(done.stdout)) == 2
    assert "1 ASM001" in done.stderr


def test_other_processors_sources_are_passed_over_with_a_note(project):
    (project / "arm64.S").write_text(".arch armv8-a\nf: stp x0, x1, [sp]\n    eret\n")
    done = run(project, "arm64.S", "good.S")
    assert done.returncode == 0
    assert "passed over as for AArch64: arm64.S" in done.stdout
    assert "no findings in 1 file" in done.stdout


@contextmanager
def watched(project: Path, *paths: str):
    """`orolint --watch` on `paths`: yields the process and a function that waits until it has said a text."""
    log = project / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("orolint"), "--watch", *paths],
            cwd=project,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            # A shell that starts this suite in the background has told it to ignore SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )

        def wait_for(text: str) -> None:
            end = time.monotonic() + 60
            while text not in log.read_text():
                assert time.monotonic() < end, log.read_text()
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)

        try:
            wait_for("watching")
            time.sleep(0.5)  # the kernel's watch is set after the word
            yield process, wait_for
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(timeout=30)
    assert status == 130
    assert "Traceback" not in log.read_text()


def test_watching_checks_again_when_a_file_changes_and_survives_what_is_broken(project):
    path = project / "b.S"
    with watched(project, "b.S") as (process, wait_for):
        wait_for("[ASM001]")
        path.write_bytes(b"\0")
        wait_for("a byte 0")
        path.unlink()
        wait_for("cannot be read")
        path.write_text(MENDED)
        wait_for("no findings")
        used = Path(f"/proc/{process.pid}/stat").read_text().split()
        time.sleep(1)
        again = Path(f"/proc/{process.pid}/stat").read_text().split()
        assert int(again[13]) + int(again[14]) - int(used[13]) - int(used[14]) < 20


def test_watching_looks_again_when_a_folder_is_replaced(project):
    (project / "asm").mkdir()
    (project / "asm" / "c.S").write_text(MENDED)
    (project / "other").mkdir()
    (project / "other" / "c.S").write_text("nop\n")
    with watched(project, "asm") as (_, wait_for):
        wait_for("no findings")
        (project / "asm").rename(project / "before")
        time.sleep(1.5)  # it has seen that the folder is gone
        (project / "other").rename(project / "asm")
        wait_for("[ASM001]")
