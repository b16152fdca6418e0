"""Values: expressions bound to symbols, and what they come to.

`bind` turns a parsed expression into a `Linear` at the statement that holds it. A `Linear` has a
value twice: `now`, while the unit is still being read, when only distances inside one fragment
are known; and `final`, after relaxation, when every label has an address. Both follow GNU as
(binutils 2.40, gas/expr.c `expr`, gas/symbols.c `resolve_symbol_value`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from orobuild.assembler.expression import (
    Binary,
    Constant,
    Expr,
    Here,
    SymbolRef,
    Unary,
    apply,
    negated,
    wrap,
)
from orobuild.assembler.section import Section
from orobuild.assembler.symbol import Kind, Linear, Operation, Symbol

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.assembler.fragment import Fragment
    from orobuild.assembler.symbol import SymbolTable

GOT_SYMBOL: Final = "_GLOBAL_OFFSET_TABLE_"
Base: TypeAlias = "Section | Fragment | Symbol | None"
"""What a value is relative to: nothing (a number), a section, a fragment (while the unit is being
read), or a symbol that the unit does not define."""


class Unresolvable(Exception):
    """The expression has no value of the form ``base + number``; the text says why."""


def bind(expr: Expr, table: SymbolTable, order: int, here: Callable[[], Symbol]) -> Linear:
    """`expr` with its names as symbols of `table`; `here` gives a symbol for ``.``.

    Absolute symbols become their present value, as in GNU as. Raises `Unresolvable`.
    """
    kind = type(expr)
    if kind is SymbolRef:
        modifier = expr.modifier  # type: ignore[union-attr]
        if modifier is not None and modifier not in ("PLT", "SIZE"):
            # GNU as mentions it wherever the GOT may be needed (gas/config/tc-i386.c, lex_got).
            table.get(GOT_SYMBOL, order).referenced = True
        symbol = table.get(expr.name, order)  # type: ignore[union-attr]
        symbol.referenced = True
        if symbol.kind is Kind.ABSOLUTE and modifier is None:
            return Linear(None, None, symbol.value)
        if symbol.lazy is not None and not symbol.busy:
            symbol.busy = True
            try:
                return bind(symbol.lazy, table, order, here)
            finally:
                symbol.busy = False
        return Linear(symbol, None, 0, modifier)
    if kind is Constant:
        return Linear(None, None, expr.value)  # type: ignore[union-attr]
    if kind is Here:
        return Linear(here(), None, 0)
    if isinstance(expr, Unary):
        operand = bind(expr.operand, table, order, here)
        if operand.is_number:
            folded = negated(expr.operator, Constant(operand.number))
            if isinstance(folded, Constant):
                return Linear(None, None, folded.value)
        if expr.operator == "-" and operand.add is not None and operand.sub is None:
            return Linear(None, operand.add, -operand.number, operand.modifier)
        return table.operation(expr.operator, operand, None)
    if isinstance(expr, Binary):
        left = bind(expr.left, table, order, here)
        right = bind(expr.right, table, order, here)
        return _binary(expr.operator, left, right, table)
    raise Unresolvable("the expression is not supported here")


def _binary(operator: str, left: Linear, right: Linear, table: SymbolTable) -> Linear:
    if left.is_number and right.is_number:
        if operator in "/%" and not right.number:
            raise Unresolvable("division by zero")
        return Linear(None, None, apply(operator, left.number, right.number))
    if operator == "+" and (left.is_number or right.is_number or _disjoint(left, right)):
        return Linear(
            left.add or right.add,
            left.sub or right.sub,
            wrap(left.number + right.number),
            left.modifier or right.modifier,
        )
    if operator == "-" and (
        right.is_number or (right.sub is None and left.sub is None and right.modifier is None)
    ):
        sub = left.sub or right.add
        number = wrap(left.number - right.number)
        if left.add is not None and sub is not None and left.modifier is None:
            add_fragment, sub_fragment = left.add.fragment, sub.fragment
            if add_fragment is not None and add_fragment is sub_fragment:
                return Linear(None, None, wrap(number + left.add.offset - sub.offset))
        return Linear(left.add, sub, number, left.modifier)
    return table.operation(operator, left, right)


def _disjoint(left: Linear, right: Linear) -> bool:
    """Whether two sums have one added and one subtracted symbol between them."""
    return (left.add is None or right.add is None) and (left.sub is None or right.sub is None)


def now(linear: Linear) -> int | None:
    """The number that `linear` is already known to be, or None. Streams must be settled."""
    if linear.is_number:
        return wrap(linear.number)
    try:
        base, value = _evaluate(linear, _fragment_position)
    except Unresolvable:
        return None
    return value if base is None else None


def now_based(linear: Linear) -> tuple[Base, int]:
    """What `linear` is relative to so far. Raises `Unresolvable`."""
    return _evaluate(linear, _fragment_position)


def final(linear: Linear) -> tuple[Base, int]:
    """What `linear` comes to after relaxation: its base and the number added to it.

    Raises `Unresolvable`. A difference inside one section is a number.
    """
    return _evaluate(linear, _section_position)


def final_position(symbol: Symbol) -> tuple[Base, int]:
    """Where `symbol` is after relaxation. Raises `Unresolvable` for a definition in a circle."""
    return _position(symbol, _section_position)


def _fragment_position(symbol: Symbol) -> tuple[Base, int]:
    fragment = symbol.fragment
    if fragment is None:
        raise Unresolvable("the label's place is not known yet")
    return fragment.anchor, fragment.anchor_offset + symbol.offset


def _section_position(symbol: Symbol) -> tuple[Base, int]:
    fragment = symbol.fragment
    if fragment is None:
        raise Unresolvable("the label's place is not known")
    return symbol.section, fragment.address + symbol.offset


def _position(symbol: Symbol, label: Callable[[Symbol], tuple[Base, int]]) -> tuple[Base, int]:
    kind = symbol.kind
    if kind is Kind.LABEL:
        return label(symbol)
    if kind is Kind.ABSOLUTE:
        return None, symbol.value
    if kind is Kind.EQUATE:
        equation = symbol.equation
        if symbol.busy:
            raise Unresolvable(f"the definition of '{symbol.name}' goes in a circle")
        symbol.busy = True
        try:
            if isinstance(equation, Operation):
                return _operate(equation, label)
            assert equation is not None
            return _evaluate(equation, label)
        except RecursionError:
            raise Unresolvable("the definitions are nested too deeply") from None
        finally:
            symbol.busy = False
    if kind is Kind.VIEW:
        if symbol.view is None or label is not _section_position:
            raise Unresolvable("the view number is not known yet")
        return None, symbol.view.number()
    if kind is Kind.REGISTER:
        raise Unresolvable(f"'{symbol.name}' is a register")
    return symbol, 0


def _evaluate(linear: Linear, label: Callable[[Symbol], tuple[Base, int]]) -> tuple[Base, int]:
    base: Base = None
    value = linear.number
    if linear.add is not None:
        base, offset = _position(linear.add, label)
        value += offset
    if linear.sub is not None:
        sub_base, offset = _position(linear.sub, label)
        value -= offset
        if sub_base is base:
            base = None
        elif sub_base is not None:
            raise Unresolvable(
                f"{describe(linear.sub)} cannot be subtracted from "
                f"{describe(linear.add) if linear.add else 'a number'}"
            )
    return base, wrap(value)


def _operate(operation: Operation, label: Callable[[Symbol], tuple[Base, int]]) -> tuple[Base, int]:
    base, left = _evaluate(operation.left, label)
    operator = operation.operator
    if operation.right is None:
        if base is not None:
            raise Unresolvable(not_a_number(base, f"the operand of '{operator}'"))
        folded = negated(operator, Constant(left))
        assert isinstance(folded, Constant)
        return None, wrap(folded.value)
    right_base, right = _evaluate(operation.right, label)
    comparable = operator in ("==", "!=", "<", "<=", ">", ">=", "-")
    if base is not right_base and operator in ("==", "!="):
        return None, -1 if operator == "!=" else 0
    if operator == "+" and (base is None or right_base is None):
        return base if right_base is None else right_base, wrap(left + right)
    if operator == "-" and right_base is None:
        return base, wrap(left - right)
    if (base is not None or right_base is not None) and not (comparable and base is right_base):
        culprit = base if base is not None else right_base
        raise Unresolvable(not_a_number(culprit, f"an operand of '{operator}'"))
    if operator in "/%" and not right:
        raise Unresolvable("division by zero")
    return None, apply(operator, left, right)


def not_a_number(base: Base, what: str) -> str:
    """Why `what`, which is relative to `base`, is not a number."""
    if isinstance(base, Symbol):
        return f"{what} is not a number: '{display(base.name)}' is not defined in this file"
    if isinstance(base, Section):
        return f"{what} is not a number but an address in section '{base.name}'"
    return f"{what} is not a number but an address"


def describe(symbol: Symbol | None) -> str:
    """A symbol for messages: its name and where it is defined."""
    if symbol is None:
        return "a number"
    name = "an expression" if symbol.name.startswith("\x01") else f"'{display(symbol.name)}'"
    if symbol.kind is Kind.LABEL and symbol.section:
        return f"{name} (in section '{symbol.section.name}')"
    if symbol.kind is Kind.UNDEFINED:
        return f"{name} (not defined in this file)"
    return name


def display(name: str) -> str:
    """A symbol's name as the user wrote it: numeric labels lose their instance number."""
    if "\x02" in name:
        return name.removeprefix(".L").split("\x02", 1)[0]
    return name
