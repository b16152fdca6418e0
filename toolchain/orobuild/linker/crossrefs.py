"""NOCROSSREFS and NOCROSSREFS_TO: references between output sections that the script forbids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Diagnostic, Note, Span, error
from orobuild.linker.relocate import place_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.resolution import Resolution
    from orobuild.linker.script.nodes import NoCrossRefs, Script

_MAX_REPORTS: Final = 10


def check_cross_references(
    resolution: Resolution, relocations: NDArray[Any], script: Script
) -> list[Diagnostic]:
    """An error for every relocation that crosses where it must not (ldmain.c, check_nocrossrefs)."""
    problems: list[Diagnostic] = []
    for rule in script.no_cross_refs:
        problems += _check(resolution, relocations, rule)
    return problems[:_MAX_REPORTS]


def _check(
    resolution: Resolution, relocations: NDArray[Any], rule: NoCrossRefs
) -> list[Diagnostic]:
    outputs = resolution.placement.outputs
    number = {name: index for index, name in enumerate(rule.sections)}
    # -1 for sections that the rule does not name; twice, for rows in no output section
    groups = np.array([number.get(o.name, -1) for o in outputs] + [-1, -1])
    target = resolution.target_section[relocations["symbol"]]
    to = np.where(target >= 0, groups[resolution.placement.output_of[np.maximum(target, 0)]], -1)
    source = groups[resolution.placement.output_of[relocations["section"]]]
    wrong = (source >= 0) & (to >= 0) & (source != to)
    if rule.to:
        wrong &= to == 0
    problems = []
    for index in np.flatnonzero(wrong)[:_MAX_REPORTS].tolist():
        entry = relocations[index]
        owner = resolution.inputs.owner(int(entry["section"]))
        problems.append(
            error(
                f"forbidden reference from '{rule.sections[source[index]]}' to "
                f"'{resolution.target_name(entry)}' in '{rule.sections[to[index]]}', at "
                f"{place_name(resolution, entry)}",
                Span(owner.label),
                rule="cross-reference",
                notes=[Note("this command forbids it", rule.span)],
            )
        )
    return problems
