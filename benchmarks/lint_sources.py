"""Start to finish of `orolint` on a dozen small sources, as a hook at a commit runs it.

python benchmarks/lint_sources.py

Bare Python is the yardstick. CPU seconds say more than wall seconds where others use the machine.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from measure import environment

ROOT = Path(__file__).resolve().parents[1]
RUNS = 21


def cpu_seconds(command: list[str]) -> float:
    """User and system seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    sources = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "asm").glob("*.S"))[:12]
    size = sum((ROOT / name).stat().st_size for name in sources)
    commands = {
        "python3 -c pass": [sys.executable, "-c", "pass"],
        "python3 -c 'import click'": [sys.executable, "-c", "import click"],
        "orolint, one source": [str(Path(sys.executable).with_name("orolint")), sources[0]],
        f"orolint, {len(sources)} sources": [
            str(Path(sys.executable).with_name("orolint")),
            *sources,
        ],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(RUNS + 1):
        for name, command in commands.items():
            taken = cpu_seconds(command)
            if turn:
                times[name].append(taken)
    print(f"{len(sources)} sources, {size} bytes; CPU seconds, median of {RUNS} runs in turns")
    bare = statistics.median(times["python3 -c pass"])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:<28} {median:7.3f} s {median / bare:7.1f}x   (fastest {min(taken):.3f} s)")
    print(f"load: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
