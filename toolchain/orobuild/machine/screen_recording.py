"""The machine's screen over time: QEMU is asked for a picture now and then, equal ones count once.

However long a run is, a recording stays small: when it has too many pictures, every second one goes and
the others come half as often from then on.
"""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, Final

from orobuild.machine import animation
from orobuild.machine.companion import Companion, Controls

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

INTERVAL: Final = 0.5
"""Seconds between pictures at first."""
_MOST: Final = 240  # pictures
_MOST_BYTES: Final = 64 << 20
_LAST: Final = 1.0  # seconds for which the last picture is shown at least


class ScreenRecording(Companion):
    """Keeps pictures in memory; `directory` is where QEMU puts each for a moment.

    `problem` is what QEMU said when it had no picture to give.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "screen.png"
        self._frames: list[tuple[float, animation.Picture]] = []
        self._interval = INTERVAL
        self._next = 0.0
        self._asked = False
        self._now = 0.0
        self._controls: Controls | None = None
        self.problem: str | None = None

    def begins(self, controls: Controls) -> None:
        """Remember whom to ask."""
        self._controls = controls

    def turn(self, seconds: float) -> float:
        """Ask for a picture when it is time, unless the last answer is still to come."""
        self._now = seconds
        if self._controls is None or self.problem:
            return math.inf
        if not self._controls.answers:
            return math.inf  # its first word turns the loop
        if seconds >= self._next and not self._asked:
            self._next = seconds + self._interval
            self._ask()
        return math.inf if self._asked else self._next

    def last_wish(self) -> None:
        """How it looked in the end."""
        self._ask()

    def _ask(self) -> None:
        assert self._controls is not None
        self._asked = True
        self._controls.ask("screendump", self._answered, filename=str(self._file), format="png")

    def _answered(self, _answer: Any, problem: str | None) -> None:
        self._asked = False
        try:
            if problem:
                raise OSError(None, problem)
            picture = animation.read(self._file.read_bytes())
        except (OSError, animation.NotAPictureError) as failure:
            self.problem = getattr(failure, "strerror", None) or str(failure)
            return
        finally:
            with contextlib.suppress(OSError):
                self._file.unlink()
        self._keep(picture)

    def _keep(self, picture: animation.Picture) -> None:
        if self._frames and self._frames[-1][1] == picture:
            return
        self._frames.append((self._now, picture))
        while len(self._frames) > _MOST or self._bytes() > _MOST_BYTES:
            if len(self._frames) < 3:
                break
            del self._frames[1:-1:2]
            self._interval *= 2

    def _bytes(self) -> int:
        return sum(len(picture.data) for _, picture in self._frames)

    def parts(self, seconds: float) -> Iterable[bytes]:
        """The parts of an animated PNG of a run of `seconds`; none if no picture was to be had."""
        if not self._frames:
            return ()
        starts = [start for start, _ in self._frames]
        ends = [*starts[1:], max(seconds, starts[-1] + _LAST)]
        return animation.assemble(
            [
                (picture, end - start)
                for (start, picture), end in zip(self._frames, ends, strict=True)
            ]
        )
