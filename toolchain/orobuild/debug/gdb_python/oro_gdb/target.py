"""The target, as GDB knows it: what the inspector may ask.

Each function takes the question and returns what JSON can say, or raises `Refused`.
"""

from __future__ import annotations

import base64
import contextlib
import os
from typing import Any

import gdb

from .refusal import Refused
from .trackers import track
from .values import members, plain

_STEPS = 20  # how often QEMU is asked for one step


def _memory(question: dict[str, Any]) -> Any:
    """Bytes at a virtual (`v`) or physical (`p`) address; none where they cannot be read."""
    at, size, space = question["at"], question["size"], question["space"]
    inferior = attached()
    if space == "p":
        _physical(True)
    try:
        data = bytes(inferior.read_memory(at, size))
    except (gdb.MemoryError, OverflowError):
        data = b""
    except gdb.error as reason:
        raise Refused(str(reason)) from None
    finally:
        if space == "p":
            _physical(False)
    return base64.b64encode(data).decode("ascii")


def _physical(on: bool) -> Any:
    """Whether QEMU's stub takes addresses as physical (docs/system/gdb in QEMU's manual)."""
    answer = _quietly("maintenance packet Qqemu.PhyMemMode:%d" % on)
    if '"OK"' not in answer:
        raise Refused("this target gives no physical memory: it is not QEMU's gdbstub")


def _quietly(command: str) -> str:
    try:
        return str(gdb.execute(command, False, True))
    except gdb.error as reason:
        raise Refused(str(reason)) from None


def attached() -> Any:
    """The inferior, if it is stopped. Raises `Refused`."""
    thread = gdb.selected_thread()
    if thread is None or not thread.is_valid():
        raise Refused(
            "no machine is attached: 'orobuild debug' starts one, or say 'target remote ...'"
        )
    if thread.is_running():
        raise Refused("the machine is running: stop it first, with ^C or 'interrupt'")
    return gdb.selected_inferior()


def _registers(question: dict[str, Any]) -> Any:
    """The selected processor's registers, by name, as the innermost frame has them."""
    attached()
    frame = gdb.newest_frame()
    found = {}
    for register in frame.architecture().registers():
        try:
            value = frame.read_register(register.name)
            if value.type.sizeof <= 8:
                found[register.name] = int(value) & (1 << 64) - 1
        except (gdb.error, ValueError, OverflowError):
            continue
    return found


def _monitor(question: dict[str, Any]) -> Any:
    attached()
    try:
        answer = gdb.execute("monitor " + question["command"], False, True)
    except gdb.error as reason:
        raise Refused("the target has no monitor: %s" % reason) from None
    return answer.replace("\r", "")


def _threads(question: dict[str, Any]) -> Any:
    """The processors: GDB's number, the name that QEMU gives it, whether it is selected."""
    attached()
    selected = gdb.selected_thread().num
    threads = sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num)
    return [{"number": t.num, "name": t.name or "", "selected": t.num == selected} for t in threads]


def _evaluate(question: dict[str, Any]) -> Any:
    """An expression's value as JSON has it; `row` is what `$oro` in it points to."""
    try:
        if "row" in question:
            kind = gdb.parse_and_eval("(%s)0" % question["type"]).type
            gdb.set_convenience_variable("oro", gdb.Value(question["row"]).cast(kind))
        value = gdb.parse_and_eval(question["expression"])
        return plain(value, question.get("depth", 1))
    except gdb.MemoryError as reason:
        raise Refused("%s" % reason) from None
    except (gdb.error, RuntimeError, ValueError, TypeError) as reason:
        raise Refused("%s: %s" % (question["expression"], reason)) from None


def _variables(question: dict[str, Any]) -> Any:
    """GDB's list of the program's variables: lines `File NAME:`, and after each its declarations."""
    found = []
    for line in _quietly("info variables").splitlines():
        number, colon, declared = line.partition(":")
        if line.startswith("Non-debugging"):
            break
        if line.startswith("File "):
            found.append(line)
        elif colon and number.strip().isdigit():
            found.append(declared.strip().rstrip(";"))
    return found


