"""The conversation with QEMU over its socket: questions, each with who waits for its answer; events.

Reads and writes when it is told to; never waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orobuild.machine.qmp import Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from orobuild.machine.companion import Answered

_CHUNK: Final = 65536


class Dialogue:
    """One connection. `has_begun` once QEMU has built its machine and takes commands."""

    def __init__(
        self, connection: socket.socket, on_event: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._connection = connection
        self._on_event = on_event
        self._protocol = Protocol()
        self._waiting: dict[int, Answered | None] = {}
        self.has_begun = False
        self.is_open = True

    def receive(self) -> None:
        """Take in what has arrived. `is_open` is false after the end."""
        try:
            data = self._connection.recv(_CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            self.is_open = False
            self._waiting.clear()
            return
        for message in self._protocol.feed(data):
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if "QMP" in message:
            # The greeting may come before the machine is built, the answer to this only after.
            self.ask("qmp_capabilities", lambda _answer, problem: self._begin(problem))
        elif "event" in message:
            data = message.get("data")
            self._on_event(str(message["event"]), data if isinstance(data, dict) else {})
        elif message.get("id") in self._waiting:
            then = self._waiting.pop(message["id"])
            error = message.get("error")
            problem = str(error.get("desc", error)) if isinstance(error, dict) else None
            if then:
                then(message.get("return"), problem)

    def _begin(self, problem: str | None) -> None:
        self.has_begun = problem is None

    def ask(self, name: str, then: Answered | None = None, **arguments: object) -> int | None:
        """Send a command; gives its number, None if nobody is there to answer."""
        command, number = self._protocol.command(name, **arguments)
        try:
            self._connection.sendall(command)
        except OSError:
            return None
        self._waiting[number] = then
        return number

    def monitor(self, line: str, then: Answered | None = None) -> int | None:
        """Ask QEMU's monitor for people; the answer is text."""

        def received(answer: Any, problem: str | None) -> None:
            if then:
                then(None if answer is None else str(answer).replace("\r\n", "\n").strip(), problem)

        return self.ask("human-monitor-command", received, command_line=line)

    def waits(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._waiting)
