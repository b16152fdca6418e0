"""Orphans: input sections that no rule of the script places.

Sections that every toolchain emits and no processor executes (debug information, `.comment`,
`.oro.code`) are carried along without a rule. Any other orphan is an error that prints the rule to
add, unless the link asks for GNU ld's behaviour, which is to place it beside its like.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from orobuild.diagnostics import Diagnostic, Note, Span, error, warning
from orobuild.elf import constants as c
from orobuild.elf.descriptions import section_flags
from orobuild.errors import InputError
from orobuild.linker.flags import join_run
from orobuild.linker.names import first_appearances
from orobuild.linker.orphan_placement import OrphanPlacer
from orobuild.linker.output import InputRun, OutputSection
from orobuild.linker.placement import DISCARDED, Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs

_CARRIED: Final = re.compile(
    r"\.z?debug_.*|\.debug|\.line|\.comment|\.stab.*|\.gdb_index|\.gnu\.build\.attributes.*"
    r"|\.oro\.code|\.gnu\.attributes|\.gnu\.linkonce\.wi\..*"
)
# Understood, and of no use in a static image.
_DROPPED: Final = (".note.GNU-stack", ".gnu_debuglink", ".llvm_addrsig", ".llvm.call-graph-profile")
_MAX_REPORTS: Final = 20


def is_carried(name: str, sh_flags: int) -> bool:
    """Whether the section needs no rule: not allocated, and known to every toolchain."""
    return not sh_flags & c.SHF_ALLOC and _CARRIED.fullmatch(name) is not None


def place_orphans(
    inputs: Inputs,
    placement: Placement,
    handling: str,
    *,
    binary: bool,
    referrers: Callable[[int], Sequence[Note]],
    script_path: str,
) -> list[Diagnostic]:
    """Give every orphan a place or refuse it; returns warnings.

    `referrers(row)` tells who refers to a section. Raises `InputError` for orphans that
    `handling` ("error") forbids.
    """
    problems: list[Diagnostic] = []
    warnings: list[Diagnostic] = []
    rows = np.array(placement.orphans, "i8")
    sizes = inputs.sections["size"][rows]
    placer = OrphanPlacer(inputs, placement)
    named = _are_named(inputs, rows)
    dropped, carried, remaining = _by_fate(inputs, rows, binary=binary)
    placement.output_of[dropped] = DISCARDED
    pending = sorted([*((part[0], part) for part in carried), *((at, None) for at in remaining)])
    for at, part in pending:
        row = int(rows[at])
        if part is not None:
            _carry(inputs, placement, rows[part])
        elif handling == "discard":
            placement.output_of[row] = DISCARDED
        elif not int(sizes[at]) and not named[at]:
            # gas makes empty .text, .data and .bss in every object; they hold nothing.
            placement.output_of[row] = DISCARDED if handling == "error" else -1
            if handling != "error":
                placer.place(row)
        elif handling == "error":
            problems.append(_refuse(inputs, placement, row, referrers(row), script_path))
        else:
            if handling == "warn":
                warnings.append(_warn(inputs, row))
            placer.place(row)
    if problems:
        raise InputError(problems[:_MAX_REPORTS])
    return warnings


class _Fate(enum.Enum):
    """What becomes of an orphan, as far as its name and SHF_ALLOC tell."""

    DROPPED = enum.auto()
    CARRIED = enum.auto()
    OPEN = enum.auto()


def _fate(name: str, flags: int, *, binary: bool) -> _Fate:
    if name in _DROPPED or name.startswith(".gnu.lto_"):
        return _Fate.DROPPED
    if is_carried(name, flags):
        return _Fate.DROPPED if binary else _Fate.CARRIED
    return _Fate.OPEN


def _are_named(inputs: Inputs, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a symbol other than the section's own lies in each section."""
    table = inputs.symbols
    inside = table["section"][(table["info"] & 0xF) != c.STT_SECTION]
    named = np.zeros(len(inputs.names), bool)
    named[inside[inside >= 0]] = True
    return named[rows]


