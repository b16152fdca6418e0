"""Symbols: what a name means in one translation unit.

Owns the symbol table and the bound form of expressions (`Linear`, `Operation`), in which names
have become `Symbol` objects. It never emits bytes and knows no directive.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from orobuild.elf.constants import (
    STB_LOCAL,
    STT_FUNC,
    STT_GNU_IFUNC,
    STT_NOTYPE,
    STT_OBJECT,
    STT_TLS,
    STV_DEFAULT,
)
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.assembler.expression import Expr
    from orobuild.assembler.fragment import Fragment
    from orobuild.assembler.line_table import View
    from orobuild.assembler.section import Section
    from orobuild.assembler.source import Frame

Place = tuple[int, "Frame", int]
"""When and where: the running number of the statement, its frame, its index in the frame."""


_BEHIND_LABELS = 1 << 32
_RANKS = (STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_GNU_IFUNC)
"""Types that an alias can have from its target; the last of several counts (bfd/elf.c)."""


class Kind(enum.Enum):
    """What a symbol is so far."""

    UNDEFINED = "undefined"
    LABEL = "label"
    ABSOLUTE = "absolute"
    EQUATE = "equate"
    COMMON = "common"
    REGISTER = "register"
    VIEW = "view"


class Symbol:
    """One symbol.

    `LABEL`: at `offset` in `fragment` of `section`; `fragment` is None until the section's
    stream has been settled. `ABSOLUTE`: `value`. `EQUATE`: `equation`, resolved at the end.
    `COMMON`: `value` is the size, `alignment` in bytes, `large` the large code model's. `REGISTER`: `register` is its text.
    `VIEW`: the number of a row of the line table. `lazy` is an expression that is bound anew at
    every use (`.eqv`); a `forward` equation is of a symbol that had no definition yet.
    `order` sorts the symbol table: the statement that mentioned the symbol first; `late`
    symbols come after all others. `first` is the first mention of a local symbol, whose `order`
    may be another.
    """

    # Defaults live in the class: a file has many labels, and most keep most of them.
    kind = Kind.UNDEFINED
    section: Section | None = None
    fragment: Fragment | None = None
    offset = 0
    value = 0
    equation: Linear | Operation | None = None
    lazy: Expr | None = None
    view: View | None = None
    register: str | None = None
    alignment = 0
    binding: int | None = None
    type = STT_NOTYPE
    visibility = STV_DEFAULT
    size: Linear | None = None
    defined_at: Place | None = None
    mentioned_at: Place | None = None
    redefinable = False
    referenced = False
    used_in_relocation = False
    busy = False
    forward = False
    versions: tuple[str, ...] = ()
    version_fate: str | None = None
    large = False
    weakref: Symbol | None = None
    weakref_target = False

    def __init__(self, name: str, order: int, serial: int) -> None:
        self.name = name
        self.order = self.first = order
        self.serial = serial
        self.temporary = self.late = name[:2] == ".L" or name[:1] == "\x01"

    @property
    def defined(self) -> bool:
        """Whether the unit gives the symbol a value (a common symbol has none yet)."""
        return self.kind not in (Kind.UNDEFINED, Kind.COMMON)

    @property
    def plain(self) -> bool:
        """Whether a reference to the symbol is just that: no number, nothing to evaluate."""
        return self.kind is Kind.LABEL or self.kind is Kind.UNDEFINED

    @property
    def is_local(self) -> bool:
        """Whether nothing made the symbol global or weak."""
        return self.binding is None or self.binding == STB_LOCAL

    def names_register(self) -> str | None:
        """The register that the symbol stands for, by itself or through other names."""
        symbol: Symbol | None = self
        seen = set()
        while symbol is not None and symbol.kind is Kind.EQUATE and id(symbol) not in seen:
            seen.add(id(symbol))
            equation = symbol.equation
            if not isinstance(equation, Linear) or equation.sub or equation.number:
                return None
            symbol = equation.add
        return None if symbol is None else symbol.register

    def inherit(self, target: Symbol) -> None:
        """Take over what an alias has from its target (gas/symbols.c, copy_symbol_attributes).

        Types add up: a function that is an object as well is a function.
        """
        found = STT_OBJECT if target.type == STT_TLS else target.type
        if self.type in _RANKS and found in _RANKS:
            self.type = max(self.type, found, key=_RANKS.index)
        if self.size is None or (self.size.is_number and not self.size.number):
            self.size = target.size

    def inherit_at_last(self) -> None:
        """An alias of a symbol that was defined behind it (gas/symbols.c, resolve_symbol_value)."""
        alias, chain = self, []
        while alias.forward and alias not in chain and isinstance(alias.equation, Linear):
            target = alias.equation.add
            if target is None or alias.equation.sub is not None or alias.equation.number:
                break
            chain.append(alias)
            alias = target
        for alias in reversed(chain):
            assert isinstance(alias.equation, Linear)
            assert alias.equation.add is not None
            alias.inherit(alias.equation.add)

    def forget_attributes(self) -> None:
        """Lose what GNU as keeps with the definition that is replaced (symbol_clone)."""
        self.visibility = STV_DEFAULT
        if self.size is not None and self.size.is_number:
            self.size = None

    def __repr__(self) -> str:
        return f"<Symbol {self.name} {self.kind.value}>"


class Linear:
    """``add - sub + number``: the form that most expressions have once names are symbols.

    `modifier` is the ``@`` word that applies to the whole (`PLT`), or None.
    """

    __slots__ = ("add", "modifier", "number", "sub")

    def __init__(
        self,
        add: Symbol | None,
        sub: Symbol | None,
        number: int,
        modifier: str | None = None,
    ) -> None:
        self.add = add
        self.sub = sub
        self.number = number
        self.modifier = modifier

    @property
    def is_number(self) -> bool:
        """Whether no symbol is involved."""
        return self.add is None and self.sub is None and self.modifier is None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator on values that are not numbers yet; the `equation` of a nameless symbol.

    `operator` is one of `expression.Binary`'s, or a prefix operator when `right` is None.
    """

    operator: str
    left: Linear
    right: Linear | None


