"""The exception tree. One class per exit status; a traceback is never for the user.

========================  ======  =====================================================
class                     status  meaning
========================  ======  =====================================================
`InputError`              1       the user's input is wrong; carries diagnostics
`UsageError`              2       wrong command line or configuration
`MissingToolError`        2       a program or package that is needed is not installed
`InternalError`           3       a bug in orobuild
========================  ======  =====================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Diagnostic, Severity, render_all

if TYPE_CHECKING:
    from collections.abc import Iterable


class OrobuildError(Exception):
    """Base of every error that orobuild raises on purpose; carries its diagnostics."""

    exit_status = 3

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        if isinstance(diagnostics, Diagnostic):
            diagnostics = (diagnostics,)
        self.diagnostics = tuple(diagnostics)
        super().__init__(render_all(self.diagnostics).rstrip("\n"))


class InputError(OrobuildError):
    """The input is not acceptable: a syntax error, an undefined symbol, a lint finding."""

    exit_status = 1


class UsageError(OrobuildError):
    """The command line or the configuration is wrong."""

    exit_status = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(Diagnostic(Severity.ERROR, message, hint=hint))


class MissingToolError(UsageError):
    """A program or an optional package that the request needs is not installed."""


class InternalError(OrobuildError):
    """orobuild contradicts itself: two of its parts, or it and a second opinion, disagree."""

    exit_status = 3

    def __init__(self, message: str) -> None:
        super().__init__(
            Diagnostic(
                Severity.ERROR,
                f"internal error: {message}",
                hint="this is a bug in orobuild; please report it with the input that caused it",
            )
        )
