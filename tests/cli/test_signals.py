"""Stopping a command in the middle: outputs whole, nothing left behind, nobody left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_build_leaves_nothing_behind(mini, tmp_path, number, status):
    assert mini.run("build").returncode == 0
    before = mini.outputs()
    waiting = mini.root / "waiting"
    compiler = mini.root / "slow-gcc"
    compiler.write_text(f"#!/bin/sh\ntouch '{waiting}'\nexec sleep 5\n")
    compiler.chmod(0o755)
    (mini.root / "extra.c").write_text("int extra;\n")
    mini.change("orobuild.toml", '["*.S"]', '["*.S", "*.c"]')
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "orobuild", "build"],
        cwd=mini.root,
        env={**os.environ, "CC": str(compiler), "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that starts this suite in the background has told it to ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 60
    while not waiting.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, number) if number is signal.SIGINT else process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == status, said
    assert "Traceback" not in said
    assert mini.outputs() == before
    assert list(scratch.iterdir()) == []


COMMANDS = (
    "orobuild --version",
    "orobuild --help",
    "orolint --explain SEG001",
    "oro-as --version",
    "oro-as -al nop.s -o nop.o",
    "oro-as nop.s -o -",
    "oro-ld --help",
)


def program(words: str) -> list[str]:
    """The command line of one of the package's programs, run by this interpreter."""
    name, *rest = words.split()
    start = f"import sys; from orobuild.cli import {name.replace('-', '_')} as run; run()"
    return [sys.executable, "-c", start, *rest]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", COMMANDS)
def test_output_that_cannot_be_written_is_said(tmp_path, words, unbuffered):
    (tmp_path / "nop.s").write_text(".text\nnop\n")
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            program(words), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, env=environment
        )
    assert done.returncode == 1
    assert done.stderr == b"standard output: error: cannot write: No space left on device\n"


def test_closed_streams_are_the_null_device_and_no_output_file(tmp_path):
    """Else the object would be the first file opened, and get what is printed into it."""
    (tmp_path / "nop.s").write_text(".text\nnop\n")
    line = [*program("oro-as"), "-al", "nop.s", "-o"]
    subprocess.run([*line, "open.o"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    closed = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *line, "closed.o"]
    subprocess.run(closed, cwd=tmp_path, check=True)
    assert (tmp_path / "closed.o").read_bytes() == (tmp_path / "open.o").read_bytes()
