"""Placement: which script rule takes each input section, and so which output section it joins.

The first matching rule wins (ld manual, "Input Section Basics"); a rule with several patterns keeps
the order of the input. What no rule takes is an orphan; `orphans` decides about those. Addresses
come later, in `layout`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from orobuild.diagnostics import did_you_mean, error
from orobuild.elf import constants as c
from orobuild.errors import InputError
from orobuild.linker.glob import is_wild
from orobuild.linker.output import InputRun, OutputSection
from orobuild.linker.rules import Decisions, FileMatcher, Rule, RuleIndex
from orobuild.linker.script import nodes
from orobuild.linker.sorting import is_sorting, sorted_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.script.nodes import Script

DISCARD_NAME: Final = "/DISCARD/"
# values of `Placement.output_of` for rows that are in no output section
NOWHERE: Final = -1
DISCARDED: Final = -2
_NOT_INPUT: Final = (
    c.SHT_NULL,
    c.SHT_SYMTAB,
    c.SHT_RELA,
    c.SHT_REL,
    c.SHT_GROUP,
    c.SHT_SYMTAB_SHNDX,
    c.SHT_LLVM_ADDRSIG,
)


@dataclass(slots=True)
class Placement:
    """Where everything goes.

    `statements` are in layout order. `output_of[row]` is an index into `outputs`, NOWHERE or
    DISCARDED; `rule_of[row]` an index into `rules` or -1. `created` lists the output sections
    that exist in the order in which GNU ld makes them, which is that of the section headers.
    `collected` are rows that garbage collection dropped. `choose(name, object, sh_flags)` is the
    (rule, pattern) that takes such a section.
    """

    outputs: list[OutputSection]
    statements: list[nodes.Assignment | nodes.Assert | OutputSection]
    rules: list[Rule]
    output_of: NDArray[np.int32]
    rule_of: NDArray[np.int32]
    orphans: list[int] = field(default_factory=list)
    created: list[OutputSection] = field(default_factory=list)
    collected: set[int] = field(default_factory=set)
    choose: Callable[[str, int, int], tuple[int, int]] = field(default=lambda *_: (-1, -1))

    def output_section(self, row: int) -> OutputSection | None:
        """The output section of an input section row."""
        index = int(self.output_of[row])
        return self.outputs[index] if index >= 0 else None

    def leave_out(self, rows: set[int]) -> None:
        """Take rows of which nothing is left out of their runs: they do not even align."""
        for output in {id(o): o for o in map(self.output_section, rows) if o}.values():
            for item in output.items:
                if isinstance(item, InputRun) and not rows.isdisjoint(item.rows):
                    item.rows = [row for row in item.rows if row not in rows]

    def by_name(self, name: str) -> OutputSection | None:
        """The output section called `name`; of several, the first that exists."""
        found = None
        for output in self.outputs:
            if output.name == name:
                if output.exists:
                    return output
                found = found or output
        return found


def candidates(
    inputs: Inputs, dropped: NDArray[np.bool_], *, excluded: bool = False
) -> NDArray[np.int64]:
    """The rows that a script may place, in input order: object by object.

    `excluded`: also those of SHF_EXCLUDE.
    """
    sections = inputs.sections
    usable = ~np.isin(sections["type"], _NOT_INPUT) & ~dropped
    usable &= excluded | ((sections["flags"] & np.uint64(c.SHF_EXCLUDE)) == 0)
    # The tables of symbol and section names are ELF's own, not the program's.
    own = [inputs.strings.number(name) for name in (b".strtab", b".shstrtab")]
    named = (sections["name"] == own[0]) | (sections["name"] == own[1])
    usable &= ~named | (sections["type"] != c.SHT_STRTAB) | (sections["flags"] != 0)
    rows = np.flatnonzero(usable)
    return rows[np.argsort(sections["object"][rows], kind="stable")]


def place(
    inputs: Inputs, script: Script, rows: NDArray[np.int64], memory: Decisions | None = None
) -> Placement:
    """Apply the script's rules to `rows`. Raises `InputError` for rules that cannot be.

    `memory` is what an earlier link decided by name.
    """
    memory = memory or Decisions()
    placement = _skeleton(script, len(inputs.names))
    index = RuleIndex(placement.rules)
    files = FileMatcher(inputs.objects)
    sections = inputs.sections
    disabled: set[int] = set()
    constrained = {
        number
        for number, rule in enumerate(placement.rules)
        if rule.output is not None
        and rule.output.declaration is not None
        and rule.output.declaration.constraint
    }

    def winner(name: str, owner: int, sh_flags: int) -> tuple[int, int]:
        for entry in index.matches(name):
            if entry[0] in disabled:
                continue
            if entry in index.unconditional or files.accepts(
                placement.rules[entry[0]].statement, entry[1], owner, sh_flags
            ):
                return entry
        return -1, -1

    placement.choose = winner
    _check_file_names(inputs, placement)
    # By name alone where that decides; one by one where the file or the flags do.
    chosen, undecided = index.decide(inputs.strings, sections["name"][rows], memory)
    odd = np.flatnonzero(undecided)
    for at, row in zip(odd.tolist(), rows[odd].tolist(), strict=True):
        section = sections[row]
        chosen[at] = winner(inputs.names[row], int(section["object"]), int(section["flags"]))
    if constrained:
        _apply_constraints(inputs, placement, rows, chosen, disabled, winner, constrained)
    placement.orphans = rows[chosen[:, 0] < 0].tolist()
    order = np.argsort(chosen[:, 0], kind="stable")
    bounds = np.searchsorted(chosen[order, 0], np.arange(len(placement.rules) + 1)).tolist()
    for number, rule in enumerate(placement.rules):
        mine = order[bounds[number] : bounds[number + 1]]
        if len(mine):
            taken = rows[mine].tolist()
            if is_sorting(rule.statement):
                entries = list(zip(taken, chosen[mine, 1].tolist(), strict=True))
                taken = sorted_rows(inputs, rule.statement, entries)
            rule.run.rows = taken
            placement.rule_of[taken] = number
            placement.output_of[taken] = rule.output.index if rule.output else DISCARDED
    return placement


def _check_file_names(inputs: Inputs, placement: Placement) -> None:
    """A rule that names one file, without wildcards, wants that file (as in ld)."""
    paths = [item.path for item in inputs.objects]
    known = set(paths)
    problems = []
    for rule in placement.rules:
        name = rule.statement.file
        if name and ":" not in name and not is_wild(name) and name not in known:
            problems.append(
                error(
                    f"no input file is called '{name}'",
                    rule.statement.span,
                    hint=did_you_mean(name, paths)
                    or f"write `*{name}` for a file in any directory",
                    rule="linker-script",
                )
            )
    if problems:
        raise InputError(problems)


def place_one(inputs: Inputs, placement: Placement, row: int) -> None:
    """Place a section that was made after the others: among them, it is its object's last."""
    section = inputs.sections[row]
    placement.output_of = np.append(placement.output_of, np.int32(NOWHERE))
    placement.rule_of = np.append(placement.rule_of, np.int32(-1))
    number, _ = placement.choose(inputs.names[row], int(section["object"]), int(section["flags"]))
    if number < 0:
        placement.orphans.append(row)
        return
    rule = placement.rules[number]
    owners = inputs.sections["object"]
    later = (i for i, other in enumerate(rule.run.rows) if owners[other] > section["object"])
    rule.run.rows.insert(next(later, len(rule.run.rows)), row)
    placement.rule_of[row] = number
    placement.output_of[row] = rule.output.index if rule.output else DISCARDED


