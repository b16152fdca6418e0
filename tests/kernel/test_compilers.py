"""The C is warning-free for every compiler that may build it, not only for the default one."""

from __future__ import annotations

import subprocess

import pytest

from orobuild.project import load


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.full)])
@pytest.mark.parametrize("optimisation", [pytest.param("-O1", marks=pytest.mark.full), "-O2"])
def test_every_file_compiles_without_a_warning(root, tool, tmp_path, compiler, optimisation):
    flags = load(root).config.compiler.flags
    sources = sorted((root / "kernel").rglob("*.c"))
    assert len(sources) > 30
    command = [tool(compiler), *flags, "-ffreestanding", "-fno-pie", optimisation, "-c"]
    if compiler == "clang":
        command += ["--target=x86_64-unknown-none-elf"]
    done = subprocess.run(
        [*command, "-I", root / "kernel", *sources],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
