"""The sections of symbols that are assigned outside any section.

`end = .;` after a section belongs to a section all the same, so that it moves with it; this
decides to which (ld/ldlang.c, section_for_dot).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.linker.output import OutputSection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.linker.placement import Placement


def home_of_dot(
    placement: Placement, last: OutputSection | None, *, moved: bool
) -> OutputSection | None:
    """The section that an assignment outside sections belongs to (ldlang.c, section_for_dot)."""
    ordered = placement.created
    usable = [o.alloc and not o.removed and not o.tls for o in ordered]
    if last is None or moved:
        # An assignment to the location counter sets up the address of the next section.
        start = _following(placement.statements, last)
        if start is None:
            start = ordered[-1] if ordered else None
        if start is None:
            return None
        at = ordered.index(start)
        before = [ordered[i] for i in range(at, -1, -1) if usable[i]]
        # What follows an assignment to `end` is no longer the program's (lang_do_assignments_1).
        return next((o for o in before if not o.after_end), before[0] if before else None)
    at = ordered.index(last)
    around = [*range(at, len(ordered)), *range(at, -1, -1)]
    return next((ordered[i] for i in around if usable[i]), None)


def _following(statements: Sequence[object], last: OutputSection | None) -> OutputSection | None:
    """The first output section after `last` (from the start for None) that holds anything."""
    found = last is None
    for statement in statements:
        if statement is last:
            found = True
        elif found and isinstance(statement, OutputSection) and _is_kept(statement):
            return statement
    return None


def _is_kept(output: OutputSection) -> bool:
    return output.exists and not output.removed
