"""The input section descriptions of a script: which of them takes a section.

A pattern is numbered by a pair: the rule, and its place in the rule; pairs in order are the order
of the script, and the first that accepts a section takes it (ld manual, "Input Section Basics").
Most patterns look at the section's name only; those are decided for all names at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from orobuild.linker.glob import is_wild, literal_prefix, matcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.linker.inputs import InputObject
    from orobuild.linker.names import Names
    from orobuild.linker.output import InputRun, OutputSection
    from orobuild.linker.script import nodes

_NEVER: Final = 1 << 30
_UNKNOWN: Final = -1


@dataclass(slots=True)
class Rule:
    """An input section description and the output section that it fills."""

    statement: nodes.InputStatement
    output: OutputSection | None  # None: /DISCARD/
    run: InputRun


class RuleIndex:
    """Finds the (rule, pattern) pairs whose section pattern matches a name, in script order.

    Pairs in `unconditional` then take the section, whatever file it is from.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._pairs: list[tuple[int, int]] = []
        self._patterns: list[str] = []
        self._memo: dict[str, list[tuple[int, int]]] = {}
        self.unconditional: set[tuple[int, int]] = set()
        for number, rule in enumerate(rules):
            patterns = rule.statement.sections
            if not patterns and rule.statement.file:
                self._pairs.append((number, -1))
                self._patterns.append("*")
            plain = _takes_any_file(rule.statement)
            for position, spec in enumerate(patterns):
                self._pairs.append((number, position))
                self._patterns.append(spec.pattern)
                if plain and not spec.exclude_files:
                    self.unconditional.add((number, position))
        # (first, rest) of the pairs of each pattern: most are written once, `*` often.
        self._places: dict[str, list[int]] = {}
        for place, text in enumerate(self._patterns):
            self._places.setdefault(text, []).append(place)

    def matches(self, name: str) -> list[tuple[int, int]]:
        """The matching pairs. COMMON is a section like others: `*` matches it."""
        found = self._memo.get(name)
        if found is None:
            places = []
            for text, mine in self._places.items():
                if matcher(text)(name):
                    places += mine
            found = self._memo[name] = [self._pairs[place] for place in sorted(places)]
        return found

    def decide(
        self, names: Names, numbers: NDArray[np.int32], memory: Decisions
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """The pair that takes each section, by the number of its name; (-1, -1) for none.

        And which of them remain undecided, since a pattern that comes first looks at more.
        `memory` is what was decided before about these names.
        """
        key = (tuple(self._patterns), tuple(self._pairs), frozenset(self.unconditional))
        memory.prepare(key, len(names))
        wanted = np.zeros(len(names), bool)
        wanted[numbers] = True
        new = np.flatnonzero(wanted & (memory.certain == _UNKNOWN))
        if len(new):
            memory.certain[new], memory.possible[new] = self._decide_new(names, new)
        certain = memory.certain[numbers]
        pairs = np.array([*self._pairs, (-1, -1)], "i4").reshape(-1, 2)
        decided = pairs[np.minimum(certain, len(self._pairs))]
        return decided, memory.possible[numbers] < certain

    def _decide_new(
        self, names: Names, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first pattern that certainly takes each name, and the first that possibly does."""
        certain = np.full(len(numbers), _NEVER)
        possible = np.full(len(numbers), _NEVER)
        heads = _Heads(names, numbers, max(map(len, self._patterns), default=0))
        for text, places in self._places.items():
            hits = heads.matching(text)
            if not len(hits):
                continue
            sure = [place for place in places if self._pairs[place] in self.unconditional]
            if sure:
                certain[hits] = np.minimum(certain[hits], sure[0])
            if len(sure) < len(places):
                first = next(p for p in places if self._pairs[p] not in self.unconditional)
                possible[hits] = np.minimum(possible[hits], first)
        return certain, possible


class Decisions:
    """What the patterns of one script said about names, by the names' numbers."""

    def __init__(self) -> None:
        self._key: object = None
        self.certain: NDArray[np.int64] = np.zeros(0, "i8")
        self.possible: NDArray[np.int64] = np.zeros(0, "i8")

    def prepare(self, key: object, size: int) -> None:
        """Forget everything if `key`, the patterns, are others; make room for `size` names."""
        known = 0 if key != self._key else len(self.certain)
        self._key = key
        room = np.full(size - known, _UNKNOWN)
        self.certain = np.concatenate([self.certain[:known], room])
        self.possible = np.concatenate([self.possible[:known], room])


class _Heads:
    """The first bytes of names, as rows of a matrix, in which literal prefixes are looked for."""

    def __init__(self, names: Names, numbers: NDArray[np.int64], width: int) -> None:
        raw, width = names.raw, max(1, min(width, 64))
        self._names: list[bytes] = [raw[number] for number in numbers.tolist()]
        self._bytes: NDArray[np.uint8] = (
            np.array(self._names, f"S{width}").view("u1").reshape(-1, width)
        )
        self._position = {name: at for at, name in enumerate(self._names)}

    def matching(self, pattern: str) -> NDArray[np.int64]:
        """Where the names that `pattern` matches are."""
        if not is_wild(pattern):
            at = self._position.get(pattern.encode("utf-8", "surrogateescape"))
            return np.array([] if at is None else [at], "i8")
        prefix = literal_prefix(pattern)
        wanted = np.frombuffer(prefix.encode("utf-8", "surrogateescape"), "u1")
        compared = wanted[: self._bytes.shape[1]]
        hits = np.arange(len(self._bytes))
        for column, byte in enumerate(compared.tolist()):
            hits = hits[self._bytes[hits, column] == byte]
        if pattern != f"{prefix}*" or len(compared) < len(wanted):
            accepts = matcher(pattern)
            found = [at for at in hits.tolist() if accepts(self._text(at))]
            hits = np.array(found, "i8")
        return hits

    def _text(self, at: int) -> str:
        return self._names[at].decode("utf-8", "surrogateescape")


def _takes_any_file(statement: nodes.InputStatement) -> bool:
    """Whether the section's name alone decides."""
    conditions = (statement.exclude_files, statement.with_flags, statement.without_flags)
    return statement.file == "*" and not any(conditions)


class FileMatcher:
    """Whether a rule's file patterns accept an object."""

    def __init__(self, objects: Sequence[InputObject]) -> None:
        self._objects = objects
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
        """Whether what a pattern asks of files and flags holds."""
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


__all__ = ["Decisions", "FileMatcher", "Rule", "RuleIndex"]
