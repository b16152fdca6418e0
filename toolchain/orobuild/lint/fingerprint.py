"""A name for a finding that outlives the next build: rule, file and symbol, never an address."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from orobuild.lint.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orobuild.diagnostics import Diagnostic

_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9]+")


def subject(diagnostic: Diagnostic) -> str:
    """The symbol that it is about; where none is known, the message without its numbers."""
    symbol = diagnostic.evidence.symbol if isinstance(diagnostic, Finding) else None
    return (symbol or "").partition("+")[0] or _NUMBER.sub("#", diagnostic.message)


def fingerprint(diagnostic: Diagnostic) -> str:
    """32 hexadecimal digits, made of rule, path and `subject`."""
    path = diagnostic.span.path if diagnostic.span else ""
    key = "\0".join((diagnostic.rule or "", path, subject(diagnostic)))
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def unique(diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    """The fingerprint of each, equal ones told apart by how often they were seen before."""
    seen: dict[str, int] = {}
    for diagnostic in diagnostics:
        key = fingerprint(diagnostic)
        seen[key] = seen.get(key, 0) + 1
        yield (
            key if seen[key] == 1 else hashlib.sha256(f"{key}{seen[key]}".encode()).hexdigest()[:32]
        )
