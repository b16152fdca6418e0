"""Trackers: breakpoints that write down who called, and never stop the machine."""

from __future__ import annotations

from typing import Any

import gdb

from .refusal import Refused

_MAX_EVENTS = 200000


class _Tracker:
    """What was seen of one kind: `alloc` or `lock`."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.breakpoints: list[Any] = []
        self.serial = 0

    def stop(self) -> None:
        for each in self.breakpoints:
            if each.is_valid():
                each.delete()
        self.breakpoints = []

    def note(self, **event: Any) -> None:
        self.serial += 1
        event["serial"] = self.serial
        if len(self.events) < _MAX_EVENTS:
            self.events.append(event)


_TRACKERS = {"alloc": _Tracker(), "lock": _Tracker()}


class _Probe(gdb.Breakpoint):
    """Records a call of a function, and its result if that is wanted; never stops the machine."""

    def __init__(self, tracker: Any, rule: dict[str, Any]) -> None:
        gdb.Breakpoint.__init__(self, rule["function"], internal=True)
        self.silent = True
        self.tracker = tracker
        self.rule = rule

    def stop(self) -> bool:
        event = {"action": self.rule["action"], "function": self.rule["function"]}
        event["core"] = gdb.selected_thread().num - 1
        frame = gdb.newest_frame()
        event["callers"] = _callers(frame, self.rule["function"])
        for name, expression in self.rule["values"].items():
            event[name] = _number(expression, frame)
        if self.rule["result"]:
            try:
                _Result(frame, self.tracker, event)
                return False
            except (ValueError, gdb.error):
                event["result"] = None
        self.tracker.note(**event)
        return False


class _Result(gdb.FinishBreakpoint):
    """Waits for a recorded call to return."""

    def __init__(self, frame: Any, tracker: Any, event: Any) -> None:
        gdb.FinishBreakpoint.__init__(self, frame, internal=True)
        self.silent = True
        self.tracker = tracker
        self.event = event

    def stop(self) -> bool:
        value = self.return_value
        try:
            self.event["result"] = int(value) & (1 << 64) - 1 if value is not None else None
        except (gdb.error, TypeError, ValueError):
            self.event["result"] = None
        self.tracker.note(**self.event)
        return False

    def out_of_scope(self) -> None:
        self.event["result"] = None
        self.tracker.note(**self.event)


def _number(expression: str, frame: Any) -> Any:
    """An expression's value in the tracked function, whose parameters it names.

    GDB does not look into a function that was inlined where an internal breakpoint has stopped, so
    a parameter of one is looked up by its block.
    """
    try:
        block = gdb.block_for_pc(frame.pc())
        while block is not None and not block.is_global and not block.is_static:
            for symbol in block:
                if symbol.name == expression and symbol.is_argument:
                    return int(symbol.value(frame)) & (1 << 64) - 1
            if block.function is not None:
                break
            block = block.superblock
        return int(gdb.parse_and_eval(expression)) & (1 << 64) - 1
    except (gdb.error, RuntimeError, TypeError, ValueError):
        return None


def _callers(frame: Any, function: str) -> Any:
    """Where the tracked function was called from: two places, the nearest first."""
    places: list[int] = []
    try:
        each = frame.older() if frame.name() == function else frame
        while each is not None and len(places) < 2:
            places.append(each.pc())
            each = each.older()
    except gdb.error:
        pass
    return places


def track(question: dict[str, Any]) -> Any:
    """Start, stop or only read one tracker."""
    tracker = _TRACKERS[question["what"]]
    if question["do"] == "start":
        tracker.stop()
        tracker.events, tracker.serial = [], 0
        try:
            for rule in question["rules"]:
                tracker.breakpoints.append(_Probe(tracker, rule))
                if tracker.breakpoints[-1].pending:
                    raise Refused("no function is called '%s'" % rule["function"])
        except (Refused, gdb.error, RuntimeError):
            tracker.stop()
            raise
    elif question["do"] == "stop":
        tracker.stop()
    return {"events": tracker.events, "running": bool(tracker.breakpoints), "seen": tracker.serial}