def _by_fate(
    inputs: Inputs, rows: NDArray[np.int64], *, binary: bool
) -> tuple[NDArray[np.int64], list[list[int]], list[int]]:
    """The rows that are dropped; the places in `rows` of those that are carried, together where
    they have one name; the places of all others."""
    if not len(rows):
        return rows, [], []
    strings = inputs.strings
    sections = inputs.sections[rows]
    alloc = (sections["flags"] & np.uint64(c.SHF_ALLOC)) != 0
    group, keys = first_appearances(sections["name"] * 2 + alloc, 2 * len(strings))
    fates = [
        _fate(strings.text[key >> 1], c.SHF_ALLOC if key & 1 else 0, binary=binary)
        for key in keys.tolist()
    ]
    values = np.array([fate.value for fate in fates], "i8")[group]
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.searchsorted(group[order], np.arange(1, len(keys))))
    carried = [
        part.tolist()
        for part, fate in zip(parts, fates, strict=True)
        if fate is _Fate.CARRIED and len(part)
    ]
    remaining = np.flatnonzero(values == _Fate.OPEN.value)
    if np.isin(sections["name"][remaining], keys[[f is _Fate.CARRIED for f in fates]] >> 1).any():
        # One output section may get both kinds, so they have to take turns.
        carried = [[at] for part in carried for at in part]
    return rows[values == _Fate.DROPPED.value], carried, remaining.tolist()


def _carry(inputs: Inputs, placement: Placement, rows: NDArray[np.int64]) -> None:
    """Put sections of one name into the output section of that name."""
    name = inputs.names[int(rows[0])]
    output = placement.by_name(name) or _new_output(placement, name, None)
    output.exists = True
    run = InputRun(rows.tolist(), None)
    last = output.items[-1] if output.items else None
    if isinstance(last, InputRun) and last.rule is None:
        last.rows += run.rows
    else:
        output.items.append(run)
    placement.output_of[rows] = output.index
    join_run(inputs, output, run, None)


def _new_output(placement: Placement, name: str, position: int | None) -> OutputSection:
    output = OutputSection(name, len(placement.outputs), None)
    placement.outputs.append(output)
    end = len(placement.statements)
    placement.statements.insert(end if position is None else position, output)
    return output


def _suggestion(inputs: Inputs, placement: Placement, row: int) -> tuple[str, str]:
    """The rule to add and the output section to add it to."""
    name, flags = inputs.names[row], int(inputs.sections["flags"][row])
    rule = f"*({name} {name}.*)"
    if not flags & c.SHF_ALLOC:
        return f"{name} 0 : {{ {rule} }}", ""
    like = _like(placement, flags, int(inputs.sections["type"][row]))
    if like is None:
        return f"{name} : {{ {rule} }}", ""
    return rule, like.name


def _refuse(
    inputs: Inputs,
    placement: Placement,
    row: int,
    referrers: Sequence[Note],
    script_path: str,
) -> Diagnostic:
    name, section = inputs.names[row], inputs.sections[row]
    flags = int(section["flags"])
    owner = inputs.objects[section["object"]].label
    rule, target = _suggestion(inputs, placement, row)
    where = f"inside '{target}'" if target else "to SECTIONS"
    hint = f"add `{rule}` {where} in {script_path}, or drop it: `/DISCARD/ : {{ *({name}) }}`"
    shown = f'flags "{section_flags(flags)}"'
    message = (
        f"no rule of the script places section '{name}' ({shown}, {int(section['size'])} bytes)"
    )
    if not flags & c.SHF_ALLOC:
        message = (
            f"section '{name}' has no SHF_ALLOC flag and no rule of the script places it: "
            "its contents would not be in memory"
        )
        hint = (
            f"if it holds code or data, give it flags where it is declared: "
            f'`.section {name}, "ax", @progbits`\n' + hint
        )
    notes = [*referrers]
    output = placement.by_name(target) if target else None
    if output is not None and output.span is not None:
        notes.append(Note(f"'{target}' is described here", output.span))
    return error(message, Span(owner), rule="strict-orphan", hint=hint, notes=notes)


def _warn(inputs: Inputs, row: int) -> Diagnostic:
    owner = inputs.objects[inputs.sections["object"][row]].label
    return warning(
        f"no rule of the script places section '{inputs.names[row]}'",
        Span(owner),
        rule="strict-orphan",
    )


def _kind(flags: int, sh_type: int) -> str:
    if flags & c.SHF_EXECINSTR:
        return ".text"
    if not flags & c.SHF_WRITE:
        return ".rodata"
    return ".bss" if sh_type == c.SHT_NOBITS else ".data"


def _like(placement: Placement, flags: int, sh_type: int) -> OutputSection | None:
    """The output section that a section with these flags belongs in, None if there is none."""
    wanted = _kind(flags, sh_type)
    named = [o for o in placement.outputs if o.name == wanted]
    if named:
        return named[0]
    same = [
        o
        for o in placement.outputs
        if o.alloc and _kind(o.sh_flags, c.SHT_NOBITS if o.is_nobits else c.SHT_PROGBITS) == wanted
    ]
    return same[-1] if same else None
