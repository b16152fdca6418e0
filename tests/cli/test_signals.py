"""Stopping a command in the middle: outputs whole, nothing left behind, nobody left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

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
