"""The translation unit: reads statements, keeps the state that directives change, and hands
what they produce to the streams of sections.

Owns the statement loop, labels, assignments and the dispatch to directives, macros and the
encoder. What a directive does is in `directives`; bytes are decided in `emission`,
`relaxation` and `relocation`; what strict mode refuses is in `strict`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.assembler import (
    Assembly,
    Options,
    cfi,
    directives,
    emission,
    line_table,
    macro,
    relaxation,
    strict,
)
from orobuild.assembler.conditional import Conditionals
from orobuild.assembler.encoder.complaints import UNKNOWN_INSTRUCTION
from orobuild.assembler.encoder.encoder import Encoder
from orobuild.assembler.encoder.types import Dialect, Slot
from orobuild.assembler.expression import NAME, Binary, Expr, Here, SymbolRef, Unary, unquote
from orobuild.assembler.fragment import AlignTail, FillTail
from orobuild.assembler.line_table import LineTable, Location, Row
from orobuild.assembler.operands import Operands
from orobuild.assembler.section import Section, Stream, defaults
from orobuild.assembler.source import Frame, scrub
from orobuild.assembler.symbol import Kind, Linear, Place, Symbol, SymbolTable
from orobuild.assembler.value import Unresolvable, bind, describe, display, now
from orobuild.diagnostics import Diagnostic, Note, Severity, Span, did_you_mean, error, warning
from orobuild.elf import constants as c
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.assembler.fragment import Fragment
    from orobuild.assembler.macro import Macro

MAX_ERRORS: Final = 50
MAX_STATEMENTS: Final = 4_000_000
_HEAD: Final = re.compile(
    rf'(?:(?P<name>{NAME.pattern})|(?P<digits>[0-9]+)(?=[ \t]*:)|"(?P<quoted>(?:\\.|[^"\\])*)")'
    r"[ \t]*(?P<after>:|={1,2})?[ \t]*"
)
_NUMERIC: Final = re.compile(r"(?<![\w.%@])(?<![\w.]\$)([0-9]+)([fb])(?![\w.$])")
_WORDS: Final = re.compile(r"%?[A-Za-z_.$][\w.$]*")


class Unit:
    """One file being assembled."""

    def __init__(
        self, text: str, path: str, options: Options, read_file: Callable[[str], bytes]
    ) -> None:
        self.options = options
        self.read_file = read_file
        self.bits = options.bits
        self.symbols = SymbolTable()
        self.sections: dict[tuple[str, str | None, int | None], Section] = {}
        self.encoder = Encoder()
        self.dialect = Dialect(options.bits)
        self._dialects: dict[Dialect, Dialect] = {self.dialect: self.dialect}
        self._memos: dict[Dialect, dict[str, Slot]] = {self.dialect: {}}
        self._memoable = True
        self._located: dict[Span, Place] = {}
        self._wrong: dict[str, Diagnostic] = {}
        self._told: set[int] = set()
        self._problems: list[tuple[int, Diagnostic]] = []
        self.error_count = 0
        self.macros: dict[str, Macro] = {}
        self.macro_count = 0
        self.local_count = 0
        self.alternate = False
        self.conditionals = Conditionals()
        self.dependencies: dict[str, None] = {}
        self.local_labels: dict[int, int] = {}
        self.registers: dict[str, str] = {}
        self.file_symbol: str | None = None
        self.uses_gnu_osabi = False
        self.cfi_sections = (True, False)
        self.frames: list[cfi.Frame] = []
        self.lines = LineTable()
        self.marks: dict[tuple[Section, int], list[tuple[Fragment, int, Place]]] = {}
        self.location: Location | None = None
        self.last_location = Location()
        self._paths: dict[str, str] = {}
        self.ended = False
        self.strict = strict.Strict(self) if options.strict else None
        self.seq = 0
        self._line_of = Frame(path, [""], [1])
        self.place: Place = (0, self._line_of, 0)

        for name in (".text", ".data", ".bss"):
            found = defaults(name, options.bits)
            assert found is not None
            self.add_section(Section(name, found.sh_type, found.sh_flags), None)
        self.section = self.sections[".text", None, None]
        self.stream = self.section.stream()
        self.stream.items.append(options.bits)
        self.stream.places.append(self.place)
        self.previous: tuple[Section, Stream] | None = None
        self.section_stack: list[
            tuple[tuple[Section, Stream], tuple[Section, Stream] | None, bool]
        ] = []
        self.chosen_section = False
        self.structure: int | None = None
        self.memo: dict[str, Slot] = {}
        self._select_memo()

        for name, value in options.symbols.items():
            symbol = self.symbols.get(name, 0)
            symbol.kind, symbol.value, symbol.redefinable = Kind.ABSOLUTE, value, True
        for name, value in options.constants.items():
            symbol = self.symbols.get(name, 0)
            symbol.kind, symbol.value = Kind.ABSOLUTE, value
            symbol.temporary = True
        scrubbed = scrub(text, path)
        self._scrub_problems = scrubbed.problems
        self.frame: Frame | None = Frame(
            path,
            scrubbed.statements,
            scrubbed.lines,
            markers=scrubbed.markers,
            raw=text.split("\n"),
        )

    # -- reading ---------------------------------------------------------------------------

    def assemble(self) -> Assembly:
        """Read everything and write the object. Raises `InputError`."""
        from orobuild.assembler import output

        data = b""
        try:
            for problem in self._scrub_problems:
                self.report(problem)
            self.read()
            self.finish_reading()
            if not self.error_count:
                data = output.object_file(self)
        except _Stop:
            pass
        self.fail_if_wrong()
        return Assembly(data, tuple(self.sorted_problems()), tuple(self.dependencies))

    def read(self) -> None:
        """The statement loop."""
        while self.frame is not None:
            frame = self.frame
            statements = frame.statements
            count = len(statements)
            while frame.index < count:
                index = frame.index
                frame.index = index + 1
                self.seq += 1
                self.place = place = (self.seq, frame, index)
                slot = self.memo.get(statements[index])
                if slot is not None:
                    self.stream.items.append(slot)
                    self.stream.places.append(place)
                    continue
                try:
                    self.statement(statements[index])
                except InputError as problem:
                    self.report_all(problem)
                except ValueError as problem:
                    # Python converts no decimal number of more than some thousand digits.
                    if "integer string conversion" not in str(problem):
                        raise
                    self.report(error("a number has too many digits", self.span()))
                if self.frame is not frame:
                    break
            else:
                self.leave(frame)

    def leave(self, frame: Frame) -> None:
        """The frame has been read to its end."""
        for problem in self.conditionals.close(frame):
            self.report(problem)
        if frame.repeat > 1:
            self.limit_expansion()
            frame.repeat -= 1
            frame.index = 0
            return
        self.frame = frame.parent
        self._select_memo()

    def enter(self, frame: Frame) -> None:
        """Read `frame` next, then go on where we were."""
        self.limit_expansion()
        frame.conditionals = self.conditionals.depth
        self.frame = frame

    def limit_expansion(self) -> None:
        """Stop when macros and repetitions have become more than anybody can mean."""
        if self.seq > MAX_STATEMENTS:
            self.fatal(
                "the macros of this file expand to too many statements",
                hint=f"the limit is {MAX_STATEMENTS:,}",
            )

    def finish_reading(self) -> None:
        """Checks and settling at the end of the input."""
        for frame in self.frames:
            if frame.end is None:
                span = self.span_at(frame.place)
                self.report(error("'.cfi_startproc' without '.cfi_endproc'", span), frame.place)
        if self.lines.rows and not self.error_count:
            self.settle()
            line_table.emit(self, self.lines)
        elif self.options.debug_info and (".debug_info", None, None) not in self.sections:
            from orobuild.assembler import debug_info

            self.settle()
            debug_info.emit(self, self._line_of.path, self.marks)
        if self.frames and not self.error_count:
            cfi.emit(self, self.frames)
        self.settle()
        if self.strict:
            self.strict.finish()

    def statement(self, text: str, start: int = 0) -> None:
        """One statement; `start` is where it begins in the frame's statement (after labels)."""
        while True:
            match = _HEAD.match(text, start)
            if match is None:
                break
            after = match["after"]
            if after == ":":
                if not self.conditionals.skipping:
                    self.label(match)
                start = match.end()
                if start >= len(text):
                    return
                continue
            if after and match["digits"] is None:
                if not self.conditionals.skipping:
                    name = match["name"] or unquote(match["quoted"] or "")
                    operands = Operands(self, after, text[match.end() :], match.end())
                    directives.assign(self, name, after, operands)
                return
            name = match["name"]
            if name is None:
                break
            if name[0] == ".":
                handler = directives.TABLE.get(name) or directives.TABLE.get(name.lower())
                if handler is not None:
                    if self.conditionals.skipping and not handler.conditional:
                        return
                    end = match.end("name")
                    handler.run(self, Operands(self, name, text[end:], end))
                    return
            if self.conditionals.skipping:
                return
            if self.macros and (found := self.macros.get(name) or self.macros.get(name.lower())):
                macro.expand(self, found, text[match.end("name") :], match.end("name"))
                return
            if name[0] == ".":
                self.unknown_directive(name, match.start("name"))
            if name in ("LOCAL", "local") and self.alternate:
                self.fail("LOCAL must come first in a macro's body")
            break
        if not self.conditionals.skipping:
            self.instruction(text, start)

    def unknown_directive(self, name: str, start: int) -> NoReturn:
        """Raise the error for a directive that nobody knows."""
        reason = directives.REFUSED.get(name.lower())
        message = reason or f"unknown directive '{name}'"
        hint = None if reason else did_you_mean(name, [*directives.TABLE, *self.macros])
        raise InputError(error(message, self.span(start, len(name)), hint=hint))

    # -- labels and symbols ----------------------------------------------------------------

    def label(self, match: re.Match[str]) -> None:
        """Define the label that `match` is."""
        if digits := match["digits"]:
            number = int(digits)
            instance = self.local_labels.get(number, 0) + 1
            self.local_labels[number] = instance
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

    def set_location(self, location: Location) -> None:
        """The next instruction comes from this source line."""
        self.location = self.last_location = location
        self.memo = {}

    def add_row(self, view: str | None = None) -> None:
        """Put the location of the last `.loc` into the line table, here.

        `view` is the name that gets the row's view number, ``-0`` to begin anew, ``0`` to
        assert nothing.
        """
        location = self.location
        assert location is not None
        self.location = None
        self._select_memo()
        symbol = None
        if view is not None and view not in ("0", "-0"):
            symbol = self.mention(view)
            if symbol.kind is not Kind.UNDEFINED:
                self.redefined(symbol)
            symbol.defined_at = self.place
        self.lines.add_row(
            self.section,
            self.stream.number,
            Row(self.here(), location),
            view=symbol,
            reset=view == "-0",
        )

    def begin_structure(self, offset: int) -> None:
        """Labels become the numbers `offset` and up, until a section is chosen."""
        self.structure = offset
        self._select_memo()

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
        match = _NUMERIC.fullmatch(name)
        if match is None:
            return name
        number = int(match[1])
        instance = self.local_labels.get(number, 0)
        if match[2] == "f":
            instance += 1
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

    # -- instructions ----------------------------------------------------------------------

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
        plain = text
        if "f" in text or "b" in text:
            text = _NUMERIC.sub(lambda m: self.numbered(m[0]), text)
        if self.registers:
            text = _WORDS.sub(self._register, text)
        self._memoable = text is plain or text == plain
        locate = _Locator(self, self.place, start, text)
        slot = self.encoder.submit(text, self.dialect, self.resolve, locate)
        self.stream.items.append(slot)
        self.stream.places.append(self.place)
        if whole and self._memoable:
            self.memo[text] = slot

    def _register(self, match: re.Match[str]) -> str:
        return self.registers.get(match[0], match[0])

    def resolve(self, expr: Expr) -> int | None:
        """What the encoder may take `expr` for while it chooses sizes."""
        if not _is_plain(expr):
            self._memoable = False

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

    def forget_instructions(self) -> None:
        """A symbol got a value: statements that were encoded without it may come out shorter."""
        for memo in self._memos.values():
            memo.clear()

    def settle(self) -> None:
        """Encode what is pending and turn every stream into fragments."""
        for found in self.encoder.flush():
            place = self._located.get(found.span) if found.span else None
            problem = self._perhaps_a_macro(found)
            self.report(problem, place)
            if place is not None:
                self._wrong.setdefault(place[1].statements[place[2]], problem)
                self._told.add(place[0])
        self._located.clear()
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
        self._select_memo()
        self.stream.items.append(self.dialect.bits)
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
        self._select_memo()

    def _select_memo(self) -> None:
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
        self._select_memo()

    # -- sections --------------------------------------------------------------------------

    def add_section(self, section: Section, place: Place | None) -> None:
        """Put a new section at the end of the section table."""
        section.defined_at = place
        symbol = Symbol(section.name, self.seq, len(self.symbols.by_name))
        symbol.kind, symbol.section, symbol.type = Kind.LABEL, section, c.STT_SECTION
        symbol.binding = c.STB_LOCAL
        # The second section of a name gets its symbol when a relocation needs it
        # (gas/config/obj-elf.c, obj_elf_section).
        symbol.late = any(known.name == section.name for known in self.sections.values())
        symbol.fragment = section.stream().fragments[0]
        section.symbol = symbol
        self.sections[section.name, section.group, section.unique] = section

    def select(self, section: Section, number: int = 0) -> None:
        """Continue in subsection `number` of `section`."""
        self.previous = (self.section, self.stream)
        self.restore(section, section.stream(number))

    def restore(self, section: Section, stream: Stream) -> None:
        """Continue in `stream` without changing what `.previous` means."""
        self.chosen_section = True
        self.structure = None
        self.section, self.stream = section, stream
        self.stream.items.append(self.dialect.bits)
        self.stream.places.append(self.place)
        self._select_memo()

    def emit(self, item: object) -> None:
        """Append data or a tail to the current stream."""
        if self.structure is not None:
            self._grow_structure(item)
            return
        if self.strict:
            self.strict.data()
        self.stream.items.append(item)
        self.stream.places.append(self.place)

    def mention_group(self, name: str) -> None:
        """A group's signature may be the name of a symbol."""
        symbol = self.symbols.by_name.get(name)
        if symbol is not None and self.seq < symbol.order:
            symbol.order = self.seq

    def add_ident(self, text: bytes) -> None:
        """Append a string to .comment, which begins with an empty one (obj-elf.c, obj_elf_ident)."""
        section = self.sections.get((".comment", None, None))
        if section is None:
            section = Section(".comment", c.SHT_PROGBITS, c.SHF_MERGE | c.SHF_STRINGS, 1)
            self.add_section(section, self.place)
        stream = section.stream()
        first = not stream.items and not stream.current.data
        stream.items.append((b"\0" if first else b"") + text + b"\0")
        stream.places.append(self.place)

    def check_size(self, size: int) -> None:
        """Raise when a fill of `size` bytes can only be a mistake."""
        if size > self.options.size_limit and not self.section.is_nobits:
            self.fail(
                f"this would put {size:,} bytes into section '{self.section.name}'",
                hint=f"the limit is {self.options.size_limit:,} bytes; a @nobits section has none",
            )

    def read_dependency(self, name: str, span: Span) -> bytes:
        """The bytes of an included file, searched as GNU as does: as named, then in the
        include directories.
        """
        tried = [name]
        if not name.startswith("/"):
            tried += [f"{directory.rstrip('/')}/{name}" for directory in self.options.include_dirs]
        for path in tried:
            try:
                data = self.read_file(path)
            except FileNotFoundError:
                continue
            except OSError as why:
                reason = why.strerror or str(why)
                raise InputError(error(f"cannot read '{path}': {reason}", span)) from None
            self._paths[name] = path
            self.dependencies[path] = None
            return data
        searched = ", ".join(tried[1:])
        raise InputError(
            error(
                f"cannot find '{name}'",
                span,
                hint=f"also searched: {searched}" if searched else "give its directory with -I",
            )
        )

    def found_path(self, name: str) -> str:
        """Where `read_dependency` found `name`."""
        return self._paths.get(name, name)

    # -- problems --------------------------------------------------------------------------

    def span(self, offset: int = 0, length: int = 0) -> Span:
        """The place of character `offset` of the current statement."""
        _, frame, index = self.place
        return frame.span(index, offset, length)

    def span_at(self, place: Place, offset: int = 0, length: int = 0) -> Span:
        """The place of character `offset` of the statement at `place`."""
        return place[1].span(place[2], offset, length)

    def fail(self, message: str, *, hint: str | None = None, rule: str | None = None) -> NoReturn:
        """Raise an error about the current statement."""
        raise InputError(error(message, self.span(), hint=hint, rule=rule))

    def complain(self, message: str) -> None:
        """An error in strict mode, a warning in GNU's: GNU as goes on after this mistake."""
        kind = error if self.strict else warning
        self.report(kind(message, self.span()))

    def fatal(self, message: str, *, hint: str | None = None) -> NoReturn:
        """Report an error about the current statement and stop reading."""
        self.report(error(message, self.span(), hint=hint))
        raise _Stop

    def report_all(self, problem: InputError) -> None:
        """Keep the diagnostics of a statement that failed."""
        for diagnostic in problem.diagnostics:
            self.report(diagnostic)

    def report(self, diagnostic: Diagnostic, place: Place | None = None) -> None:
        """Keep a diagnostic about `place`, by default the current statement."""
        place = place or self.place
        chain = place[1].notes()
        if chain:
            diagnostic = diagnostic.with_notes(*chain)
        self._problems.append((place[0], diagnostic))
        if diagnostic.severity is Severity.ERROR:
            self.error_count += 1
            if self.error_count >= MAX_ERRORS:
                raise _Stop

    def sorted_problems(self) -> list[Diagnostic]:
        """Every diagnostic in the order of the statements."""
        return [d for _, d in sorted(self._problems, key=lambda item: item[0])]

    def failed(self) -> bool:
        """Whether an error has been reported."""
        return self.error_count > 0

    def fail_if_wrong(self) -> None:
        """Raise `InputError` with everything found, when there is an error among it."""
        if self.error_count:
            raise InputError(self.sorted_problems())


class _Stop(Exception):
    """Reading cannot go on: a fatal error, or too many."""


class _Locator:
    """Where a part of one instruction's text stands."""

    __slots__ = ("place", "start", "text", "unit")

    def __init__(self, unit: Unit, place: Place, start: int, text: str) -> None:
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
