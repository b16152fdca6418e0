"""C and C++ files through compilers and flags that builds of packages do not use by themselves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from corpus.recorder import keep

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

FLAGS: Final = tuple(
    shlex.split(flags)
    for flags in (
        "-O0", "-O1", "-O2", "-O3", "-Os", "-O0 -g", "-O2 -g", "-O2 -g -gdwarf-4", "-O2 -g3",
        "-O2 -fPIC", "-O2 -fPIC -fno-plt", "-O2 -fpie -g", "-O2 -mcmodel=kernel -mno-red-zone -fno-pic",
        "-O2 -mcmodel=large -fno-pic", "-O2 -mcmodel=medium -fPIC", "-O2 -m32 -fno-pic",
        "-O2 -m32 -fPIC", "-O0 -m16 -fno-pic", "-Os -m16 -fno-pic", "-O2 -masm=intel", "-O1 -masm=intel -fPIC -g",
        "-O2 -fverbose-asm", "-O2 -fcf-protection=full", "-O2 -pg", "-O2 -fstack-protector-all",
        "-O3 -mavx2 -ffast-math", "-O3 -march=skylake-avx512", "-O2 -ffunction-sections -fdata-sections",
        "-O2 -fno-asynchronous-unwind-tables", "-O2 -fno-dwarf2-cfi-asm", "-O2 -mtls-dialect=gnu2 -fPIC",
        "-O2 -fsplit-stack", "-O1 -fno-omit-frame-pointer -falign-functions=32", "-O2 -mgeneral-regs-only",
        "-O2 -mindirect-branch=thunk-extern -mfunction-return=thunk-extern", "-O2 -fpatchable-function-entry=5,2",
    )
)  # fmt: skip
# clang: what it shares with gcc, and assembly for GNU as
CLANG: Final = tuple(
    [*shlex.split(flags), "-fno-integrated-as", "-fno-addrsig"]
    for flags in (
        "-O0", "-O2", "-O3 -mavx2", "-Os -g", "-O0 -g", "-O2 -fPIC -g", "-O2 -g -gdwarf-4",
        "-O2 -mcmodel=kernel -mno-red-zone -fno-pic", "-O2 -m32 -fno-pic", "-O2 -m32 -fPIC -g", "-Os -m16 -fno-pic",
        "-O2 -masm=intel", "-O2 -fcf-protection=full", "-O2 -fstack-protector-all", "-O2 -ffunction-sections",
        "-O3 -march=skylake-avx512", "-O2 -fverbose-asm",
    )
)  # fmt: skip


def compilers(suffix: str) -> dict[str, tuple[list[str], Sequence[list[str]]]]:
    """Every compiler that is here, with the flags it is given in turn."""
    cpp = suffix != ".c"
    gnu, clang = ("g++", "clang++") if cpp else ("gcc", "clang")
    found: dict[str, tuple[list[str], Sequence[list[str]]]] = {}
    if shutil.which(gnu):
        found[gnu] = ([gnu], FLAGS)
    if shutil.which(clang):
        found[clang] = ([clang], CLANG)
    zig = [sys.executable, "-m", "ziglang", "c++" if cpp else "cc", "-target", "x86_64-linux-gnu"]
    if not cpp and subprocess.run([*zig, "--version"], capture_output=True).returncode == 0:
        flags = [[f, "-fno-sanitize=undefined", *g] for f in ("-O0", "-O2") for g in ([], ["-g"])]
        found["zig"] = (zig, flags)
    return found


def record(
    root: Path, patterns: Iterable[str], options: Sequence[str], inputs: Path, jobs: int
) -> None:
    """Compile the files that `patterns` match, each compiler with the next of its flags."""
    sources = sorted(path for pattern in patterns for path in root.glob(pattern))
    work = []
    for suffix in sorted({path.suffix for path in sources}):
        for program, choices in compilers(suffix).values():
            chosen = [path for path in sources if path.suffix == suffix]
            for number, path in enumerate(chosen):
                work.append((program, choices[number % len(choices)], path))
    with ThreadPoolExecutor(jobs) as pool:
        for program, flags, path in work:
            pool.submit(_compile, root, program, [*flags, *options], path, inputs)


def _compile(root: Path, program: list[str], flags: list[str], path: Path, inputs: Path) -> None:
    made = subprocess.run(
        [*program, "-S", "-w", *flags, path, "-o", "-"],
        cwd=root, capture_output=True, timeout=300, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    if made.returncode == 0 and made.stdout:
        bits = "--32" if {"-m32", "-m16"} & set(flags) else "--64"
        keep(made.stdout, [bits], f"{' '.join(flags)} {path}", inputs)
