"""`oro track`: what the breakpoints in GDB wrote down of allocations and locks, and what is wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.debug.inspector.view import View
    from orobuild.debug.structures import Track

_SHOWN: Final = 20
_USAGE: Final = "usage: oro track alloc|lock start|stop|report"


def track(view: View, words: Sequence[str]) -> str:
    """Start or stop to record, or say what the record shows."""
    if (
        len(words) != 2
        or words[0] not in ("alloc", "lock")
        or words[1] not in ("start", "stop", "report")
    ):
        raise UsageError(_USAGE)
    what, do = words
    rules = _rules(view.structures.track, what)
    if not rules:
        raise UsageError(
            f"nothing says which functions of this kernel to watch: "
            f"configure {'allocate and free' if what == 'alloc' else 'acquire and release'} "
            f"in [debug.track] (docs/debug.md)"
        )
    if do == "start":
        view.target.ask("track", what=what, do=do, rules=rules)
        names = ", ".join(rule["function"] for rule in rules)
        return f"watching {names}; 'continue', then 'oro track {what} report'\n"
    record = view.target.ask("track", what=what, do=do)
    if do == "stop":
        return f"stopped; {len(record['events'])} calls are recorded\n"
    lines = [
        f"{len(record['events'])} calls recorded"
        + ("" if record["running"] else ", not watching any more")
        + (f" of {record['seen']}" if record["seen"] > len(record["events"]) else "")
    ]
    report = allocations if what == "alloc" else locks
    lines += report(view, record["events"])
    return "".join(f"{line}\n" for line in lines)


def _rules(track: Track, what: str) -> list[dict[str, Any]]:
    groups: tuple[tuple[str, dict[str, str], str], ...]
    if what == "alloc":
        groups = (("allocate", track.allocate, "size"), ("free", track.free, "address"))
    else:
        groups = (("acquire", track.acquire, "lock"), ("release", track.release, "lock"))
    return [
        {
            "function": function,
            "action": action,
            "values": {value: expression},
            "result": action == "allocate",
        }
        for action, functions, value in groups
        for function, expression in functions.items()
    ]


def _who(view: View, event: dict[str, Any]) -> str:
    names = [view.name(pc) or f"{pc:#x}" for pc in event["callers"]]
    return f"{' < '.join(names) or 'unknown'} on cpu {event['core']}"


def allocations(view: View, events: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What is still allocated by who asked for it, and what was freed twice.

    Memory from before the record began is freed once without a word.
    """
    live: dict[int, dict[str, Any]] = {}
    freed: dict[int, dict[str, Any]] = {}
    last: dict[str, Any] | None = None
    for event in events:
        if event["action"] == "allocate":
            result = event.get("result")
            if not result:
                continue
            if last is not None and last["core"] == event["core"] and last["result"] == result:
                live[result] = event  # one function that allocates has called another
                continue
            last = event
            if result in live:
                yield view.bad(
                    f"{result:#x} was handed out twice: to {_who(view, live[result])}, then to {_who(view, event)}"
                )
            live[result] = event
            freed.pop(result, None)
            continue
        last = None
        address = event.get("address")
        if address is None:
            continue
        if address in freed and address not in live:
            yield view.bad(
                f"{address:#x} was freed twice: by {_who(view, freed[address])}, then by {_who(view, event)}"
            )
        live.pop(address, None)
        freed[address] = event
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for event in live.values():
        who = _who(view, event).rpartition(" on cpu")[0]
        count[who] += 1
        size[who] += event.get("size") or 0
    yield f"{len(live)} blocks not freed yet, {sum(size.values())} bytes"
    rows = [(str(n), str(size[who]), who) for who, n in count.most_common(_SHOWN)]
    yield from view.columns(("blocks", "bytes", "asked for by"), rows)


def locks(view: View, events: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What is held and by whom, taken twice by one processor, taken in opposite orders.

    Of a function that was inlined GDB cannot always tell the argument. Such a taking is taken for
    that of the lock which the same processor gives back next without having taken it.
    """
    held: dict[int, list[dict[str, Any]]] = {}  # by processor, in the order of taking
    orders: dict[tuple[int, int], dict[str, Any]] = {}
    taken: Counter[int] = Counter()
    longest: dict[int, tuple[int, dict[str, Any]]] = {}
    wrong: Counter[str] = Counter()
    unknown = 0
    for event in events:
        mine = held.setdefault(event["core"], [])
        lock = event.get("lock")
        if event["action"] == "acquire":
            if lock is None:
                unknown += 1
            else:
                taken[lock] += 1
                wrong.update(_complaints(view, event, mine, orders))
            mine.append(event)
            continue
        match = next((each for each in reversed(mine) if lock in (each["lock"], None)), None)
        match = match or next((each for each in reversed(mine) if each["lock"] is None), None)
        if match is None:
            if lock is not None and taken[lock]:
                by = _who(view, event)
                wrong[f"{_lock(view, lock)}: given back by {by}, which does not hold it"] += 1
            continue
        mine.remove(match)
        lock = match["lock"] if lock is None else lock
        if lock is not None:
            taken[lock] += match["lock"] is None
            between = event["serial"] - match["serial"]
            if lock not in longest or between > longest[lock][0]:
                longest[lock] = between, match
    for message, count in wrong.items():
        yield view.bad(message) + (f" ({count} times)" if count > 1 else "")
    for event in (event for mine in held.values() for event in mine):
        name = "an unknown lock" if event["lock"] is None else _lock(view, event["lock"])
        yield view.bad(f"{name}: held by {_who(view, event)}")
    if unknown:
        yield (
            f"GDB could not tell which lock {unknown} calls took, inlined and optimised as they are; "
            "--profile debug knows more"
        )
    rows = [
        (_lock(view, lock), str(n), *_longest(view, longest.get(lock)))
        for lock, n in taken.most_common(_SHOWN)
    ]
    yield from view.columns(("lock", "taken", "longest", "by"), rows)


def _complaints(
    view: View,
    event: dict[str, Any],
    mine: Sequence[dict[str, Any]],
    orders: dict[tuple[int, int], dict[str, Any]],
) -> Iterator[str]:
    """What is wrong with taking a lock while `mine` are held; `orders` is what has been seen."""
    lock = event["lock"]
    for other in mine:
        if other["lock"] is None:
            continue
        if other["lock"] == lock:
            yield (
                f"{_lock(view, lock)}: taken again by {_who(view, event)}, "
                f"which holds it since {_who(view, other)}"
            )
            continue
        orders.setdefault((other["lock"], lock), event)
        back = orders.get((lock, other["lock"]))
        if back is not None:
            yield (
                f"opposite orders: {_lock(view, other['lock'])}, then {_lock(view, lock)} "
                f"by {_who(view, event)}; the other way round by {_who(view, back)}"
            )


def _longest(view: View, found: tuple[int, dict[str, Any]] | None) -> tuple[str, str]:
    return ("-", "") if found is None else (str(found[0]), _who(view, found[1]))


def _lock(view: View, address: int) -> str:
    return view.name(address) or f"{address:#x}"
