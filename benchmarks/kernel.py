"""What the kernel's paths cost, in instructions, beside a quarter of what a minimal Linux needs.

QEMU counts them (`-icount shift=0`, one core), so the figures are the same on every machine. The
yardstick was measured the same way on a minimal Linux 6.1 with mitigations off.

    python3 benchmarks/kernel.py [--profile debug]
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from orobuild import machine
from orobuild.pipeline.build import Request, build
from orobuild.project import load

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 20

LINUX = {"null_call": 192, "yield": 1145}
"""Instructions of Linux 6.1: a null system call and back; a yield that switches processes."""

_LINE = re.compile(r"\[measure (?P<pid>\d+)\] measured (?P<what>\w+)=(?P<counts>\d+)$")


def measured(kernel: Path) -> dict[str, int]:
    """The least that the measuring programs report of each path: what else ran is not the path's."""
    qemu = machine.Qemu(kernel=kernel, command_line="measure", cores=1, count_instructions=True)
    report = machine.boot(qemu, timeout=SECONDS)
    figures: dict[str, int] = {}
    for line in report.lines:
        if match := _LINE.search(line):
            what, counts = match["what"], int(match["counts"])
            figures[what] = min(counts, figures.get(what, counts))
    if "message_and_back" not in figures:
        sys.exit("\n".join((*report.lines, f"the measuring programs did not end: {report.reason}")))
    return figures


def main() -> None:
    """Build, boot, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="release")
    profile = parser.parse_args().profile
    with tempfile.TemporaryDirectory() as folder:
        request = Request(profile=profile, output=Path(folder))
        result = build(load(ROOT), request)
        figures = measured(result.kernel)
    rows = [
        ("null system call and back", figures["null_call"], LINUX["null_call"]),
        ("system call through the funnel", figures["call_through_the_funnel"], None),
        ("yield that switches processes", figures["yield_and_back"] // 2, LINUX["yield"]),
        ("message to a process and its answer", figures["message_and_back"], None),
        ("from reset to the first user instruction", figures["first_instruction"], None),
    ]
    print(f"instructions, profile {profile}, QEMU -icount shift=0, one core\n")
    print(f"{'':42}{'Oro':>12}{'Linux / 4':>12}")
    for name, counts, linux in rows:
        print(f"{name:42}{counts:12,}{linux / 4 if linux else '':>12}")


if __name__ == "__main__":
    main()
