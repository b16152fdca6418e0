"""Directives about debug information, identification and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.directives.table import Directive
from orobuild.assembler.symbol import Kind, Symbol
from orobuild.diagnostics import did_you_mean
from orobuild.elf import constants as c
from orobuild.records import replace

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit


def _source_file(unit: Unit, name: str) -> None:
    """``.file "name"``: the first one is the object's FILE symbol, others come where they are."""
    if unit.file_symbol is None:
        unit.file_symbol = name
    else:
        symbol = Symbol(name, unit.seq, 0)
        symbol.kind, symbol.type, symbol.temporary = Kind.ABSOLUTE, c.STT_FILE, False
        unit.more_files.append(symbol)
    if unit.options.debug_info and unit.frame is not None:
        unit.frame.relocate(path=name)


def file(unit: Unit, operands: Operands) -> None:
    """``.file "name"``: the FILE symbol. ``.file number "directory" "name"``: for `.loc`."""
    literal = operands.string()
    if literal is not None:
        operands.end()
        _source_file(unit, literal.decode("utf-8", "surrogateescape"))
        return
    at = operands.skip_space()
    number = operands.number("file number")
    if not 0 <= number < 1 << 16:
        operands.fail(f"the file number {number} is not between 0 and 65535", position=at)
    name = operands.required_string("a file name")
    directory = None
    second = operands.string()
    if second is not None:
        directory, name = name.decode("utf-8", "surrogateescape"), second
    md5 = None
    if operands.accept("md5"):
        md5 = operands.number("MD5 sum", bits=128).to_bytes(16, "little")
    operands.end()
    wrong = unit.lines.add_file(number, directory, name.decode("utf-8", "surrogateescape"), md5)
    if wrong:
        operands.fail(wrong, position=at)


def loc(unit: Unit, operands: Operands) -> None:
    """``.loc file line column options``: the source line of the next instruction."""
    if unit.location is not None:
        unit.add_row()
    at = operands.skip_space()
    location = replace(
        unit.last_location,
        basic_block=False,
        prologue_end=False,
        epilogue_begin=False,
        discriminator=0,
    )
    location.file = operands.number("file number")
    if location.file not in unit.lines.files:
        operands.fail(
            f"file number {location.file} has no '.file' line",
            position=at,
            hint="add '.file N \"name\"'",
        )
    location.line = operands.number("line number")
    if not operands.at_end() and operands.text[operands.position].isdigit():
        location.column = operands.number("column number")
    view: str | None = None
    while not operands.at_end():
        at = operands.skip_space()
        word = operands.word("an option")
        if word in ("basic_block", "prologue_end", "epilogue_begin"):
            setattr(location, word, True)
        elif word == "is_stmt":
            value = operands.number("value of is_stmt")
            if value not in (0, 1):
                operands.fail(f"is_stmt is 0 or 1, not {value}", position=at)
            location.is_stmt = bool(value)
        elif word in ("isa", "discriminator"):
            setattr(location, word, operands.number(f"value of {word}"))
        elif word == "view":
            view = operands.word("a view")
        else:
            operands.fail(
                f"unknown option '{word}' of '.loc'",
                position=at,
                length=len(word),
                hint=did_you_mean(word, _LOC_OPTIONS),
            )
    unit.set_location(location)
    if view is not None:
        unit.add_row(view)


_LOC_OPTIONS: Final = (
    "basic_block", "prologue_end", "epilogue_begin", "is_stmt", "isa", "discriminator", "view",
)  # fmt: skip


def ident(unit: Unit, operands: Operands) -> None:
    """``.ident "text"``: a string in .comment."""
    text = operands.required_string()
    operands.end()
    unit.add_ident(text)


def line(unit: Unit, operands: Operands) -> None:
    """``.line number``: of this line, for the line table; messages keep those of the text."""
    if not operands.at_end():
        number = operands.number("line number")
        if unit.options.debug_info and unit.frame is not None:
            unit.frame.relocate(number=number)
    operands.end()


def loc_mark_labels(_: Unit, operands: Operands) -> None:
    """``.loc_mark_labels 1``: accepted; labels get no rows of their own."""
    if not operands.at_end():
        operands.number("0 or 1")
    operands.end()


DIRECTIVES: Final = {
    ".file": Directive(file, "the FILE symbol; the files of .loc"),
    ".loc": Directive(loc, "rows of the line table"),
    ".loc_mark_labels": Directive(loc_mark_labels, "accepted, changes nothing"),
    ".ident": Directive(ident, "a string in .comment"),
    ".line": Directive(line, "the number of its line in the line table"),
}
