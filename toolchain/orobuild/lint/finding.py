"""A finding: a diagnostic with the rule that made it and the evidence for it.

Owns the values that rules return and reporters print. It knows no rule and no output format.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orobuild.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Step:
    """One branch on the way from a root to the place a finding is about.

    `address` is the virtual address of the branch instruction, `place` its `symbol+offset` and
    section as people read it, `instruction` its text, `target` the address that it names.
    """

    address: int
    place: str
    instruction: str
    target: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a reader needs to believe a finding without running the linter again.

    Addresses are virtual. `symbol` may carry an offset (`name+0x10`). `path` starts at a root
    (the entry point, a vector, a symbol; `root` says which) and ends with the branch in question.
    `facts` are further named values, in the order in which they are printed.
    """

    address: int | None = None
    symbol: str | None = None
    section: str | None = None
    segment: str | None = None
    root: str | None = None
    path: tuple[Step, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding(Diagnostic):
    """A diagnostic whose `rule` is a rule's code (`SEG001`), with the evidence for it."""

    evidence: Evidence = field(default=Evidence())
