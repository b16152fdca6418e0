"""Linting a large image takes no longer than disassembling it (whole processes, side by side)."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

import orobuild
from orobuild.elf import reader

CODE = "import sys; from orobuild.lint import *; print(len(check_paths(sys.argv[1:]).checked))"


def large_program() -> str:
    """An installed program with at least 4 MB of text."""
    for name in ("gdb", "qemu-system-x86_64", "python3.11", "cmake"):
        path = Path("/usr/bin") / name
        if path.exists():
            text = reader.read(path.read_bytes(), name).section(".text")
            if text is not None and text.sh_size >= 4 << 20:
                return str(path)
    raise AssertionError("no program with 4 MB of text is installed: gdb and QEMU have as much")


def seconds(command: list[str], **environment: str) -> float:
    started = time.perf_counter()
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    return time.perf_counter() - started


@pytest.mark.full
def test_linting_takes_no_longer_than_disassembling():
    program = large_program()
    toolchain = str(Path(orobuild.__file__).parents[1])
    lint, objdump = [], []
    for _ in range(5):
        lint.append(seconds([sys.executable, "-c", CODE, program], PYTHONPATH=toolchain))
        objdump.append(seconds(["objdump", "-d", program]))
    ours, theirs = statistics.median(lint), statistics.median(objdump)
    assert ours <= theirs, f"{program}: {ours:.2f} s, objdump -d takes {theirs:.2f} s"
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    assert peak < 500, f"{peak} MiB"
