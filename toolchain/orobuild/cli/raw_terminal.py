"""A terminal whose keys go to somebody else, and which is as it was afterwards, whatever happens.

A process that is killed cannot tidy up. So a small shell in a session of its own holds a pipe: when
that closes without a word, it gives the terminal its former settings back, unless somebody else, such as
the user's shell, has changed them by then. (A process of another session is not stopped for that.)
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import termios
from typing import Any, Final

# Terminal on descriptor 3. `$raw` is what we have set; anything else is somebody else's wish.
_GUARDIAN: Final = """
trap '' INT HUP QUIT TERM
saved=$(stty -g <&3) || exit 1
echo ready
read -r word || exit 1
raw=$(stty -g <&3)
echo set
read -r word && exit 0
if [ "$(stty -g <&3)" = "$raw" ]; then
    stty "$saved" <&3
    printf '\\033[0m\\n' >&3
fi
"""


def is_ours() -> bool:
    """Whether a person is at a terminal before us, and we are in its foreground."""
    try:
        return (
            sys.stdin.isatty()
            and sys.stdout.isatty()
            and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
        )
    except (OSError, ValueError):
        return False


class RawTerminal:
    """The terminal on `descriptor`, while it is a context: no echo, no lines, no keys that stop.

    Ctrl-C still interrupts this process. All else is read as it was typed.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __enter__(self) -> RawTerminal:
        self._saved = termios.tcgetattr(self.descriptor)
        copy = os.dup(self.descriptor)
        try:
            self._guardian = subprocess.Popen(
                ["/bin/sh", "-c", f"exec 3<&{copy}\n{_GUARDIAN}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(copy,),
                start_new_session=True,
            )
        finally:
            os.close(copy)
        assert self._guardian.stdin
        assert self._guardian.stdout
        self._guardian.stdout.readline()
        try:
            termios.tcsetattr(self.descriptor, termios.TCSADRAIN, self._raw())
            with contextlib.suppress(BrokenPipeError):
                self._guardian.stdin.write(b"\n")
                self._guardian.stdin.flush()
            self._guardian.stdout.readline()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _raw(self) -> list[Any]:
        iflag, oflag, cflag, lflag, ispeed, ospeed, characters = termios.tcgetattr(self.descriptor)
        iflag &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON | termios.ISTRIP)
        lflag &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN)
        lflag |= termios.ISIG
        disabled = bytes((os.fpathconf(self.descriptor, "PC_VDISABLE") & 0xFF,))
        characters = list(characters)
        for key in (termios.VSUSP, termios.VQUIT):
            characters[key] = disabled
        characters[termios.VMIN], characters[termios.VTIME] = 1, 0
        return [iflag, oflag, cflag, lflag, ispeed, ospeed, characters]

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(termios.error):  # the terminal has gone
            termios.tcsetattr(self.descriptor, termios.TCSADRAIN, self._saved)
        assert self._guardian.stdin
        assert self._guardian.stdout
        # Two words: it may still wait for the first.
        with contextlib.suppress(OSError):
            self._guardian.stdin.write(b"done\ndone\n")
            self._guardian.stdin.close()
        self._guardian.stdout.close()
        self._guardian.wait()
