"""From what was seen of a boot to its verdict: pure, and the only place that decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orobuild.machine.qemu import STATUS_FAIL, STATUS_PASS
from orobuild.machine.report import Verdict

if TYPE_CHECKING:
    from orobuild.machine.console import Console
    from orobuild.machine.report import Remains


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What was seen. `status` is the emulator's, None if it had to be ended; `shutdown` the reason
    of QMP's SHUTDOWN event; `stopped` why somebody ended it; `flooded` how many MiB were too many;
    `timeout` the seconds it had, None if it ended within them.
    """

    console: Console
    remains: Remains
    has_exit_device: bool
    status: int | None = None
    shutdown: str | None = None
    stopped: str | None = None
    flooded: int | None = None
    timeout: float | None = None


def judge(ending: Ending) -> tuple[Verdict, str]:
    """The verdict, and the reason for it in a sentence, empty for a pass."""
    console = ending.console
    if console.loader_error:
        return Verdict.LOADER_ERROR, console.loader_error
    if console.panics:
        panic = console.panics[0]
        cut = "" if panic.complete else " (its report is cut off)"
        return Verdict.PANIC, f"{panic.summary}{cut}"
    if ending.flooded is not None:
        return Verdict.HANG, f"the console printed more than {ending.flooded} MiB"
    if ending.stopped is not None:
        return Verdict.STOPPED, ending.stopped
    if ending.remains.crash:
        return Verdict.CRASH, ending.remains.crash
    if not ending.has_exit_device and console.verdict:
        return _of_console(console)
    if ending.timeout is not None:
        return Verdict.HANG, f"no end within {ending.timeout:g} s"
    if ending.shutdown == "guest-shutdown":
        return Verdict.POWER_OFF, "the machine was switched off without a verdict"
    if ending.shutdown in _FROM_OUTSIDE:
        return Verdict.CRASH, f"somebody ended the emulator: {_FROM_OUTSIDE[ending.shutdown]}"
    if ending.shutdown or ending.remains.reset:
        return Verdict.RESET, "the machine reset itself, by triple fault or on request"
    return _of_status(ending.status, console, has_exit_device=ending.has_exit_device)


# QEMU's qapi/run-state.json, ShutdownCause: what is not the guest's doing.
_FROM_OUTSIDE = {
    "host-error": "it failed",
    "host-qmp-quit": "by its monitor",
    "host-signal": "by a signal",
    "host-ui": "by its window",
}


def _of_status(
    status: int | None, console: Console, *, has_exit_device: bool
) -> tuple[Verdict, str]:
    if status is not None and status > 128:
        return Verdict.CRASH, f"signal {status - 128} ended the emulator"
    if status == STATUS_PASS and has_exit_device:
        if console.verdict in (None, "pass"):
            return Verdict.PASS, ""
        return Verdict.FAIL, f"exit status says pass, the console says {console.verdict}"
    if status == STATUS_FAIL and has_exit_device:
        return Verdict.FAIL, _said(console)
    return Verdict.FAIL, f"the emulator ended with status {status} and no verdict"


def _of_console(console: Console) -> tuple[Verdict, str]:
    if console.verdict == "pass":
        return Verdict.PASS, ""
    return Verdict.FAIL, _said(console)


def _said(console: Console) -> str:
    """What the kernel says of a run that it does not call a pass."""
    for fact in reversed(console.of_kind("verdict")):
        if reason := fact.text("reason"):
            return reason
    return "the kernel says that it failed"
