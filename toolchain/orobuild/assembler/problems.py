"""Problems of one unit: what is wrong, where, and through which macro it came there.

Collects diagnostics while reading goes on, orders them by statement, and stops reading when
there are too many. It never decides what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.diagnostics import Diagnostic, Severity, Span, error, warning
from orobuild.errors import InputError

if TYPE_CHECKING:
    from orobuild.assembler.strict import Strict
    from orobuild.assembler.symbol import Place

MAX_ERRORS: Final = 50


class Stop(Exception):
    """Reading cannot go on: a fatal error, or too many. Never shown."""


class Problems:
    """The diagnostics so far; `place` is the current statement."""

    place: Place
    strict: Strict | None

    def __init__(self) -> None:
        self._problems: list[tuple[int, Diagnostic]] = []
        self.error_count = 0

    def span(self, offset: int = 0, length: int = 0) -> Span:
        """The place of character `offset` of the current statement."""
        _, frame, index = self.place
        return frame.span(index, offset, length)

    def span_at(self, place: Place, offset: int = 0, length: int = 0) -> Span:
        """The place of character `offset` of the statement at `place`."""
        return place[1].span(place[2], offset, length)

    def fail(self, message: str, *, hint: str | None = None, rule: str | None = None) -> NoReturn:
        """Raise an error about the current statement."""
        raise InputError(error(message, self.span(), hint=hint, rule=rule))

    def complain(self, message: str) -> None:
        """An error in strict mode, a warning in GNU's: GNU as goes on after this mistake."""
        kind = error if self.strict else warning
        self.report(kind(message, self.span()))

    def fatal(self, message: str, *, hint: str | None = None) -> NoReturn:
        """Report an error about the current statement and stop reading."""
        self.report(error(message, self.span(), hint=hint))
        raise Stop

    def report_all(self, problem: InputError) -> None:
        """Keep the diagnostics of a statement that failed."""
        for diagnostic in problem.diagnostics:
            self.report(diagnostic)

    def report(self, diagnostic: Diagnostic, place: Place | None = None) -> None:
        """Keep a diagnostic about `place`, by default the current statement."""
        place = place or self.place
        chain = place[1].notes()
        if chain:
            diagnostic = diagnostic.with_notes(*chain)
        self._problems.append((place[0], diagnostic))
        if diagnostic.severity is Severity.ERROR:
            self.error_count += 1
            if self.error_count >= MAX_ERRORS:
                raise Stop

    def sorted_problems(self) -> list[Diagnostic]:
        """Every diagnostic in the order of the statements."""
        return [d for _, d in sorted(self._problems, key=lambda item: item[0])]

    def failed(self) -> bool:
        """Whether an error has been reported."""
        return self.error_count > 0

    def fail_if_wrong(self) -> None:
        """Raise `InputError` with everything found, when there is an error among it."""
        if self.error_count:
            raise InputError(self.sorted_problems())
