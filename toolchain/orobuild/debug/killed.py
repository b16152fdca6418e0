"""Programs that the kernel ended for what they did, looked up in their own images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orobuild.debug import location_text
from orobuild.debug.exceptions import ProcessorException, describe
from orobuild.debug.location import Location, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orobuild.debug.location_text import Role
    from orobuild.lint.program import Program
    from orobuild.machine.console import Fact


@dataclass(frozen=True, slots=True)
class Killed:
    """A program that was ended: by an exception at `at`, or for a `reason` in words.

    `program` is its image, None if that was not found.
    """

    name: str
    pid: int | None
    reason: str
    exception: ProcessorException | None
    rip: int | None
    program: Program | None
    at: Location | None


def programs(facts: Iterable[Fact], find: Callable[[str], Program | None]) -> tuple[Killed, ...]:
    """Every `oro: killed=NAME …` of a log; `find` gives a program's image by its name."""
    found = []
    for fact in facts:
        if fact.kind != "killed" or "vector" not in fact.values:
            continue
        name, rip = fact.values["killed"], fact.integer("rip")
        address = fact.integer("address")
        exception = describe(
            fact.integer("vector") or 0,
            fact.integer("error") or 0,
            {} if address is None else {"cr2": address},
        )
        program = find(name)
        at = None
        if program is not None and rip is not None:
            location = locate(program, [rip], with_references=False)[0]
            at = location if location.segment is not None else None
        found.append(
            Killed(
                name,
                fact.integer("pid"),
                fact.values.get("reason", ""),
                exception,
                rip,
                program,
                at,
            )
        )
    return tuple(found)


def text(
    killed: Killed,
    style: Callable[[str, Role], str],
    *,
    source: Callable[[str], Sequence[str] | None] = lambda _file: None,
) -> str:
    """Several lines, each ended by a newline."""
    exception = killed.exception
    pid = f" (pid {killed.pid})" if killed.pid is not None else ""
    head = f"{style('killed    ', 'label')} {style(killed.name, 'head')}{pid}: "
    if exception is not None:
        code = f", error {exception.error:#x}" if exception.error else ""
        head += f"{exception.name}{code}: {exception.meaning}"
    else:
        head += killed.reason
    lines = [head]
    if killed.at is not None and killed.program is not None:
        lines += location_text.text(killed.program, killed.at, style, source=source).splitlines()
    elif killed.rip is not None:
        lines.append(f"{'':10} at {killed.rip:#x}; its image was not found, or has nothing there")
    return "".join(f"{line}\n" for line in lines)


def as_object(killed: Killed) -> dict[str, Any]:
    """The end of a program as values that JSON knows."""
    exception = killed.exception
    return {
        "program": killed.name,
        "pid": killed.pid,
        "reason": killed.reason or None,
        "exception": exception
        and {
            "vector": exception.vector,
            "name": exception.name,
            "error": hex(exception.error),
            "meaning": exception.meaning,
        },
        "rip": None if killed.rip is None else hex(killed.rip),
        "at": location_text.as_object(killed.program, killed.at)
        if killed.at is not None and killed.program is not None
        else None,
    }
