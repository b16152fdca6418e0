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
class Edit:
    """A piece of the checked text that a fix replaces by `text`.

    Lines and columns are 1-based, columns count characters; the end is not part of the piece. A
    piece that ends where it starts is an insertion.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


def insertion(line: int, text: str) -> Edit:
    """Whole lines (`text` ends in a newline) put above `line`."""
    return Edit(line, 1, line, 1, text)


@dataclass(frozen=True, slots=True)
class Fix:
    """What mends a finding: all of `edits`, or none of them.

    `safe` says that the result assembles to the same bytes and symbols, or changes a comment.
    """

    message: str
    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Finding(Diagnostic):
    """A diagnostic whose `rule` is a rule's code (`SEG001`), with the evidence for it.

    `line` is the line of the checked file that caused it, where `span` is in a macro's body or in
    an included file; 0 for what has no lines.
    """

    evidence: Evidence = field(default=Evidence())
    line: int = 0
    fix: Fix | None = None
