"""The keyboard of `orobuild run`: keys go to the guest, and Ctrl-] opens a menu.

While the menu is open or a monitor command is typed, what the guest says waits.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orobuild.cli import summary
from orobuild.machine.companion import Companion, Controls
from orobuild.machine.serial_text import SerialText

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from orobuild.cli.console_view import ConsoleView

ESCAPE: Final = b"\x1d"
"""Ctrl-], as in telnet and virsh."""

_ITEMS: Final = (
    ("h", "help", "this list"),
    ("q", "quit", "end the machine and report"),
    ("r", "reset", "start the machine anew, from its firmware"),
    ("p", "pause", "stop the processors, or let them go on"),
    ("m", "monitor", "type a command for QEMU's monitor"),
    ("s", "screenshot", "the screen to screen-N.png in this directory"),
    ("d", "dump", "registers of every processor, and where each of them is"),
    ("t", "time", "time stamps before lines, on or off"),
    ("]", "send ^]", "Ctrl-] to the guest"),
    ("c", "send ^C", "Ctrl-C to the guest; Ctrl-C itself ends the machine"),
)
_OF_QEMU: Final = frozenset("rpmsd")
_TO_GUEST: Final = {b"]": ESCAPE, b"c": b"\x03"}
_MOST: Final = 4096  # bytes read, or typed as a command


class ConsoleMenu(Companion):
    """Reads keys from `descriptor` and says what it has to say on `stream`, beside `view`.

    `explain` gives lines about registers: where in the kernel each processor is. With
    `keeps_limit` the time limit holds even if somebody types.
    """

    def __init__(
        self,
        descriptor: int,
        stream: TextIO,
        view: ConsoleView,
        *,
        style: Callable[[str], str],
        explain: Callable[[str], tuple[str, ...]],
        keeps_limit: bool,
    ) -> None:
        self.input = descriptor
        self._stream = stream
        self._view = view
        self._style = style
        self._explain = explain
        self._keeps_limit = keeps_limit
        self._controls: Controls | None = None
        self._key: Callable[[bytes], None] = self._guest_key
        self._command = bytearray()

    def begins(self, controls: Controls) -> None:
        """Remember whom to ask."""
        self._controls = controls

    def typed(self) -> None:
        """Take the keys, one by one."""
        assert self.input is not None
        try:
            data = os.read(self.input, _MOST)
        except OSError:
            data = b""
        if not data:
            self.input = None
            return
        if not self._keeps_limit:
            self._at.lift_limit()
        while data:
            if self._key == self._guest_key and not data.startswith(ESCAPE):
                keys, escape, rest = data.partition(ESCAPE)
                self._at.type(keys)
                data = escape + rest
                continue
            self._key(data[:1])
            data = data[1:]

    @property
    def _at(self) -> Controls:
        assert self._controls is not None
        return self._controls

    def _guest_key(self, _key: bytes) -> None:
        """Ctrl-]: nothing else comes here."""
        self._view.hold()
        self._key = self._menu_key
        items = "  ".join(f"{key} {name}" for key, name, _ in self._possible())
        self._say(f"{items}  Esc back")

    def _possible(self) -> list[tuple[str, str, str]]:
        """What this machine can do now."""
        items = [
            (key, "go on" if key == "p" and self._at.is_paused else name, meaning)
            for key, name, meaning in _ITEMS
            if key not in _OF_QEMU or self._at.answers
        ]
        if not self._at.takes_input:
            return [item for item in items if item[0].encode() not in _TO_GUEST]
        return items

    def _menu_key(self, key: bytes) -> None:
        name = "]" if key == ESCAPE else key.decode("latin-1").lower()
        if name not in {item[0] for item in self._possible()}:
            self._back()
            return
        if name == "m":
            self._key = self._monitor_key
            self._command.clear()
            self._print(self._style("(qemu) "))
            return
        self._key = self._guest_key
        self._actions[name](self)

    def _help(self) -> None:
        for key, _, meaning in self._possible():
            self._say(f"  Ctrl-] {key}  {meaning}")
        self._back()

    def _quit(self) -> None:
        self._at.end("ended from the menu")
        self._back()

    def _reset(self) -> None:
        self._at.reset()
        self._back()

    def _pause(self) -> None:
        if self._at.is_paused:
            self._at.resume()
        else:
            self._at.pause()
        self._back()

    def _screenshot(self) -> None:
        path = _free_name()

        def answered(_answer: Any, problem: str | None) -> None:
            self._aside(f"no screenshot: {problem}" if problem else f"the screen is in {path}")

        self._at.ask("screendump", answered, filename=str(path.absolute()), format="png")
        self._back()

    def _dump(self) -> None:
        def answered(answer: Any, problem: str | None) -> None:
            text = _text(answer, problem)
            self._aside("\n".join((*summary.registers(text), *self._explain(text))))

        self._at.ask("human-monitor-command", answered, command_line="info registers -a")
        self._back()

    def _stamp(self) -> None:
        self._view.stamped = not self._view.stamped
        self._say(f"time stamps {'on' if self._view.stamped else 'off'}")
        self._back()

    def _send_escape(self) -> None:
        self._at.type(_TO_GUEST[b"]"])
        self._back()

    def _send_interrupt(self) -> None:
        self._at.type(_TO_GUEST[b"c"])
        self._back()

    _actions: Final = {
        "h": _help,
        "q": _quit,
        "r": _reset,
        "p": _pause,
        "s": _screenshot,
        "d": _dump,
        "t": _stamp,
        "]": _send_escape,
        "c": _send_interrupt,
    }

    def _monitor_key(self, key: bytes) -> None:
        """A line is typed: Enter asks, backspace and Ctrl-U correct, Escape or Ctrl-] leaves it."""
        if key in b"\r\n":
            self._print("\n")
            self._ask_monitor(self._command.decode("utf-8", "replace").strip())
        elif key in (b"\x1b", ESCAPE):
            self._print("\n")
            self._key = self._guest_key
            self._back()
        elif key in b"\x7f\x08":
            if self._command:
                # All bytes of a character that has several.
                while len(self._command) > 1 and self._command[-1] & 0xC0 == 0x80:
                    self._command.pop()
                self._command.pop()
                self._print("\b \b")
        elif key == b"\x15":
            self._print("\b \b" * len(self._command.decode("utf-8", "replace")))
            self._command.clear()
        elif key >= b" " and len(self._command) < _MOST:
            self._command += key
            self._stream.flush()
            self._stream.buffer.write(key)
            self._stream.buffer.flush()

    def _ask_monitor(self, line: str) -> None:
        self._key = self._guest_key
        if not line:
            self._back()
            return

        def answered(answer: Any, problem: str | None) -> None:
            self._aside(_text(answer, problem))

        self._at.ask("human-monitor-command", answered, command_line=line)
        self._back()

    def happened(self, what: str, seconds: float) -> None:
        """Say it: the machine may have been paused by a breakpoint, or from its monitor."""
        self._aside(f"the machine {'was ' if what != 'goes on' else ''}{what}  ({seconds:.2f} s)")

    def _aside(self, text: str) -> None:
        """Say something that comes when it comes, on lines of its own."""
        self._view.hold()
        self._say(text)
        if self._key == self._guest_key:
            self._view.release()

    def _back(self) -> None:
        self._key = self._guest_key
        self._view.release()

    def _say(self, text: str) -> None:
        for line in text.splitlines():
            self._print(self._style(f"── {line}") + "\n")

    def _print(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _text(answer: Any, problem: str | None) -> str:
    if problem:
        return f"QEMU says: {problem}"
    cleaner = SerialText(colors=False, editing=False)
    said = str(answer or "").replace("\r", "").strip().encode()
    return cleaner.feed(said) + cleaner.finish() or "(no answer)"


def _free_name() -> Path:
    number = 1
    while (path := Path(f"screen-{number}.png")).exists():
        number += 1
    return path
