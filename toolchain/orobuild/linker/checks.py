"""Checks of a finished layout: undefined symbols, discarded targets, overlapping sections."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Diagnostic, Note, Span, did_you_mean, error
from orobuild.elf import constants as c
from orobuild.linker.relocate import place_name
from orobuild.linker.symbols import Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.output import OutputSection
    from orobuild.linker.placement import Placement
    from orobuild.linker.resolution import Resolution

_MAX_REFERRERS: Final = 4
_MAX_REPORTS: Final = 20


def undefined_symbols(
    resolution: Resolution, relocations: NDArray[Any], ignored: frozenset[str] = frozenset()
) -> list[Diagnostic]:
    """Undefined symbols that something in the output refers to, with all who do; not `ignored`."""
    inputs, symbols = resolution.inputs, resolution.symbols
    if not resolution.undefined:
        return []
    number_of = symbols.of_row[relocations["symbol"]]
    wanted = np.isin(number_of, list(resolution.undefined))
    by_symbol: dict[int, list[int]] = {}
    for index in np.flatnonzero(wanted).tolist():
        by_symbol.setdefault(int(number_of[index]), []).append(index)
    known = [
        *(n for i, n in enumerate(symbols.names) if symbols.kind[i] >= Kind.WEAK),
        *resolution.layout.values,
    ]
    reports = []
    for number, indices in by_symbol.items():
        name = symbols.names[number]
        if name in ignored:
            continue
        first = relocations[indices[0]]
        owner = inputs.objects[inputs.sections["object"][first["section"]]].label
        notes = [
            Note(f"referred to by {place_name(resolution, relocations[i])}")
            for i in indices[:_MAX_REFERRERS]
        ]
        if len(indices) > _MAX_REFERRERS:
            notes.append(Note(f"and {len(indices) - _MAX_REFERRERS} more references"))
        hint = did_you_mean(name, known)
        reports.append(
            error(
                f"undefined symbol '{name}'",
                Span(owner),
                hint=hint,
                rule="undefined-symbol",
                notes=notes,
            )
        )
    return reports


def discarded_targets(resolution: Resolution, relocations: NDArray[Any]) -> list[Diagnostic]:
    """References from memory to sections that were discarded."""
    inputs = resolution.inputs
    flags = inputs.sections["flags"][relocations["section"]] & np.uint64(c.SHF_ALLOC)
    dead = ~resolution.symbol_live[relocations["symbol"]] & (flags != 0)
    number_of = resolution.symbols.of_row[relocations["symbol"]]
    dead &= ~np.isin(number_of, list(resolution.undefined))
    reports = []
    for index in np.flatnonzero(dead)[:_MAX_REPORTS].tolist():
        entry = relocations[index]
        section = int(entry["section"])
        if inputs.names[section] in (".eh_frame", ".gcc_except_table"):
            continue
        name = inputs.symbol_name(int(entry["symbol"]))
        target = _target_of(resolution, int(entry["symbol"]))
        where = inputs.section_label(target) if target >= 0 else "a discarded section"
        notes = []
        rule = int(resolution.placement.rule_of[target]) if target >= 0 else -1
        if rule >= 0:
            span = resolution.placement.rules[rule].statement.span
            notes.append(Note("this rule discards it", span))
        owner = inputs.objects[inputs.sections["object"][section]].label
        reports.append(
            error(
                f"'{name}', referred to by {place_name(resolution, entry)}, is in {where}, which "
                "is discarded",
                Span(owner),
                rule="discarded",
                notes=notes,
            )
        )
    return reports


def _target_of(resolution: Resolution, row: int) -> int:
    target = int(resolution.target_section[row])
    return target if target >= 0 else int(resolution.inputs.symbols["section"][row])


def _are_overlaid(ordered: list[OutputSection]) -> bool:
    """Whether two sections begin at one address: then that they overlap is what is wanted, as in
    ld, which leaves the check to load addresses."""
    return any(first.vma == second.vma for first, second in itertools.pairwise(ordered))


def overlaps(placed: Placement) -> list[Diagnostic]:
    """Output sections that share addresses (ldlang.c, lang_check_section_addresses)."""
    reports = []
    for attribute, what in (("vma", "addresses"), ("lma", "load addresses")):
        used = [
            o
            for o in placed.outputs
            if o.alloc and o.size and not o.removed and not o.is_tbss and not o.never_load
        ]
        if attribute == "lma":
            used = [o for o in used if o.load]
        used.sort(key=lambda o: getattr(o, attribute))
        if attribute == "vma" and _are_overlaid(used):
            continue
        for first, second in itertools.pairwise(used):
            start, end = getattr(first, attribute), getattr(first, attribute) + first.size
            other = getattr(second, attribute)
            if other < end:
                reports.append(
                    error(
                        f"section '{second.name}' overlaps '{first.name}': {what} "
                        f"{other:#x}…{other + second.size - 1:#x} and {start:#x}…{end - 1:#x}",
                        second.span or first.span,
                        rule="overlap",
                    )
                )
        if reports:
            break
    return reports
