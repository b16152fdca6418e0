"""Which rules run: the longest matching prefix of `select` and `ignore` decides.

The same semantics as ruff's, so that nobody has to learn them twice.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from orobuild.diagnostics import did_you_mean
from orobuild.errors import UsageError
from orobuild.lint.config import ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orobuild.diagnostics import Severity
    from orobuild.lint.config import LintConfig
    from orobuild.lint.rule import Rule


def prefixes(config: LintConfig) -> set[str]:
    """Every rule code or prefix of one that `config` mentions."""
    mentioned = {*config.select, *config.extend_select, *config.ignore}
    mentioned |= {prefix for prefix, _ in config.severity}
    return mentioned.union(*(ignored for _, ignored in config.per_file_ignores))


def check(rules: Mapping[str, Rule], config: LintConfig) -> None:
    """Raises `UsageError` for a prefix in `config` that matches none of all `rules`."""
    for prefix in sorted(prefixes(config)):
        if not is_prefix(rules, prefix):
            raise UsageError(
                f"no rule's code starts with '{prefix}'", hint=did_you_mean(prefix.upper(), rules)
            )


def is_prefix(rules: Mapping[str, Rule], prefix: str) -> bool:
    """Whether `prefix` is `ALL` or what the code of one of `rules` starts with."""
    return prefix == ALL or (bool(prefix) and any(code.startswith(prefix) for code in rules))


def selected(rules: Mapping[str, Rule], config: LintConfig, path: str = "") -> tuple[Rule, ...]:
    """Those of `rules` that `config` asks for in the file `path`, in the order of their codes.

    Without `select`, every rule that is on by default. A rule that is off by default needs its
    whole code (`ALL` and a family's prefix do not switch it on). What `per_file_ignores` leaves
    out in a file no selection brings back.
    """
    left_out = tuple(
        prefix
        for pattern, ignored in config.per_file_ignores
        if matches(relative(path, config), pattern)
        for prefix in ignored
    )
    chosen = (*(config.select or (ALL,)), *config.extend_select)
    result = []
    for code, rule in rules.items():
        wanted = _match(code, chosen if rule.default else (p for p in chosen if p == code))
        refused = _match(code, config.ignore)
        if wanted is None or _match(code, left_out) is not None:
            continue
        if refused is None or wanted > refused:
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


def relative(path: str, config: LintConfig) -> str:
    """`path` as the configuration names it."""
    return os.path.relpath(path, config.root) if path and config.root else path


def matches(path: str, pattern: str) -> bool:
    """Whether `pattern` (`fnmatch`) is that of a path, of its end or of one of its parts."""
    if not path:
        return False
    parts = path.replace("\\", "/").split("/")
    if "/" not in pattern.rstrip("/"):
        return any(fnmatchcase(part, pattern.rstrip("/")) for part in parts)
    whole = "/".join(parts)
    wanted = pattern.removeprefix("./").removesuffix("/")
    return any(
        fnmatchcase(whole, p) for p in (wanted, f"*/{wanted}", f"{wanted}/*", f"*/{wanted}/*")
    )
