"""Reading an assembly file as the assembler does, without encoding and without giving up.

Owns the walk over statements: sections, macros, repetitions and conditionals, with the
assembler's own scrubber, macro processor and expressions. What cannot be known (a macro from a
header that is not there, a condition on the configuration) makes the state unknown; it never
makes it wrong. Nothing here judges: rules do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn, cast

from orobuild.assembler import macro
from orobuild.assembler.conditional import Conditionals
from orobuild.assembler.expression import fold, parse
from orobuild.assembler.operands import Operands
from orobuild.assembler.section import defaults
from orobuild.assembler.source import Frame, scrub
from orobuild.assembler.value import Unresolvable
from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.errors import InputError
from orobuild.lint.source import directives
from orobuild.lint.source.events import Declaration, Event, Expansion, Kind, Place, SectionUse
from orobuild.lint.source.instruction_set import is_instruction
from orobuild.lint.source.preprocessor import MAX_LINE, Defines, preprocess
from orobuild.lint.source.reading import BlockReading, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orobuild.assembler.expression import Expr
    from orobuild.assembler.unit import Unit
    from orobuild.diagnostics import Diagnostic

MAX_STATEMENTS: Final = 300_000  # read in one file, expansions included
_MAX_NESTING: Final = 40
_MAX_INCLUSIONS: Final = 16  # of one file: headers that include each other are not guarded here
_MAX_PUSHED: Final = 1000  # sections on the stack; with more it is not known
_MAX_REPEAT: Final = 300  # a vector table has 256 entries
_LABEL: Final = re.compile(r'(?:([A-Za-z_.$][\w.$]*|[0-9]+)|"((?:\\.|[^"\\])*)")[ \t]*:(?!=)[ \t]*')
_HEAD: Final = re.compile(r"([A-Za-z_.$\\][\w.$\\]*)(?![\w.$])[ \t]*")
_SECTION: Final = re.compile(r'[ \t]*(?:"([^"]*)"|([^\s,;"]+))[ \t]*(?:,[ \t]*(.*))?$', re.DOTALL)
_FLAGS: Final = re.compile(r'(?:[0-9]+[ \t]*,[ \t]*)?"([A-Za-z?]*)"')
_NUMERIC: Final = {
    ".if": lambda v: v != 0, ".ifne": lambda v: v != 0, ".ifeq": lambda v: v == 0,
    ".ifge": lambda v: v >= 0, ".ifgt": lambda v: v > 0, ".ifle": lambda v: v <= 0,
    ".iflt": lambda v: v < 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _State:
    """The sections at one point. `current` is None when it cannot be known."""

    current: SectionUse | None
    chosen: bool
    previous: SectionUse | None = None
    stack: tuple[tuple[SectionUse | None, SectionUse | None], ...] | None = ()


@dataclass(slots=True)
class _Block:
    """One open conditional. `truth` is None for a condition that cannot be known."""

    reading: bool  # statements of the present branch are read
    outer: bool  # the block itself stands in a part that is read
    known: bool  # every condition so far was known
    doubtful: bool  # a condition of a block around it was not known
    taken: bool  # a branch with a condition that is known to hold has been seen
    start: _State
    ends: list[_State] = field(default_factory=list)
    has_else: bool = False


class _Dialect:
    """What `Operands` asks of the syntax: counts and conditions are read as AT&T syntax has them."""

    intel = False


class Reader:
    """One walk. Stands in for the assembler's unit where the macro processor wants one."""

    def __init__(
        self,
        text: str,
        path: str,
        *,
        read_file: Callable[[str, str], tuple[str, str] | None],
        preprocessed: bool,
    ) -> None:
        self.read_file = read_file
        self.defines = Defines()
        self.preprocessed = preprocessed
        self.out = Reading()
        self.macros: dict[str, macro.Macro] = {}
        self.macro_count = self.local_count = self.recursions = 0
        self.alternate = False
        self.dialect = _Dialect()
        self.conditionals = Conditionals()
        self.symbols: dict[str, int | None] = {}
        self.blocks: list[_Block] = []
        self.budget = MAX_STATEMENTS
        self.inclusions: dict[str, int] = {}
        self.label: str | None = None
        self.uses: dict[str, SectionUse] = {}
        self.out.lines = text.split("\n")
        self.root = self.frame = self._file_frame(text, path)
        place = Place(self.root, 0, 1, False)
        first = self._use(".text", place)
        self.out.initial = first
        self.state = _State(first, False)

    # -- what the macro processor asks of a unit -------------------------------------------

    def enter(self, frame: Frame) -> None:
        """Read `frame` next."""
        if frame.repeat > _MAX_REPEAT:
            frame.repeat = _MAX_REPEAT
        if frame.nesting > _MAX_NESTING:
            raise InputError(error("nested too deeply", Span(self.root.path)))
        frame.conditionals = len(self.blocks)
        self.frame = frame

    def span(self, *_columns: int) -> Span:
        """The place of the present statement; its columns are nobody's concern here."""
        return Span(self.frame.path)

    def fail(self, message: str, **_details: object) -> NoReturn:
        """The statement makes no sense."""
        raise InputError(error(message, self.span()))

    fatal = fail

    def complain(self, message: str, **_details: object) -> None:
        """Complaints are the assembler's."""

    def report(self, diagnostic: Diagnostic, *_place: object) -> None:
        """Warnings are the assembler's."""

    def is_directive(self, _name: str) -> bool:
        """A macro that is called like a directive is the assembler's complaint."""
        return False

    def forget_word(self, *_words: object) -> None:
        """Nothing is remembered."""

    def limit_expansion(self, *_sizes: object) -> None:
        """`MAX_STATEMENTS` bounds what is read."""

    def conditions_changed(self) -> None:
        """Nothing is remembered."""

    def bind(self, expression: Expr) -> int:
        """The number that an expression is. Raises `Unresolvable` when it is none."""
        value = fold(expression, self.symbols.get)
        if value is None:
            raise Unresolvable("not a number that is known")
        return value

    def known(self, value: int) -> int:
        """What `bind` gave."""
        return value

    # -- the walk ----------------------------------------------------------------------------

    def read(self) -> Reading:
        """Everything."""
        self._walk()
        self.out.pushed = None if self.state.stack is None else len(self.state.stack)
        self.out.sections = list(self.uses.values())
        return self.out

    def read_block(self, text: str, index: int, *, at_file_scope: bool) -> None:
        """One block more, after the empty text that this reader was made with.

        Macros and symbols of earlier blocks are known in it. Inside a function it is in the
        section that the compiler has chosen; at file scope nothing has chosen one.
        """
        self.root = self.frame = self._file_frame(text, block_path(index))
        self.blocks, self.label = [], None
        start = self.state = _State(self.out.initial, not at_file_scope)
        first = len(self.out.events)
        self._walk()
        end = self.state
        self.out.blocks.append(
            BlockReading(
                index,
                at_file_scope,
                range(first, len(self.out.events)),
                None if end.current is start.current else end.current,
                None if end.stack is None or self.blocks else len(end.stack),
            )
        )
        self.out.sections = list(self.uses.values())

    def _walk(self) -> None:
        frame: Frame | None = self.frame
        while frame is not None:
            if frame.index >= len(frame.statements):
                frame.repeat -= 1
                if frame.repeat > 0:
                    frame.index = 0
                    continue
                frame = frame.parent
                if frame is not None:
                    self.frame = frame
                continue
            self.budget -= 1
            if self.budget < 0:
                self.out.complete = False
                break
            statement = frame.statements[frame.index]
            frame.index += 1
            try:
                self._statement(statement)
            except InputError:
                self._lose()
            frame = self.frame

    def _file_frame(self, text: str, path: str) -> Frame:
        shown = text
        if self.preprocessed:
            text = preprocess(text, self.defines)
        scrubbed = scrub(text, path)
        # Line markers stand in preprocessed output only; there they are right, but nobody can
        # fix or suppress there: positions stay those of this file.
        return Frame(path, scrubbed.statements, scrubbed.lines, text=shown)

    def _place(self) -> Place:
        frame = self.frame
        index = frame.index - 1
        top, at = frame, index
        while top.parent is not None:
            at = max(0, top.parent_index - 1)
            top = top.parent
        return Place(frame, index, top.lines[at] if top.lines else 1, frame is self.root)

    @property
    def _reading(self) -> bool:
        return not self.blocks or (self.blocks[-1].outer and self.blocks[-1].reading)

    @property
    def _conditional(self) -> bool:
        return bool(self.blocks) and (self.blocks[-1].doubtful or not self.blocks[-1].known)

    def _statement(self, text: str) -> None:
        while match := _LABEL.match(text):
            name = match[1] or match[2] or ""
            if self._reading:
                if not name.startswith(".L") and not name.isdigit() and not name.startswith("_.L"):
                    self.label = name
                self._event(Kind.LABEL, name, "")
            text = text[match.end() :]
        if not text:
            return
        head = _HEAD.match(text)
        if head is None:
            return  # an assignment to a quoted name, or what only a preprocessor understands
        word, rest = head[1], text[head.end() :]
        lower = word.lower()
        if lower.startswith((".if", ".else", ".endif", ".oro_")):
            self._condition(lower, rest)
            return
        if not self._reading:
            if lower == ".macro":  # an `.if` in a body that is skipped is no conditional here
                self._collect(lower, rest)
            return
        if rest[:1] == "=" and not lower.startswith(".oro"):
            self._assign(word, rest.lstrip("= "))
        elif lower in self.macros:
            self._expand(self.macros[lower], rest)
        elif lower.startswith("."):
            self._directive(lower, rest)
        elif is_instruction(lower) and not (rest[:1] == "(" and word in self.defines.doubtful):
            self._event(Kind.INSTRUCTION, lower, rest)
        else:
            self.out.mentioned |= set(re.findall(r"[A-Za-z_.$][\w.$]*", rest))
            self._event(Kind.UNKNOWN, word, rest)
            if self._root_file() is self.root:
                # It may do anything. What a header declares for C (`extern int x;`) does not.
                self._lose()

    def _root_file(self) -> Frame:
        frame: Frame = self.frame
        while frame.parent is not None and frame.kind != "file":
            frame = frame.parent
        return frame.origin or frame

    def _lose(self) -> None:
        """From here on the section is not known."""
        self.state = _State(None, True, None, None)

    def _event(self, kind: Kind, word: str, text: str) -> None:
        state = self.state
        self.out.events.append(
            Event(
                kind, word, text, self._place(), state.current, state.chosen,
                self._conditional, self.label,
            )
        )  # fmt: skip

    # -- directives --------------------------------------------------------------------------

    def _directive(self, word: str, rest: str) -> None:
        if word in (".section", ".pushsection"):
            self._section(word, rest)
        elif word in directives.CHOICES:
            self._move(self._use(word, self._place()))
            self._event(Kind.SECTION, word, rest)
        elif word == ".popsection":
            self._pop()
            self._event(Kind.SECTION, word, rest)
        elif word == ".previous":
            state = self.state
            self.state = _State(state.previous, True, state.current, state.stack)
            self._event(Kind.SECTION, word, rest)
        elif word in directives.DATA:
            self._event(Kind.DATA, word, rest)
        elif word in directives.SYMBOL:
            if word in (".set", ".equ") and "," in rest:
                name, _, value = rest.partition(",")
                self._assign(name.strip(), value)
            self._event(Kind.SYMBOL, word, rest)
        elif word in (".code16", ".code16gcc", ".code32", ".code64"):
            self._event(Kind.SYMBOL, word, rest)
        elif word in (".include", ".oro_include"):
            self._include(rest)
        elif word == ".altmacro":
            self.alternate = True
        elif word == ".noaltmacro":
            self.alternate = False
        elif word == ".end":
            self.budget = 0
        elif word in (".macro", ".rept", ".rep", ".irp", ".irep", ".irpc", ".irepc"):
            self._collect(word, rest)
        elif word == ".exitm":
            self._leave()
        elif word == ".purgem":
            self.macros.pop(rest.strip().lower(), None)

    def _section(self, word: str, rest: str) -> None:
        place = self._place()
        match = _SECTION.match(rest)
        if match is None:
            self._lose()
            return
        name, tail = match[1] or match[2] or "", (match[3] or "").strip()
        readable = not tail or _FLAGS.match(tail) is not None
        if "\\" in name or not re.fullmatch(r"[\w.$*/@+<>:-]+", name):
            readable = False
        flags = None
        if tail and (found := _FLAGS.match(tail)):
            flags = found[1]
        numbered = bool(tail) and flags is None and re.fullmatch(r"[0-9]+", tail) is not None
        readable = readable or numbered
        is_new = name not in self.uses
        use = self._use(name, place)
        self.out.declarations.append(
            Declaration(word, name, flags, readable, place, use, self._conditional)
        )
        if not readable:
            use.flags, use.declared = None, True
        elif flags is not None and (is_new or not use.declared):
            use.flags, use.declared = flags, True
        state = self.state
        if word == ".pushsection":
            stack = state.stack
            if stack is not None and len(stack) >= _MAX_PUSHED:
                stack = None
            if stack is not None:
                stack = (*stack, (state.current, state.previous))
            self.state = _State(use, True, state.current, stack)
        else:
            self._move(use)
        self._event(Kind.SECTION, word, rest)

    def _use(self, name: str, place: Place) -> SectionUse:
        use = self.uses.get(name)
        if use is None:
            usual = defaults(name, 64)
            flags = "" if usual is None else letters(usual.sh_flags)
            use = SectionUse(name, flags, False, usual is not None, place)
            self.uses[name] = use
        return use

    def _move(self, use: SectionUse) -> None:
        self.state = _State(use, True, self.state.current, self.state.stack)

    def _pop(self) -> None:
        stack = self.state.stack
        if not stack:
            self.state = _State(None, True, None, stack)
            return
        current, previous = stack[-1]
        chosen = len(stack) > 1 or current is not self.out.initial or self._was_chosen()
        self.state = _State(current, chosen, previous, stack[:-1])

    def _was_chosen(self) -> bool:
        """Whether a directive chose the first section before the outermost `.pushsection`."""
        return any(
            e.kind is Kind.SECTION and e.word not in (".pushsection", ".popsection")
            for e in self.out.events
        )

    def _assign(self, name: str, text: str) -> None:
        try:
            value = fold(parse(text, Span(""))[0], self.symbols.get)
        except InputError:
            value = None
        self.symbols[name] = None if self._conditional else value

    def _include(self, rest: str) -> None:
        match = re.match(r'"([^"]+)"', rest)
        found = self.read_file(match[1], self._root_file().path) if match else None
        if found is None:
            return
        text, path = found
        self.inclusions[path] = self.inclusions.get(path, 0) + 1
        if self.inclusions[path] > _MAX_INCLUSIONS:
            self.out.complete = False
            self._lose()
            return
        self.out.texts[path] = text
        frame = self._file_frame(text, path)
        frame.parent, frame.parent_index = self.frame, self.frame.index
        frame.note = "included from here"
        frame.nesting = self.frame.nesting + 1
        self.enter(frame)

    # -- macros and repetitions --------------------------------------------------------------

    def _collect(self, word: str, rest: str) -> None:
        unit = cast("Unit", self)
        reading = self._reading
        operands = Operands(unit, word, rest, 0)
        name = re.match(r"[\w.$]+", rest)
        if word == ".macro":
            if name is not None:
                self.macros.pop(name[0].lower(), None)
            macro.define(unit, operands)
            if name is not None:
                if not reading:
                    self.macros.pop(name[0].lower(), None)
                elif self.state.current is not None and self.state.chosen:
                    self.state.current.macros.append((name[0], self._place()))
        elif word in (".rept", ".rep"):
            macro.repeat(unit, operands)
        else:
            macro.repeat_values(unit, operands, characters=word in (".irpc", ".irepc"))

    def _expand(self, body: macro.Macro, rest: str) -> None:
        state = self.state
        self.out.expansions.append(Expansion(body.name, self._place(), state.current, state.chosen))
        if len(rest) > MAX_LINE:  # a macro that doubles its argument
            self.fail("the arguments of a macro are too long")
        macro.expand(cast("Unit", self), body, rest, 0)

    def _leave(self) -> None:
        """`.exitm`: its conditional was known, or what follows is not known."""
        frame: Frame = self.frame
        if frame.kind == "file":
            return
        if self._conditional:
            self._lose()
            return
        frame.index, frame.repeat = len(frame.statements), 1
        while self.blocks and len(self.blocks) > frame.conditionals:
            self.blocks.pop()

    # -- conditionals ------------------------------------------------------------------------

    def _condition(self, word: str, rest: str) -> None:
        if word.startswith(".if") or word == ".oro_if":
            truth = self._truth(word, rest) if self._reading else None
            outer = self._reading
            self.blocks.append(
                _Block(
                    outer and truth is not False,
                    outer,
                    truth is not None,
                    self._conditional,
                    truth is True,
                    self.state,
                )
            )
        elif word in (".else", ".elseif", ".elsec", ".oro_else", ".oro_elif"):
            if not self.blocks:
                return
            block = self.blocks[-1]
            if block.reading:
                block.ends.append(self.state)
            last = word in (".else", ".elsec", ".oro_else")
            block.has_else = block.has_else or last
            self.blocks.pop()
            truth = True if last else self._truth(word, rest) if self._reading else None
            self.blocks.append(block)
            block.reading = block.outer and not block.taken and truth is not False
            if truth is None:
                block.known = False
            block.taken = block.taken or (truth is True and not last)
            self.state = block.start
        elif word in (".endif", ".oro_endif"):
            if self.blocks:
                self._close(self.blocks.pop())
        elif word == ".oro_include" and self._reading:
            self._include(rest)

    def _close(self, block: _Block) -> None:
        if block.reading:
            block.ends.append(self.state)
        if block.outer:
            ends = list(block.ends)
            if not ends or (not block.known and not block.has_else):
                ends.append(block.start)
            self.state = _merge(ends)

    def _truth(self, word: str, rest: str) -> bool | None:
        if word in (".oro_if", ".oro_elif"):
            return {"0": False, "1": True}.get(rest.strip())
        if word in _NUMERIC or word == ".elseif":
            try:
                expression, length = parse(rest, Span(""))
                value = fold(expression, self.symbols.get)
            except InputError:
                return None
            if value is None or rest[length:].strip():
                return None
            return bool(_NUMERIC.get(word, _NUMERIC[".if"])(value))
        if word in (".ifb", ".ifnb"):
            return (not rest.strip()) == (word == ".ifb")
        if word in (".ifc", ".ifnc"):
            left, comma, right = rest.partition(",")
            if not comma:
                return None
            return (left.strip().strip("'\"") == right.strip().strip("'\"")) == (word == ".ifc")
        return None


def block_path(index: int) -> str:
    """What the file of block `index` is called in places; no file has such a name."""
    return f"\0{index}"


def letters(sh_flags: int) -> str:
    """Section flags as they are written: `aw`, `ax`."""
    pairs = ((c.SHF_ALLOC, "a"), (c.SHF_WRITE, "w"), (c.SHF_EXECINSTR, "x"), (c.SHF_TLS, "T"))
    return "".join(letter for bit, letter in pairs if sh_flags & bit)


def _merge(states: Iterable[_State]) -> _State:
    """The state after branches of which one was read: what they agree about."""
    first, *others = states
    if all(s == first for s in others):
        return first
    current = first.current if all(s.current is first.current for s in others) else None
    previous = first.previous if all(s.previous is first.previous for s in others) else None
    stack = first.stack if all(s.stack == first.stack for s in others) else None
    chosen = any(s.chosen for s in (first, *others))
    return _State(current, chosen, previous, stack)
