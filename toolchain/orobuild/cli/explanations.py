"""`--explain LINE` on the command line: which line is meant, and the answer in its format."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from orobuild.cli import terminal
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.assembler.record import Record

_STYLES: Final = {"head": "1", "bytes": "36", "label": "33", "dim": "2"}


def parse(request: str, path: str) -> tuple[str, int]:
    """`LINE` of `path`, or `FILE:LINE`. Raises `UsageError`."""
    name, colon, line = request.rpartition(":")
    if not line.isdigit() or (colon and not name):
        raise UsageError(
            f"--explain {request}: this is no line",
            hint="for example --explain 12, or --explain macros.inc:12",
        )
    return name or path, int(line)


def show(record: Record, requests: Sequence[str], path: str, *, as_json: bool) -> None:
    """Print the explanation of every requested line. Raises `UsageError` for one without code."""
    from orobuild.assembler import explanation, explanation_text

    found: list[explanation.Explained] = []
    for request in requests:
        name, line = parse(request, path)
        statements = explanation.explain(record, name, line)
        if not statements:
            raise UsageError(
                f"--explain {request}: no statement that is read stands on {name}:{line}",
                hint="a comment, a macro's definition and a skipped part have nothing to explain",
            )
        found += statements
    if as_json:
        terminal.echo(explanation_text.as_json(found), end="")
        return
    colour = terminal.wants_color(sys.stdout)

    def style(text: str, role: str) -> str:
        return f"\x1b[{_STYLES[role]}m{text}\x1b[0m" if colour and text else text

    terminal.echo(explanation_text.text(found, style), end="")
