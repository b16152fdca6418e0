"""docs/kernel-paths.md lists what the kernel really executes, and that is little enough."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

# A quarter of what a minimal Linux 6.1 executes for the same.
QUARTERS = {
    "Null system call and back": 192 / 4,
    "Yield that switches processes": 1145 / 4,
    "Minor page fault resolved, a zeroed frame at hand": 2258 / 4,
}


@pytest.mark.timeout(600)
def test_the_listing_is_current(root, tool):
    tool("objdump"), tool("addr2line")
    command = [sys.executable, root / "benchmarks" / "kernel_listing.py", "--check"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", QUARTERS)
def test_a_path_takes_less_than_a_quarter_of_linux(root, path):
    page = (root / "docs" / "kernel-paths.md").read_text()
    match = re.search(rf"^## {path}: (\d+) instructions$", page, re.MULTILINE)
    assert match
    assert int(match[1]) < QUARTERS[path]
