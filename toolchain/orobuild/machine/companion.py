"""Who is there while a machine runs: logs, recordings, a person at a terminal.

`boot` calls its companions in its own loop, so none of them needs a thread; whoever makes them closes
what they have opened. `Controls` is what `boot` lets them do.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    Answered = Callable[[Any, str | None], None]
    """What was returned, and None; or None and what is wrong with the question."""


class Controls(Protocol):
    """What can be done to the machine, and what it is able to."""

    is_paused: bool

    @property
    def takes_input(self) -> bool:
        """Whether its serial port can be typed into."""

    @property
    def answers(self) -> bool:
        """Whether it has a QEMU that answers, so that all but `end` and `type` works."""

    def type(self, data: bytes) -> None:
        """Send bytes to the first serial port."""

    def ask(self, name: str, then: Answered | None = None, **arguments: object) -> int | None:
        """Send a QMP command; `then` is called in the loop when it is answered."""

    def pause(self) -> None:
        """Stop the processors, and the clock of the time limit."""

    def resume(self) -> None:
        """Let them go on."""

    def reset(self) -> None:
        """Start the machine anew. What it said before does not count for the verdict."""

    def end(self, reason: str) -> None:
        """End the machine: the verdict is `STOPPED`."""

    def lift_limit(self) -> None:
        """Let it run for as long as it likes."""


class Companion:
    """One of them; every method may be left out. `input` is a descriptor that it reads from.

    Times are seconds since the machine's start.
    """

    input: int | None = None

    def begins(self, controls: Controls) -> None:
        """The machine's process has been started."""

    def heard(self, data: bytes, seconds: float) -> None:
        """The console said `data`: raw bytes, cut anywhere."""

    def typed(self) -> None:
        """`input` can be read."""

    def turn(self, seconds: float) -> float:  # noqa: ARG002
        """Asked whenever something has happened; gives the time at which to be asked at the latest."""
        return math.inf

    def happened(self, what: str, seconds: float) -> None:
        """The machine was reset, paused, resumed: `what` in a word."""

    def last_wish(self) -> None:
        """The machine is stopped and will be ended: what is asked of it now is still answered."""
