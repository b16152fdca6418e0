"""What a lint run over files found: the value that reporters print."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orobuild.diagnostics import Diagnostic
    from orobuild.lint.finding import Finding


@dataclass(frozen=True, slots=True)
class LintResult:
    """`checked` are the paths in the order given, `errors` inputs that could not be checked.

    `passed_over` are (path, what it is instead) of sources that are none of ours to judge, such as
    another architecture's.
    """

    checked: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether everything was checked and nothing was found."""
        return not self.findings and not self.errors

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Errors and findings, errors first."""
        return (*self.errors, *self.findings)

    def statistics(self) -> tuple[tuple[str, int], ...]:
        """(rule code, number of findings), most frequent first."""
        counts = Counter(f.rule or "" for f in self.findings)
        return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
