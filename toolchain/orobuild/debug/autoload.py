"""The script that a build leaves beside a kernel: GDB loads it with the file (`docs/debug.md`).

It is the same on every machine: it looks for orobuild when it runs. The configuration of the `oro`
commands is in it, so that a kernel that is copied elsewhere keeps it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MARK: Final = "# oro: "

_SCRIPT: Final = '''\
"""Gives GDB the `oro` commands. Written by 'orobuild build'; GDB loads it with the kernel."""

import os
import shlex
import shutil
import subprocess
import sys

import gdb


def _load():
    folder = os.path.dirname(os.path.abspath(__file__))
    words = shlex.split(os.environ.get("OROBUILD", ""))
    while not words and folder != os.path.dirname(folder):
        program = os.path.join(folder, ".venv", "bin", "orobuild")
        words = [program] if os.access(program, os.X_OK) else []
        folder = os.path.dirname(folder)
    words = words or [shutil.which("orobuild")]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
    try:
        found = subprocess.run(
            words + ["debug", "--extension"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        path = found.stdout.decode().strip()
    except (OSError, TypeError):
        path = ""
    if path.endswith(".py"):
        sys.path.insert(0, os.path.dirname(path))
        import oro_gdb

        oro_gdb.load()
    else:
        gdb.write("the oro commands need orobuild: on the search path, or named by OROBUILD\\n")


if not getattr(gdb, "oro_loaded", False):
    _load()
'''


def script(debug: Mapping[str, Any], lint: Mapping[str, Any]) -> bytes:
    """The script, with tables of the configuration that the commands need (as TOML has them)."""
    table = json.dumps({"debug": debug, "lint": lint}, sort_keys=True, separators=(",", ":"))
    return f"{_SCRIPT}{MARK}{table}\n".encode()
