"""Names of one unit: labels, numeric labels, structures of offsets, and what expressions mean.

Owns the symbol table's use while the unit is read. It emits nothing but labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.assembler import relaxation
from orobuild.assembler.expression import Binary, Expr, SymbolRef, Unary, unquote
from orobuild.assembler.fragment import AlignTail, FillTail
from orobuild.assembler.problems import Problems
from orobuild.assembler.symbol import Kind, Linear, Symbol, SymbolTable
from orobuild.assembler.value import bind, describe, display, now
from orobuild.diagnostics import Note, did_you_mean, error
from orobuild.errors import InputError
from orobuild.patterns import pattern

if TYPE_CHECKING:
    import re

    from orobuild.assembler.section import Section, Stream
    from orobuild.assembler.symbol import Place

NUMERIC: Final = pattern(r"(?<![\w.%@])(?<![\w.]\$)([0-9]+)([fb])(?![\w.$])")


class Names(Problems):
    """The names so far; `section` and `stream` are the current ones.

    `structure` is the offset inside `.struct`, None elsewhere. `local_labels` counts the
    definitions of each numeric label, `awaited` has those that were mentioned before they came.
    """

    section: Section
    stream: Stream
    seq: int

    def __init__(self) -> None:
        super().__init__()
        self.symbols = SymbolTable()
        self.local_labels: dict[int, int] = {}
        self.awaited: dict[int, tuple[int, Place]] = {}
        self.structure: int | None = None

    def settle(self) -> None:
        """Turn every stream into fragments, so that labels have places."""
        raise NotImplementedError

    def forget_symbol(self, symbol: Symbol) -> None:
        """A symbol got a value."""
        raise NotImplementedError

    def reselect(self) -> None:
        """The state that decides which instructions are known already has changed."""
        raise NotImplementedError

    def label(self, match: re.Match[str]) -> None:
        """Define the label that `match` is."""
        if digits := match["digits"]:
            number = int(digits)
            instance = self.local_labels.get(number, 0) + 1
            self.local_labels[number] = instance
            self.awaited.pop(number, None)
            name = f".L{number}\x02{instance}"
        else:
            name = match["name"] or unquote(match["quoted"] or "")
            if name == ".":
                self.fail("'.' cannot be a label")
        self.define_label(name, match.start())

    def define_label(self, name: str, start: int = 0) -> Symbol:
        """Define `name` as a label at the current place."""
        if self.strict:
            self.strict.label(name)
        symbol = self.mention(name)
        if symbol.kind is not Kind.UNDEFINED:
            if not symbol.redefinable or self.strict:
                self.redefined(symbol, start)
            symbol = self.symbols.replace(name)
        if self.structure is not None:
            symbol.kind, symbol.value, symbol.defined_at = Kind.ABSOLUTE, self.structure, self.place
            self.forget_symbol(symbol)
            return symbol
        symbol.kind = Kind.LABEL
        symbol.section = self.section
        symbol.defined_at = self.place
        self.stream.items.append(symbol)
        self.stream.places.append(self.place)
        return symbol

    def redefined(self, symbol: Symbol, start: int = 0) -> NoReturn:
        """Raise the error for a symbol that has a definition already."""
        notes = []
        if symbol.defined_at:
            notes.append(Note("the first definition is here", self.span_at(symbol.defined_at)))
        name = display(symbol.name)
        span = self.span(start, len(name))
        raise InputError(error(f"symbol '{name}' is already defined", span, notes=notes))

    def mention(self, name: str) -> Symbol:
        """The symbol called `name`, which the current statement mentions."""
        symbol = self.symbols.get(name, self.seq)
        if symbol.mentioned_at is None:
            symbol.mentioned_at = self.place
        return symbol

    def make_full(self, symbol: Symbol) -> None:
        """A directive gives a local symbol attributes: it takes its place in the symbol table.

        gas/symbols.c, local_symbol_convert.
        """
        if symbol.late and not symbol.name.startswith("\x01"):
            symbol.late, symbol.order = False, self.seq

    def here(self) -> Symbol:
        """A nameless label at the current place, for ``.``."""
        symbol = Symbol("\x01.", self.seq, 0)
        if self.structure is not None:
            symbol.kind, symbol.value = Kind.ABSOLUTE, self.structure
            return symbol
        symbol.kind = Kind.LABEL
        symbol.section = self.section
        self.stream.items.append(symbol)
        self.stream.places.append(self.place)
        return symbol

    def begin_structure(self, offset: int) -> None:
        """Labels become the numbers `offset` and up, until a section is chosen."""
        self.structure = offset
        self.reselect()

    def _grow_structure(self, item: object) -> None:
        """`.skip` and alignment inside `.struct`; nothing else can be there."""
        assert self.structure is not None
        if isinstance(item, bytes) and not any(item):
            self.structure += len(item)
        elif isinstance(item, FillTail) and not any(item.pattern):
            self.structure += item.count * len(item.pattern)
        elif isinstance(item, AlignTail):
            self.structure += relaxation.align_size(self.structure, item)
        else:
            self.fail("only '.skip' and alignments can be in '.struct'")

    def is_here(self, symbol: Symbol) -> bool:
        """Whether nothing has been emitted behind the label `symbol`."""
        stream = self.stream
        for item in reversed(stream.items):
            if item is symbol:
                return True
            if type(item) is not Symbol and type(item) is not int:
                return False
        at = stream.current
        return symbol.fragment is at and symbol.offset == len(at.data)

    def numbered(self, name: str) -> str:
        """The symbol that ``1f`` or ``1b`` means here; any other name is returned as it is."""
        match = NUMERIC.fullmatch(name)
        if match is None:
            return name
        number = int(match[1])
        instance = self.local_labels.get(number, 0)
        if match[2] == "f":
            instance += 1
            self.awaited.setdefault(number, (instance, self.place))
        elif not instance:
            self.fail(f"there is no label '{number}:' before this '{name}'")
        return f".L{number}\x02{instance}"

    def bind(self, expr: Expr) -> Linear:
        """`expr` with its names as symbols. Raises `Unresolvable`."""
        return bind(self.renumber(expr), self.symbols, self.seq, self.here)

    def renumber(self, expr: Expr) -> Expr:
        """`expr` with numeric labels replaced by the symbols they mean here."""
        if isinstance(expr, SymbolRef):
            if expr.name[:1].isdigit():
                return SymbolRef(self.numbered(expr.name), expr.modifier)
            return expr
        if isinstance(expr, Binary):
            left, right = self.renumber(expr.left), self.renumber(expr.right)
            if left is not expr.left or right is not expr.right:
                return Binary(expr.operator, left, right)
        elif isinstance(expr, Unary):
            operand = self.renumber(expr.operand)
            if operand is not expr.operand:
                return Unary(expr.operator, operand)
        return expr

    def known(self, linear: Linear) -> int | None:
        """The number that `linear` is at this point of the file, or None."""
        if linear.is_number:
            return linear.number
        self.settle()
        return now(linear)

    def why_not_constant(self, linear: Linear) -> str | None:
        """A hint for a value that should have been a number."""
        for symbol in (linear.add, linear.sub):
            if symbol is not None and symbol.kind is Kind.UNDEFINED:
                name = display(symbol.name)
                close = did_you_mean(name, self.defined_names())
                return f"'{name}' is not defined before this line" + (f"; {close}" if close else "")
        if linear.add is not None and linear.sub is not None:
            return (
                f"the distance between {describe(linear.sub)} and {describe(linear.add)} is not "
                "known yet: an alignment, a branch or another section lies between them"
            )
        return "an address is known only to the linker"

    def defined_names(self) -> list[str]:
        """Every name that the file has defined so far."""
        return [s.name for s in self.symbols.by_name.values() if s.defined and not s.temporary]
