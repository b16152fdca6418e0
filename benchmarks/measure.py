"""Timing whole processes against each other: alternating runs, medians, ratios.

These machines are noisy, so an absolute time says little; the ratio of two commands that took
turns in one run says more.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def seconds(command: Sequence[str | Path], cwd: Path | None = None) -> float:
    """Wall seconds of one run; a command that fails ends the benchmark."""
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - start


def compare(
    commands: Mapping[str, Sequence[str | Path]], *, runs: int = 11, cwd: Path | None = None
) -> dict[str, float]:
    """The median wall seconds of each command, run in turns after one warm-up each."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            taken = seconds(command, cwd)
            if turn:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def show(medians: Mapping[str, float], yardstick: str) -> None:
    """Print each median and its ratio to the yardstick's."""
    width = max(map(len, medians))
    for name, taken in medians.items():
        print(f"{name:<{width}}  {taken:8.3f} s  {taken / medians[yardstick]:8.2f}x")
