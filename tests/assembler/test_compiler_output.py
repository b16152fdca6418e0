"""What C and C++ compilers write, against GNU as, to the last symbol."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from assembler.gnu_as import differences, ours

SOURCES = Path(__file__).parent / "programs"
FLAGS = [
    "-O0", "-O1", "-O2", "-O3", "-Os", "-O2 -fPIC", "-O2 -g", "-O0 -g", "-O2 -g -gdwarf-4",
    "-O2 -mcmodel=kernel -mno-red-zone -fno-pic", "-O2 -m32 -fno-pic", "-O2 -m32 -fPIC",
    "-O2 -ffunction-sections -fdata-sections -g", "-O2 -fcf-protection=full",
    "-O2 -fno-asynchronous-unwind-tables", "-O2 -fno-dwarf2-cfi-asm",
]  # fmt: skip


def compiled(source: Path, flags: str, compiler: str, directory: Path) -> str:
    """The assembly that a compiler makes of `source`."""
    path = directory / "out.s"
    command = [compiler, "-S", "-w", *flags.split(), str(source), "-o", str(path)]
    subprocess.run(command, check=True, timeout=60, cwd=directory)
    return path.read_text()


@pytest.mark.parametrize("flags", FLAGS)
def test_c_is_assembled_as_by_gnu_as(flags: str, tmp_path: Path) -> None:
    text = compiled(SOURCES / "kernel_like.c", flags, "gcc", tmp_path)
    assert differences(text, 32 if "-m32" in flags else 64) == []


@pytest.mark.parametrize("flags", ["-O0", "-O2", "-O2 -g -fPIC"])
def test_cpp_is_assembled_as_by_gnu_as(flags: str, tmp_path: Path) -> None:
    text = compiled(SOURCES / "exceptions.cc", flags, "g++", tmp_path)
    assert differences(text) == []


def test_a_compiled_program_runs(tmp_path: Path) -> None:
    source = tmp_path / "p.c"
    source.write_text(
        "#include <stdio.h>\nstatic int f(int n) { return n < 2 ? n : f(n - 1) + f(n - 2); }\n"
        'int main(void) { printf("%d %.2f\\n", f(20), f(10) / 7.0); return 0; }\n'
    )
    text = compiled(source, "-O2 -g", "gcc", tmp_path)
    (tmp_path / "p.o").write_bytes(ours(text).object)
    subprocess.run(["gcc", "p.o", "-o", "p"], cwd=tmp_path, check=True)
    run = subprocess.run([tmp_path / "p"], capture_output=True, text=True, timeout=10)
    assert run.stdout == "6765 7.86\n"


@pytest.mark.parametrize("flags", ["-O0 -g", "-O2", "-O2 -g -gdwarf-4", "-O2 -fPIC -g"])
def test_clang_output_is_assembled_as_by_gnu_as(flags: str, tmp_path: Path) -> None:
    flags += " -fno-addrsig -fno-integrated-as"
    text = compiled(SOURCES / "kernel_like.c", flags, "clang", tmp_path)
    assert differences(text) == []


def test_what_only_clang_writes_is_accepted(tmp_path: Path) -> None:
    text = compiled(SOURCES / "kernel_like.c", "-O2 -g", "clang", tmp_path)
    assert ".addrsig" in text
    assert ours(text).object
