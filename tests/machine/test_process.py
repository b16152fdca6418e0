"""Child processes that cannot outlive us."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orobuild.machine.process import ChildProcess, inheritable


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds=10.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.01)


def read_all(fd):
    data = b""
    while chunk := os.read(fd, 4096):
        data += chunk
    return data


def read_line(fd):
    data = b""
    while not data.endswith(b"\n"):
        data += os.read(fd, 1)
    return data.decode().strip()


@pytest.mark.parametrize("status", [0, 1, 33, 255])
def test_the_status_is_the_childs(status):
    with ChildProcess(["sh", "-c", f"exit {status}"]) as child:
        assert child.wait(10) == status


def test_output_and_error_are_read_together():
    with ChildProcess(["sh", "-c", "echo out; echo err >&2"]) as child:
        assert sorted(read_all(child.output).split()) == [b"err", b"out"]


def test_arguments_reach_the_child_unchanged():
    words = ["a b", "$HOME", "'\"", "*", ""]
    with ChildProcess([sys.executable, "-c", "import sys; print(sys.argv[1:])", *words]) as child:
        assert read_all(child.output).decode().strip() == repr(words)


def test_the_child_has_nothing_to_read():
    with ChildProcess(["cat"]) as child:
        assert child.wait(10) == 0


def test_a_descriptor_is_passed_on_under_its_number():
    ours, theirs = os.pipe()
    passed = inheritable(theirs)
    with ChildProcess(["sh", "-c", f"echo hello > /dev/fd/{passed}"], pass_fds=[passed]) as child:
        os.close(theirs)
        os.close(passed)
        assert read_all(ours) == b"hello\n"
        assert child.wait(10) == 0
    os.close(ours)
    assert passed > 9


def test_a_child_that_wants_a_terminal_has_one():
    with ChildProcess(["sh", "-c", "test -t 1 && echo yes $TERM"], terminal=True) as child:
        assert read_line(child.output) == "yes linux"


def test_leaving_the_context_ends_the_child_and_its_children():
    with ChildProcess(["sh", "-c", "sleep 1000 & echo $!; wait"]) as child:
        pid = int(read_line(child.output))
        assert alive(pid)
    wait_until(lambda: not alive(pid))


def test_a_killed_parent_takes_the_child_and_its_children_along(root):
    program = (
        "import os, signal; from orobuild.machine.process import ChildProcess\n"
        "child = ChildProcess(['sh', '-c', 'sleep 1000 & echo $!; wait'])\n"
        "print(os.read(child.output, 100).decode(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(root / "toolchain")}

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment)

    pid = int(done.stdout)
    wait_until(lambda: not alive(pid))


def test_no_descriptor_is_left_open():
    def count():
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    before = count()
    for terminal in (False, True):
        with ChildProcess(["true"], terminal=terminal) as child:
            child.wait(10)
    assert count() == before
