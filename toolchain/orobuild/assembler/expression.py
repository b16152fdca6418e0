"""Expressions: the values that directives and operands are made of, before names have meaning.

Owns the nodes, the parser for GNU's operators and precedence (binutils 2.40, gas/expr.c), and
folding to a number. It never decides what a symbol is: names stay names here, and `fold` asks its
caller for their values.

Arithmetic is GNU's: 64-bit two's complement, comparisons signed with true as -1, `>>` logical,
`/` and `%` truncating towards zero.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.patterns import pattern
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Constant:
    """A number. A literal keeps its full width (`.octa`); the result of an operator is 64-bit."""

    value: int


@dataclass(frozen=True, slots=True)
class SymbolRef:
    """A symbol by name; `modifier` is the upper-case word after `@` (`PLT`, `GOTPCREL`)."""

    name: str
    modifier: str | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """`.`: the address of the statement (in data directives, of the element)."""


@dataclass(frozen=True, slots=True)
class Unary:
    """`operator` is one of ``- ~ !``."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    """`operator` is one of ``* / % << >> | ! ^ & + - == != < <= > >= && ||``.

    The infix ``!`` is GNU's "or not".
    """

    operator: str
    left: Expr
    right: Expr


Expr: TypeAlias = Constant | SymbolRef | Here | Unary | Binary

MAX_DEPTH: Final = 200  # nesting of one expression; recursion below stays far from Python's limit

# gas/expr.c, op_rank
_RANK: Final = {
    "*": 8, "/": 8, "%": 8, "<<": 8, ">>": 8,
    "|": 7, "!": 7, "^": 7, "&": 7,
    "+": 5, "-": 5,
    "==": 4, "!=": 4, "<>": 4, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "&&": 3,
    "||": 2,
}  # fmt: skip
_INFIX: Final = pattern(r"[ \t]*(<<|<>|<=|<|>>|>=|>|==|!=|!|&&|&|\|\||\||[*/%^+\-])")
# Letters, `_.$`, everything beyond ASCII, and \x01 and \x02 of nameless and numeric labels; behind
# the first character digits too. Said by what is left out, since a set that reaches beyond ASCII
# takes `re` milliseconds to compile.
_NAME: Final = r"[^\x00\x03-#%-\-/-@\[-\^`{-\x7f][^\x00\x03-#%-\-/:-@\[-\^`{-\x7f]*"
NAME: Final = pattern(_NAME)
_ATOM: Final = pattern(
    r"[ \t]*(?:"
    rf"(?P<name>{_NAME})"
    r"|(?P<number>[0-9][0-9A-Za-z_]*)"
    r"|(?P<prefix>[-~!+])"
    r"|(?P<open>[(\[])"
    r"|'(?P<char>\\?[^\n])'?"
    r'|"(?P<quoted>(?:\\.|[^"\\])*)"'
    r")"
)
_SECTION: Final = pattern(r"[ \t]*\([ \t]*([^\s()]+)[ \t]*\)")
_MODIFIER: Final = pattern(r"[ \t]*@[ \t]*([A-Za-z_][A-Za-z0-9_]*)")
_NUMBER: Final = pattern(
    r"(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|(?P<label>[0-9]+[fb](?![0-9a-zA-Z_]))"
    r"|0(?P<octal>[0-7]*)|(?P<decimal>[1-9][0-9]*))(?P<suffix>[uUlL]*)$"
)
_SUFFIXES: Final = frozenset({"", "u", "l", "ul", "lu", "ll", "ull", "llu"})
_CHARACTERS: Final = {"b": 8, "f": 12, "n": 10, "r": 13, "t": 9}

_MASK: Final = (1 << 64) - 1
_SIGN: Final = 1 << 63


def wrap(value: int) -> int:
    """`value` as a signed 64-bit number."""
    value &= _MASK
    return value - (1 << 64) if value & _SIGN else value


def parse(text: str, span: Span) -> tuple[Expr, int]:
    """The expression at the start of `text`, and the number of characters that it takes.

    Stops before the first character that cannot continue it (``,``, ``(`` after an operand, a
    closing bracket, the end). `span` is the place of ``text[0]``, for messages. Numeric labels
    come out as `SymbolRef("1f")`. Raises `InputError` when no expression starts there.
    """
    parser = _Parser(text, span)
    expr = parser.infix(0, 0)
    if parser.late_modifier is not None:
        modified = _modified(expr, parser.late_modifier)
        if modified is None:
            parser.fail(f"'@{parser.late_modifier}' needs a symbol")
        expr = modified
    return expr, parser.position


def _modified(expr: Expr, modifier: str) -> Expr | None:
    """`expr` with `modifier` on its first symbol; None when it has no symbol.

    GNU as takes the ``@`` word out of an operand wherever it stands and applies it to the whole
    (gas/config/tc-i386.c, lex_got): ``x+4@GOT`` is ``x@GOT+4``.
    """
    if isinstance(expr, SymbolRef):
        return SymbolRef(expr.name, modifier)
    if isinstance(expr, Binary):
        left = _modified(expr.left, modifier)
        if left is not None:
            return Binary(expr.operator, left, expr.right)
        right = _modified(expr.right, modifier)
        return None if right is None else Binary(expr.operator, expr.left, right)
    return None


class _Parser:
    """One walk over one text; `position` is the index of the next character.

    `late_modifier` is an ``@`` word that follows a number or a parenthesis.
    """

    __slots__ = ("late_modifier", "position", "span", "text")

    def __init__(self, text: str, span: Span) -> None:
        self.text = text
        self.span = span
        self.position = 0
        self.late_modifier: str | None = None

    def fail(self, message: str, hint: str | None = None, *, length: int = 1) -> NoReturn:
        """Raise an error that points at the current position."""
        raise InputError(error(message, shifted(self.span, self.position, length), hint=hint))

    def infix(self, rank: int, depth: int) -> Expr:
        """Operands joined by operators that bind tighter than `rank`."""
        if depth > MAX_DEPTH:
            self.fail("the expression is nested too deeply", f"the limit is {MAX_DEPTH} levels")
        left = self.operand(depth)
        grown = depth
        while match := _INFIX.match(self.text, self.position):
            operator = match[1]
            if _RANK[operator] <= rank:
                break
            self.position = match.end()
            right = self.infix(_RANK[operator], depth + 1)
            if operator == "<>":
                operator = "!="
            if type(left) is Constant and type(right) is Constant:
                if operator in "/%" and not right.value & _MASK:
                    self.fail("division by zero")
                left = Constant(apply(operator, left.value, right.value))
            else:
                left = Binary(operator, left, right)
                grown += 1
                if grown > MAX_DEPTH:
                    self.fail(
                        "the expression is too long", f"the limit is {MAX_DEPTH} symbolic terms"
                    )
        return left

    def operand(self, depth: int) -> Expr:
        match = _ATOM.match(self.text, self.position)
        if match is None:
            self.missing()
        kind = match.lastgroup
        if kind == "name":
            self.position = match.end()
            name = match["name"]
            if name == ".":
                return Here()
            if name in (".startof.", ".sizeof.") and (
                section := _SECTION.match(self.text, self.position)
            ):
                # What linkers of old gave a value (gas/expr.c, operand).
                self.position = section.end()
                return SymbolRef(name + section[1])
            return SymbolRef(name, self.modifier())
        if kind == "number":
            return self.number(match.start("number"), match.end())
        if kind == "prefix":
            self.position = match.end()
            if depth > MAX_DEPTH:
                self.fail("the expression is nested too deeply")
            operand = self.operand(depth + 1)
            return negated(match["prefix"], operand)
        if kind == "open":
            return self.parenthesised(match["open"], match.end(), depth)
        if kind == "char":
            self.position = match.end()
            char = match["char"]
            if len(char) == 2:
                return Constant(_CHARACTERS.get(char[1], ord(char[1])))
            return Constant(ord(char))
        self.position = match.end()
        return SymbolRef(unquote(match["quoted"]), self.modifier())

    def parenthesised(self, opening: str, start: int, depth: int) -> Expr:
        closing = ")" if opening == "(" else "]"
        outer = start - 1
        self.position = start
        inner = self.infix(0, depth + 1)
        rest = self.text[self.position :]
        if not rest.lstrip(" \t").startswith(closing):
            if not rest.strip():
                self.position = outer
                self.fail(f"'{opening}' is never closed")
            self.fail(f"expected '{closing}'")
        self.position += len(rest) - len(rest.lstrip(" \t")) + 1
        self.late_modifier = self.modifier() or self.late_modifier
        return inner

    def number(self, start: int, end: int) -> Expr:
        token = self.text[start:end]
        self.position = start
        match = _NUMBER.match(token)
        if match is None or match["suffix"].lower() not in _SUFFIXES:
            self.fail(
                f"'{token}' is not a number",
                "numbers are 10, 0x1f, 0b101 or 017; 1f and 1b name the next and last label '1:'",
                length=len(token),
            )
        self.position = end
        if match["label"]:
            return SymbolRef(token, self.modifier())
        if match["hex"]:
            value = int(match["hex"], 16)
        elif match["binary"]:
            value = int(match["binary"], 2)
        elif match["decimal"]:
            value = int(match["decimal"])
        else:
            value = int(match["octal"] or "0", 8)
        if value >> 64:  # GNU's "bignum": data directives read such numbers by themselves
            self.position = start
            self.fail(f"'{token}' does not fit into 64 bits", None, length=len(token))
        if self.text.startswith("@", end):
            self.late_modifier = self.modifier() or self.late_modifier
        return Constant(value)

    def modifier(self) -> str | None:
        match = _MODIFIER.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match[1].upper()

    def missing(self) -> NoReturn:
        rest = self.text[self.position :]
        self.position += len(rest) - len(rest.lstrip(" \t"))
        rest = rest.strip()
        if not rest:
            self.fail("expected an expression")
        self.fail(f"expected an expression, found '{rest[:20]}'")


def shifted(span: Span, offset: int, length: int = 1) -> Span:
    """The place `offset` characters after `span`."""
    column = span.column + offset if span.column else 0
    return Span(span.path, span.line, column, length, span.text)


def unquote(body: str) -> str:
    """The name that a quoted symbol stands for; `body` is without its quotes.

    Only ``\\"`` and ``\\\\`` are escapes (gas/expr.c, get_symbol_name).
    """
    return re.sub(r"\\([\"\\])", r"\1", body) if "\\" in body else body


def negated(operator: str, operand: Expr) -> Expr:
    """A prefix operator applied, folded when the operand is a number."""
    if operator == "+":
        return operand
    if type(operand) is Constant:
        if operator == "-":
            return Constant(-operand.value)
        if operator == "~":
            return Constant(wrap(~operand.value))
        return Constant(0 if operand.value else 1)
    return Unary(operator, operand)


def apply(operator: str, left: int, right: int) -> int:
    """One infix operator on 64-bit numbers. Raises `ZeroDivisionError`."""
    left, right = wrap(left), wrap(right)
    if operator == "+":
        return wrap(left + right)
    if operator == "-":
        return wrap(left - right)
    if operator == "*":
        return wrap(left * right)
    if operator == "<<":
        return wrap(left << right) if 0 <= right < 64 else 0
    if operator == ">>":
        return wrap((left & _MASK) >> right) if 0 <= right < 64 else 0
    if operator in "/%":
        quotient = abs(left) // abs(right)
        if (left < 0) != (right < 0):
            quotient = -quotient
        return wrap(quotient if operator == "/" else left - quotient * right)
    return wrap(_LOGIC[operator](left, right))


_LOGIC: Final[dict[str, Callable[[int, int], int]]] = {
    "|": lambda left, right: left | right,
    "!": lambda left, right: left | ~right,
    "^": lambda left, right: left ^ right,
    "&": lambda left, right: left & right,
    "==": lambda left, right: -(left == right),
    "!=": lambda left, right: -(left != right),
    "<": lambda left, right: -(left < right),
    "<=": lambda left, right: -(left <= right),
    ">": lambda left, right: -(left > right),
    ">=": lambda left, right: -(left >= right),
    "&&": lambda left, right: int(bool(left and right)),
    "||": lambda left, right: int(bool(left or right)),
}


def fold(expr: Expr, lookup: Callable[[str], int | None]) -> int | None:
    """The signed 64-bit value of `expr`, or None when it needs more than absolute symbols.

    `lookup` gives the value of an absolute symbol, None for any other. A reference with a
    modifier is never a number. Division by zero gives None.
    """
    kind = type(expr)
    if kind is Constant:
        return wrap(expr.value)  # type: ignore[union-attr]
    if isinstance(expr, SymbolRef):
        return None if expr.modifier else lookup(expr.name)
    if isinstance(expr, Binary):
        left = fold(expr.left, lookup)
        right = fold(expr.right, lookup)
        if left is None or right is None:
            return None
        if expr.operator in "/%" and not right:
            return None
        return apply(expr.operator, left, right)
    if isinstance(expr, Unary):
        operand = fold(expr.operand, lookup)
        if operand is None:
            return None
        folded = negated(expr.operator, Constant(operand))
        return wrap(folded.value) if isinstance(folded, Constant) else None
    return None


def symbols(expr: Expr) -> Iterator[SymbolRef]:
    """Every symbol reference in `expr`, left to right."""
    if isinstance(expr, SymbolRef):
        yield expr
    elif isinstance(expr, Unary):
        yield from symbols(expr.operand)
    elif isinstance(expr, Binary):
        yield from symbols(expr.left)
        yield from symbols(expr.right)
