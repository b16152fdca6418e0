"""Timing whole processes against each other: alternating runs, medians, ratios.

These machines are noisy, so an absolute time says little; the ratio of two commands that took
turns in one run says more.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def environment() -> dict[str, str]:
    """The environment of what is measured: Python may keep its compiled modules, as installed."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: Sequence[str | Path], cwd: Path | None = None) -> float:
    """Wall seconds of one run; a command that fails ends the benchmark."""
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, env=environment())
    return time.perf_counter() - start


def compare(
    commands: Mapping[str, Sequence[str | Path]], *, runs: int = 11, cwd: Path | None = None
) -> dict[str, float]:
    """The wall seconds of each command, run in turns after one warm-up each: the medians.

    Prints the fastest of each and the medians of the processor's time, user and system, too: where
    others use the machine they say more.
    """
    times: dict[str, list[float]] = {name: [] for name in commands}
    work: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            before = os.times()
            taken = seconds(command, cwd)
            after = os.times()
            if turn:
                times[name].append(taken)
                work[name].append(
                    after.children_user
                    + after.children_system
                    - before.children_user
                    - before.children_system
                )
    first = min(next(iter(times.values())))
    print("fastest   " + "   ".join(
        f"{name} {min(taken):.3f} s ({min(taken) / first:.2f}x)" for name, taken in times.items()
    ))  # fmt: skip
    first = statistics.median(next(iter(work.values()))) or 0.01
    print("user+sys  " + "   ".join(
        f"{name} {(median := statistics.median(taken)):.3f} s ({median / first:.2f}x)"
        for name, taken in work.items()
    ))  # fmt: skip
    return {name: statistics.median(taken) for name, taken in times.items()}


def show(medians: Mapping[str, float], yardstick: str) -> None:
    """Print each median and its ratio to the yardstick's."""
    width = max(map(len, medians))
    for name, taken in medians.items():
        print(f"{name:<{width}}  {taken:8.3f} s  {taken / medians[yardstick]:8.2f}x")


# A process starts with the peak of the one that forked it, so a small one has to fork.
_LAUNCHER = """\
import os, sys
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak(command: Sequence[str | Path], cwd: Path | None = None) -> tuple[float, float]:
    """Wall seconds, less the launcher's, and peak resident megabytes (never below about 10)."""
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER]
    bare = seconds([*launcher, "true"], cwd)
    start = time.perf_counter()
    done = subprocess.run(
        [*launcher, *command], cwd=cwd, check=True, capture_output=True, env=environment()
    )
    taken = time.perf_counter() - start
    return max(taken - bare, 0.0), int(done.stderr.split()[-1]) / 1024


def growth(name: str, sizes: Mapping[int, Sequence[str | Path]], cwd: Path | None = None) -> None:
    """Print time and memory of one command on inputs of growing size, and both for each unit.

    Of three runs the fastest counts. What is linear has last columns that stay or fall: the
    start-up is shared by more units.
    """
    print(f"{name:<12}  {'size':>9}  {'seconds':>8}  {'MB':>7}  {'us each':>8}  {'bytes each':>10}")
    for size, command in sizes.items():
        taken, megabytes = min(peak(command, cwd) for _ in range(3))
        each = taken / size * 1e6
        print(
            f"{'':<12}  {size:>9}  {taken:8.2f}  {megabytes:7.0f}  {each:8.1f}"
            f"  {megabytes * (1 << 20) / size:10.0f}"
        )


def profile(program: str, arguments: Sequence[str | Path], cwd: Path, lines: int = 25) -> None:
    """Print what the time of a drop-in program is made of, by the functions' own time."""
    code = (
        "import cProfile, pstats, sys\n"
        "from orobuild.cli.commands import " + program + " as command\n"
        "profile = cProfile.Profile()\n"
        "profile.runcall(command.run, sys.argv[1:])\n"
        f"pstats.Stats(profile).sort_stats('tottime').print_stats({lines})\n"
    )
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=cwd, check=True, env=environment())
