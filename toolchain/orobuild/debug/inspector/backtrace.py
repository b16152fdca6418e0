"""`oro bt`: GDB's backtrace, continued across interrupts, exceptions and changes of ring.

Where GDB itself unwinds through an entry to the kernel (its unwinding information says how), the
frame that was saved there is found and named. Where its backtrace ends, the saved frame is looked
for: at the places that the configuration names, then on the stack. What is found so is checked
against the descriptor and page tables before it is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orobuild.debug.inspector import frames
from orobuild.debug.inspector.paging import is_executable
from orobuild.debug.inspector.view import none_left
from orobuild.debug.translation import CR0_PG
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.debug.inspector.frames import Saved
    from orobuild.debug.inspector.view import View

_MOST: Final = 64  # frames
_ENTRIES: Final = 8  # changes of context
_SEARCHED: Final = 8192  # bytes of a stack
_FRAME: Final = 1 << 16  # bytes that one C frame may have
_RFLAGS_ZERO: Final = 0xFFFFFFFFFFC08028  # bits that are always clear
_USER_END: Final = 1 << 47


def bt(view: View, words: Sequence[str]) -> str:
    """Every frame in a line, every entry to the kernel in another."""
    none_left(words, "oro bt")
    lines = list(_lines(view))
    return "".join(f"{line}\n" for line in lines)


def _lines(view: View) -> Iterator[str]:
    found: list[dict[str, Any]] = view.target.ask("frames", most=_MOST)
    number, entries = 0, 0
    seen: set[int] = set()
    last: dict[str, int] = {}
    for at, each in enumerate(found):
        if each["signal"]:
            older = found[at + 1] if at + 1 < len(found) else None
            saved = _saved_at(view, each, older)
            if saved is not None:
                seen.add(saved.address)
            entries += 1
            yield _entry(view, saved, older)
            continue
        if at and not _is_code(view, each["pc"]):
            break
        last = each["registers"]
        yield _line(view, number, each["pc"], each)
        number += 1
    if any(each["signal"] for each in found) and last.get("cs", 0) & 3:
        return
    while entries < _ENTRIES and last.get("rsp") is not None and not last.get("cs", 0) & 3:
        saved = _search(view, int(last["rsp"]), seen)
        if saved is None:
            return
        seen.add(saved.address)
        entries += 1
        yield _entry(view, saved, None)
        for pc in _walk(view, saved):
            yield _line(view, number, pc, None)
            number += 1
        last = saved.members


def _is_code(view: View, pc: int) -> bool:
    """Whether an address that GDB has unwound can be one: without information it takes anything."""
    if not pc:
        return False
    paging = view.target.processor.control.cr0 & CR0_PG
    return not paging or pc < _USER_END or bool(is_executable(view, pc))


def _line(view: View, number: int, pc: int, known: dict[str, Any] | None) -> str:
    name = view.name(pc)
    place = ""
    if known is not None and known["file"]:
        source = f"{known['file']}:{known['line']}"
        place = f"  {view.style(source, 'dim')}"
    function = known["function"] if known is not None else None
    if function and known is not None and (known["inline"] or not name):
        name = f"{function}{' (inlined)' if known['inline'] else ''}"
    if not name and pc < _USER_END and view.target.processor.control.cr0 & CR0_PG:
        name = "in ring 3"
    return f"#{number:<3} {pc:#018x} {view.style(name, 'head')}{place}".rstrip()


def _entry(view: View, saved: Saved | None, older: dict[str, Any] | None) -> str:
    if saved is None:
        ring = older["registers"].get("cs", 0) & 3 if older is not None else 0
        return view.style(f"     -- entry to the kernel from ring {ring} --", "label")
    why = frames.cause(view, saved) or "an entry to the kernel"
    by = ""
    vector = saved.members.get("vector")
    if vector is not None and vector < 256:
        by = _stub(view, vector)
    words = f"     -- {why}, from ring {saved.ring}{by}; frame at {saved.address:#x} --"
    return view.style(words, "label")


def _stub(view: View, vector: int) -> str:
    from orobuild.debug.inspector.vectors import gates

    try:
        table = gates(view)
    except UsageError:
        return ""
    gate = table[vector] if vector < len(table) else None
    name = view.name(gate.handler) if gate is not None and gate.present else ""
    return f", by {name}" if name else ""


def _saved_at(view: View, each: dict[str, Any], older: dict[str, Any] | None) -> Saved | None:
    """The frame that GDB has unwound: that of which it took the interrupted instruction."""
    if older is None:
        return None
    rsp = each["registers"].get("rsp")
    places = [] if rsp is None else [view.target.word(rsp), rsp]
    for place in (*places, *_configured(view)):
        saved = frames.read(view, place) if place else None
        if saved is not None and saved.members["rip"] == older["pc"]:
            return saved
    return None


def _configured(view: View) -> list[int]:
    places = []
    for expression in view.structures.frames:
        try:
            places.append(view.number(frames.with_cpu(view, expression)))
        except UsageError:
            continue
    return places


def _search(view: View, rsp: int, seen: set[int]) -> Saved | None:
    for place in _configured(view):
        if place and place not in seen:
            saved = frames.read(view, place)
            if saved is not None and _is_plausible(view, saved.members):
                return saved
    if not view.frame_struct:
        return _on_stack(view, rsp, seen)
    probe = frames.read(view, rsp)
    if probe is None:
        return None
    names = list(probe.members)
    found = _on_stack(view, rsp, seen)
    if found is None:
        return None
    start = found.address - 8 * names.index("rip")
    return frames.read(view, start) if start not in seen else None


def _on_stack(view: View, rsp: int, seen: set[int]) -> Saved | None:
    """What looks like the processor's own frame, above `rsp`."""
    rsp &= -8
    data = view.target.memory(rsp, _SEARCHED)
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data) - 7, 8)]
    for at in range(len(words) - len(frames.HARDWARE) + 1):
        members = dict(zip(frames.HARDWARE, words[at : at + 5], strict=True))
        if rsp + 8 * at not in seen and _is_plausible(view, members):
            return frames.Saved(rsp + 8 * at, members)
    return None


def _is_plausible(view: View, members: dict[str, int]) -> bool:
    flags, cs, ss = members.get("rflags", 0), members["cs"], members.get("ss", 0)
    if flags & _RFLAGS_ZERO or not flags & 2 or not cs & ~7 or cs >> 16 or ss >> 16:
        return False
    base, limit = view.target.processor.tables["gdt"]
    if cs & 4 or (cs & ~7) + 7 > limit:
        return False
    descriptor = view.target.word(base + (cs & ~7)) or 0
    if descriptor >> 43 & 3 != 3 or descriptor >> 45 & 3 != cs & 3:  # no code, or another ring's
        return False
    if cs & 3:
        return members["rip"] < _USER_END
    return bool(is_executable(view, members["rip"]))


def _walk(view: View, saved: Saved) -> Iterator[int]:
    """The interrupted instruction, and the return addresses by the chain of frame pointers."""
    yield saved.members["rip"]
    rbp, low = saved.members.get("rbp", 0), saved.members["rsp"]
    for _ in range(_MOST):
        if not low <= rbp < low + _FRAME or rbp % 8:
            return
        older, pc = view.target.word(rbp), view.target.word(rbp + 8)
        if older is None or not pc:
            return
        if not is_executable(view, pc) and (saved.ring == 0 or pc >= _USER_END):
            return
        yield pc
        low, rbp = rbp + 16, older or 0
