"""Operands of a directive: a cursor over their text.

Every parsing method either returns a value and moves on, or raises `InputError` that points at
the character it did not like. Nothing here changes the unit, except that a name is mentioned.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.assembler.expression import (
    NAME,
    Binary,
    Expr,
    Here,
    SymbolRef,
    parse,
    shifted,
    unquote,
)
from orobuild.assembler.text import decode_string
from orobuild.assembler.value import Unresolvable
from orobuild.diagnostics import Span, error, warning
from orobuild.errors import InputError
from orobuild.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orobuild.assembler.symbol import Linear, Symbol
    from orobuild.assembler.unit import Unit

_SPACE: Final = pattern(r"[ \t]*")
_INTEGER: Final = pattern(r"[ \t]*(-?(?:0[xX][0-9a-fA-F]+|[1-9][0-9]*|0))[ \t]*(?=,|$)")
# `name` and `. - name`: most of what is not a number.
_SIMPLE: Final = pattern(r"(\.[ \t]*-[ \t]*)?([A-Za-z_.][\w.]*)[ \t]*(?=,|$)", re.ASCII)
_STRING: Final = pattern(r'[ \t]*"((?:\\.|[^"\\])*)"')
_WORD: Final = pattern(r"[ \t]*([^\s,]+)")
_NOWHERE: Final = Span("", 1, 1)


class Operands:
    """The text after a directive's name; `start` is its offset in the statement."""

    __slots__ = ("name", "position", "start", "text", "unit")

    def __init__(self, unit: Unit, name: str, text: str, start: int) -> None:
        self.unit = unit
        self.name = name
        self.text = text
        self.start = start
        self.position = 0

    def span(self, position: int | None = None, length: int = 0) -> Span:
        """The place of the operand at `position`, by default the current one."""
        at = self.position if position is None else position
        return self.unit.span(self.start + at, length)

    def fail(
        self, message: str, *, hint: str | None = None, position: int | None = None, length: int = 1
    ) -> NoReturn:
        """Raise an error at `position`, by default the current one."""
        raise InputError(error(message, self.span(position, length), hint=hint))

    def warn(self, message: str, position: int | None = None, length: int = 1) -> None:
        """Report a warning at `position`, by default the current one."""
        self.unit.report(warning(message, self.span(position, length)))

    def skip_space(self) -> int:
        """Move to the next character that is not white space; its position."""
        position = self.position
        text = self.text
        if position < len(text) and text[position] in " \t":
            match = _SPACE.match(text, position)
            assert match is not None
            self.position = position = match.end()
        return position

    def at_end(self) -> bool:
        """Whether only white space is left."""
        return self.skip_space() >= len(self.text)

    def accept(self, token: str) -> bool:
        """Skip `token` when it is next."""
        self.skip_space()
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def expect_comma(self) -> None:
        """Skip a comma that must be there."""
        if not self.accept(","):
            what = "the end" if self.at_end() else f"'{self.text[self.position]}'"
            self.fail(f"'{self.name}' expects a comma here, found {what}")

    def end(self) -> None:
        """Nothing may be left."""
        if not self.at_end():
            rest = self.text[self.position :].rstrip()
            self.fail(f"junk after the operands of '{self.name}': '{rest[:40]}'", length=len(rest))

    def rest(self) -> str:
        """Everything that is left, stripped."""
        text = self.text[self.position :].strip()
        self.position = len(self.text)
        return text

    def expression(self) -> Expr:
        """An expression, its names still names."""
        text = self.text[self.position :]
        if self.unit.dialect.intel:
            from orobuild.assembler.encoder.intel import spelled_out

            text = spelled_out(text)
        try:
            expr, length = parse(text, _NOWHERE)
        except InputError as problem:
            raise self.relocated(problem) from None
        self.position += length
        return expr

    def relocated(self, problem: InputError) -> InputError:
        """The same problem, its place moved from `_NOWHERE` to this statement."""
        diagnostics = []
        for d in problem.diagnostics:
            offset = d.span.column - 1 if d.span else 0
            length = d.span.length if d.span else 1
            place = self.span(self.position + offset, length)
            diagnostics.append(error(d.message, place, hint=d.hint))
        return InputError(diagnostics)

    def linear(self) -> Linear:
        """An expression bound to symbols."""
        at = self.skip_space()
        # In Intel syntax a name may be an operator, or a size.
        match = None if self.unit.dialect.intel else _SIMPLE.match(self.text, at)
        if match is not None and match[2] != ".":
            self.position = match.end()
            expr: Expr = SymbolRef(match[2])
            if match[1]:
                expr = Binary("-", Here(), expr)
        else:
            expr = self.expression()
        try:
            return self.unit.bind(expr)
        except Unresolvable as why:
            self.fail(str(why), position=at, length=self.position - at)

    def number(self, what: str = "value", *, bits: int = 64) -> int:
        """An expression that must be a number now: signed 64-bit."""
        if match := _INTEGER.match(self.text, self.position):
            value = int(match[1], 0)
            if value.bit_length() > bits:
                self.skip_space()
                self.fail(f"'{match[1][:40]}' does not fit into {bits} bits", length=len(match[1]))
            self.position = match.end()
            return value
        at = self.skip_space()
        linear = self.linear()
        known = self.unit.known(linear)
        if known is None:
            text = self.text[at : self.position].strip()
            self.fail(
                f"the {what} must be known here: '{text}' is not a constant",
                hint=self.unit.why_not_constant(linear),
                position=at,
                length=max(1, len(text)),
            )
        return known

    def name_operand(self, what: str = "a symbol name") -> str:
        """A symbol's or section's name, quoted or not."""
        at = self.skip_space()
        if match := NAME.match(self.text, at):
            self.position = match.end()
            return match[0]
        if match := _STRING.match(self.text, at):
            self.position = match.end()
            return unquote(match[1])
        found = f", found '{self.text[at:].strip()[:20]}'" if not self.at_end() else ""
        raise InputError(error(f"'{self.name}' expects {what}{found}", self.span()))

    def symbol(self) -> Symbol:
        """A symbol by name, mentioned here."""
        return self.unit.mention(self.name_operand())

    def string(self) -> bytes | None:
        """A quoted string with its escapes decoded, or None when none is next."""
        match = _STRING.match(self.text, self.position)
        if match is None:
            return None
        at = match.start(1)
        self.position = match.end()
        warn = self.warn if self.unit.strict else _silent
        return decode_string(match[1], lambda offset, message: warn(message, at + offset, 2))

    def required_string(self, what: str = "a string") -> bytes:
        """A quoted string that must be there."""
        value = self.string()
        if value is None:
            self.skip_space()
            self.fail(f"'{self.name}' expects {what} in double quotes")
        return value

    def word(self, what: str, known: Iterable[str] = ()) -> str:
        """Characters up to white space or a comma."""
        match = _WORD.match(self.text, self.position)
        if match is None:
            names = ", ".join(known)
            self.fail(f"'{self.name}' expects {what}", hint=f"one of {names}" if names else None)
        self.position = match.end()
        return match[1]


def _silent(message: str, position: int, length: int) -> None:
    """What GNU as says nothing about."""


def at(span: Span, offset: int, length: int = 1) -> Span:
    """The place `offset` characters into `span`."""
    return shifted(span, offset, length)
