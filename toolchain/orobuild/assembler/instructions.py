"""Instructions of one unit: from statements to encoder slots.

Owns the encoder, the dialect that instructions are read in, and the memo of statements that need
no second look. It never looks into an instruction's operands, except for names that stand for
something else: numeric labels and registers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler import adjustment, emission, limits, processor
from orobuild.assembler.encoder import batch
from orobuild.assembler.encoder.complaints import UNKNOWN_INSTRUCTION
from orobuild.assembler.encoder.encoder import Encoder
from orobuild.assembler.encoder.recipe import Recipe
from orobuild.assembler.encoder.types import Dialect, Slot
from orobuild.assembler.encoding_cache import Known
from orobuild.assembler.expression import Binary, Expr, Here, SymbolRef, symbols
from orobuild.assembler.names import NUMERIC, Names
from orobuild.assembler.symbol import Kind
from orobuild.assembler.value import Unresolvable
from orobuild.diagnostics import Diagnostic, Span, did_you_mean
from orobuild.errors import InputError
from orobuild.patterns import pattern
from orobuild.records import replace

if TYPE_CHECKING:
    import re

    from orobuild.assembler import Options
    from orobuild.assembler.conditional import Conditionals
    from orobuild.assembler.encoder.optimization import Level
    from orobuild.assembler.flags import Flags
    from orobuild.assembler.fragment import Fragment
    from orobuild.assembler.line_table import Location
    from orobuild.assembler.macro import Macro
    from orobuild.assembler.processor import Processor
    from orobuild.assembler.record import Trace
    from orobuild.assembler.section import Section
    from orobuild.assembler.source import Frame
    from orobuild.assembler.symbol import Place, Symbol

_AHEAD: Final = 1 << 16
_TOO_FEW: Final = 16
"""Statements that are encoded before their turn: at most and at least."""
_NOTHING: Final[dict[str, Slot]] = {}
_WORDS: Final = pattern(r"%?[A-Za-z_.$][\w.$]*")


class Instructions(Names):
    """The instructions so far; `dialect` is how the next one is read."""

    sections: dict[tuple[str, str | None, object], Section]
    conditionals: Conditionals
    macros: dict[str, Macro]
    trace: Trace | None = None
    location: Location | None

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options
        self.bits = options.bits
        flags = options.flags
        self.encoder = Encoder(level=_level(flags))
        naked = flags.intel if flags.naked is None else flags.naked
        self.dialect = Dialect(options.bits, flags.intel, naked, index_reg=flags.index_reg)
        self.processor = processor.default(options.bits)
        self.processors: list[Processor] = []
        self.limited: list[tuple[Slot, Place, Dialect, Processor]] = []
        self.adjusted: dict[int, Slot] = {}
        self._dialects: dict[Dialect, Dialect] = {self.dialect: self.dialect}
        self.statements = self._load(options)
        self._memos = self.statements.slots
        self._memos.setdefault(self.dialect, {})
        self.memo: dict[str, Slot] = {}
        self._memoable = True
        self._mentioned: list[str] = []
        self._settled_value = False
        self._unkept: set[str] = set()
        self._chained = False
        self.learnt = 0
        self.used: set[str] = set()
        self._located: dict[Span, Place] = {}
        self._wrong: dict[str, Diagnostic] = {}
        self._told: set[int] = set()
        self.registers: dict[str, str] = {}
        self._looked = 0
        self._remembers = False
        self._recipes = 0
        self._foresees = not (options.record or flags.watched or flags.changes_text)
        self.marks: dict[tuple[Section, int], list[tuple[Fragment, int, Place]]] = {}

    def add_row(self, view: str | None = None) -> None:
        """Put the location of the last `.loc` into the line table, here."""
        raise NotImplementedError

    def instruction(self, text: str, start: int) -> None:
        """Hand one instruction to the encoder."""
        if self.structure is not None:
            self.fail("an instruction cannot be in '.struct'")
        if self.strict:
            self.strict.instruction(start)
        if self.location is not None:
            self.add_row()
        whole = start == 0
        if start:
            text = text[start:]
        else:
            if not self._remembers:
                self._remember()
            _, frame, index = self.place
            if frame.ahead <= index or frame.ahead_dialect is not self.dialect:
                self._look_ahead(frame, index)
            slot = self._memos.get(self.dialect, _NOTHING).get(text)
            if slot is not None and slot.raw is not None:
                self.stream.items.append(slot)
                self.stream.places.append(self.place)
                return
        plain = text
        if self.options.flags.changes_text:
            text = adjustment.text(text, self.options.flags, self.dialect)
            if not text:
                return
        if "f" in text or "b" in text:
            text = NUMERIC.sub(lambda m: self.numbered(m[0]), text)
        if self.registers:
            text = _WORDS.sub(self._register, text)
        self._memoable = text is plain or text == plain
        locate = _Locator(self, self.place, start, text)
        self._mentioned = []
        self._settled_value = False
        slot = self.encoder.submit(text, self.dialect, self.resolve, locate)
        self.stream.items.append(slot)
        self.stream.places.append(self.place)
        if self.processor.features is not None or self.options.flags.watched:
            self.limited.append((slot, self.place, self.dialect, self.processor))
        if whole and self._memoable:
            self.memo[text] = slot
            self.learnt += 1
            self.statements.words.add(text.split(None, 1)[0].lower())
            for name in self._mentioned:
                self.statements.symbolic.setdefault(name, []).append(text)
            if self._settled_value:
                self._unkept.add(text)

    def _look_ahead(self, frame: Frame, index: int) -> None:
        """Encode what follows in batches, as if no symbol got a value and no name became a macro.

        Where that is not so in the end, what was made is forgotten like everything else that is
        known of such statements.
        """
        frame.ahead_dialect = self.dialect
        end = min(len(frame.statements), index + _AHEAD)
        # Who switches to and fro between dialects shall not have the file read again each time.
        if end - index < _TOO_FEW or self._looked > 2 * self.seq + _AHEAD:
            return
        frame.ahead = end
        if not self._foresees or self.registers or self.processor.features is not None:
            return
        self._looked += end - index
        memo = self._memos.setdefault(self.dialect, {})
        texts = dict.fromkeys(frame.statements[index:end])
        if memo:
            texts = {text: None for text in texts if text not in memo}
        found = batch.encode(
            self.encoder, texts, self.dialect, self._is_no_macro, self._has_no_value
        )
        known = self.statements
        memo.update(zip(found.raws, map(Slot, found.raws.values()), strict=True))
        self.learnt += len(found.raws)
        known.words |= found.words
        for name, text in found.mentions:
            known.symbolic.setdefault(name, []).append(text)

    def _is_no_macro(self, word: str) -> bool:
        return word not in self.macros

    def _has_no_value(self, name: str) -> bool:
        symbol = self.symbols.by_name.get(name)
        return symbol is None or (symbol.plain and symbol.lazy is None)

    def _register(self, match: re.Match[str]) -> str:
        register = self.registers.get(match[0])
        if register is None and (symbol := self.symbols.by_name.get(match[0])) is not None:
            # A name may be equated to another that becomes a register only later.
            register = symbol.names_register()
        return register or match[0]

    def resolve(self, expr: Expr) -> int | None:
        """What the encoder may take `expr` for while it chooses sizes."""
        if not _is_plain(expr):
            self._memoable = False
        self._mentioned += [symbol.name for symbol in symbols(expr)]
        if self.dialect.intel:
            # AT&T's operands mention the GOT before the symbol, Intel's behind it. That is seen
            # here only, so what mentions symbols is not kept for another run.
            self._settled_value = True
            for ref in symbols(expr):
                self.symbols.get(self.numbered(ref.name), self.seq)
        value = self._resolve(expr)
        if value is not None:
            self._settled_value = True
        return value

    def _resolve(self, expr: Expr) -> int | None:
        try:
            linear = self.bind(expr)
        except (Unresolvable, InputError):
            return None
        if linear.is_number:
            return linear.number
        if linear.modifier is not None:
            return None
        add, sub = linear.add, linear.sub
        if add is None or sub is None or add.section is not sub.section:
            return None
        return self.known(linear) if add.kind is Kind.LABEL else None

    def _load(self, options: Options) -> Known:
        """What is known from an earlier run, if encodings may be kept between runs."""
        plain = not (
            options.flags.optimize
            or options.flags.watched
            or options.flags.changes_text
            or options.record
        )
        self.kept = plain and self.processor.features is None and options.encodings is not None
        return options.encodings.load() if self.kept and options.encodings else Known()

    def keep(self) -> None:
        """Store what is known for the next run."""
        encodings = self.options.encodings
        if not self.kept or not self.learnt:
            return
        assert encodings is not None
        self.used -= self._unkept
        encodings.store(self.statements, self.used)
        recipes = {k: tuple(v) for k, v in self.encoder.memo.items() if isinstance(v, Recipe)}
        if len(recipes) > self._recipes:
            encodings.store_recipes(recipes)

    def _remember(self) -> None:
        """Load the recipes of an earlier run: there is something to encode."""
        self._remembers = True
        encodings = self.options.encodings
        if self.kept and encodings is not None:
            recipes = {key: Recipe(*fields) for key, fields in encodings.recipes().items()}
            self._recipes = len(recipes)
            self.encoder.memo.update(recipes)

    def forget_instructions(self) -> None:
        """Names have become something else altogether: no statement is known any more."""
        for memo in self._memos.values():
            memo.clear()
        self.statements.symbolic.clear()

    def forget_symbol(self, symbol: Symbol) -> None:
        """A symbol got a value: statements that were encoded without it may come out shorter."""
        symbolic = self.statements.symbolic
        # What other symbols are made of it, nobody keeps account of.
        self._chained = self._chained or symbol.kind is Kind.EQUATE
        if self._chained:
            stale = [text for texts in symbolic.values() for text in texts]
            symbolic.clear()
        else:
            stale = symbolic.pop(symbol.name, [])
        for memo in self._memos.values():
            for text in stale:
                memo.pop(text, None)

    def forget_word(self, word: str) -> None:
        """A macro was defined or removed: statements that begin with its name are something else."""
        if word.lower() not in self.statements.words:
            return
        for memo in self._memos.values():
            stale = [text for text in memo if text.split(None, 1)[0].lower() == word.lower()]
            for text in stale:
                del memo[text]

    def settle(self) -> None:
        """Encode what is pending and turn every stream into fragments."""
        for found in self.encoder.flush():
            place = self._located.get(found.span) if found.span else None
            problem = self._perhaps_a_macro(found)
            self.report(problem, place)
            if place is not None:
                self._unkept.add(place[1].statements[place[2]])
                self._wrong.setdefault(place[1].statements[place[2]], problem)
                self._told.add(place[0])
        self._located.clear()
        if self.limited:
            limits.check(self, self.limited)
            self.limited = []
        for section in self.sections.values():
            for stream in section.streams.values():
                if stream.items:
                    emission.settle(self, section, stream)

    def _perhaps_a_macro(self, problem: Diagnostic) -> Diagnostic:
        """`problem`, with a macro as its hint if it names something near one and no instruction."""
        span = problem.span
        if problem.rule != UNKNOWN_INSTRUCTION or span is None or span.text is None:
            return problem
        word = span.text[span.column - 1 : span.column - 1 + span.length]
        hint = did_you_mean(word, [macro.name for macro in self.macros.values()])
        return replace(problem, rule=None, hint=hint or problem.hint)

    def wrong_again(self, place: Place) -> None:
        """An instruction that is spelled like an earlier wrong one, which was reported."""
        problem = self._wrong.get(place[1].statements[place[2]])
        if problem is not None and place[0] not in self._told:
            self._told.add(place[0])
            self.report(replace(problem, span=self.span_at(place), notes=()), place)

    def set_dialect(self, dialect: Dialect) -> None:
        """Read instructions as `dialect` from here on."""
        self.dialect = self._dialects.setdefault(dialect, dialect)
        self.reselect()
        self.stream.items.append(self.dialect.mode)
        self.stream.places.append(self.place)

    def padding_width(self, width: int) -> int:
        """The width of the no-operations that pad `width`-bit code.

        GNU as looks at the width that the file ends in (gas/config/tc-i386.c,
        i386_generate_nops, `flag_code`), so that padding of 16-bit code may be of instructions
        that mean something else there. Strict mode keeps to the code's own width.
        """
        return width if self.options.strict else self.dialect.bits

    def set_processor(self, chosen: Processor) -> None:
        """Instructions and padding are for `chosen` from here on."""
        if chosen.features != self.processor.features:
            self.kept = False
            self._memos = self.statements.slots = {}
        self.processor = self.stream.processor = chosen
        if self.encoder.level is not None:
            known = "avx512vl" in chosen.name.split(".")
            self.encoder.level = replace(self.encoder.level, vector_length=known)
        self.reselect()
        self.stream.items.append(chosen)
        self.stream.places.append(self.place)

    def line_rows(
        self, section: Section, subsection: int
    ) -> list[tuple[Fragment, int, Place]] | None:
        """Where the beginnings of instructions are noted; None without debug information."""
        if not self.options.debug_info:
            return None
        return self.marks.setdefault((section, subsection), [])

    def reselect(self) -> None:
        """The state that decides which instructions are known already has changed."""
        if (
            self.structure is not None
            or self.location is not None
            or self.conditionals.skipping
            or (self.strict and not self.strict.accepts(self.section))
        ):
            self.memo = {}
        else:
            self.memo = self._memos.setdefault(self.dialect, {})

    def conditions_changed(self) -> None:
        """A conditional began or ended."""
        self.reselect()


def _level(flags: Flags) -> Level | None:
    """What the encoder optimises."""
    if not flags.optimize:
        return None
    from orobuild.assembler.encoder.optimization import Level

    return Level(flags.optimize, flags.for_space, "avx512vl" in flags.march.split("+"))


class _Locator:
    """Where a part of one instruction's text stands."""

    __slots__ = ("place", "start", "text", "unit")

    def __init__(self, unit: Instructions, place: Place, start: int, text: str) -> None:
        self.unit = unit
        self.place = place
        self.start = start
        self.text = text

    def __call__(self, start: int, length: int) -> Span:
        span = self.unit.span_at(self.place, self.start + start, length)
        self.unit._located[span] = self.place
        return span


def _is_plain(expr: Expr) -> bool:
    """Whether `expr` means the same wherever it stands, as long as no symbol is redefined."""
    if isinstance(expr, Binary):
        return not any(isinstance(part, SymbolRef | Here | Binary) for part in (expr.right,)) and (
            _is_plain(expr.left)
        )
    return not isinstance(expr, Here)
