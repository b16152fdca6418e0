"""Values of linker script expressions.

A value is a number, an address in an output section, or an absolute address; which one decides
what arithmetic means and where a symbol is defined. The rules are those of ld/ldexp.c in binutils
2.40 in its default mode (without LD_FEATURE("SANE_EXPR")); the GNU ld manual describes them in
"The Section of an Expression". Arithmetic is modulo 2**64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from orobuild.diagnostics import error
from orobuild.errors import InputError
from orobuild.linker.script import nodes

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.diagnostics import Span

MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_SIGN: Final = 1 << 63


class Place(Protocol):
    """An output section as expressions see it."""

    name: str
    vma: int


@dataclass(slots=True)
class AbsoluteSection:
    """The section of absolute values: at address 0."""

    name: str = "*ABS*"
    vma: int = 0


ABS: Final = AbsoluteSection()


class Value(NamedTuple):
    """`value` is relative to `section`; `section` is None for a plain number.

    `from_dot` is set when the value came from the location counter outside a section.
    """

    section: Place | None
    value: int
    from_dot: bool = False

    @property
    def address(self) -> int:
        """The absolute value."""
        return (self.value + (self.section.vma if self.section else 0)) & MASK


class NotReadyError(Exception):
    """The expression needs a symbol or a section whose value is not known (yet)."""

    def __init__(self, message: str, span: Span, name: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.name = name


class Context(Protocol):
    """What an expression can ask about."""

    dot: int
    current: Place  # the output section of the statement, or ABS

    def symbol(self, name: str, span: Span) -> Value:
        """The value of a symbol; raises `NotReadyError`."""
        ...

    def is_defined(self, name: str) -> bool:
        """Whether `name` is defined, for DEFINED()."""
        ...

    def section(self, name: str, span: Span) -> Place:
        """The output section called `name`; raises `NotReadyError`."""
        ...

    def query(self, function: str, name: str, span: Span) -> Value:
        """SIZEOF, ALIGNOF, LOADADDR, ORIGIN, LENGTH, CONSTANT and SIZEOF_HEADERS."""
        ...

    def segment_function(self, call: nodes.Call, arguments: list[Value]) -> Value:
        """SEGMENT_START and the DATA_SEGMENT_* functions."""
        ...


def fail(message: str, span: Span, *, hint: str | None = None) -> InputError:
    """The error to raise for a wrong expression."""
    return InputError(error(message, span, hint=hint, rule="linker-script"))


def evaluate(node: nodes.Expression, context: Context) -> Value:
    """The value of `node`. Raises `NotReadyError` or `InputError`."""
    if isinstance(node, nodes.Number):
        if context.current is ABS:
            return Value(ABS, node.value)
        return Value(None, node.value)
    if isinstance(node, nodes.Name):
        if node.name == ".":
            return _dot(context, context.dot)
        return context.symbol(node.name, node.span)
    if isinstance(node, nodes.Unary):
        return _unary(node, context)
    if isinstance(node, nodes.Binary):
        return _binary(node, context)
    if isinstance(node, nodes.Ternary):
        chosen = node.then if evaluate(node.condition, context).value else node.otherwise
        return evaluate(chosen, context)
    return _call(node, context)


def _dot(context: Context, address: int) -> Value:
    section = context.current
    return Value(section, (address - section.vma) & MASK, section is ABS)


def align(value: int, boundary: int) -> int:
    """`value` rounded up to a multiple of `boundary` (ldexp.c, align_n; 0 and 1: no change)."""
    if boundary <= 1:
        return value
    return (value + boundary - 1) // boundary * boundary & MASK


def _signed(value: int) -> int:
    return value - (1 << 64) if value & _SIGN else value


def _unary(node: nodes.Unary, context: Context) -> Value:
    operand = evaluate(node.operand, context)
    if node.op == "-":
        return operand._replace(value=-operand.value & MASK)
    if node.op == "~":
        return operand._replace(value=~operand.value & MASK)
    if node.op == "!":
        return operand._replace(value=int(operand.value == 0))
    return operand


_COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "&&": lambda a, b: bool(a and b),
    "||": lambda a, b: bool(a or b),
}


def _binary(node: nodes.Binary, context: Context) -> Value:
    left, right = evaluate(node.left, context), evaluate(node.right, context)
    return combine(node.op, left, right, context, node.span)


def combine(op: str, left: Value, right: Value, context: Context, span: Span) -> Value:
    """`left op right`; fold_binary of ldexp.c."""
    from_dot = left.from_dot or right.from_dot
    section = left.section
    if left.section is not right.section:
        if left.section is not None and right.section is not None:
            left, right = Value(ABS, left.address), Value(ABS, right.address)
            section, same = ABS, True
        else:
            section, same = (right.section if left.section is None else left.section), False
    else:
        same = True
    if op in _COMPARISONS:
        return Value(None, int(_COMPARISONS[op](left.value, right.value)))
    value = arithmetic(op, left.value, right.value, span)
    if same:
        section = ABS if context.current is ABS else None
    return Value(section, value, from_dot)


def arithmetic(op: str, a: int, b: int, span: Span) -> int:
    """64-bit arithmetic. Division is signed, shifts and comparisons are not (as in ld)."""
    if op == "+":
        return a + b & MASK
    if op == "-":
        return a - b & MASK
    if op == "*":
        return a * b & MASK
    if op in ("/", "%"):
        if not b:
            raise fail("division by zero", span)
        x, y = _signed(a), _signed(b)
        quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        return (quotient if op == "/" else x - quotient * y) & MASK
    if op == "&":
        return a & b
    if op == "|":
        return a | b
    if op == "^":
        return a ^ b
    if b >= 64:
        return 0
    return a << b & MASK if op == "<<" else a >> b


def _call(node: nodes.Call, context: Context) -> Value:
    function = node.function
    if function == "DEFINED":
        assert node.name_arg is not None
        return Value(None, int(context.is_defined(node.name_arg)))
    if function == "ADDR":
        assert node.name_arg is not None
        return Value(context.section(node.name_arg, node.span), 0)
    if function in ("SIZEOF", "ALIGNOF", "LOADADDR", "ORIGIN", "LENGTH", "CONSTANT"):
        assert node.name_arg is not None
        return context.query(function, node.name_arg, node.span)
    if function == "SIZEOF_HEADERS":
        return context.query(function, "", node.span)
    arguments = [evaluate(argument, context) for argument in node.args]
    if function == "ASSERT":
        if not arguments[0].address:
            raise NotReadyError(node.name_arg or "", node.span, "ASSERT")
        return arguments[0]
    if function == "SEGMENT_START" or function.startswith("DATA_SEGMENT"):
        return context.segment_function(node, arguments)
    first = arguments[0]
    if function == "ABSOLUTE":
        return Value(ABS, first.address)
    if function == "NEXT":
        return Value(ABS, align(context.dot, first.address))
    if function in ("ALIGN", "BLOCK") and len(arguments) == 1:
        return _dot(context, align(context.dot, first.address))
    if function == "LOG2CEIL":
        return Value(first.section, (first.value - 1).bit_length() if first.value else 0)
    second = arguments[1]
    same = first.section is second.section
    section = first.section if first.section is not None else second.section
    if not same and first.section is not None and second.section is not None:
        first, second, section = Value(ABS, first.address), Value(ABS, second.address), ABS
    from_dot = first.from_dot or second.from_dot
    if function == "ALIGN":
        return Value(section, align(first.value, second.value), from_dot)
    chosen = max if function == "MAX" else min
    return Value(section, chosen(first.value, second.value), from_dot)
