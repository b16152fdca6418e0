"""Directives about symbols: assignment, binding, visibility, type, size, common storage."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from orobuild.assembler.directives.table import Directive
from orobuild.assembler.expression import SymbolRef, symbols
from orobuild.assembler.fragment import AlignTail
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.assembler.value import display
from orobuild.diagnostics import Note, error
from orobuild.elf import constants as c
from orobuild.errors import InputError

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit

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
        _assign_register(unit, name, operands)
        return
    symbol = unit.mention(name)
    at = operands.skip_space()
    start = operands.position
    value = operands.linear()
    lazy = None
    if operator == "==":
        operands.position = start
        expr = unit.renumber(operands.expression())
        lazy = expr if any(symbols(expr)) else None
    operands.end()
    if symbol.kind is not Kind.UNDEFINED and (operator != "=" or not symbol.redefinable):
        _already(unit, symbol, operands)
    if symbol.kind is not Kind.UNDEFINED and symbol.referenced:
        unit.settle()
        symbol = unit.symbols.replace(name)
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
    unit.forget_instructions()


def _copy_attributes(symbol: Symbol, value: Linear) -> None:
    """An alias has its target's type and size (gas/read.c, pseudo_set)."""
    target = value.add
    if target is None or value.sub is not None or target.type == c.STT_SECTION:
        return
    if symbol.type == c.STT_NOTYPE:
        symbol.type = target.type
    if symbol.size is None:
        symbol.size = target.size


def _difference(unit: Unit, value: Linear) -> int | None:
    """The value of a difference of two labels of one section, when it is known already."""
    add, sub = value.add, value.sub
    if add is not None and add.name.startswith("\x01") and add.kind is Kind.EQUATE:
        return unit.known(value)
    if sub is None or add is None or add.section is not sub.section:
        return None
    return unit.known(value)


def _assign_register(unit: Unit, name: str, operands: Operands) -> None:
    """``name = %register``: the name stands for the register in operands from here on."""
    register = operands.rest()
    symbol = unit.mention(name)
    if symbol.kind not in (Kind.UNDEFINED, Kind.REGISTER):
        _already(unit, symbol, operands)
    symbol.kind, symbol.register, symbol.redefinable = Kind.REGISTER, register, True
    symbol.defined_at = unit.place
    unit.registers[name] = register
    unit.forget_instructions()


def _already(unit: Unit, symbol: Symbol, operands: Operands) -> None:
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
    kind = _TYPES.get(word.lower())
    if kind is None:
        try:
            kind = int(word, 0)
        except ValueError:
            operands.fail(
                f"unknown symbol type '{word}'",
                position=at,
                length=max(1, operands.position - at),
                hint="the types are @function, @object, @tls_object, @common, @notype and "
                "@gnu_indirect_function",
            )
    if word.lower() == "gnu_unique_object":
        symbol.binding = c.STB_GNU_UNIQUE
        unit.uses_gnu_osabi = True
    elif kind == c.STT_GNU_IFUNC:
        unit.uses_gnu_osabi = True
    symbol.type = kind


def size(unit: Unit, operands: Operands) -> None:
    """``.size name, value``."""
    symbol = operands.symbol()
    unit.make_full(symbol)
    operands.expect_comma()
    symbol.size = operands.linear()
    operands.end()


def common(unit: Unit, operands: Operands) -> None:
    """``.comm name, size, alignment``."""
    at = operands.skip_space()
    symbol, length, alignment = _storage(unit, operands)
    if symbol.kind is Kind.COMMON:
        symbol.value = max(symbol.value, length)
        symbol.alignment = max(symbol.alignment, alignment)
        return
    if symbol.kind is not Kind.UNDEFINED:
        operands.position = at
        _already(unit, symbol, operands)
    if symbol.binding == c.STB_LOCAL:
        _allocate(unit, symbol, length, alignment)
        return
    symbol.kind = Kind.COMMON
    symbol.value, symbol.alignment = length, alignment
    symbol.defined_at = unit.place
    if symbol.type == c.STT_NOTYPE:
        symbol.type = c.STT_OBJECT


