"""What a build is doing and how long each stage took."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class StageTime:
    """A finished stage. `seconds` is wall time; `detail` says what was done, for people."""

    name: str
    detail: str
    seconds: float


class Observer(Protocol):
    """Told as stages start and end; how to show them is its own business."""

    def started(self, name: str) -> None:
        """A stage has started."""

    def finished(self, stage: StageTime) -> None:
        """A stage has ended without an error."""


class Silent:
    """The observer that shows nothing."""

    def started(self, name: str) -> None:
        """Nothing."""

    def finished(self, stage: StageTime) -> None:
        """Nothing."""


class Stages:
    """The stages of one build, in the order in which they ended."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.done: list[StageTime] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """Time a stage; the body appends to the yielded list what it did."""
        self._observer.started(name)
        start = time.perf_counter()
        details: list[str] = []
        yield details
        finished = StageTime(name, ", ".join(details), time.perf_counter() - start)
        self.done.append(finished)
        self._observer.finished(finished)