def _skeleton(script: Script, count: int) -> Placement:
    """Output sections and statements as the script orders them, without any input."""
    placement = Placement([], [], [], np.full(count, NOWHERE, "i4"), np.full(count, -1, "i4"))
    rules: list[tuple[bool, Rule]] = []
    for statement in script.statements:
        if not isinstance(statement, nodes.OutputSection):
            placement.statements.append(statement)
            continue
        if statement.name == DISCARD_NAME:
            output = None
        else:
            # A second description of a name is a second section (ldlang.c,
            # lang_enter_output_section_statement).
            output = OutputSection(statement.name, len(placement.outputs), statement)
            output.phdrs = statement.phdrs
            placement.outputs.append(output)
            placement.statements.append(output)
        for item in statement.body:
            if isinstance(item, nodes.InputStatement):
                run = InputRun([], item)
                rules.append((statement.inserted, Rule(item, output, run)))
                if output is not None:
                    output.items.append(run)
            elif output is not None:
                output.items.append(item)
            elif not isinstance(item, nodes.Assert | nodes.Constructors):
                raise InputError(
                    error(
                        f"only input section descriptions can stand in {DISCARD_NAME}",
                        item.span,
                        rule="linker-script",
                    )
                )
    # What a script adds to another one takes sections before that one's rules do.
    placement.rules += [rule for inserted, rule in rules if inserted]
    placement.rules += [rule for inserted, rule in rules if not inserted]
    return placement


def _apply_constraints(
    inputs: Inputs,
    placement: Placement,
    rows: NDArray[np.int64],
    chosen: NDArray[np.int32],
    disabled: set[int],
    winner: Callable[[str, int, int], tuple[int, int]],
    constrained: set[int],
) -> None:
    """ONLY_IF_RO and ONLY_IF_RW: a description whose input does not qualify takes nothing."""
    sections = inputs.sections
    position = dict(_outputs_of(placement, constrained))
    for output in dict.fromkeys(position.values()):
        own = {number for number, other in position.items() if other is output}
        mine = np.flatnonzero(np.isin(chosen[:, 0], list(own))).tolist()
        writable = any(int(sections["flags"][rows[i]]) & c.SHF_WRITE for i in mine)
        assert output.declaration is not None
        wants_readonly = output.declaration.constraint == "ONLY_IF_RO"
        if wants_readonly != writable:
            continue
        disabled |= own
        placement.statements.remove(output)
        output.items.clear()
        output.declaration = None
        for i in mine:
            row = int(rows[i])
            chosen[i] = winner(
                inputs.names[row], int(sections["object"][row]), int(sections["flags"][row])
            )


def _outputs_of(placement: Placement, numbers: set[int]) -> list[tuple[int, OutputSection]]:
    pairs = []
    for number in sorted(numbers):
        output = placement.rules[number].output
        assert output is not None
        pairs.append((number, output))
    return pairs
