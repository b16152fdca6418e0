"""A real terminal for tests of what is interactive: a session of tmux, its keys and its screen."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

PATIENCE = 120  # seconds; a loaded machine is slow


class Terminal:
    """A shell in `directory` on a terminal of its own. Use as a context manager."""

    _count = 0

    def __init__(self, tmux: str, directory: Path, *, rows: int = 40) -> None:
        Terminal._count += 1
        self._tmux = [tmux, "-L", f"oro-{os.getpid()}-{Terminal._count}", "-f", "/dev/null"]
        size = ["-x", "100", "-y", str(rows)]
        subprocess.run(
            [*self._tmux, "new-session", "-d", *size, "-c", directory, "sh"],
            check=True,
            env={**os.environ, "PS1": "$ "},
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False)

    def press(self, *keys: str) -> None:
        """Keys as tmux names them (`C-c`, `Enter`); other words are typed."""
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def type(self, command: str) -> None:
        """A line for the shell."""
        self.press(command, "Enter")

    @property
    def screen(self) -> str:
        """What it shows now, and what has scrolled away above it."""
        shown = [*self._tmux, "capture-pane", "-p", "-J", "-S", "-2000"]
        return subprocess.run(shown, capture_output=True, text=True, check=True).stdout

    def wait_for(self, *texts: str) -> str:
        """Until all of `texts` have been shown; gives the whole screen."""
        end = time.monotonic() + PATIENCE
        while not all(text in (screen := self.screen) for text in texts):
            assert time.monotonic() < end, screen
            time.sleep(0.05)
        return screen
