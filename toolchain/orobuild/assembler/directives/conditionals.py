"""The `.if` family."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from orobuild.assembler.directives.table import Directive
from orobuild.assembler.encoder.registers import find
from orobuild.assembler.expression import apply
from orobuild.assembler.source import squeeze
from orobuild.assembler.symbol import Kind
from orobuild.patterns import pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit

Test = "Callable[[Unit, Operands], bool]"


# Two operands of which one at least is a register, and the comparison of them.
_REGISTER: Final = r"%[A-Za-z][A-Za-z0-9]*"
_OPERAND: Final = rf"{_REGISTER}|[\w.$]+"
_COMPARISON: Final = pattern(
    rf"(?<![\w.$)\]%])(?P<left>{_OPERAND})[ \t]*(?P<operator>==|!=|<>)[ \t]*(?P<right>{_OPERAND})"
    r"(?![\w.$])"
)
# What the condition of most macros becomes.
_NUMBERS: Final = pattern(
    r"[ \t]*([1-9][0-9]{0,9}|0)[ \t]*([=!]=|[<>]=?)[ \t]*([1-9][0-9]{0,9}|0)[ \t]*"
)


def _compare_registers(unit: Unit, operands: Operands) -> None:
    """Put the result in the place of each comparison with a register.

    A register equals itself and nothing else (gas/expr.c, `expr`, `O_eq` and `O_ne`); macros ask
    so which register they were given.
    """
    if "%" not in operands.text and not unit.registers:
        return

    def register(text: str) -> str | None:
        if text[0] != "%":
            return unit.registers.get(text)
        return text.lower() if find(text[1:].lower(), unit.dialect.bits) else None

    def result(match: re.Match[str]) -> str:
        left, right = register(match["left"]), register(match["right"])
        if left is None and right is None:
            return match[0]
        equal = left is not None and right is not None and left.lower() == right.lower()
        return "(-1)" if equal is (match["operator"] == "==") else "(0)"

    operands.text = _COMPARISON.sub(result, operands.text)


def _number(unit: Unit, operands: Operands, accept: Callable[[int], bool]) -> bool:
    match = _NUMBERS.fullmatch(operands.text)
    if match is not None:
        return accept(apply(match[2], int(match[1]), int(match[3])))
    _compare_registers(unit, operands)
    value = operands.number("condition")
    operands.end()
    return accept(value)


def _defined(unit: Unit, operands: Operands, wanted: bool) -> bool:
    name = operands.name_operand()
    operands.end()
    symbol = unit.symbols.by_name.get(name)
    found = symbol is not None and (symbol.defined or symbol.kind is Kind.COMMON)
    return found is wanted


def _blank(unit: Unit, operands: Operands, wanted: bool) -> bool:
    return (not operands.rest()) is wanted


def _same(unit: Unit, operands: Operands, wanted: bool) -> bool:
    first = _text(operands)
    operands.expect_comma()
    second = _text(operands)
    operands.end()
    return (first == second) is wanted


def _text(operands: Operands) -> str:
    """One side of `.ifc`: up to a comma, or in single quotes (gas/cond.c, get_mri_string)."""
    at = operands.skip_space()
    text = operands.text
    if text.startswith("'", at):
        end = text.find("'", at + 1)
        if end < 0:
            operands.fail("the quote is never closed")
        operands.position = end + 1
        return text[at + 1 : end]
    end = text.find(",", at)
    end = len(text) if end < 0 else end
    operands.position = end
    return squeeze(text[at:end]).strip()


def _equal(unit: Unit, operands: Operands, wanted: bool) -> bool:
    first = operands.required_string()
    operands.expect_comma()
    second = operands.required_string()
    operands.end()
    return (first == second) is wanted


def begin(unit: Unit, operands: Operands, test: Callable[[Unit, Operands], bool]) -> None:
    """Any `.if`."""
    place = unit.place
    condition = False
    try:
        condition = not unit.conditionals.skipping and test(unit, operands)
    finally:
        # After an error the block is skipped, so that its `.endif` is not an error too.
        unit.conditionals.begin(operands.name, place, condition=condition)
        unit.conditions_changed()


def otherwise(unit: Unit, operands: Operands) -> None:
    """``.else``."""
    unit.conditionals.alternative(operands.name, unit.span(), condition=True, last=True)
    operands.end()
    unit.conditions_changed()


def otherwise_if(unit: Unit, operands: Operands) -> None:
    """``.elseif condition``."""
    span = unit.span()
    condition = False
    if unit.conditionals.needs_condition(operands.name, span):
        condition = _number(unit, operands, bool)
    unit.conditionals.alternative(operands.name, span, condition=condition, last=False)
    unit.conditions_changed()


def end(unit: Unit, operands: Operands) -> None:
    """``.endif``."""
    frame = unit.frame
    assert frame is not None
    if unit.conditionals.depth <= frame.conditionals and frame.conditionals:
        unit.fail("'.endif' without an '.if' before it in this macro or file")
    unit.conditionals.end(unit.place)
    unit.conditions_changed()
    operands.end()


def _if(test: Callable[[Unit, Operands], bool], note: str) -> Directive:
    return Directive(partial(begin, test=test), note, conditional=True)


def _compare(accept: Callable[[int], bool], note: str) -> Directive:
    return _if(partial(_number, accept=accept), note)


DIRECTIVES: Final = {
    ".if": _compare(lambda v: v != 0, "when not 0"),
    ".ifne": _compare(lambda v: v != 0, "when not 0"),
    ".ifeq": _compare(lambda v: v == 0, "when 0"),
    ".ifgt": _compare(lambda v: v > 0, "when greater than 0"),
    ".ifge": _compare(lambda v: v >= 0, "when not negative"),
    ".iflt": _compare(lambda v: v < 0, "when negative"),
    ".ifle": _compare(lambda v: v <= 0, "when not greater than 0"),
    ".ifdef": _if(partial(_defined, wanted=True), "when the symbol is defined so far"),
    ".ifndef": _if(partial(_defined, wanted=False), "when the symbol is not defined so far"),
    ".ifnotdef": _if(partial(_defined, wanted=False), "when the symbol is not defined so far"),
    ".ifb": _if(partial(_blank, wanted=True), "when blank"),
    ".ifnb": _if(partial(_blank, wanted=False), "when not blank"),
    ".ifc": _if(partial(_same, wanted=True), "when the texts are the same"),
    ".ifnc": _if(partial(_same, wanted=False), "when the texts differ"),
    ".ifeqs": _if(partial(_equal, wanted=True), "when the strings are the same"),
    ".ifnes": _if(partial(_equal, wanted=False), "when the strings differ"),
    ".else": Directive(otherwise, "the other case", conditional=True),
    ".elseif": Directive(otherwise_if, "another condition", conditional=True),
    ".elsec": Directive(otherwise, "the other case", conditional=True),
    ".endif": Directive(end, "the end of an .if", conditional=True),
    ".endc": Directive(end, "the end of an .if", conditional=True),
}
