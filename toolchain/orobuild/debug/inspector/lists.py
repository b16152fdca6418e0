"""`oro threads`, `ps`, `runq` and `show`: lists in the kernel's memory, as the configuration has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from orobuild.debug.inspector.view import none_left
from orobuild.diagnostics import did_you_mean
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.inspector.view import View
    from orobuild.debug.structures import Table

_MOST: Final = 4096  # rows; a list that is longer is a circle
_ARRAY: Final = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the address of its structure, its pointer's type, and the row of `of` it belongs to."""

    address: int
    type: str
    parent: Row | None = None


def threads(view: View, words: Sequence[str]) -> str:
    """`[debug.tables.threads]`."""
    return _command(view, words, "threads")


def ps(view: View, words: Sequence[str]) -> str:
    """`[debug.tables.ps]`."""
    return _command(view, words, "ps")


def runq(view: View, words: Sequence[str]) -> str:
    """`[debug.tables.runq]`."""
    return _command(view, words, "runq")


def show(view: View, words: Sequence[str]) -> str:
    """A table of the configuration, or their names."""
    if words:
        none_left(words[1:], "oro show [NAME]")
        return "".join(f"{line}\n" for line in table(view, words[0]))
    names = view.structures.tables
    if not names:
        raise UsageError(_not_configured("any"))
    return "".join(f"{name}\n" for name in names)


def _command(view: View, words: Sequence[str], name: str) -> str:
    none_left(words, f"oro {name}")
    return "".join(f"{line}\n" for line in table(view, name))


def _not_configured(name: str) -> str:
    return (
        f"nothing says where this kernel has {name}: "
        f"configure [debug.tables.{name}] (docs/debug.md)"
    )


def table(view: View, name: str) -> list[str]:
    """A table's lines. Raises `UsageError` if the configuration has none of this name."""
    wanted = view.structures.tables.get(name)
    if wanted is None:
        near = did_you_mean(name, view.structures.tables)
        raise UsageError(_not_configured(name), hint=near)
    titles, expressions = [], []
    for column in wanted.columns:
        title, equals, expression = column.partition("=")
        if not equals:
            title, expression = column.rpartition(">")[2].rpartition(".")[2], column
        titles.append(title.strip())
        expressions.append(expression.strip())
    found, remark = rows(view, wanted)
    cells = [[_cell(view, row, expression) for expression in expressions] for row in found]
    lines = list(view.columns(titles, cells))
    if remark:
        lines.append(view.bad(remark))
    return lines or ["none"]


def _cell(view: View, row: Row, expression: str) -> str:
    expression, slash, _ = expression.partition("/x")
    try:
        found = value(view, row, expression)
        if slash and "value" in found:
            return f"{int(found['value']) & (1 << 64) - 1:#x}"
        return text(view, found)
    except UsageError:
        return "!?"


def value(view: View, row: Row, expression: str) -> dict[str, Any]:
    """An expression's value for a row: `$oro` is it, `$of` the row of the other table."""
    if "$of" in expression:
        if row.parent is None:
            raise UsageError(f"'{expression}': the table has no 'of'")
        parent = f"(({row.parent.type}){row.parent.address:#x})"
        expression = re.sub(r"\$of\b", parent, expression)
    elif "$oro" not in expression:
        expression = f"$oro->{expression}"
    return view.target.evaluate(expression, row=row.address, type=row.type)


def text(view: View, found: dict[str, Any]) -> str:
    """A value in a few words."""
    kind = found["kind"]
    if kind == "bool":
        return "yes" if found["value"] else "-"
    if kind == "int":
        number = int(found["value"])
        return f"{number:#x}" if abs(number) >= 1 << 32 else str(number)
    if kind == "pointer":
        if "text" in found:
            return str(found["text"])
        number = int(found["value"])
        return "-" if not number else view.name(number) or f"{number:#x}"
    if kind == "enum":
        return str(found["text"])
    if kind in ("text", "other"):
        return str(found["text"])
    if kind == "struct" and found.get("at") is not None:
        return view.name(int(found["at"])) or f"{int(found['at']):#x}"
    return f"{found.get('count', '')} of {found['type']}".strip()


def rows(view: View, wanted: Table) -> tuple[list[Row], str]:
    """The rows of a table, and what is wrong with the list ("" if nothing is)."""
    if wanted.rows:
        return _array(view, wanted.rows), ""
    if not wanted.of:
        first = view.target.evaluate(wanted.head)
        return _linked(view, first, wanted.next, None, set())
    other = view.structures.tables.get(wanted.of)
    if other is None:
        raise UsageError(f"[debug.tables]: there is no table '{wanted.of}'")
    found: list[Row] = []
    seen: set[int] = set()
    remark = ""
    parents, remark = rows(view, other)
    for parent in parents:
        first = value(view, parent, wanted.head)
        more, wrong = _linked(view, first, wanted.next, parent, seen)
        found += more
        remark = remark or wrong
    return found, remark


def _array(view: View, expression: str) -> list[Row]:
    found = view.target.evaluate(expression, depth=1)
    if found["kind"] != "array":
        raise UsageError(f"[debug.tables]: '{expression}' is no array")
    result = []
    for item in found["items"][:_ARRAY]:
        if item["kind"] == "pointer":
            if item["value"]:
                result.append(Row(int(item["value"]), str(item["type"])))
        elif item.get("at") is not None:
            result.append(Row(int(item["at"]), f"{item['type']} *"))
    return result


def _linked(
    view: View, first: dict[str, Any], member: str, parent: Row | None, seen: set[int]
) -> tuple[list[Row], str]:
    result: list[Row] = []
    here = first
    while here.get("kind") == "pointer" and here["value"] and len(result) < _MOST:
        address = int(here["value"])
        if address in seen:
            return result, f"the list comes back to {address:#x}: it is broken, or changing"
        seen.add(address)
        row = Row(address, str(here["type"]), parent)
        try:
            here = value(view, row, member)
        except UsageError:
            return result, f"the list leads to {address:#x}, which cannot be read"
        result.append(row)
    return result, ""
