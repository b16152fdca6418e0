"""The conversation with GDB: commands come in, questions and text go out, one JSON object a line.

A command ends with `done`: nothing, or the one line that says why there is no answer. Nothing that a
target or a kernel holds ends the session.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from orobuild.debug.inspector.target import Target
from orobuild.debug.inspector.view import View
from orobuild.errors import OrobuildError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.debug.location_text import Role
    from orobuild.debug.structures import Debug
    from orobuild.lint.program import Program

# Which module has a command, in the function of its name.
COMMANDS: Final = {
    "apic": "controllers",
    "boot": "image",
    "bt": "backtrace",
    "buddy": "buddy",
    "console": "monitor",
    "cpu": "processors",
    "cr": "processors",
    "frame": "frames",
    "gdt": "descriptors",
    "idt": "vectors",
    "ioapic": "controllers",
    "isr": "vectors",
    "locks": "locks",
    "msr": "msr",
    "ps": "lists",
    "qemu": "monitor",
    "runq": "lists",
    "show": "lists",
    "threads": "lists",
    "track": "tracking",
    "tss": "descriptors",
    "tt": "paging",
}


class Ended(Exception):
    """GDB has gone."""


@dataclass(slots=True)
class Session:
    """Serves one GDB on `commands` (from it) and `answers` (to it) until it closes them.

    `painter` makes the function that colours, for whether it is to.
    """

    commands: BinaryIO
    answers: BinaryIO
    program: Program | None
    structures: Debug
    frame_struct: str
    painter: Callable[[bool], Callable[[str, Role], str]]

    def serve(self) -> None:
        """Until GDB ends."""
        target = Target(self._ask)
        while True:
            try:
                message = self._receive()
                target.forget()
                self._send({"done": self._run(target, message)})
            except Ended:
                return

    def _run(self, target: Target, message: dict[str, Any]) -> str | None:
        name, *words = message["run"]
        view = View(
            target,
            self.program,
            self.structures,
            self.frame_struct,
            self.painter(bool(message.get("color"))),
        )
        try:
            module = import_module(f"orobuild.debug.inspector.{COMMANDS[name]}")
            text = getattr(module, name)(view, words)
        except OrobuildError as reason:
            diagnostic = reason.diagnostics[0]
            hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
            return " ".join(f"{diagnostic.message}{hint}".split())
        except Ended:
            raise
        except Exception as bug:
            return f"internal error: {type(bug).__name__}: {bug}; please report it"
        self._send({"print": text})
        return None

    def _ask(self, question: str, **details: Any) -> Any:
        self._send({"ask": question, **details})
        answer = self._receive()
        if "error" in answer:
            raise UsageError(str(answer["error"]))
        return answer["value"]

    def _receive(self) -> dict[str, Any]:
        line = self.commands.readline()
        if not line:
            raise Ended
        message: dict[str, Any] = json.loads(line)
        return message

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self.answers.write(json.dumps(message).encode("ascii") + b"\n")
            self.answers.flush()
        except OSError:
            raise Ended from None
