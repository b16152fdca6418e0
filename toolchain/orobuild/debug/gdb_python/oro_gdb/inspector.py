"""The process that thinks: started by the first command, and again if it has ended."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from typing import Any

import gdb

from .refusal import Refused
from .target import ANSWERS


class Inspector:
    """The process that thinks. Started by the first command, and again if it has ended."""

    def __init__(self) -> None:
        self.process: Any = None
        self.elf: Any = None
        self.errors: Any = None

    def run(self, words: list[str]) -> None:
        """One command, until its end. Raises `Refused`."""
        elf = _kernel()
        if self.process is None or self.process.poll() is not None or self.elf != elf:
            self.start(elf)
        self.send({"run": words, "color": _wants_color()})
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise Refused(self.last_words())
            message = json.loads(line.decode("utf-8"))
            if "print" in message:
                gdb.write(message["print"])
            elif "done" in message:
                if message["done"]:
                    raise Refused(message["done"])
                return
            else:
                self.send(self.answer(message))

    def answer(self, question: dict[str, Any]) -> Any:
        """What is said to a question of the inspector's."""
        try:
            return {"value": ANSWERS[question["ask"]](question)}
        except Refused as reason:
            return {"error": str(reason)}
        except Exception as reason:
            return {"error": str(reason) or type(reason).__name__}

    def send(self, message: dict[str, Any]) -> None:
        """One line to the inspector."""
        try:
            self.process.stdin.write(json.dumps(message).encode("ascii") + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise Refused(self.last_words()) from None

    def start(self, elf: Any) -> None:
        """Start it for a kernel, or for none."""
        self.end()
        program = _orobuild(elf)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        try:
            # In a session of its own: ^C at GDB's prompt is not for it. It ends with its standard
            # input, which closes however GDB ends.
            self.process = subprocess.Popen(
                program + ["debug", "--inspector"] + ([elf] if elf else []),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                start_new_session=True,
                env=_environment(),
            )
        except OSError as reason:
            raise Refused("%s: %s" % (program[0], reason.strerror)) from None
        self.elf = elf

    def end(self) -> None:
        """Let it end."""
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()
            self.process = None

    def abandon(self) -> None:
        """End it in the middle of a command."""
        if self.process is not None:
            self.process.kill()
            self.end()

    def last_words(self) -> str:
        """Why it has ended."""
        self.abandon()
        self.errors.seek(0)
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        return "orobuild has ended: %s" % (lines[-1] if lines else "it said nothing")


def _environment() -> Any:
    """What GDB's own Python is told must not reach another interpreter."""
    mine = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONPATH"):
        mine.pop(name, None)
    return mine


def _wants_color() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb":
        return False
    try:
        return os.isatty(1) and bool(gdb.parameter("style enabled"))
    except (RuntimeError, gdb.error):
        return os.isatty(1)


def _kernel() -> Any:
    """The path of the program that is debugged, None if GDB has none."""
    name = gdb.current_progspace().filename
    if not name:
        return None
    return name


def _orobuild(elf: Any) -> Any:
    """The words that start orobuild: of $OROBUILD, the project's .venv, or the search path."""
    named = os.environ.get("OROBUILD")
    if named:
        return shlex.split(named)
    folder = os.path.dirname(os.path.abspath(elf)) if elf else os.getcwd()
    while True:
        program = os.path.join(folder, ".venv", "bin", "orobuild")
        if os.access(program, os.X_OK):
            return [program]
        if os.path.dirname(folder) == folder:
            break
        folder = os.path.dirname(folder)
    found = shutil.which("orobuild")
    if found is None:
        raise Refused(
            "orobuild is not found: put it on the search path, or name it in the variable OROBUILD"
        )
    return [found]
