"""Placement: which script rule takes each input section, and so which output section it joins.

The first matching rule wins (ld manual, "Input Section Basics"); a rule with several patterns keeps
the order of the input. What no rule takes is an orphan; `orphans` decides about those. Addresses
come later, in `layout`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import did_you_mean, error
from orobuild.elf import constants as c
from orobuild.errors import InputError
from orobuild.linker.glob import is_wild, matcher
from orobuild.linker.output import InputRun, OutputSection
from orobuild.linker.script import nodes

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
class Rule:
    """An input section description and the output section that it fills."""

    statement: nodes.InputStatement
    output: OutputSection | None  # None: /DISCARD/
    run: InputRun


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

    def by_name(self, name: str) -> OutputSection | None:
        """The output section called `name`; of several, the first that exists."""
        found = None
        for output in self.outputs:
            if output.name == name:
                if output.exists:
                    return output
                found = found or output
        return found


def candidates(inputs: Inputs, dropped: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The rows that a script may place, in input order: object by object."""
    sections = inputs.sections
    usable = ~np.isin(sections["type"], _NOT_INPUT) & ~dropped
    usable &= (sections["flags"] & np.uint64(c.SHF_EXCLUDE)) == 0
    for row in np.flatnonzero((sections["type"] == c.SHT_STRTAB) & (sections["flags"] == 0)):
        # The tables of symbol and section names are ELF's own, not the program's.
        usable[row] = inputs.names[row] not in (".strtab", ".shstrtab")
    rows = np.flatnonzero(usable)
    return rows[np.argsort(sections["object"][rows], kind="stable")]


def place(inputs: Inputs, script: Script, rows: NDArray[np.int64]) -> Placement:
    """Apply the script's rules to `rows`. Raises `InputError` for rules that cannot be."""
    placement = _skeleton(script, len(inputs.names))
    index = _RuleIndex(placement.rules)
    sections = inputs.sections
    files = _FileMatcher(inputs)
    owners = sections["object"][rows].tolist()
    flags = sections["flags"][rows].tolist()
    names = inputs.names
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
    chosen = [
        winner(names[row], owner, flag)
        for row, owner, flag in zip(rows.tolist(), owners, flags, strict=True)
    ]
    if constrained:
        _apply_constraints(inputs, placement, rows, chosen, disabled, winner, constrained)
    taken: dict[int, list[tuple[int, int]]] = {}
    for row, (number, pattern) in zip(rows.tolist(), chosen, strict=True):
        if number < 0:
            placement.orphans.append(row)
        else:
            taken.setdefault(number, []).append((row, pattern))
    for number, entries in taken.items():
        rule = placement.rules[number]
        rule.run.rows = ordered = _sorted_rows(inputs, rule.statement, entries)
        placement.rule_of[ordered] = number
        placement.output_of[ordered] = rule.output.index if rule.output else DISCARDED
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
    """Place a section that was made after the others."""
    section = inputs.sections[row]
    placement.output_of = np.append(placement.output_of, np.int32(NOWHERE))
    placement.rule_of = np.append(placement.rule_of, np.int32(-1))
    number, _ = placement.choose(inputs.names[row], int(section["object"]), int(section["flags"]))
    if number < 0:
        placement.orphans.append(row)
        return
    rule = placement.rules[number]
    rule.run.rows.append(row)
    placement.rule_of[row] = number
    placement.output_of[row] = rule.output.index if rule.output else DISCARDED


def _skeleton(script: Script, count: int) -> Placement:
    """Output sections and statements as the script orders them, without any input."""
    placement = Placement([], [], [], np.full(count, NOWHERE, "i4"), np.full(count, -1, "i4"))
    by_key: dict[tuple[str, str | None], OutputSection] = {}
    for statement in script.statements:
        if not isinstance(statement, nodes.OutputSection):
            placement.statements.append(statement)
            continue
        if statement.name == DISCARD_NAME:
            output = None
        else:
            key = (statement.name, statement.constraint)
            output = by_key.get(key)
            if output is None:
                output = OutputSection(statement.name, len(placement.outputs), statement)
                output.phdrs = statement.phdrs
                by_key[key] = output
                placement.outputs.append(output)
                placement.statements.append(output)
        for item in statement.body:
            if isinstance(item, nodes.InputStatement):
                run = InputRun([], item)
                placement.rules.append(Rule(item, output, run))
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
    return placement