class SymbolTable:
    """The unit's symbols by name. `order` is the running number of the current statement."""

    def __init__(self) -> None:
        self.by_name: dict[str, Symbol] = {}
        self.nameless: list[Symbol] = []
        self.retired: list[Symbol] = []
        self._moved = 0

    def get(self, name: str, order: int) -> Symbol:
        """The symbol called `name`, created when this is its first mention."""
        symbol = self.by_name.get(name)
        if symbol is None:
            symbol = self.by_name[name] = Symbol(name, order, len(self.by_name))
        elif order < symbol.first:
            symbol.first = order
            if not symbol.temporary:
                # Instructions are looked at late: among the symbols of one statement they come
                # behind its labels, in the order of the operands.
                symbol.order = order
                self.put_last(symbol)
        return symbol

    def put_last(self, symbol: Symbol) -> None:
        """Let `symbol` be the last of those that its statement mentions first."""
        self._moved += 1
        symbol.serial = _BEHIND_LABELS + self._moved

    def replace(self, name: str) -> Symbol:
        """A new symbol in the place of `name`; values bound before keep the old one."""
        old = self.by_name[name]
        new = Symbol(name, old.order, old.serial)
        new.binding, new.type, new.visibility = old.binding, old.type, old.visibility
        new.size = old.size
        self.by_name[name] = new
        old.binding = None  # only the new one can be seen from outside
        self.retired.append(old)
        return new

    def operation(self, operator: str, left: Linear, right: Linear | None) -> Linear:
        """A nameless symbol for an operator whose operands are not numbers yet."""
        symbol = Symbol("\x01", 0, 0)
        symbol.kind = Kind.EQUATE
        symbol.equation = Operation(operator, left, right)
        return Linear(symbol, None, 0)
