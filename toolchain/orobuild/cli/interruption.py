"""Ending a long command on a signal in good order: the first one asks, a second one insists."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from orobuild.cli import endings
from orobuild.testing.flag import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Interruption:
    """What came: `asked` is set by the first signal, whose number is `number`."""

    asked: Flag = field(default_factory=Flag)
    number: int = 0

    @property
    def status(self) -> int:
        """The exit status of a program that a signal has ended, by the shell's convention."""
        return 128 + self.number


@contextmanager
def deferred() -> Iterator[Interruption]:
    """While this lasts, a signal that would end the command sets `asked` instead; a second one ends it."""
    interruption = Interruption()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def ask(number: int, _frame: object) -> None:
        interruption.number = number
        interruption.asked.set()
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    if endings.arrived:  # and its exception got lost in a library that catches everything
        interruption.number = endings.arrived[0]
        interruption.asked.set()
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # who started us wants it ignored
            signal.signal(number, ask)
    try:
        yield interruption
    finally:
        restore()
