"""A machine that is started stopped, for a debugger: its gdbstub on a private socket.

Nobody else can reach the socket, and the emulator ends with this process, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orobuild.errors import UsageError
from orobuild.machine.process import ChildProcess, inheritable
from orobuild.machine.qmp import Protocol
from orobuild.machine.report import Resources
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.machine.qemu import Qemu

_START: Final = 60.0  # seconds that QEMU has to answer
_END: Final = 5.0  # seconds that it has to end once it has closed its socket
_MESSAGE: Final = 4096


@contextlib.contextmanager
def stopped(machine: Qemu, console: Path | None = None) -> Iterator[tuple[Path, Path]]:
    """Start `machine`, stopped before its first instruction; gives its gdbstub's socket and its log.

    The first serial port goes to `console`, by default a file that is gone with the machine. Raises
    `UsageError`, with what the emulator said, if it does not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orobuild-debug-")))
        path, log = folder / "gdb", console or folder / "console"
        try:
            serial = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as reason:
            raise UsageError(f"cannot write '{log}': {reason.strerror}") from None
        stack.callback(os.close, serial)
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        with theirs, ExitStack() as inherited:
            resources = Resources(
                directory=folder,
                console_fd=inheritable(serial),
                qmp_fd=inheritable(theirs.fileno()),
            )
            inherited.callback(os.close, resources.console_fd)
            inherited.callback(os.close, resources.qmp_fd)
            stub = f"socket,id=gdb,path={str(path).replace(',', ',,')},server=on,wait=off"
            debugged = replace(
                machine, extra=(*machine.extra, "-S", "-chardev", stub, "-gdb", "chardev:gdb")
            )
            child = ChildProcess(
                debugged.launch(resources).arguments,
                pass_fds=(resources.console_fd, resources.qmp_fd),
            )
        with child:
            _wait_for(ours, child)
            yield path, log


def _wait_for(qmp: socket.socket, child: ChildProcess) -> None:
    """Until QEMU answers: it listens before it has loaded what it boots, and answers after."""
    limit = time.monotonic() + _START
    protocol = Protocol()
    command, number = protocol.command("qmp_capabilities")
    qmp.sendall(command)
    qmp.settimeout(_START)
    answers: list[dict[str, Any]] = []
    while not any(answer.get("id") == number for answer in answers):
        try:
            data = qmp.recv(_MESSAGE)
        except (TimeoutError, ConnectionError):
            data = b""
        if not data or time.monotonic() > limit:
            status = child.wait(_END)
            os.set_blocking(child.output, False)
            try:
                said = os.read(child.output, _MESSAGE).decode("utf-8", "replace").strip()
            except BlockingIOError:
                said = ""
            what = "does not answer" if status is None else f"did not start (status {status})"
            raise UsageError(f"the emulator {what}", hint=said or None)
        answers += protocol.feed(data)
