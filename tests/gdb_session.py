"""GDB in batch mode on a real boot: each command's output by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

MARK = "=-=-= "


def run_gdb(kernel: Path, commands: list[str], *, arguments=(), timeout=240) -> dict[str, str]:
    """What each command of GDB's says, by the command; errors are in it as they came."""
    words = [sys.executable, "-m", "orobuild", "debug", "--elf", str(kernel), "--batch"]
    for number, command in enumerate(commands):
        words += ["-ex", f"echo {MARK}{number}\\n", "-ex", command]
    environment = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "PYTHONPATH")}
    result = subprocess.run(
        [*words, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        timeout=timeout,
    )
    parts = re.split(rf"^{MARK}(\d+)\n", result.stdout, flags=re.MULTILINE)
    assert [int(number) for number in parts[1::2]] == list(range(len(commands))), result.stdout
    assert len(set(commands)) == len(commands)
    return dict(zip(commands, parts[2::2], strict=True))
