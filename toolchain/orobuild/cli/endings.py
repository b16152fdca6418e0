"""The one place where a command's end becomes an exit status.

0 fine, 1 findings or an error in the user's input, 2 wrong usage or a missing tool, 3 a bug in
orobuild. No traceback reaches the user. This module imports no click: the drop-in programs are
started thousands of times by a build and do without it.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from orobuild.cli import terminal
from orobuild.diagnostics import Span, error
from orobuild.errors import InputError, InternalError, OrobuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer


class _Terminated(BaseException):
    """SIGTERM: unwind, so that temporary files go and emulators end, then stop."""


class _StandardOutput(io.FileIO):
    """Standard output whose device may be full: the user's trouble, not a bug."""

    def write(self, data: Buffer) -> int:
        if not memoryview(data).nbytes:
            return 0  # click asks so whether it may write bytes
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as problem:
            _drop_output()
            message = f"cannot write: {problem.strerror}"
            raise InputError(error(message, Span("standard output"))) from problem


arrived: list[int] = []
"""The signals that have come, each of which has raised an exception where the program was."""


def _terminate(number: int, _frame: object) -> None:
    arrived.append(number)
    raise _Terminated


def _interrupt(number: int, _frame: object) -> None:
    arrived.append(number)
    raise KeyboardInterrupt


def finish(action: Callable[[], int], *, at_once: bool = False) -> NoReturn:
    """Run `action` and end the process with the status it returns or the one its error has.

    `at_once` leaves it to the system to take back what the process holds: freeing the objects of
    a large input one by one takes longer than writing the output.
    """
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is to be ignored
        signal.signal(signal.SIGINT, _interrupt)
    _open_streams()
    try:
        status = action()
        sys.stdout.flush()
    except OrobuildError as failure:
        terminal.show(failure.diagnostics)
        status = failure.exit_status
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        status = 130
    except _Terminated:
        status = 128 + signal.SIGTERM
    except BrokenPipeError:
        # The reader has gone; it must not see a complaint when the interpreter flushes.
        _drop_output()
        status = 1
    except Exception as failure:
        if os.environ.get("OROBUILD_TRACEBACK"):
            raise
        terminal.show(_bug(failure).diagnostics)
        status = 3
    if at_once:
        # Standard output has been written; nothing is registered that has to run at the end.
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _open_streams() -> None:
    """The standard streams, open. Where the caller has closed one, the null device stands in: else
    the next file that is opened would be it, and what is printed would go there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
    before = sys.stdout
    if not isinstance(before, io.TextIOWrapper):
        return
    before.flush()
    raw = _StandardOutput(1, "w", closefd=False)
    sys.stdout = io.TextIOWrapper(
        raw if before.write_through else io.BufferedWriter(raw),
        before.encoding,
        # What an encoding has no character for is shown by its number, as on standard error.
        "backslashreplace" if before.errors == "strict" else before.errors,
        "\n",
        before.line_buffering,
        before.write_through,
    )


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(failure: Exception) -> InternalError:
    trace = failure.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = ""
    if trace:
        code = trace.tb_frame.f_code
        place = f" in {code.co_name} ({os.path.basename(code.co_filename)}:{trace.tb_lineno})"
    return InternalError(f"{type(failure).__name__}: {failure}{place}")
