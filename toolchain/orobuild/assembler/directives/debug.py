"""Directives about debug information, identification and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.directives.table import Directive

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit


def file(unit: Unit, operands: Operands) -> None:
    """``.file "name"``: the FILE symbol."""
    literal = operands.string()
    if literal is None:
        operands.fail(
            "'.file' with a file number is not implemented",
            hint="it belongs to compiler-made debug information; compile without -g",
        )
    operands.end()
    unit.file_symbol = literal.decode("utf-8", "surrogateescape")


def ident(unit: Unit, operands: Operands) -> None:
    """``.ident "text"``: a string in .comment."""
    text = operands.required_string()
    operands.end()
    unit.add_ident(text)


def line(unit: Unit, operands: Operands) -> None:
    """``.line number``: accepted; locations in messages stay those of the text."""
    if not operands.at_end():
        operands.number("line number")
    operands.end()


DIRECTIVES: Final = {
    ".file": Directive(file, 'the FILE symbol (`.file "name"`)'),
    ".ident": Directive(ident, "a string in .comment"),
    ".line": Directive(line, "accepted, changes nothing"),
    ".ln": Directive(line, "accepted, changes nothing"),
}
