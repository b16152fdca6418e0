"""The hooks of this repository, run by pre-commit itself on somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lint.building import assemble, link

ROOT = Path(__file__).resolve().parents[2]
BAD = ".section .rodata\nstub:\n    iretq\n"
GOOD = '.section .text,"ax",@progbits\nstub:\n    iretq\n'


def git(directory: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=directory, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def hooks(tmp_path_factory):
    """A repository with this tree as it is now, committed or not, and its one commit."""
    copy = tmp_path_factory.mktemp("orobuild")
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "kernel/")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    git(copy, "init", "-q")
    git(copy, "add", "-A", "-f")
    git(copy, "commit", "-q", "-m", "the tools")
    return copy, git(copy, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, hooks):
    """A repository that has the hooks installed, for commits and for pushes."""
    directory = tmp_path_factory.mktemp("kernel")
    where, revision = hooks
    git(directory, "init", "-q", "-b", "main")
    (directory / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {where}\n  rev: {revision}\n  hooks:\n"
        "  - id: orolint\n  - id: orolint-image\n"
    )
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "hooks")
    return directory


def pre_commit(directory: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=directory,
        env={**os.environ, "PRE_COMMIT_HOME": str(home), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=800,
    )


@pytest.mark.timeout(900)  # it makes an environment, from a registry if need be
def test_the_hooks_find_what_they_are_for_and_pull_neither_compiler_nor_emulator(
    kernel, tmp_path_factory
):
    home = tmp_path_factory.mktemp("home")
    (kernel / "isr.S").write_text(BAD)
    (kernel / "notes.txt").write_text(BAD)
    git(kernel, "add", "-A")
    done = pre_commit(kernel, home, "run")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "orolint (sources)" in done.stdout
    assert "isr.S:3:5: error: instruction of 'stub' in section '.rodata'" in done.stdout
    assert "images" not in done.stdout

    (kernel / "isr.S").write_text(GOOD)
    git(kernel, "add", "-A")
    done = pre_commit(kernel, home, "run")
    assert done.returncode == 0, done.stdout + done.stderr

    text = ".globl _start\n_start: jmp table\n.section .rodata\ntable: ret\n"
    image = link({"o": assemble(text, "--64")}, "-z", "separate-code")
    (kernel / "kernel.elf").write_bytes(image)
    git(kernel, "add", "-A")
    assert pre_commit(kernel, home, "run").returncode == 0
    done = pre_commit(kernel, home, "run", "--hook-stage", "pre-push", "--files", "kernel.elf")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "[SEG001]" in done.stdout

    (python,) = home.glob("*/py_env-*/bin/python")
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True
    )
    names = {line.partition("==")[0].lower() for line in listed.stdout.splitlines()}
    assert "orobuild" in names
    assert not {n for n in names if "zig" in n or "qemu" in n or "labgrid" in n}
