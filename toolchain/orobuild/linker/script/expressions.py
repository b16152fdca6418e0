"""Parsing of linker script expressions: operators as in C, functions as in the GNU ld manual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import did_you_mean
from orobuild.linker.script.nodes import Binary, Call, Name, Number, Ternary, Unary

if TYPE_CHECKING:
    from orobuild.diagnostics import Span
    from orobuild.linker.script.lexer import Scanner
    from orobuild.linker.script.nodes import Expression

# ldgram.y of binutils 2.40: loosest first.
_PRECEDENCE: Final = {
    "||": 1,
    "&&": 2,
    "|": 3,
    "^": 4,
    "&": 5,
    "==": 6,
    "!=": 6,
    "<": 7,
    "<=": 7,
    ">": 7,
    ">=": 7,
    "<<": 8,
    ">>": 8,
    "+": 9,
    "-": 9,
    "*": 10,
    "/": 10,
    "%": 10,
}
_NAME_FUNCTIONS: Final = frozenset(
    {"ADDR", "LOADADDR", "SIZEOF", "ALIGNOF", "DEFINED", "CONSTANT", "ORIGIN", "LENGTH"}
)
# Functions of expressions and how many arguments each takes.
_FUNCTIONS: Final = {
    "ABSOLUTE": (1,),
    "ALIGN": (1, 2),
    "BLOCK": (1,),
    "NEXT": (1,),
    "LOG2CEIL": (1,),
    "MAX": (2,),
    "MIN": (2,),
    "DATA_SEGMENT_ALIGN": (2,),
    "DATA_SEGMENT_RELRO_END": (2,),
    "DATA_SEGMENT_END": (1,),
}
FUNCTIONS: Final = frozenset(_FUNCTIONS) | _NAME_FUNCTIONS | {"SEGMENT_START", "ASSERT"}
CONSTANTS: Final = ("MAXPAGESIZE", "COMMONPAGESIZE")
_MAX_DEPTH: Final = 60  # so that neither parsing nor evaluating meets Python's recursion limit
_MAX_OPERANDS: Final = 200
_SUFFIX: Final = {"K": 1024, "k": 1024, "M": 1024 * 1024, "m": 1024 * 1024}
_RADIX: Final = {"H": 16, "h": 16, "X": 16, "x": 16, "O": 8, "o": 8, "D": 10, "d": 10}


def parse_expression(scanner: Scanner) -> Expression:
    """The expression that comes next. Raises `ScriptError`."""
    return _Parser(scanner).ternary()


class _Parser:
    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._depth = 0

    def ternary(self) -> Expression:
        scanner = self._scanner
        self._enter()
        condition = self._binary(1)
        span = scanner.here()
        if scanner.accept("?"):
            then = self.ternary()
            scanner.expect(":", "in the conditional expression")
            otherwise = self.ternary()
            condition = Ternary(condition, then, otherwise, span)
        self._depth -= 1
        return condition

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._scanner.fail(f"the expression is nested deeper than {_MAX_DEPTH} levels")

    def _binary(self, lowest: int) -> Expression:
        scanner = self._scanner
        left = self._unary()
        operands = 0
        while True:
            op = scanner.operator()
            if op is None or _PRECEDENCE.get(op, 0) < lowest:
                return left
            operands += 1
            if operands > _MAX_OPERANDS:
                scanner.fail(f"the expression has more than {_MAX_OPERANDS} operands in a row")
            span = scanner.span(scanner.position, len(op))
            scanner.position += len(op)
            right = self._binary(_PRECEDENCE[op] + 1)
            left = Binary(op, left, right, span)

    def _unary(self) -> Expression:
        scanner = self._scanner
        span = scanner.here()
        op = scanner.operator()
        if op in ("-", "+", "~", "!"):
            scanner.position += 1
            self._enter()
            operand = self._unary()
            self._depth -= 1
            return Unary(op, operand, span)
        return self._primary()

    def _primary(self) -> Expression:
        scanner = self._scanner
        scanner.skip()
        start = scanner.position
        if scanner.accept("("):
            inner = self.ternary()
            scanner.expect(")", "after the expression")
            return inner
        text = scanner.number()
        if text is not None:
            return _number(scanner, text, scanner.span(start, len(text)))
        is_quoted = scanner.looking_at('"')
        name = scanner.name()
        if name is None:
            scanner.fail(f"expected an expression, found {scanner.found()}")
        span = scanner.span(start, scanner.position - start)
        if is_quoted:
            return Name(name, span)
        if name == "SIZEOF_HEADERS" or name == "sizeof_headers":
            return Call("SIZEOF_HEADERS", (), span)
        if scanner.looking_at("(") and (name in FUNCTIONS or not scanner.at_section_type()):
            return self._call(name, span)
        if name in FUNCTIONS:
            scanner.fail(f"expected '(' after {name}, found {scanner.found()}")
        return Name(name, span)

    def _call(self, name: str, span: Span) -> Call:
        scanner = self._scanner
        if name not in FUNCTIONS:
            scanner.fail(
                f"unknown function '{name}'", span, hint=did_you_mean(name, sorted(FUNCTIONS))
            )
        scanner.expect("(", f"after {name}")
        if name in _NAME_FUNCTIONS:
            argument_span = scanner.here()
            argument = scanner.section_name() if name != "DEFINED" else scanner.name()
            if argument is None:
                scanner.fail(f"expected a name in {name}(), found {scanner.found()}")
            if name == "CONSTANT" and argument not in CONSTANTS:
                scanner.fail(
                    f"unknown constant '{argument}'",
                    argument_span,
                    hint=did_you_mean(argument, CONSTANTS) or f"known: {', '.join(CONSTANTS)}",
                )
            scanner.expect(")", f"after {name}({argument}")
            return Call(name, (), span, argument)
        if name == "SEGMENT_START":
            segment = scanner.name()
            if segment is None:
                scanner.fail(f"expected a segment name, found {scanner.found()}")
            scanner.expect(",", "in SEGMENT_START()")
            default = self.ternary()
            scanner.expect(")", "after SEGMENT_START()")
            return Call(name, (default,), span, segment)
        args = [self.ternary()]
        if name == "ASSERT":
            scanner.expect(",", "in ASSERT()")
            message = scanner.quoted()
            if message is None:
                scanner.fail(f"expected a quoted message, found {scanner.found()}")
            scanner.expect(")", "after ASSERT()")
            return Call(name, tuple(args), span, message)
        while scanner.accept(","):
            args.append(self.ternary())
        scanner.expect(")", f"after the arguments of {name}")
        if len(args) not in _FUNCTIONS[name]:
            wanted = " or ".join(str(n) for n in _FUNCTIONS[name])
            scanner.fail(f"{name}() takes {wanted} argument(s), got {len(args)}", span)
        return Call(name, tuple(args), span)


def _number(scanner: Scanner, text: str, span: Span) -> Number:
    """A literal as ldlex.l reads it: `0x`, `$`, suffixes K and M, and `10H`, `17O`, `9D`."""
    scale, digits, radix = 1, text, 0
    if digits[-1] in _SUFFIX:
        scale, digits = _SUFFIX[digits[-1]], digits[:-1]
    is_hex_text = digits[:2] in ("0x", "0X")
    if digits.startswith("$"):
        digits, radix = digits[1:], 16
    elif is_hex_text:
        digits, radix = digits[2:], 16
    elif digits[-1:] in _RADIX and len(digits) > 1:
        digits, radix = digits[:-1], _RADIX[text[-1]] if scale == 1 else 10
    elif digits[-1:] in "bB" and len(digits) > 1 and set(digits[:-1]) <= {"0", "1"}:
        digits, radix = digits[:-1], 2
    elif digits.startswith("0") and len(digits) > 1:
        radix = 8
    try:
        value = int(digits, radix or 10)
    except ValueError:
        scanner.fail(f"'{text}' is not a number", span)
    fill = None
    if is_hex_text and scale == 1:
        # ld manual, "Output Section Fill": a hex number gives its digits, leading zeros included.
        fill = value.to_bytes((len(digits) + 1) // 2, "big")
    return Number(value * scale & 0xFFFF_FFFF_FFFF_FFFF, span, fill)
