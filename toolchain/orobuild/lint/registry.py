"""The table of rules: every `RULE` of every file under `lint/rules/`, found by looking there.

Adding a rule means adding its file; nothing else lists them. Each package of rules says in its
`__init__` which family it holds (`FAMILY`) and what its rules look at (`SCOPES`), so that a hook
that checks a few sources imports the rules for sources and no others.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from orobuild.diagnostics import did_you_mean
from orobuild.errors import InternalError, UsageError
from orobuild.lint import rules as rules_package
from orobuild.lint import selection
from orobuild.lint.rule import CODE, FIX_SAFETY, SECTIONS, Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from orobuild.lint.config import LintConfig


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by code, in the order of the codes."""
    found: dict[str, Rule] = {}
    for package in _packages():
        for code, rule in _rules_in(package).items():
            if code in found:
                raise InternalError(f"two rules have the code {code}")
            found[code] = rule
    return dict(sorted(found.items()))


@cache
def rules_for(scope: Scope) -> Mapping[str, Rule]:
    """The rules that look at `scope`, by code, in the order of the codes."""
    found = {
        code: rule
        for package in _packages()
        if scope in package.SCOPES
        for code, rule in _rules_in(package).items()
        if rule.scope is scope
    }
    return dict(sorted(found.items()))


def knows(prefix: str) -> bool:
    """Whether some rule's code is `prefix` or starts with it."""
    letters = prefix.rstrip("0123456789")
    own = [p for p in _packages() if letters == p.FAMILY]
    table = {code: rule for package in own for code, rule in _rules_in(package).items()}
    return selection.is_prefix(table, prefix) or selection.is_prefix(rules(), prefix)


def check(config: LintConfig) -> None:
    """Raises `UsageError` for a code or a prefix in `config` that no rule has."""
    if not all(map(knows, selection.prefixes(config))):
        selection.check(rules(), config)


def rule(name: str) -> Rule:
    """The rule with this code or name, in any case. Raises `UsageError` for an unknown one."""
    table = rules()
    wanted = name.strip()
    for candidate in table.values():
        if wanted.upper() == candidate.code or wanted.lower() == candidate.name:
            return candidate
    known = [*table, *(r.name for r in table.values())]
    hint = did_you_mean(wanted.upper(), known) or did_you_mean(wanted.lower(), known)
    raise UsageError(f"there is no rule '{name}'", hint=hint)


@cache
def _packages() -> tuple[ModuleType, ...]:
    """The packages of rules, without the rules in them."""
    packages = []
    for entry in pkgutil.iter_modules(rules_package.__path__, rules_package.__name__ + "."):
        package = importlib.import_module(entry.name)
        if not isinstance(getattr(package, "FAMILY", None), str) or not all(
            isinstance(scope, Scope) for scope in getattr(package, "SCOPES", (None,))
        ):
            raise InternalError(f"{entry.name} does not say its FAMILY and its SCOPES")
        packages.append(package)
    return tuple(packages)


@cache
def _rules_in(package: ModuleType) -> Mapping[str, Rule]:
    found: dict[str, Rule] = {}
    for entry in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        rule = getattr(importlib.import_module(entry.name), "RULE", None)
        if not isinstance(rule, Rule):
            raise InternalError(f"{entry.name} defines no RULE")
        _require_complete(rule, package)
        if rule.code in found:
            raise InternalError(f"two rules have the code {rule.code}")
        found[rule.code] = rule
    return found


def _require_complete(rule: Rule, package: ModuleType) -> None:
    """Raises `InternalError` for a rule that must not be in a build: a half documented one, say."""
    if not CODE.fullmatch(rule.code) or rule.family != package.FAMILY:
        raise InternalError(f"{rule.code!r} is no code of the family {package.FAMILY}")
    if rule.scope not in package.SCOPES:
        raise InternalError(f"{rule.code} looks at what {package.__name__} does not")
    for heading in (*SECTIONS, *((FIX_SAFETY,) if rule.fixable else ())):
        if not rule.section(heading):
            raise InternalError(f"{rule.code} does not document '{heading}'")
    if not rule.fixable and rule.section(FIX_SAFETY):
        raise InternalError(f"{rule.code} documents '{FIX_SAFETY}' and has no fix")
