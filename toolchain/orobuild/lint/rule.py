"""What a rule is: a code, a name, its documentation and a function from a program to findings.

A rule lives in a file of its own under `lint/rules/<family>/`, whose docstring is its
documentation and whose `RULE` is its entry. Nothing but `registry` knows which rules there are.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from orobuild.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orobuild.lint.finding import Finding

CODE: Final = re.compile(r"[A-Z]{2,5}[0-9]{3}")
SECTIONS: Final = ("What it does", "Why is this bad?", "Example", "Fix", "Source")
FIX_SAFETY: Final = "Fix safety"  # a further one, of rules that can mend what they find


class Scope(enum.Enum):
    """What a rule looks at; its `check` takes the model of that."""

    IMAGE = "linked image"  # orobuild.lint.program.Program
    LIVE = "running machine"  # orobuild.lint.live.LiveModel
    BUILDS = "two builds"  # orobuild.lint.builds.BuildPair
    OBJECT = "relocatable object"  # orobuild.lint.relocatable.RelocatableModel
    SCRIPT = "linker script"  # orobuild.lint.script.ScriptModel
    SOURCE = "assembly source"  # orobuild.lint.source.model.AssemblyModel
    TEXT = "suppression"  # orobuild.lint.suppressions.Suppressions, after all other rules


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    `code` is a family prefix and three digits, `name` the same in words with hyphens.
    `documentation` is Markdown: a title line, a line of summary, then the headings `SECTIONS`.
    `check` takes the model of its `scope` and yields findings without caring for their code and
    severity, which the engine sets.
    A rule that is not `default` runs only when it is selected by name. A `fixable` one gives fixes
    with some of its findings and says under `FIX_SAFETY` what they may change.
    """

    code: str
    name: str
    documentation: str | None
    check: Callable[[Any], Iterable[Finding]]
    severity: Severity = Severity.ERROR
    scope: Scope = Scope.IMAGE
    default: bool = True
    fixable: bool = False

    @property
    def family(self) -> str:
        """The letters of the code."""
        return self.code.rstrip("0123456789")

    @property
    def summary(self) -> str:
        """The first line of the documentation: what the rule finds, in one sentence."""
        return (self.documentation or "").strip().partition("\n")[0]

    def section(self, heading: str) -> str:
        """The text under one of `SECTIONS`; empty when the documentation has none."""
        pattern = rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)"
        match = re.search(pattern, self.documentation or "", re.MULTILINE | re.DOTALL)
        return match[1].strip() if match else ""
