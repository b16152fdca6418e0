"""Instructions in sections that are not executable, for the rules that tell them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Note
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.events import SectionUse
    from orobuild.lint.source.model import AssemblyModel


def is_constant_or_note(section: SectionUse) -> bool:
    """Whether the section is for constants, strings or notes."""
    if section.name.startswith(".note") or set(section.flags or "") & {"M", "S"}:
        return True
    return section.name == ".rodata" or section.name.startswith((".rodata.", ".rodata1"))


def findings(model: AssemblyModel, concerns: Callable[[SectionUse], bool]) -> Iterator[Finding]:
    """One finding for each label with instructions in a section that `concerns` accepts.

    A section that was never given flags and is not well known is ASM008's.
    """
    told: set[tuple[SectionUse, str | None]] = set()
    for event in model.events:
        section = event.section
        if event.kind is not Kind.INSTRUCTION or section is None or section.is_executable:
            continue
        if not event.chosen or not (section.declared or section.known) or not concerns(section):
            continue
        if (section, event.label) in told:
            continue
        told.add((section, event.label))
        of = f" of '{event.label}'" if event.label else ""
        shown = f'flags "{section.flags}"' if section.flags else "not allocated"
        yield model.finding(
            f"instruction{of} in section '{section.name}' ({shown}), which is not executable",
            event.place,
            hint="put '.section .text,\"ax\",@progbits' above it, or give the section the flag 'x'",
            notes=[Note(f"'{section.name}' was chosen here", section.first.span)],
            symbol=event.label,
            section=section,
        )
