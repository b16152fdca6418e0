"""`oro qemu` and `oro console`: what QEMU and the serial port say, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.inspector.view import View

_LINES: Final = 24


def qemu(view: View, words: Sequence[str]) -> str:
    """What QEMU's monitor answers to a command."""
    if not words:
        raise UsageError("usage: oro qemu COMMAND ('oro qemu help' lists them)")
    answer = view.target.monitor(words[0])
    return answer if answer.endswith("\n") or not answer else f"{answer}\n"


def console(view: View, words: Sequence[str]) -> str:
    """The last lines of the serial console's log."""
    count = _LINES
    if words:
        if len(words) > 1 or not words[0].isdigit():
            raise UsageError("usage: oro console [LINES]")
        count = int(words[0])
    lines = str(view.target.ask("console")).splitlines()
    return "".join(f"{line}\n" for line in lines[-count:]) if count else ""