def _frames(question: dict[str, Any]) -> Any:
    """GDB's own backtrace from the innermost frame on."""
    attached()
    found: list[Any] = []
    try:
        frame = gdb.newest_frame()
        while frame is not None and frame.is_valid() and len(found) < question["most"]:
            found.append(_described(frame))
            frame = frame.older()
    except gdb.error as reason:
        if not found:
            raise Refused(str(reason)) from None
    return found


def _described(frame: Any) -> Any:
    place = frame.find_sal()
    file = place.symtab.filename if place.symtab is not None else None
    registers = {}
    for name in ("rsp", "rbp", "cs", "rip", "eflags", "rax", "rbx", "rdi"):
        with contextlib.suppress(gdb.error, ValueError, OverflowError):
            registers[name] = int(frame.read_register(name)) & (1 << 64) - 1
    return {
        "pc": frame.pc(),
        "function": frame.name(),
        "file": file,
        "line": place.line if file else None,
        "registers": registers,
        "signal": frame.type() == gdb.SIGTRAMP_FRAME,
        "inline": frame.type() == gdb.INLINE_FRAME,
    }


def _step_instruction(question: dict[str, Any]) -> Any:
    """Run one instruction of the selected processor with the given registers and put all back.

    `code` replaces the bytes at the instruction pointer. Returns the registers in `read` after it, or
    refuses if it did not end behind itself (an exception was raised). QEMU may end a step before
    the instruction when another processor wants its attention: it is asked again. The user's
    breakpoints are off meanwhile, or one that lies here would count and report such a stop as a hit.
    """
    inferior = attached()
    code = base64.b64decode(question["code"])
    frame = gdb.newest_frame()
    at = frame.pc()
    names = ["rax", "rcx", "rdx", "rip", "eflags", "rsp", "cs", "ss", "cr2"]
    locking = gdb.parameter("scheduler-locking")
    before = {n: int(frame.read_register(n)) & (1 << 64) - 1 for n in names}
    saved = bytes(inferior.read_memory(at, len(code)))
    users = [b for b in gdb.breakpoints() if b.enabled]
    for point in users:
        point.enabled = False
    ends = [gdb.Breakpoint(f"*{to:#x}", internal=True) for to in (at, at + len(code))]
    for end in ends:
        end.silent = True  # what GDB would say of a step, it does not say of these
    try:
        _quietly("set scheduler-locking on")
        inferior.write_memory(at, code)
        for name, value in question["write"].items():
            _quietly("set $%s = %d" % (name, value))
        for _ in range(_STEPS):
            _quietly("stepi")
            frame = gdb.newest_frame()
            if frame.pc() != at:
                break
        else:
            raise Refused("QEMU did not run the instruction")
        after = {n: int(frame.read_register(n)) & (1 << 64) - 1 for n in question["read"]}
        if frame.pc() != at + len(code):
            raise Refused("the processor raised an exception")
        return after
    finally:
        for end in ends:
            end.delete()
        for point in users:
            point.enabled = True
        inferior.write_memory(at, saved)
        for name in ("rip", "rax", "rcx", "rdx", "rsp", "eflags"):
            _quietly("set $%s = %d" % (name, before[name]))
        _quietly("set scheduler-locking %s" % locking)


def _console(question: dict[str, Any]) -> Any:
    path = os.environ.get("OROBUILD_CONSOLE")
    if not path:
        raise Refused("the console's log is known in a session of 'orobuild debug' only")
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace").replace("\r", "")
    except OSError as reason:
        raise Refused("%s: %s" % (path, reason.strerror)) from None


def _track(question: dict[str, Any]) -> Any:
    attached()
    return track(question)


ANSWERS = {
    "memory": _memory,
    "registers": _registers,
    "monitor": _monitor,
    "threads": _threads,
    "evaluate": _evaluate,
    "variables": _variables,
    "members": members,
    "frames": _frames,
    "step": _step_instruction,
    "console": _console,
    "track": _track,
}
