"""A linker script as the rules see it: program headers with their flags, sections with their place.

Evaluates constants only: what depends on the layout is not known here, and rules say nothing
about it.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Note, Severity
from orobuild.elf.constants import PF_R, PF_W, PF_X, PT_LOAD
from orobuild.elf.descriptions import segment_flags
from orobuild.linker.script.nodes import Binary, Name, Number, OutputSection, Unary
from orobuild.lint.finding import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orobuild.diagnostics import Span
    from orobuild.linker.script import Script
    from orobuild.linker.script.nodes import Assert, Assignment, Expression
    from orobuild.lint.config import LintConfig

DISCARD: Final = "/DISCARD/"
NONE: Final = "NONE"
_OPERATORS: Final[dict[str, Callable[[int, int], int]]] = {
    "|": operator.or_,
    "&": operator.and_,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_PERMISSIONS: Final = (  # prefixes of section names, and what a segment for them has
    ((".text", ".init", ".fini", ".plt"), PF_R | PF_X),
    ((".data.rel.ro", ".init_array", ".fini_array", ".preinit_array"), None),
    ((".rodata", ".eh_frame", ".gcc_except_table"), PF_R),
    ((".data", ".bss", ".sdata", ".sbss", ".tdata", ".tbss", "COMMON"), PF_R | PF_W),
)


@dataclass(frozen=True, slots=True)
class ProgramHeaderLine:
    """One line of PHDRS. `flags` is None when there are none or they are not constant."""

    name: str
    is_load: bool
    has_flags: bool
    flags: int | None
    span: Span

    def __str__(self) -> str:
        return f"{self.name} ({'unknown' if self.flags is None else segment_flags(self.flags)})"


@dataclass(frozen=True, slots=True)
class PlacedSection:
    """An output section with the PT_LOAD header that it goes to (inherited or written).

    `between` are the statements since the output section before it.
    """

    section: OutputSection
    load: ProgramHeaderLine | None
    between: tuple[Assignment | Assert, ...]


def constant(expression: Expression | None) -> int | None:
    """The value of an expression of numbers, None for anything else."""
    match expression:
        case Number(value=value):
            return value
        case Unary(op=op, operand=operand):
            inner = constant(operand)
            return None if inner is None else {"-": -inner, "+": inner, "~": ~inner}.get(op)
        case Binary(op=op, left=left, right=right) if op in _OPERATORS:
            a, b = constant(left), constant(right)
            return None if a is None or b is None else _OPERATORS[op](a, b)
    return None


def usual_permissions(name: str) -> int | None:
    """PF_* bits that a segment for sections of this name has, None if the name does not say."""
    for prefixes, flags in _PERMISSIONS:
        if any(name == p or name.startswith((p + ".", p + "*")) for p in prefixes):
            return flags
    return None


class ScriptModel:
    """A parsed script with its configuration."""

    def __init__(self, script: Script, config: LintConfig) -> None:
        self.script = script
        self.config = config

    @cached_property
    def program_headers(self) -> dict[str, ProgramHeaderLine]:
        """The lines of PHDRS by name."""
        return {
            p.name: ProgramHeaderLine(
                p.name,
                (isinstance(p.type, Name) and p.type.name == "PT_LOAD")
                or constant(p.type) == PT_LOAD,
                p.flags is not None,
                constant(p.flags),
                p.span,
            )
            for p in self.script.phdrs
        }

    @cached_property
    def sections(self) -> tuple[PlacedSection, ...]:
        """The output sections in order, `/DISCARD/` left out.

        GNU ld manual §3.8: a section without `:phdr` goes to those of the section before it.
        """
        result: list[PlacedSection] = []
        names: tuple[str, ...] = ()
        between: list[Assignment | Assert] = []
        for statement in self.script.statements:
            if not isinstance(statement, OutputSection):
                between.append(statement)
                continue
            if statement.name == DISCARD:
                continue
            if statement.phdrs is not None:
                names = statement.phdrs
            headers = (self.program_headers.get(n) for n in names if n != NONE)
            load = next((h for h in headers if h is not None and h.is_load), None)
            result.append(PlacedSection(statement, load, tuple(between)))
            between = []
        return tuple(result)

    def finding(
        self,
        message: str,
        span: Span,
        *,
        hint: str | None = None,
        notes: Sequence[Note] = (),
        symbol: str | None = None,
    ) -> Finding:
        """A finding about this script; the engine sets its code and severity."""
        return Finding(
            Severity.ERROR,
            message,
            span,
            hint,
            None,
            tuple(notes),
            Evidence(symbol=symbol),
            span.line,
        )
