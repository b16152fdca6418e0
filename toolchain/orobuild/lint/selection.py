"""Which rules run: the longest matching prefix of `select` and `ignore` decides.

The same semantics as ruff's, so that nobody has to learn them twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import did_you_mean
from orobuild.errors import UsageError
from orobuild.lint.config import ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orobuild.diagnostics import Severity
    from orobuild.lint.config import LintConfig
    from orobuild.lint.rule import Rule


def selected(rules: Mapping[str, Rule], config: LintConfig) -> tuple[Rule, ...]:
    """The rules that `config` asks for, in the order of their codes.

    Without `select`, every rule that is on by default. A rule that is off by default needs its
    whole code (`ALL` and a family's prefix do not switch it on). Raises `UsageError` for a
    prefix that matches no rule.
    """
    for prefix in (*config.select, *config.extend_select, *config.ignore):
        _check(rules, prefix)
    for prefix, _ in config.severity:
        _check(rules, prefix)
    chosen = (*(config.select or (ALL,)), *config.extend_select)
    result = []
    for code, rule in rules.items():
        wanted = _match(code, chosen if rule.default else (p for p in chosen if p == code))
        refused = _match(code, config.ignore)
        if wanted is not None and (refused is None or wanted > refused):
            result.append(rule)
    return tuple(result)


def severity_of(rule: Rule, config: LintConfig) -> Severity:
    """The severity that `config` gives the rule's findings; the longest prefix decides."""
    best, result = -1, rule.severity
    for prefix, severity in config.severity:
        length = _match(rule.code, (prefix,))
        if length is not None and length > best:
            best, result = length, severity
    return result


def _match(code: str, prefixes: Iterable[str]) -> int | None:
    """The length of the longest of `prefixes` that `code` starts with; `ALL` counts as 0."""
    lengths = [0 if p == ALL else len(p) for p in prefixes if p == ALL or code.startswith(p)]
    return max(lengths, default=None)


def _check(rules: Mapping[str, Rule], prefix: str) -> None:
    if prefix != ALL and not (prefix and any(code.startswith(prefix) for code in rules)):
        raise UsageError(
            f"no rule's code starts with '{prefix}'", hint=did_you_mean(prefix.upper(), rules)
        )
