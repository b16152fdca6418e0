"""Directives about symbols: assignment, binding, visibility, type, size, common storage."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.assembler.directives.table import Directive
from orobuild.assembler.encoder.registers import find
from orobuild.assembler.expression import SymbolRef, symbols
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.assembler.value import display
from orobuild.diagnostics import Note, error
from orobuild.elf import constants as c
from orobuild.errors import InputError

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit

VERSION_FATES: Final = ("local", "hidden", "remove")
_TYPES: Final = {
    "function": c.STT_FUNC,
    "stt_func": c.STT_FUNC,
    "object": c.STT_OBJECT,
    "stt_object": c.STT_OBJECT,
    "tls_object": c.STT_TLS,
    "stt_tls": c.STT_TLS,
    "notype": c.STT_NOTYPE,
    "stt_notype": c.STT_NOTYPE,
    "common": c.STT_COMMON,
    "stt_common": c.STT_COMMON,
    "gnu_indirect_function": c.STT_GNU_IFUNC,
    "stt_gnu_ifunc": c.STT_GNU_IFUNC,
    "gnu_unique_object": c.STT_OBJECT,
}
_NUMBERED: Final = {str(kind): kind for kind in _TYPES.values()}
_KEPT_TYPES: Final = ((c.STT_GNU_IFUNC, c.STT_FUNC), (c.STT_TLS, c.STT_OBJECT))
"""What `.type` does not take back (gas/config/obj-elf.c, obj_elf_type): type, type asked for."""


def assign(unit: Unit, name: str, operator: str, operands: Operands) -> None:
    """``name = value``, ``name == value``, and the value part of `.set` and its like.

    `operator` is ``=`` (may be changed later), ``!`` (must be new) or ``==`` (must be new,
    evaluated where it is used).
    """
    if name == ".":
        if operator != "=":
            operands.fail("'.' can only be moved with '='")
        from orobuild.assembler.directives import location

        location.org(unit, operands)
        return
    if operands.text.startswith("%", operands.skip_space()):
        _assign_register(unit, name, operands.rest(), operator, operands)
        return
    at = operands.skip_space()
    if unit.dialect.naked and find(operands.text[at:].strip(), unit.dialect.bits):
        _assign_register(unit, name, f"%{operands.rest()}", operator, operands)
        return
    symbol = unit.mention(name)
    start = operands.position
    value = operands.linear()
    if value.add is not None and value.add.register is not None and not value.number:
        operands.end()
        _assign_register(unit, name, value.add.register, operator, operands)
        return
    lazy = None
    if operator == "==":
        operands.position = start
        expr = unit.renumber(operands.expression())
        lazy = expr if any(symbols(expr)) else None
    operands.end()
    symbol = _renewed(unit, symbol, operator, operands)
    unit.registers.pop(name, None)
    symbol.redefinable = operator == "="
    symbol.defined_at = unit.place
    for local in (symbol, value.add, value.sub):
        if local is not None:
            unit.make_full(local)
    _copy_attributes(symbol, value)
    number = None
    if value.is_number:
        number = value.number
    elif operator != "==" and value.modifier is None:
        number = _difference(unit, value)
    if number is not None and lazy is None:
        symbol.kind, symbol.value, symbol.equation = Kind.ABSOLUTE, number, None
    else:
        if value.add is symbol or value.sub is symbol:
            operands.fail(f"'{name}' is defined by itself", position=at)
        symbol.kind, symbol.equation, symbol.lazy = Kind.EQUATE, value, lazy
        target = value.add
        symbol.forward = target is not None and (
            operator == "==" or target.kind is Kind.UNDEFINED or target.forward
        )
        if target is not None and target.kind is Kind.COMMON and value.sub is None:
            operands.fail(
                f"'{name}' is equated to '{display(target.name)}', which is a common symbol: "
                "where it will be is not known",
                position=at,
            )
    unit.forget_symbol(symbol)


def _renewed(unit: Unit, symbol: Symbol, operator: str, operands: Operands) -> Symbol:
    """`symbol`, or the one that takes its place when it is defined anew."""
    if symbol.kind is not Kind.UNDEFINED and (operator != "=" or not symbol.redefinable):
        already_defined(unit, symbol, operands)
    if symbol.kind not in (Kind.UNDEFINED, Kind.REGISTER):
        if symbol.referenced:
            unit.settle()
            symbol = unit.symbols.replace(symbol.name)
        symbol.forget_attributes()
    symbol.register = None
    return symbol


def _copy_attributes(symbol: Symbol, value: Linear) -> None:
    """An alias has its target's type and size (gas/read.c, pseudo_set)."""
    target = value.add
    if target is not None and value.sub is None and target.type != c.STT_SECTION:
        symbol.inherit(target)


