"""Garbage collection (--gc-sections): input sections that nothing reachable refers to are dropped.

Roots are the entry, names required by -u, EXTERN or an expression of the script, KEEP rules,
SHF_GNU_RETAIN, and notes (bfd/elflink.c, bfd_elf_gc_sections); arrays of constructors need KEEP,
as in GNU ld. Sections that are not allocated are kept and keep nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.tables import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.placement import Placement
    from orobuild.linker.symbols import Symbols

_ROOT_TYPES: Final = (c.SHT_NOTE,)


def collect_garbage(
    inputs: Inputs,
    symbols: Symbols,
    placement: Placement,
    relocations: NDArray[Any],
    required: Iterable[str],
) -> NDArray[np.int64]:
    """Take unreachable sections out of `placement`; their rows."""
    sections = inputs.sections
    alloc = (sections["flags"] & np.uint64(c.SHF_ALLOC)) != 0
    placed = placement.output_of >= 0
    placed[placement.orphans] = True
    marked = _roots(inputs, symbols, placement, required) & placed & alloc
    source, target = _edges(inputs, symbols, relocations, alloc)
    frontier = marked.copy()
    while frontier.any():
        reached = np.zeros(len(marked), bool)
        reached[target[frontier[source]]] = True
        frontier = reached & ~marked
        marked |= frontier
    dead = np.flatnonzero(placed & alloc & ~marked)
    _remove(placement, dead)
    return dead


def _roots(
    inputs: Inputs, symbols: Symbols, placement: Placement, required: Iterable[str]
) -> NDArray[np.bool_]:
    sections = inputs.sections
    roots = np.isin(sections["type"], _ROOT_TYPES)
    roots |= (sections["flags"] & np.uint64(c.SHF_GNU_RETAIN)) != 0
    kept = np.array([rule.statement.keep for rule in placement.rules] + [False], bool)
    roots |= kept[placement.rule_of]
    table = inputs.symbols
    for name in required:
        number = symbols.numbers.get(name)
        if number is not None and symbols.row[number] >= 0:
            section = int(table["section"][symbols.row[number]])
            if section >= 0:
                roots[section] = True
    # __start_NAME and __stop_NAME keep every section called NAME.
    wanted = {
        name.split("_", 3)[-1]
        for name in symbols.names
        if name.startswith(("__start_", "__stop_")) and not symbols.is_defined(name)
    }
    if wanted:
        roots |= np.array([name in wanted for name in inputs.names], bool)
    return roots


def _edges(
    inputs: Inputs, symbols: Symbols, relocations: NDArray[Any], alloc: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which section keeps which: by relocations, section groups and SHF_LINK_ORDER."""
    table = inputs.symbols
    meaning = symbols.meaning()
    home = np.where(meaning >= 0, table["section"][np.maximum(meaning, 0)], -1)
    source = relocations["section"]
    target = home[relocations["symbol"]]
    names = inputs.names
    frames = np.zeros(len(names), bool)
    frames[inputs.rows_called(".eh_frame")] = True
    code = (inputs.sections["flags"] & np.uint64(c.SHF_EXECINSTR)) != 0
    useful = (target >= 0) & alloc[source]
    # Unwind information describes code; it does not need it.
    useful &= ~(frames[source] & code[np.maximum(target, 0)])
    sources, targets = [source[useful]], [target[useful]]
    for item in inputs.objects:
        rows = slice(item.first_section, item.first_section + item.section_count)
        part = inputs.sections[rows]
        for index in np.flatnonzero(part["type"] == c.SHT_GROUP).tolist():
            members = np.frombuffer(inputs.section_data(item.first_section + index), "<u4")[
                1:
            ].astype("i8")
            members = members[members < item.section_count] + item.first_section
            if len(members):
                sources.append(members)
                targets.append(np.roll(members, 1))
        ordered = np.flatnonzero(part["flags"] & np.uint64(c.SHF_LINK_ORDER))
        links = part["link"][ordered].astype("i8")
        good = links < item.section_count
        sources.append(links[good] + item.first_section)
        targets.append(ordered[good] + item.first_section)
    return np.concatenate(sources), np.concatenate(targets)


def _remove(placement: Placement, dead: NDArray[np.int64]) -> None:
    gone = set(dead.tolist())
    if not gone:
        return
    placement.orphans = [row for row in placement.orphans if row not in gone]
    for number in distinct(placement.rule_of[dead]).tolist():
        if number >= 0:
            run = placement.rules[number].run
            run.rows = [row for row in run.rows if row not in gone]
    placement.output_of[dead] = -2
    placement.rule_of[dead] = -1
    placement.collected = gone
