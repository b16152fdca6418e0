"""The translation unit: reads statements, keeps the state that directives change, and hands
what they produce to the streams of sections.

Owns the statement loop, the choice of sections and the dispatch to directives, macros and the
encoder. Its layers: `problems`, `names`, `instructions`. What a directive does is in
`directives`; bytes are decided in `emission`, `relaxation` and `relocation`; what strict mode
refuses is in `strict`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.assembler import (
    Assembly,
    Options,
    attributes,
    cfi,
    directives,
    line_table,
    macro,
    processor,
    strict,
)
from orobuild.assembler.conditional import Conditionals
from orobuild.assembler.expression import NAME, unquote
from orobuild.assembler.fragment import AlignTail
from orobuild.assembler.frame_reader import FrameReader
from orobuild.assembler.inputs import Inputs
from orobuild.assembler.instructions import Instructions
from orobuild.assembler.line_table import LineTable, Location, Row
from orobuild.assembler.operands import Operands
from orobuild.assembler.problems import Stop
from orobuild.assembler.section import Section, Stream, defaults
from orobuild.assembler.source import Frame, scrub
from orobuild.assembler.symbol import Kind, Place, Symbol
from orobuild.diagnostics import did_you_mean, error
from orobuild.elf import constants as c
from orobuild.errors import InputError
from orobuild.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.assembler.output import Built
    from orobuild.assembler.record import Record

MAX_STATEMENTS: Final = 4_000_000
_RUN: Final = 64
_LABEL: Final = pattern(r"[A-Za-z_.][\w.$]+:", re.ASCII)
_HEAD: Final = pattern(
    rf'(?:(?P<name>{NAME.pattern})|(?P<digits>[0-9]+)(?=[ \t]*:)|"(?P<quoted>(?:\\.|[^"\\])*)")'
    r"[ \t]*(?P<after>:|={1,2})?[ \t]*"
)


def _no_label(_: str) -> None:
    """No statement is taken for a label by its looks."""


class Unit(Instructions):
    """One file being assembled."""

    def __init__(
        self, text: str, path: str, options: Options, read_file: Callable[[str], bytes]
    ) -> None:
        super().__init__(options)
        self.inputs = Inputs(read_file, options.include_dirs)
        self.sections = {}
        self.macros = {}
        self.macro_count = 0
        self.recursions = 0
        self.local_count = 0
        self.alternate = options.flags.alternate
        self.conditionals = Conditionals()
        self.file_symbol: str | None = None
        self.more_files: list[Symbol] = []
        self.attributes: dict[int, attributes.Value] = {}
        self.uses_gnu_osabi = False
        self.cfi_sections = (True, False)
        self.frames: list[cfi.Frame] = []
        self._identified = False
        self._frame_readers: dict[str, FrameReader] = {}
        self.lines = LineTable(max(3, options.dwarf) if options.debug_info else 3)
        self.location = None
        self.last_location = Location()
        self.strict = strict.Strict(self) if options.strict else None
        self.seq = 0
        self._line_of = Frame(path, [""], [1])
        self.place = (0, self._line_of, 0)

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
        self.reselect()
        if options.flags.march or options.flags.tune:
            wanted = processor.named(options.flags.march, options.flags.tune, options.bits)
            if wanted is not None:
                self.set_processor(wanted)

        for name, value in options.symbols.items():
            symbol = self.symbols.get(name, -1)  # before the sections (gas/as.c, main)
            symbol.kind, symbol.value, symbol.redefinable = Kind.ABSOLUTE, value, True
            self.forget_symbol(symbol)
        for name, value in options.constants.items():
            symbol = self.symbols.get(name, 0)
            symbol.kind, symbol.value = Kind.ABSOLUTE, value
            symbol.temporary = True
            self.forget_symbol(symbol)
        scrubbed = scrub(text, path)
        self._scrub_problems = scrubbed.problems
        self.frame: Frame | None = Frame(
            path,
            scrubbed.statements,
            scrubbed.lines,
            markers=scrubbed.markers,
            text=text,
        )

    # -- reading ---------------------------------------------------------------------------

    def assemble(self) -> Assembly:
        """Read everything and write the object. Raises `InputError`."""
        from orobuild.assembler import output

        built = output.Built()
        try:
            for problem in self._scrub_problems:
                self.report(problem)
            self.read()
            self.finish_reading()
            if not self.error_count:
                built = output.build(self)
        except Stop:
            pass
        self.fail_if_wrong()
        self.keep()
        return Assembly(
            built.object,
            tuple(self.sorted_problems()),
            tuple(self.inputs.dependencies),
            self.record(built),
        )

    def record(self, built: Built) -> Record | None:  # noqa: ARG002 - for those that remember
        """What every statement became; None for a unit that does not remember."""
        return None

    def read(self) -> None:
        """The statement loop.

        Instructions that are known already go into the stream as a list of slots: a run of
        statements that follow each other, of which the stream has the first's place.
        """
        # Who remembers what every statement became wants to see the labels, too.
        plain_label = _LABEL.fullmatch if self.trace is None else _no_label
        while self.frame is not None:
            frame = self.frame
            statements = frame.statements
            count = len(statements)
            while frame.index < count:
                index = frame.index
                text = statements[index]
                frame.index = index + 1
                self.seq = number = self.seq + 1
                self.place = place = (number, frame, index)
                if text in self.memo:
                    run = list(map(self.memo.get, statements[index : index + _RUN]))
                    length = run.index(None) if None in run else len(run)
                    del run[length:]
                    self.stream.items.append(run)
                    self.stream.places.append(place)
                    frame.index = index + length
                    self.seq = number + length - 1
                    self.place = (self.seq, frame, frame.index - 1)
                    continue
                try:
                    if text[-1] == ":" and not self.conditionals.skipping and plain_label(text):
                        self.define_label(text[:-1])
                        continue
                    self.statement(text)
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
        if self.kept:
            self.used.update(frame.statements)
        for problem in self.conditionals.close(frame):
            self.report(problem)
        if frame.repeat > 1:
            self.limit_expansion()
            frame.repeat -= 1
            frame.index = 0
            return
        self.frame = frame.parent
        self.reselect()

    def enter(self, frame: Frame) -> None:
        """Read `frame` next, then go on where we were."""
        self.limit_expansion()
        frame.conditionals = self.conditionals.depth
        self.frame = frame

    def is_directive(self, name: str) -> bool:
        """Whether `name`, in small letters, is a directive."""
        return name in directives.TABLE

    def limit_expansion(self, more: int = 0) -> None:
        """Stop when macros and repetitions have become more than anybody can mean.

        `more` is the number of statements that are going to be read.
        """
        if self.seq + more > MAX_STATEMENTS:
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
        for number, (_, place) in sorted(self.awaited.items()):
            message = f"there is no label '{number}:' behind this '{number}f'"
            self.report(error(message, self.span_at(place)), place)
        if self.options.flags.stack is not None:
            self.note_stack(self.options.flags.stack)
        self.settle()
        if not self.error_count:
            self.write_lines()
        if self.frames and not self.error_count:
            cfi.emit(self, self.frames)
        if self.attributes:
            attributes.emit(self, self.attributes)
        self.complete_entries()
        self.settle()
        if self.strict:
            self.strict.finish()

    def complete_entries(self) -> None:
        """Pad what linkers merge to whole entries (gas/write.c, subsegs_finish_section)."""
        for section in self.sections.values():
            entsize = section.sh_entsize
            if section.sh_flags & (c.SHF_MERGE | c.SHF_STRINGS) and not entsize & 1 and entsize:
                power = (entsize & -entsize).bit_length() - 1
                pattern = None if section.is_code else b"\0"
                for stream in section.streams.values():
                    stream.items.append(
                        AlignTail(
                            power,
                            pattern,
                            0,
                            self.dialect.bits,
                            self.place,
                            self.processor.long_nops,
                        )
                    )
                    stream.places.append(self.place)

    def note_stack(self, letters: str) -> None:
        """Say in .note.GNU-stack whether the stack must be executable (gas/as.c, main)."""
        section = self.sections.get((".note.GNU-stack", None, None))
        if section is None:
            section = Section(".note.GNU-stack", c.SHT_PROGBITS, 0)
            self.add_section(section, None)
        section.sh_flags = c.SHF_EXECINSTR if letters == "x" else 0

    def write_lines(self) -> None:
        """The line table, and with -g what leads to it (gas/dwarf2dbg.c, dwarf2_finish)."""
        described = self.has_content(".debug_info")
        table = self.lines
        if self.options.debug_info and not described:
            from orobuild.assembler import debug_info

            table = debug_info.line_table_of(self, self.marks)
        if not self.has_content(".debug_line"):
            if table.rows or described:
                line_table.emit(self, table)
        elif self.lines.rows:
            self.report(error("the file has '.loc' and a '.debug_line' section of its own"))
        if not described and table.rows:
            from orobuild.assembler import debug_info

            debug_info.emit(self, table)

    def has_content(self, name: str) -> bool:
        """Whether something has been put into a section; streams are settled."""
        section = self.sections.get((name, None, None))
        return section is not None and any(
            len(stream.fragments) > 1 or stream.current.data for stream in section.streams.values()
        )

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

    # -- the line table ------------------------------------------------------------------------

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
        self.reselect()
        if location.line == 0:
            # gas/dwarf2dbg.c, dwarf2_gen_line_info: an incomplete location makes no row
            return
        symbol = None
        if view is not None and view not in ("0", "-0"):
            symbol = self.mention(view)
            if symbol.kind is not Kind.UNDEFINED:
                self.redefined(symbol)
            symbol.defined_at = self.place
        number = self.lines.add_row(
            self.section,
            self.stream.number,
            Row(self.here(), location),
            view=symbol,
            reset=view == "-0",
        )
        if view == "0":
            self.lines.first_views.append((number, self.place))

    # -- sections --------------------------------------------------------------------------

    def add_section(self, section: Section, place: Place | None) -> None:
        """Put a new section at the end of the section table."""
        section.defined_at = place
        again = any(known.name == section.name for known in self.sections.values())
        symbol = self.section_symbol(section.name, again=again)
        symbol.kind, symbol.section, symbol.type = Kind.LABEL, section, c.STT_SECTION
        symbol.binding = c.STB_LOCAL
        # The second section of a name gets its symbol when a relocation needs it
        # (gas/config/obj-elf.c, obj_elf_section).
        symbol.late = again
        symbol.fragment = section.stream().fragments[0]
        section.symbol = symbol
        self.sections[section.name, section.group, section.identity] = section

    def section_symbol(self, name: str, *, again: bool) -> Symbol:
        """The symbol of a new section; the first section of a name can be referred to by it."""
        known = None if again else self.symbols.by_name.get(name)
        if known is None:
            symbol = Symbol(name, self.seq, len(self.symbols.by_name))
            if not again:
                self.symbols.by_name[name] = symbol
            return symbol
        if known.kind is not Kind.UNDEFINED:
            self.redefined(known)
        return known

    def attach(self, section: Section, group: str) -> None:
        """Make `section` a member of `group`; from here on it is found under that too."""
        key = (section.name, group, section.identity)
        if key in self.sections:
            self.fail(f"group '{group}' has another section '{section.name}' already")
        # `.text`, `.data` and `.bss` go on meaning the sections that always exist.
        self.sections = {
            key if known is section and known.defined_at is not None else old: known
            for old, known in self.sections.items()
        }
        section.group = group
        section.sh_flags |= c.SHF_GROUP
        self.mention_group(group)

    def select(self, section: Section, number: int = 0) -> None:
        """Continue in subsection `number` of `section`."""
        self.previous = (self.section, self.stream)
        self.restore(section, section.stream(number))

    def restore(self, section: Section, stream: Stream) -> None:
        """Continue in `stream` without changing what `.previous` means."""
        self.chosen_section = True
        self.structure = None
        self.section, self.stream = section, stream
        self.stream.items.append(self.dialect.mode)
        self.stream.places.append(self.place)
        if self.processor is not self.stream.processor:
            self.set_processor(self.processor)
        self.reselect()

    def emit(self, item: object) -> None:
        """Append data or a tail to the current stream."""
        if self.structure is not None:
            self._grow_structure(item)
            return
        if self.strict:
            self.strict.data()
        self.stream.items.append(item)
        self.stream.places.append(self.place)

    def frame_reader(self) -> FrameReader | None:
        """What follows numbers in the current section when it is made of frames by hand."""
        if not self.section.is_frames:
            return None
        kind = self.section.name[:6]
        if kind not in self._frame_readers:
            self._frame_readers[kind] = FrameReader()
        return self._frame_readers[kind]

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
        section.sh_flags |= c.SHF_MERGE | c.SHF_STRINGS
        section.sh_entsize = 1
        stream = section.stream()
        first, self._identified = not self._identified, True
        stream.items.append((b"\0" if first else b"") + text + b"\0")
        stream.places.append(self.place)

    def check_size(self, size: int) -> None:
        """Raise when a fill of `size` bytes can only be a mistake."""
        if size > self.options.size_limit and not self.section.is_nobits:
            self.fail(
                f"this would put {size:,} bytes into section '{self.section.name}'",
                hint=f"the limit is {self.options.size_limit:,} bytes; a @nobits section has none",
            )
