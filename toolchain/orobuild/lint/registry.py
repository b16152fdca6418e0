"""The table of rules: every `RULE` of every file under `lint/rules/`, found by looking there.

Adding a rule means adding its file; nothing else lists them.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from orobuild.diagnostics import did_you_mean
from orobuild.errors import InternalError, UsageError
from orobuild.lint import rules as rules_package
from orobuild.lint.rule import CODE, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by code, in the order of the codes."""
    found: dict[str, Rule] = {}
    for module in pkgutil.walk_packages(rules_package.__path__, rules_package.__name__ + "."):
        if module.ispkg:
            continue
        rule = getattr(importlib.import_module(module.name), "RULE", None)
        if not isinstance(rule, Rule) or not CODE.fullmatch(rule.code):
            raise InternalError(f"{module.name} defines no RULE with a proper code")
        if rule.code in found:
            raise InternalError(f"two rules have the code {rule.code}")
        found[rule.code] = rule
    return dict(sorted(found.items()))


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