class _RuleIndex:
    """Finds the (rule, pattern) pairs whose section pattern matches a name, in script order.

    Pairs in `unconditional` then take the section, whatever file it is from.
    """

    def __init__(self, rules: list[Rule]) -> None:
        self._exact: dict[str, list[tuple[int, int]]] = {}
        self._prefix: dict[str, list[tuple[int, int]]] = {}
        self._general: list[tuple[Callable[[str], bool], tuple[int, int]]] = []
        self._memo: dict[str, list[tuple[int, int]]] = {}
        self.unconditional: set[tuple[int, int]] = set()
        for number, rule in enumerate(rules):
            patterns = rule.statement.sections
            if not patterns and rule.statement.file:
                self._prefix.setdefault("", []).append((number, -1))
            plain = _takes_any_file(rule.statement)
            for position, spec in enumerate(patterns):
                text, entry = spec.pattern, (number, position)
                if plain and not spec.exclude_files:
                    self.unconditional.add(entry)
                if not is_wild(text):
                    self._exact.setdefault(text, []).append(entry)
                elif text.endswith("*") and not is_wild(text[:-1]):
                    self._prefix.setdefault(text[:-1], []).append(entry)
                else:
                    self._general.append((matcher(text), entry))
        self._lengths = sorted({len(prefix) for prefix in self._prefix})

    def matches(self, name: str) -> list[tuple[int, int]]:
        """The matching pairs; `*` does not match the pseudo section COMMON (as in ld)."""
        found = self._memo.get(name)
        if found is None:
            found = list(self._exact.get(name, ()))
            if name != "COMMON":
                for length in self._lengths:
                    found += self._prefix.get(name[:length], ()) if length <= len(name) else ()
                found += [entry for accepts, entry in self._general if accepts(name)]
            if len(found) > 1:
                found.sort()
            self._memo[name] = found
        return found


def _takes_any_file(statement: nodes.InputStatement) -> bool:
    """Whether the section's name alone decides."""
    conditions = (statement.exclude_files, statement.with_flags, statement.without_flags)
    return statement.file == "*" and not any(conditions)


class _FileMatcher:
    """Whether a rule's file patterns accept an object."""

    def __init__(self, inputs: Inputs) -> None:
        self._objects = inputs.objects
        self._memo: dict[tuple[str, int], bool] = {}

    def matches(self, pattern: str, owner: int) -> bool:
        """`pattern` against a file name, or `archive:member` against both."""
        if pattern == "*":
            return True
        key = (pattern, owner)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._match(pattern, owner)
        return found

    def _match(self, pattern: str, owner: int) -> bool:
        item = self._objects[owner]
        if ":" not in pattern:
            return matcher(pattern)(item.path)
        # ld manual, "Input Section Basics": archive:file, archive:, :file.
        archive, member = pattern.split(":", 1)
        if not archive:
            return item.archive is None and matcher(member)(item.path)
        if item.archive is None or not matcher(archive)(item.archive):
            return False
        return not member or matcher(member)(item.path)

    def accepts(
        self, statement: nodes.InputStatement, pattern: int, owner: int, sh_flags: int
    ) -> bool:
        if not self.matches(statement.file, owner):
            return False
        if sh_flags & statement.with_flags != statement.with_flags:
            return False
        if sh_flags & statement.without_flags:
            return False
        excluded = statement.exclude_files
        if pattern >= 0:
            excluded = excluded + statement.sections[pattern].exclude_files
        return not any(self.matches(name, owner) for name in excluded)


def _apply_constraints(
    inputs: Inputs,
    placement: Placement,
    rows: NDArray[np.int64],
    chosen: list[tuple[int, int]],
    disabled: set[int],
    winner: Callable[[str, int, int], tuple[int, int]],
    constrained: set[int],
) -> None:
    """ONLY_IF_RO and ONLY_IF_RW: a description whose input does not qualify takes nothing."""
    sections = inputs.sections
    position = dict(_outputs_of(placement, constrained))
    for output in dict.fromkeys(position.values()):
        own = {number for number, other in position.items() if other is output}
        mine = [i for i, (number, _) in enumerate(chosen) if number in own]
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


# -- sorting -----------------------------------------------------------------------------


