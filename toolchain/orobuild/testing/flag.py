"""A flag that a signal's handler may set whatever the main thread is doing."""

from __future__ import annotations


class Flag:
    """What `threading.Event` is without waiting, and without the lock that its `set` takes.

    A handler runs in the middle of anything: of `Event.set` too, and then it would wait for itself.
    """

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Set it, for good."""
        self._is_set = True

    def is_set(self) -> bool:
        """Whether it has been set."""
        return self._is_set
