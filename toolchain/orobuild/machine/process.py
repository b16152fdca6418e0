"""A child process that cannot outlive us, and everything that it starts with it.

The child runs in a process group of its own under a small shell that holds the reading end of a
pipe, the lifeline. When this process ends, even by SIGKILL, the pipe closes and the shell
kills the group, after it has done what it was told to do then. (Linux's PR_SET_PDEATHSIG is tied to the thread that forks and is no answer on other
systems; a preexec function is not safe beside threads.)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Standard input is the lifeline. `read` returns only when its other end is closed.
# Descriptors that are passed on must not be 9: `inheritable` sees to it.
# The first argument is what an orphan's shell does before it ends everything, $child among it.
_LAUNCHER: Final = """
exec 9<&0 </dev/null
orphaned=$1
shift
"$@" 9<&- &
child=$!
{ read -r _ <&9; eval "$orphaned"; kill -KILL 0; } >/dev/null 2>&1 &
watcher=$!
exec 9<&-
wait $child
status=$?
kill -KILL $watcher
exit $status
"""


_FIRST_FREE: Final = 10


def inheritable(fd: int) -> int:
    """A duplicate of `fd` that a `ChildProcess` can pass on; the caller closes both."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)


def _last_will(scratch: Path | None) -> str:
    # What still writes to the folder has to end before it is removed.
    return "kill -KILL $child" + (f"\nrm -rf -- {shlex.quote(str(scratch))}" if scratch else "")


class ChildProcess:
    """A running child: use it as a context manager; leaving the context kills what is left.

    `output` is a file descriptor from which its standard output and error are read together: a
    pipe, or the master side of a pseudoterminal if it wants a `terminal`. If this process is killed,
    `scratch` is removed.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        pass_fds: Sequence[int] = (),
        terminal: bool = False,
        scratch: Path | None = None,
    ) -> None:
        self.output, theirs = os.openpty() if terminal else os.pipe()
        try:
            self._popen = subprocess.Popen(
                [
                    *("/bin/sh", "-c", _LAUNCHER, "sh"),
                    _last_will(scratch),
                    *arguments,
                ],
                stdin=subprocess.PIPE,
                stdout=theirs,
                stderr=theirs,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
                env={**os.environ, "TERM": "linux"} if terminal else None,
            )
        except BaseException:
            os.close(self.output)
            raise
        finally:
            os.close(theirs)

    def wait(self, timeout: float) -> int | None:
        """The child's status, or None if it is still running after `timeout` seconds.

        By the shell's convention 128 + n stands for a child that signal n ended.
        """
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End the child and its whole process group now. Harmless if it has ended."""
        if self._popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self._popen.stdin:
            self._popen.stdin.close()
        os.close(self.output)
