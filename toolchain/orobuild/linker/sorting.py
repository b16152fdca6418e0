"""SORT commands: the order of the input sections that one rule takes (ld/ldlang.c, wild_sort)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.script import nodes


def is_sorting(statement: nodes.InputStatement) -> bool:
    """Whether a rule has any SORT command that changes the order of the input."""
    sorts = (spec.sort for spec in statement.sections)
    return statement.sort_files or any(sort and sort[0] != "none" for sort in sorts)


def sorted_rows(
    inputs: Inputs, statement: nodes.InputStatement, entries: list[tuple[int, int]]
) -> list[int]:
    """The rows that one rule takes, in the order that its SORT commands ask for."""
    if statement.sort_files:
        entries = sorted(entries, key=lambda entry: _file_key(inputs, entry[0]))
    sorts = {statement.sections[p].sort if p >= 0 else () for _, p in entries}
    if len(sorts) == 1:
        (sort,) = sorts
        if not sort or sort[0] == "none":
            return [row for row, _ in entries]
        if statement.sort_files:
            return [
                row
                for row, _ in sorted(
                    entries,
                    key=lambda e: (_file_key(inputs, e[0]), _section_key(inputs, e[0], sort)),
                )
            ]
        return [row for row, _ in sorted(entries, key=lambda e: _section_key(inputs, e[0], sort))]
    return _insertion_sorted(inputs, statement, entries)


def _insertion_sorted(
    inputs: Inputs, statement: nodes.InputStatement, entries: list[tuple[int, int]]
) -> list[int]:
    """Sorted and unsorted patterns in one rule.

    ld inserts a section of a sorted pattern before the first one already there that compares
    greater by that pattern's order, and appends the others (ldlang.c, wild_sort).
    """
    rows: list[int] = []
    for row, position in entries:
        sort = statement.sections[position].sort if position >= 0 else ()
        if not sort or sort[0] == "none":
            rows.append(row)
            continue
        key = _section_key(inputs, row, sort)
        at = next((i for i, r in enumerate(rows) if _section_key(inputs, r, sort) > key), None)
        rows.insert(len(rows) if at is None else at, row)
    return rows


def _file_key(inputs: Inputs, row: int) -> tuple[bytes, bytes]:
    owner = inputs.objects[inputs.sections["object"][row]]
    first = owner.archive or owner.path
    second = owner.path if owner.archive else ""
    return first.encode("utf-8", "surrogateescape"), second.encode("utf-8", "surrogateescape")


def _section_key(inputs: Inputs, row: int, sort: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(_SORT_KEYS[key](inputs, row) for key in sort)


def _name_key(inputs: Inputs, row: int) -> bytes:
    return inputs.names[row].encode("utf-8", "surrogateescape")


def _alignment_key(inputs: Inputs, row: int) -> int:
    return -int(inputs.sections["align"][row])


def _priority_key(inputs: Inputs, row: int) -> tuple[int, bytes]:
    """ldlang.c, get_init_priority: `.ctors.N` run in the reverse order of `.init_array.N`."""
    name = inputs.names[row]
    head, dot, digits = name.rpartition(".")
    priority = -1
    if dot and digits.isascii() and digits.isdigit() and len(digits) < 10:
        priority = int(digits)
        if head in (".ctors", ".dtors"):
            priority = 65535 - priority
    return priority, name.encode("utf-8", "surrogateescape")


def _no_key(_inputs: Inputs, _row: int) -> int:
    return 0


_SORT_KEYS: Final = {
    "name": _name_key,
    "alignment": _alignment_key,
    "init_priority": _priority_key,
    "none": _no_key,
}
