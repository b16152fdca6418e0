"""A `Crash` as people read it, and as a JSON object (docs/decode.md says what its keys mean)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orobuild.debug import location_text
from orobuild.debug.translation import flags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orobuild.debug.crash import Crash, Frame
    from orobuild.debug.location import Location
    from orobuild.debug.location_text import Role
    from orobuild.debug.page_tables import Entry
    from orobuild.lint.program import Program

_LABEL: Final = 10
_PER_LINE: Final = 4  # registers


def text(
    program: Program,
    crash: Crash,
    style: Callable[[str, Role], str],
    *,
    source: Callable[[str], Sequence[str] | None] = lambda _file: None,
) -> str:
    """Several lines, each ended by a newline. `source` gives the lines of a source file."""
    return "".join(f"{line}\n" for line in _lines(program, crash, style, source))


def _lines(
    program: Program,
    crash: Crash,
    style: Callable[[str, Role], str],
    source: Callable[[str], Sequence[str] | None],
) -> Iterator[str]:
    def row(label: str, value: str) -> str:
        return f"{style(f'{label:<{_LABEL}}', 'label')} {value}"

    exception = crash.exception
    if exception is not None:
        code = f", error {exception.error:#x}" if exception.error else ""
        yield row("panic", style(f"{exception.name}{code}", "bad") + f": {exception.meaning}")
    else:
        yield row("panic", style(crash.reason or crash.panic.summary, "bad"))
    if crash.core is not None:
        running = f", running {crash.program}" if crash.program else ""
        yield row("core", f"{crash.core}{running}")
    for label, location in (("at", crash.at), ("accessed", crash.accessed)):
        if location is not None and not (label == "accessed" and location == crash.at):
            yield row(label, "")
            yield from location_text.text(program, location, style, source=source).splitlines()
    if crash.at is None and "rip" in crash.registers:
        yield row("at", f"{crash.registers['rip']:#x}, which is not in the image")
    if crash.denied is not None:
        yield row("denied", style(crash.denied.text, "bad"))
        for level in crash.levels:
            mark = style("▸", "bad") if level == crash.denied.level else " "
            yield row("", f"{mark} {_entry(level)}")
    if crash.agreement:
        yield row("image", crash.agreement)
    for number, suspect in enumerate(crash.suspects):
        yield row("rule" if not number else "", f"{style(suspect.rule, 'head')}: {suspect.why}")
    if crash.suspects:
        asked = crash.suspects[0].rule
        yield row("", style(f"orolint --explain {asked}", "dim"))
    yield from _backtrace(crash.backtrace, "backtrace", row, style)
    yield from _registers(crash, row)
    for core in crash.cores:
        doing = core.doing or "did not answer"
        where = f"  {_place(core.location)}" if core.location else ""
        running = f" {core.program}" if core.program else ""
        yield row(f"core {core.index}", f"{doing}{running}{where}")
        yield from _backtrace(core.backtrace, "", row, style)
    for doubt in crash.doubts:
        yield row("doubt", style(doubt, "bad"))
    if not crash.complete:
        yield row("", style("the log stops before the panic's end", "bad"))


def _entry(entry: Entry) -> str:
    names = " ".join(flag for flag, _ in flags(entry))
    return f"{entry.name} {entry.entry:#x} {names or 'not present'}"


def _place(location: Location) -> str:
    place = f"  {location.places[0]}" if location.places else ""
    return f"{location.name or hex(location.address)}{place}"


def _backtrace(
    frames: Sequence[Frame],
    label: str,
    row: Callable[[str, str], str],
    style: Callable[[str, Role], str],
) -> Iterator[str]:
    for number, frame in enumerate(frames):
        location = frame.location
        name = location.name
        if name and frame.is_return and location.symbol is not None:
            name = f"{location.symbol.name}+{frame.address - location.symbol.address:#x}"
        place = f"  {location.places[0]}" if location.places else ""
        shown = name or style("not in the image", "bad")
        yield row(
            label if not number else "", f"{frame.depth:>2} {frame.address:#x} {shown}{place}"
        )
        for inlined in location.places[1:]:
            yield row("", f"   {'':18} {style(f'inlined in {inlined.function}  {inlined}', 'dim')}")


def _registers(crash: Crash, row: Callable[[str, str], str]) -> Iterator[str]:
    shown = [f"{name:>3} {value:016x}" for name, value in crash.registers.items() if len(name) < 4]
    for start in range(0, len(shown), _PER_LINE):
        yield row("registers" if not start else "", "  ".join(shown[start : start + _PER_LINE]))


def as_object(program: Program, crash: Crash) -> dict[str, Any]:
    """The crash as values that JSON knows; addresses are strings, as `0x…`."""

    def place(location: Location | None) -> dict[str, Any] | None:
        return None if location is None else location_text.as_object(program, location)

    def trace(frames: Sequence[Frame]) -> list[dict[str, Any]]:
        return [
            {
                "depth": frame.depth,
                "address": hex(frame.address),
                "return": frame.is_return,
                "name": frame.location.name,
                "source": [str(found) for found in frame.location.places],
            }
            for frame in frames
        ]

    exception = crash.exception
    return {
        "summary": crash.panic.summary,
        "reason": crash.reason or None,
        "exception": exception
        and {
            "vector": exception.vector,
            "name": exception.name,
            "error": hex(exception.error),
            "meaning": exception.meaning,
        },
        "core": crash.core,
        "program": crash.program or None,
        "registers": {name: hex(value) for name, value in crash.registers.items()},
        "at": place(crash.at),
        "accessed": place(crash.accessed),
        "walk": [{"level": level.name, "entry": hex(level.entry)} for level in crash.levels],
        "denied": crash.denied
        and {
            "flag": crash.denied.flag,
            "level": crash.denied.level.name if crash.denied.level else None,
            "text": crash.denied.text,
        },
        "agreement": crash.agreement or None,
        "rules": [{"code": suspect.rule, "why": suspect.why} for suspect in crash.suspects],
        "backtrace": trace(crash.backtrace),
        "cores": [
            {
                "index": core.index,
                "apic": core.apic,
                "program": core.program or None,
                "doing": core.doing or None,
                "stopped": core.stopped,
                "at": core.location.name if core.location else None,
                "backtrace": trace(core.backtrace),
            }
            for core in crash.cores
        ],
        "doubts": list(crash.doubts),
        "complete": crash.complete,
    }
