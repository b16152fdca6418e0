"""`oro locks`: every lock in the kernel's variables and lists, and whether it is held."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.debug.inspector import lists
from orobuild.debug.inspector.view import none_left
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.debug.inspector.view import View

_NAME: Final = re.compile(r"([A-Za-z_]\w*)(?:\[\w*\])*$")
_NUMBER: Final = re.compile(r"(?<=\[)\d+(?=\])|0x[0-9a-f]+")
_FILE: Final = re.compile(r"^File (.+):$")


def locks(view: View, words: Sequence[str]) -> str:
    """Where each lock lies, those that are held first; free ones of one array are one row."""
    everything = list(words) == ["-a"]
    none_left([] if everything else words, "oro locks [-a]")
    wanted, member = view.structures.lock_struct, view.structures.lock_held
    if not wanted or not member:
        raise UsageError(
            "nothing says what a lock of this kernel is: "
            "configure lock-struct and lock-held in [debug] (docs/debug.md)"
        )
    held: list[tuple[str, str, str]] = []
    free: dict[str, list[str]] = {}
    for name, address in _places(view, wanted):
        value = view.target.evaluate(f"((struct {wanted} *){address:#x})->{member}")
        if int(value.get("value", 0)):
            held.append((name, f"{address:#x}", "!held"))
        else:
            likeness = name if everything else _NUMBER.sub("*", name)
            free.setdefault(likeness, []).append(f"{address:#x}")
    count = len(held) + sum(map(len, free.values()))
    if not count:
        raise UsageError(f"no variable of this kernel has a struct {wanted}")
    cells = [
        (name, places[0] if len(places) == 1 else f"{len(places)} of them", "free")
        for name, places in free.items()
    ]
    lines = [f"{count} locks, {len(held)} held"]
    lines += view.columns(("lock", "address", ""), [*held, *cells])
    if held:
        lines.append("'oro track lock start' records who takes them")
    return "".join(f"{line}\n" for line in lines)


def _places(view: View, wanted: str) -> Iterator[tuple[str, int]]:
    seen: set[int] = set()
    for expression in _variables(view):
        for name, address in view.target.ask("members", expression=expression, struct=wanted):
            if address not in seen:
                seen.add(address)
                yield name.replace("'", ""), int(address)
    for title, table in view.structures.tables.items():
        for row in lists.rows(view, table)[0]:
            expression = f"*({row.type}){row.address:#x}"
            for name, address in view.target.ask("members", expression=expression, struct=wanted):
                if address not in seen:
                    seen.add(address)
                    yield f"{title} {row.address:#x}{name.removeprefix(expression)}", int(address)


def _variables(view: View) -> list[str]:
    """Expressions of all variables; static ones with their file, since names repeat."""
    found = []
    file = ""
    for line in view.target.ask("variables"):
        if match := _FILE.match(line):
            file = match[1]
            continue
        name = _NAME.search(line)
        if name is not None:
            found.append(f"'{file}'::{name[1]}" if file else name[1])
    return found