def _difference(unit: Unit, value: Linear) -> int | None:
    """The value of a difference of two labels of one section, when it is known already."""
    add, sub = value.add, value.sub
    if add is not None and add.name.startswith("\x01") and add.kind is Kind.EQUATE:
        return unit.known(value)
    if sub is None or add is None or add.section is not sub.section:
        return None
    return unit.known(value)


def _assign_register(
    unit: Unit, name: str, register: str, operator: str, operands: Operands
) -> None:
    """``name = %register``: the name stands for the register in operands from here on."""
    symbol = _renewed(unit, unit.mention(name), operator, operands)
    if symbol.binding in (c.STB_GLOBAL, c.STB_WEAK):
        operands.fail(f"'{display(name)}' is global: it cannot be a register", position=0)
    found = find(register.lstrip("%").replace(" ", ""), 64)
    if found is None:
        operands.fail(f"'{register}' is not a register", position=0, length=len(operands.text))
    symbol.kind, symbol.register, symbol.redefinable = Kind.REGISTER, register, True
    symbol.defined_at = unit.place
    unit.registers[name] = register
    unit.forget_instructions()


def already_defined(unit: Unit, symbol: Symbol, operands: Operands) -> NoReturn:
    """Raise the error for a symbol that has a definition already."""
    notes = []
    if symbol.defined_at:
        notes.append(Note("the first definition is here", unit.span_at(symbol.defined_at)))
    message = f"symbol '{display(symbol.name)}' is already defined"
    raise InputError(error(message, operands.span(-operands.start), notes=notes))


def set_symbol(unit: Unit, operands: Operands, operator: str) -> None:
    """``.set name, value``."""
    name = operands.name_operand()
    operands.expect_comma()
    assign(unit, name, operator, operands)


def _each(unit: Unit, operands: Operands) -> list[Symbol]:
    """A list of symbols separated by commas."""
    found = []
    while True:
        symbol = unit.mention(unit.numbered(operands.name_operand()))
        unit.make_full(symbol)
        found.append(symbol)
        if not operands.accept(","):
            break
        if operands.at_end():
            break
    operands.end()
    return found


def bind_symbols(unit: Unit, operands: Operands, binding: int) -> None:
    """``.globl``, ``.weak`` and ``.local``."""
    for symbol in _each(unit, operands):
        if symbol.type == c.STT_SECTION:
            unit.complain(f"the section '{symbol.name}' cannot be anything but local")
        elif symbol.kind is Kind.REGISTER:
            operands.fail(f"'{symbol.name}' is a register: it cannot be global", position=0)
        elif binding == c.STB_LOCAL:
            symbol.binding = c.STB_LOCAL
        elif symbol.binding != c.STB_WEAK:
            symbol.binding = binding


def show(unit: Unit, operands: Operands, visibility: int) -> None:
    """``.hidden``, ``.internal`` and ``.protected``."""
    for symbol in _each(unit, operands):
        symbol.visibility = visibility


def type_(unit: Unit, operands: Operands) -> None:
    """``.type name, @function``."""
    symbol = operands.symbol()
    unit.make_full(symbol)
    operands.accept(",")
    at = operands.skip_space()
    literal = operands.string()
    if literal is not None:
        word = literal.decode("utf-8", "replace")
    else:
        for mark in "@%#":
            if operands.accept(mark):
                break
        word = operands.word("a symbol type", sorted(_TYPES)) if not operands.at_end() else ""
    operands.end()
    kind = _TYPES.get(word.lower(), _NUMBERED.get(word))
    if kind is None:
        operands.fail(
            f"unknown symbol type '{word}'",
            position=at,
            length=max(1, operands.position - at),
            hint="the types are @function, @object, @tls_object, @common, @notype and "
            "@gnu_indirect_function",
        )
    if kind == c.STT_COMMON:
        # gas/config/obj-elf.c, obj_elf_type: no symbol type but a kind of object
        kind = c.STT_OBJECT
        if symbol.binding != c.STB_WEAK:
            symbol.binding = c.STB_GLOBAL
    if word.lower() == "gnu_unique_object":
        symbol.binding = c.STB_GNU_UNIQUE
        unit.uses_gnu_osabi = True
    elif kind == c.STT_GNU_IFUNC:
        unit.uses_gnu_osabi = True
    if (symbol.type, kind) not in _KEPT_TYPES:
        symbol.type = kind