def local_common(unit: Unit, operands: Operands) -> None:
    """``.lcomm name, size, alignment``: storage in .bss."""
    symbol, length, alignment = _storage(unit, operands, local=True)
    if symbol.kind is not Kind.UNDEFINED:
        _already(unit, symbol, operands)
    _allocate(unit, symbol, length, alignment)


def _storage(unit: Unit, operands: Operands, *, local: bool = False) -> tuple[Symbol, int, int]:
    symbol = operands.symbol()
    operands.accept(",")
    length = operands.number("size")
    if length < 0:
        operands.fail(f"the size of '{symbol.name}' is negative ({length})")
    alignment = 0
    if operands.accept(","):
        at = operands.skip_space()
        alignment = operands.number("alignment")
        if alignment < 0 or alignment & (alignment - 1):
            operands.fail(f"the alignment {alignment} is not a power of two", position=at)
    elif local:
        # gas/read.c, TC_IMPLICIT_LCOMM_ALIGNMENT: the size rounded down, at most 8
        alignment = min(8, 1 << (length.bit_length() - 1)) if length else 1
    else:
        # gas/config/obj-elf.c, elf_common_parse: the size rounded up, at most 16
        alignment = min(16, 1 << max(0, length - 1).bit_length()) if length else 1
    operands.end()
    return symbol, length, alignment


def _allocate(unit: Unit, symbol: Symbol, length: int, alignment: int) -> None:
    """Storage for a local symbol in subsection 1 of .bss (gas/read.c, bss_alloc)."""
    section = unit.sections[".bss", None, None]
    stream = section.stream(1)
    unit.check_size(0)
    power = max(0, alignment.bit_length() - 1)
    from orobuild.assembler.fragment import FillTail

    items: list[object] = []
    if power:
        items.append(AlignTail(power, b"\0", 0, unit.dialect.bits, unit.place))
        section.alignment_power = max(section.alignment_power, power)
    symbol.kind, symbol.section, symbol.defined_at = Kind.LABEL, section, unit.place
    symbol.size = Linear(None, None, length)
    if symbol.type == c.STT_NOTYPE:
        symbol.type = c.STT_OBJECT
    items += (symbol, FillTail(length, b"\0"))
    for item in items:
        stream.items.append(item)
        stream.places.append(unit.place)


def symver(unit: Unit, operands: Operands) -> None:
    """``.symver name, versioned@NAME``."""
    symbol = operands.symbol()
    operands.expect_comma()
    at = operands.skip_space()
    name = operands.word("a versioned name")
    visibility = operands.word("a visibility") if operands.accept(",") else None
    operands.end()
    if "@" not in name:
        operands.fail(f"'{name}' has no version", position=at, hint="write name@VERSION")
    if visibility is not None:
        operands.fail(f"a symbol version's visibility ('{visibility}') is not supported")
    if symbol.versions and (symbol.versions[0] != name or "@@@" in name):  # noqa: SIM102
        if "@@@" in name or "@@@" in symbol.versions[0]:
            operands.fail(f"'{name}' renames '{display(symbol.name)}', which has a version already")
    if name not in symbol.versions:
        symbol.versions += (name,)


def weakref(unit: Unit, operands: Operands) -> None:
    """``.weakref alias, target``: references to the alias are weak references to the target."""
    alias = operands.symbol()
    operands.expect_comma()
    target = operands.symbol()
    operands.end()
    if alias.kind not in (Kind.UNDEFINED, Kind.EQUATE):
        _already(unit, alias, operands)
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
    ".comm": Directive(common, "common symbol"),
    ".common": Directive(common, "common symbol"),
    ".lcomm": Directive(local_common, "local storage in .bss"),
    ".symver": Directive(symver, "symbol version"),
    ".weakref": Directive(weakref, "weak reference"),
}