def _sorted_rows(
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

# -- flags of output sections --------------------------------------------------------------


def settle_flags(inputs: Inputs, placement: Placement) -> None:
    """Derive each output section's flags, type and entry size from what it holds."""
    placement.created.clear()
    by_name: dict[str, OutputSection] = {}
    for output in placement.outputs:
        by_name.setdefault(output.name, output)

    def create(output: OutputSection) -> None:
        if not output.exists:
            output.exists = True
            placement.created.append(output)

    def mention(node: nodes.Expression) -> None:
        # ldlang.c, exp_init_os: an expression about a section brings it into being.
        for name in _sections_named(node):
            if name in by_name:
                create(by_name[name])

    for statement in placement.statements:
        if isinstance(statement, nodes.Assignment):
            mention(statement.expression)
        if not isinstance(statement, OutputSection):
            continue
        output = statement
        kind = output.declaration.kind if output.declaration else None
        for item in output.items:
            if isinstance(item, InputRun):
                if item.rows:
                    create(output)
                    _join_run(inputs, output, item, kind)
            elif isinstance(item, nodes.Data | nodes.Text):
                if isinstance(item, nodes.Data):
                    mention(item.expression)
                if not output.exists:
                    output.readonly = True
                create(output)
                _join_data(output, kind)
            elif isinstance(item, nodes.Fill):
                create(output)
            elif isinstance(item, nodes.Assignment):
                create(output)
                output.defines_symbols |= item.name != "."
                mention(item.expression)
        if output.declaration and output.declaration.readonly:
            output.readonly = True


def _sections_named(node: nodes.Expression) -> list[str]:
    """The output sections that ADDR and LOADADDR in an expression name."""
    if isinstance(node, nodes.Call):
        if node.function in ("ADDR", "LOADADDR") and node.name_arg:
            return [node.name_arg]
        return [name for argument in node.args for name in _sections_named(argument)]
    if isinstance(node, nodes.Unary):
        return _sections_named(node.operand)
    if isinstance(node, nodes.Binary):
        return _sections_named(node.left) + _sections_named(node.right)
    if isinstance(node, nodes.Ternary):
        parts = (node.condition, node.then, node.otherwise)
        return [name for part in parts for name in _sections_named(part)]
    return []


def _join_data(output: OutputSection, kind: str | None) -> None:
    if kind == "NOLOAD":
        output.never_load = output.alloc = True
        return
    output.contents = True
    if kind != "INFO":
        output.alloc = output.load = True


def _join_run(inputs: Inputs, output: OutputSection, run: InputRun, kind: str | None) -> None:
    """lang_add_section of ldlang.c, for all input sections of a run."""
    output.keep |= run.rule is not None and run.rule.keep
    sections = inputs.sections[run.rows]
    flags, types = sections["flags"], sections["type"]
    seen: set[tuple[int, int, int]] = set()
    for sh_flags, sh_type, entsize in zip(
        flags.tolist(), types.tolist(), sections["entsize"].tolist(), strict=True
    ):
        if (sh_flags, sh_type, entsize) not in seen:
            seen.add((sh_flags, sh_type, entsize))
            _join_flags(output, sh_flags, sh_type, entsize, kind)
    # SUBALIGN changes where input sections start, not what the output section asks for.
    output.align = max(output.align, int(sections["align"].max()))


def _join_flags(
    output: OutputSection, sh_flags: int, sh_type: int, entsize: int, kind: str | None
) -> None:
    alloc = bool(sh_flags & c.SHF_ALLOC) and kind != "INFO"
    contents = sh_type != c.SHT_NOBITS
    load = alloc and contents
    readonly = not sh_flags & c.SHF_WRITE
    if kind == "NOLOAD":
        load = contents = False
        output.never_load = True
    merge = bool(sh_flags & c.SHF_MERGE)
    strings = bool(sh_flags & c.SHF_STRINGS)
    # The first input section decides, later ones can only take the flag away.
    output.readonly = readonly and (output.readonly or not output.has_input)
    if output.has_input:
        if (output.merge, output.strings) != (merge, strings) or (
            merge and output.entsize != entsize
        ):
            output.merge = output.strings = merge = strings = False
    else:
        output.has_input = True
        output.input_type = sh_type
        if merge:
            output.entsize = entsize
    output.alloc |= alloc
    output.load |= load
    output.contents |= contents
    output.code |= bool(sh_flags & c.SHF_EXECINSTR)
    output.merge |= merge
    output.strings |= strings
    output.tls |= bool(sh_flags & c.SHF_TLS)


def near_output(placement: Placement, name: str) -> str | None:
    """A hint naming the output section most like `name`."""
    return did_you_mean(name, [output.name for output in placement.outputs])


__all__ = [
    "DISCARDED",
    "NOWHERE",
    "Placement",
    "Rule",
    "candidates",
    "near_output",
    "place",
    "settle_flags",
]