def size(unit: Unit, operands: Operands) -> None:
    """``.size name, value``."""
    symbol = operands.symbol()
    unit.make_full(symbol)
    operands.expect_comma()
    symbol.size = operands.linear()
    operands.end()


def symver(unit: Unit, operands: Operands) -> None:
    """``.symver name, versioned@NAME, visibility``."""
    symbol = operands.symbol()
    operands.expect_comma()
    at = operands.skip_space()
    name = operands.word("a versioned name")
    fate = None
    if operands.accept(","):
        fate_at = operands.skip_space()
        fate = operands.word("a visibility", VERSION_FATES)
        if fate not in VERSION_FATES:
            operands.fail(
                f"'{fate}' is not a visibility of '.symver'",
                position=fate_at,
                length=len(fate),
                hint=f"there are {', '.join(VERSION_FATES)}",
            )
    operands.end()
    if "@" not in name:
        operands.fail(f"'{name}' has no version", position=at, hint="write name@VERSION")
    if symbol.versions and name != symbol.versions[0] and "@@@" in name + symbol.versions[0]:
        operands.fail(f"'{name}' renames '{display(symbol.name)}', which has a version already")
    if name not in symbol.versions:
        symbol.versions = (name, *symbol.versions)
    if fate is not None:
        symbol.version_fate = fate


def weakref(unit: Unit, operands: Operands) -> None:
    """``.weakref alias, target``: references to the alias are weak references to the target."""
    alias = operands.symbol()
    operands.expect_comma()
    target = operands.symbol()
    operands.end()
    if alias.kind not in (Kind.UNDEFINED, Kind.EQUATE):
        already_defined(unit, alias, operands)
    loop = [alias, target]
    while loop[-1].weakref is not None and loop[-1] is not alias:
        loop.append(loop[-1].weakref)
    if loop[-1] is alias:
        chain = " => ".join(display(symbol.name) for symbol in loop)
        operands.fail(f"this '.weakref' would close a circle: {chain}", position=0)
    alias.kind = Kind.EQUATE
    alias.equation = Linear(target, None, 0)
    alias.weakref = target
    target.weakref_target = True
    alias.defined_at = unit.place


def name_of(expr: object) -> str | None:
    """The name when `expr` is a symbol and nothing else."""
    return expr.name if isinstance(expr, SymbolRef) else None


def _set(operator: str, note: str) -> Directive:
    return Directive(partial(set_symbol, operator=operator), note)


DIRECTIVES: Final = {
    ".set": _set("=", "assign; may be changed later"),
    ".equ": _set("=", "assign; may be changed later"),
    ".equiv": _set("!", "assign; an error when defined already"),
    ".eqv": _set("==", "assign an expression that is evaluated where it is used"),
    ".globl": Directive(partial(bind_symbols, binding=c.STB_GLOBAL), "global binding"),
    ".global": Directive(partial(bind_symbols, binding=c.STB_GLOBAL), "global binding"),
    ".weak": Directive(partial(bind_symbols, binding=c.STB_WEAK), "weak binding"),
    ".local": Directive(partial(bind_symbols, binding=c.STB_LOCAL), "local binding"),
    ".hidden": Directive(partial(show, visibility=c.STV_HIDDEN), "visibility"),
    ".internal": Directive(partial(show, visibility=c.STV_INTERNAL), "visibility"),
    ".protected": Directive(partial(show, visibility=c.STV_PROTECTED), "visibility"),
    ".type": Directive(type_, "symbol type"),
    ".size": Directive(size, "symbol size"),
    ".symver": Directive(symver, "symbol version"),
    ".weakref": Directive(weakref, "weak reference"),
}
