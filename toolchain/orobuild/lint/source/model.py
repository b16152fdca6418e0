"""An assembly source as the rules see it: what was read, sorted for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from orobuild.diagnostics import Note, Severity, Span
from orobuild.lint.finding import Evidence, Finding
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orobuild.lint.finding import Fix
    from orobuild.lint.source.events import Event, Place, SectionUse
    from orobuild.lint.source.reading import Reading


class AssemblyModel:
    """One file of assembly, or the blocks of assembly in a file of another language.

    A fragment is read by other files, which choose sections for it. `locate` turns a place in a
    block into one in the file.
    """

    def __init__(
        self,
        reading: Reading,
        *,
        is_fragment: Callable[[], bool] = lambda: False,
        locate: Callable[[Span], Span] | None = None,
    ) -> None:
        self.reading = reading
        self._is_fragment = is_fragment
        self._locate = locate

    @property
    def is_fragment(self) -> bool:
        """Whether other files include this one."""
        return self._is_fragment()

    @property
    def is_embedded(self) -> bool:
        """Whether the assembly stands inside another language."""
        return self._locate is not None

    @property
    def events(self) -> list[Event]:
        """Every statement that matters, in the order in which the assembler reads them."""
        return self.reading.events

    @cached_property
    def contents(self) -> dict[SectionUse, list[Event]]:
        """What each section receives: instructions, data and unknown macros."""
        result: dict[SectionUse, list[Event]] = {}
        for event in self.events:
            if event.section is not None and event.kind in (
                Kind.INSTRUCTION,
                Kind.DATA,
                Kind.UNKNOWN,
            ):
                result.setdefault(event.section, []).append(event)
        return result

    @cached_property
    def is_certain(self) -> bool:
        """Whether the section was known at every statement that emits something."""
        return self.reading.complete and all(
            e.section is not None for e in self.events if e.kind in (Kind.INSTRUCTION, Kind.DATA)
        )

    @property
    def lines(self) -> list[str]:
        """The text of the checked file, by lines."""
        return self.reading.lines

    def line(self, number: int) -> str:
        """Line `number` of the checked file, 1-based; empty for one that is not there."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def finding(
        self,
        message: str,
        place: Place,
        *,
        hint: str | None = None,
        notes: Sequence[Note] = (),
        symbol: str | None = None,
        section: SectionUse | None = None,
        fix: Fix | None = None,
    ) -> Finding:
        """A finding at `place`; the engine sets its code and severity."""
        named = section.name if section is not None else None
        evidence = Evidence(symbol=symbol, section=named)
        chain = (*notes, *place.notes)
        if self._locate is None:
            return Finding(
                Severity.ERROR, message, place.span, hint, None, chain, evidence, place.line, fix
            )
        located = self._locate
        chain = tuple(Note(n.message, n.span and located(n.span)) for n in chain)
        line = located(Span(place.path, place.line, 1)).line
        return Finding(
            Severity.ERROR, message, located(place.span), hint, None, chain, evidence, line
        )
