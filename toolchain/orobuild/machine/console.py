"""The serial console as data: facts, cores, panic blocks, loader errors.

A program's line is `oro: key=value …`; a value may be in double quotes. Lines between
`oro: panic-begin` and `oro: panic-end` are a panic. Everything else is text for people. Nothing
here fails: a log that stops in the middle of a line or of a panic is a result too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PREFIX: Final = "oro: "
PANIC_BEGIN: Final = "oro: panic-begin"
PANIC_END: Final = "oro: panic-end"
LOADER_ERROR: Final = "oro: loader-error="
VERDICT: Final = "oro: verdict="

_TOKEN: Final = re.compile(r'([^\s="]+)=(?:"([^"]*)"|(\S*))|(\S+)')


@dataclass(frozen=True, slots=True)
class Fact:
    """One `oro:` line. `kind` is its first word (`segment`) or first key (`core`).

    `values` has every `key=value` of the line; words without `=` map to the empty string.
    """

    kind: str
    values: Mapping[str, str]
    line: str

    def integer(self, key: str) -> int | None:
        """The value of `key` as a number (decimal, or 0x and hexadecimal); None if it is none."""
        try:
            return int(self.values[key], 0)
        except (KeyError, ValueError):
            return None

    def text(self, key: str) -> str | None:
        """The value of `key` as a sentence: unquoted, it goes on to the line's end."""
        _, found, rest = self.line.partition(f"{key}=")
        return self.values.get(key) if not found or rest.startswith('"') else rest


@dataclass(frozen=True, slots=True)
class Core:
    """What one processor reported: its number, APIC id, timer ticks, threads that ran on it."""

    core: int
    apic: int
    ticks: int
    threads: int


@dataclass(frozen=True, slots=True)
class Panic:
    """A panic block: its facts, its lines (markers left out), and whether its end was seen."""

    facts: tuple[Fact, ...]
    lines: tuple[str, ...]
    complete: bool

    @property
    def values(self) -> Mapping[str, str]:
        """Every key of the block; of a key that comes twice, the first value."""
        merged: dict[str, str] = {}
        for fact in self.facts:
            for key, value in fact.values.items():
                merged.setdefault(key, value)
        return merged

    @property
    def summary(self) -> str:
        """The panic in a line: the exception and where it was, or the reason that was given."""
        values = self.values
        if "vector" in values:
            told = ("name" if "name" in values else "vector", "error", "rip", "cr2", "core")
            return " ".join(f"{key}={values[key]}" for key in told if key in values)
        given = (fact.text("reason") for fact in self.facts)
        return next(filter(None, given), "the kernel panicked")


@dataclass(frozen=True)
class Console:
    """A console log, understood.

    `facts` has the facts outside panic blocks, in order; `cores` the latest report of each core, by
    number; `verdict` what the kernel said of itself (`oro: verdict=…`); `loader_error` the reason a
    boot loader gave for stopping.
    """

    lines: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    cores: tuple[Core, ...] = ()
    panics: tuple[Panic, ...] = ()
    verdict: str | None = None
    loader_error: str | None = None
    _by_kind: Mapping[str, tuple[Fact, ...]] = field(default_factory=dict, repr=False)

    def of_kind(self, kind: str) -> tuple[Fact, ...]:
        """The facts of one kind, in order."""
        return self._by_kind.get(kind, ())


def parse_fact(line: str) -> Fact | None:
    """The fact on `line`, or None if the line is not one."""
    if not line.startswith(PREFIX):
        return None
    values: dict[str, str] = {}
    for key, quoted, plain, word in _TOKEN.findall(line[len(PREFIX) :]):
        values.setdefault(word or key, quoted or plain)
    if not values:
        return None
    return Fact(next(iter(values)), values, line)


def read_console(lines: Iterable[str]) -> Console:
    """Understand a log, given as lines without their ends."""
    kept = tuple(lines)
    facts: list[Fact] = []
    panics: list[Panic] = []
    panic: list[str] | None = None
    for line in kept:
        if line.startswith(PANIC_BEGIN):
            if panic is not None:  # a panic inside a panic: the first one never ended
                panics.append(_panic(panic, complete=False))
            panic = []
        elif panic is not None and line.startswith(PANIC_END):
            panics.append(_panic(panic, complete=True))
            panic = None
        elif panic is not None:
            panic.append(line)
        elif fact := parse_fact(line):
            facts.append(fact)
    if panic is not None:
        panics.append(_panic(panic, complete=False))
    by_kind: dict[str, list[Fact]] = {}
    for fact in facts:
        by_kind.setdefault(fact.kind, []).append(fact)
    return Console(
        lines=kept,
        facts=tuple(facts),
        cores=_cores(by_kind.get("core", ())),
        panics=tuple(panics),
        verdict=_last(by_kind.get("verdict", ()), "verdict"),
        loader_error=_last(by_kind.get("loader-error", ()), "loader-error"),
        _by_kind={kind: tuple(found) for kind, found in by_kind.items()},
    )


def _panic(lines: Sequence[str], *, complete: bool) -> Panic:
    facts = tuple(fact for line in lines if (fact := parse_fact(line)))
    return Panic(facts, tuple(lines), complete)


def _last(facts: Sequence[Fact], key: str) -> str | None:
    return facts[-1].values[key] if facts else None


def _cores(facts: Iterable[Fact]) -> tuple[Core, ...]:
    cores = {}
    for fact in facts:
        core, apic = fact.integer("core"), fact.integer("apic")
        ticks, threads = fact.integer("ticks"), fact.integer("threads")
        if core is not None and apic is not None and ticks is not None and threads is not None:
            cores[core] = Core(core, apic, ticks, threads)
    return tuple(cores[number] for number in sorted(cores))
