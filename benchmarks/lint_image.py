"""All image rules against `objdump -d`: processor time, growth with the text, memory.

python benchmarks/lint_image.py [ELF ...]

Without arguments it measures the program or library of this machine with the least text of at least
4 MiB; then a program that is linked from one, two and four copies of the same compiled code.
User and system seconds of whole processes, medians of runs in turns.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from measure import environment

from orobuild.elf import reader
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 5
ENOUGH = 4 << 20
MODULE = (
    "long shared(long); static long t{n}[8];"
    "long f{n}(long a, long *b) {{ for (long i = 0; i < a; i++) {{ if (b[i] > {n}) a += b[i] * i;"
    " else t{n}[i & 7] ^= a << (i & 3); switch (b[i] & 7) {{ case 0: a ^= 5; break; case 1: a += 9;"
    " break; case 2: a = shared(a); break; case 3: a -= b[i]; break; case 4: a *= 3; break;"
    " case 5: a |= 1; break; }} }} return shared(a + t{n}[3]); }}\n"
)


def text_size(path: Path) -> int:
    try:
        with path.open("rb") as file:
            if file.read(4) != b"\x7fELF":
                return 0
        elf = reader.read(path.read_bytes(), str(path))
    except (InputError, OSError):
        return 0
    return sum(s.p_filesz for s in elf.segments if s.p_type == 1 and s.p_flags & 1)


def large() -> Path:
    """What `search` finds, in a process of its own: what this one has read would count for those it starts."""
    command = [sys.executable, __file__, "--search"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    return Path(done.stdout.strip())


def search() -> Path:
    """The image of this machine with the least text that is enough."""
    found = []
    for folder in (Path("/usr/bin"), Path("/usr/lib/x86_64-linux-gnu")):
        for path in folder.iterdir():
            if path.is_file() and not path.is_symlink() and path.stat().st_size > ENOUGH:
                size = text_size(path)
                if size >= ENOUGH:
                    found.append((size, path))
    return min(found)[1]


def copies(folder: Path) -> Iterator[Path]:
    """A program of 1, 2 and 4 times the same code."""
    source = "".join(MODULE.format(n=n) for n in range(2000))
    (folder / "a.c").write_text(source)
    (folder / "main.c").write_text("long shared(long a) { return a; } void _start(void) {}\n")
    flags = ["gcc", "-O2", "-c", "-fno-pic", "-fno-asynchronous-unwind-tables"]
    for name in ("a", "main"):
        subprocess.run([*flags, f"{name}.c", "-o", f"{name}.o"], cwd=folder, check=True)
    names = []
    for n in range(4):
        rename = ["objcopy", "--prefix-symbols", f"m{n}_", "--redefine-sym", f"m{n}_shared=shared"]
        subprocess.run([*rename, "a.o", f"a{n}.o"], cwd=folder, check=True)
        # objcopy prefixes undefined symbols too.
        names.append(f"a{n}.o")
    for count in (1, 2, 4):
        defined = [f"--defsym=m{n}_shared=shared" for n in range(count)]
        out = folder / f"times{count}"
        subprocess.run(
            ["ld", "-o", out, *defined, "main.o", *names[:count]], cwd=folder, check=True
        )
        yield out


def cost(command: list[str]) -> tuple[float, int]:
    """User and system seconds, and the largest resident set in MiB, of one run."""
    with Path(os.devnull).open("w") as null:
        process = subprocess.Popen(command, stdout=null, stderr=null, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss >> 10


def measure(image: Path) -> None:
    orolint = str(Path(sys.executable).with_name("orolint"))
    commands = {
        "objdump -d": ["objdump", "-d", str(image)],
        "orolint": [orolint, "--isolated", "--quiet", str(image)],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    memory = dict.fromkeys(commands, 0)
    for turn in range(RUNS + 1):
        for name, command in commands.items():
            seconds, size = cost(command)
            memory[name] = max(memory[name], size)
            if turn:
                taken[name].append(seconds)
    print(f"{image}: {text_size(image) / (1 << 20):.1f} MiB of text")
    first = statistics.median(taken["objdump -d"])
    for name, times in taken.items():
        median = statistics.median(times)
        print(
            f"  {name:<12} {median:7.2f} s {median / first:6.2f}x   "
            f"(fastest {min(times):.2f} s, {memory[name]} MiB)"
        )


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.argv[1:] == ["--search"]:
        print(search())
        return
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            measure(Path(name))
        return
    measure(large())
    with tempfile.TemporaryDirectory() as folder:
        for image in copies(Path(folder)):
            measure(image)
    print(f"load: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
