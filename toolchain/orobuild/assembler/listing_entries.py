"""The entries of a listing: one for every source line that was read, in the order of reading.

Owns which statements share an entry, what a line of a macro expansion looks like, and what the
listing directives ask for (gas/listing.c of binutils 2.40: listing_newline, listing_list,
listing_title). It writes nothing; `listing` does.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from orobuild.assembler.record import repeated, use_place
from orobuild.assembler.source import locate, squeeze
from orobuild.patterns import pattern
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from orobuild.assembler.record import Event, Piece, Record
    from orobuild.assembler.section import Section
    from orobuild.assembler.source import Frame

STANDARD_INPUT: Final = "{standard input}"
_DIRECTIVE: Final = pattern(r"(?:[\w.$]+:[ \t]*)*(\.[a-z]+)(?![\w.$])[ \t]*(.*)", re.IGNORECASE)
_ELSE: Final = frozenset({".else", ".elseif", ".elsec"})
_END: Final = frozenset({".endif", ".endc"})


@dataclass(slots=True)
class Entry:
    """One line of the source, `text` when it is not to be read from its file.

    `edict` is what a directive on it asks for: ``list``, ``nolist``, ``nolist-next``, ``eject``,
    ``title``, ``subtitle`` (with `argument`), or nothing. `source` is the place in a compiler's
    source that the line comes from, `debugging` whether it belongs to debug information.
    """

    path: str
    line: int
    text: str | None
    section: Section
    stream: int
    debugging: bool
    pieces: list[Piece] = field(default_factory=list)
    edict: str = ""
    argument: str = ""
    source: tuple[str, int] | None = None

    def data(self, contents: dict[Section, bytes]) -> tuple[int | None, bytes]:
        """The address and the bytes of the line; None when it has none."""
        made = [p for p in self.pieces if p.section is self.section and p.stream == self.stream]
        if not any(piece.size for piece in made):
            return None, b""
        start = next(piece.start for piece in made if piece.size)
        size = sum(piece.size for piece in made)
        if self.section.is_nobits:
            return start, bytes(min(size, 1 << 12))
        return start, contents[self.section][start : start + size]


class Entries:
    """Makes the entries of one record. `height` and `width` are those that `.psize` asks for."""

    def __init__(
        self,
        record: Record,
        *,
        expansions: bool,
        conditionals: bool,
        compiled: bool,
        logical: bool,
    ) -> None:
        self.record = record
        self.expansions = expansions
        self.conditionals = conditionals
        self.compiled = compiled
        self.logical = logical
        self.entries: list[Entry] = []
        self.height: int | None = None
        self.width: int | None = None
        self._last: tuple[str, int] | None = None
        self._before: dict[int, tuple[int, int]] = {}
        self._files: dict[int, str] = {}

    def make(self) -> list[Entry]:
        """All entries."""
        for event in self.record.events:
            if event.index < 0:
                self._end_of(event)
                continue
            if event.counted:
                self._statement(event)
            self._directive(event)
        return self.entries

    def _statement(self, event: Event) -> None:
        frame, index = event.frame, event.index
        nest = _nesting(frame)
        path, line = use_place(event.place, in_repetitions=self.compiled, logical=self.logical)
        text: str | None = None
        if nest and self.expansions:
            own = self.compiled and repeated(frame)
            for number, blank in _gap(frame, index, self._before.get(id(frame))):
                self._add(event, path, number if own else line, _expanded(nest, blank))
            text = _expanded(nest, _scrubbed(frame, index))
        elif path == STANDARD_INPUT and not nest:
            before = frame.lines[index - 1] if index else 0
            for number in range(before + 1, frame.lines[index]):
                self._line(event, path, number, "")
            text = _whole_line(frame, index)
        elif path == STANDARD_INPUT:
            # what GNU as puts before the text that it reads again
            text = f" .linefile {_head(frame) + 1} ."
        self._before[id(frame)] = (index, frame.lines[index])
        if nest and self.expansions:
            self._add(event, path, line, text)
        else:
            self._line(event, path, line, text)
        if self.compiled and not self.expansions and _is_repeated(frame):
            return  # with `h` GNU as shows repetitions only where it shows expansions
        self.entries[-1].pieces += self.record.pieces.get(event.place[0], ())

    def _line(self, event: Event, path: str, line: int, text: str | None) -> None:
        """An entry, unless it is for the line that the last one is for."""
        if self._last != (path, line):
            self._add(event, path, line, text)

    def _add(self, event: Event, path: str, line: int, text: str | None) -> None:
        debugging = event.section.name.startswith((".debug", ".line"))
        if debugging and self.entries and not self.entries[-1].debugging:
            # the statement that chose the section
            self.entries[-1].debugging = True
        self._last = path, line
        self.entries.append(Entry(path, line, text, event.section, event.stream, debugging))

    def _end_of(self, event: Event) -> None:
        """The lines of a file behind its last statement."""
        frame = event.frame
        if frame.raw is None:
            return
        last = len(frame.raw) - (not frame.raw[-1])
        if frame.lines and last <= frame.lines[-1]:
            return
        if self._before.get(id(frame), (0, 0))[0] < len(frame.lines) - 1:
            return  # it was left before its end
        path, line = frame.path, last
        if self.logical:
            path, line = locate(frame.markers, frame.path, last)
        self._line(event, path, line, "" if path == STANDARD_INPUT else None)

    # -- directives --------------------------------------------------------------------------

    def _directive(self, event: Event) -> None:
        match = _DIRECTIVE.match(event.frame.statements[event.index])
        if match is None or not self.entries:
            return
        name, rest = match[1].lower(), match[2].strip()
        entry = self.entries[-1]
        self._condition(event, name, entry)
        if event.skipped:
            return
        if name == ".list":
            off = entry.edict in ("nolist", "nolist-next")
            entry.edict = "" if off else "list"
        elif name == ".nolist":
            entry.edict = "" if entry.edict == "list" else "nolist"
        elif name == ".eject":
            entry.edict = "eject"
        elif name in (".title", ".sbttl") and rest.startswith('"'):
            entry.edict = "title" if name == ".title" else "subtitle"
            entry.argument = rest[1:].partition('"')[0]
        elif name == ".psize":
            self._page_size(rest)
        elif name == ".file":
            self._file(rest)
        elif name == ".loc":
            words = rest.split()
            if len(words) > 1 and words[0].isdigit() and words[1].isdigit():
                path = self._files.get(int(words[0]))
                if path is not None:
                    entry.source = path, int(words[1])

    def _condition(self, event: Event, name: str, entry: Entry) -> None:
        """What is skipped is left out with `c` (gas/cond.c, LISTING_SKIP_COND)."""
        if not self.conditionals:
            return
        if name in _END:
            if event.skipped and not event.skips:
                self._list(entry)
        elif name in _ELSE:
            if not event.dead:
                if event.skips:
                    entry.edict = "nolist-next"
                else:
                    self._list(entry)
        elif name.startswith(".if") and event.skips and not event.skipped:
            entry.edict = "nolist-next"

    @staticmethod
    def _list(entry: Entry) -> None:
        entry.edict = "" if entry.edict in ("nolist", "nolist-next") else "list"

    def _page_size(self, rest: str) -> None:
        numbers = [int(word, 0) for word in re.findall(r"0x[0-9a-fA-F]+|[0-9]+", rest)]
        if numbers:
            self.height = numbers[0] if numbers[0] <= 1000 else 0
        if len(numbers) > 1:
            self.width = numbers[1]

    def _file(self, rest: str) -> None:
        match = re.match(r'([0-9]+)[ \t]*"([^"]*)"(?:[ \t]*"([^"]*)")?', rest)
        if match:
            directory, name = ("", match[2]) if match[3] is None else (match[2], match[3])
            self._files[int(match[1])] = f"{directory}/{name}" if directory else name


def _nesting(frame: Frame) -> int:
    """How many macros and repetitions are being expanded."""
    count = 0
    at: Frame | None = frame
    while at is not None:
        count += at.kind != "file"
        at = at.parent
    return count


def _is_repeated(frame: Frame) -> bool:
    at: Frame | None = frame
    while at is not None and not repeated(at):
        at = at.parent
    return at is not None


def _expanded(nest: int, text: str) -> str:
    return f"{'>' * nest} {text}"


def _raw_line(frame: Frame, number: int) -> str:
    source = frame.origin or frame
    raw = source.raw
    return raw[number - 1] if raw and number <= len(raw) else ""


def _scrubbed(frame: Frame, index: int) -> str:
    """A statement as GNU's scrubber leaves it: no comment, little white space."""
    line = _raw_line(frame, frame.lines[index])
    occurrence = 0
    at = index
    while at > 0 and frame.lines[at - 1] == frame.lines[index]:
        at -= 1
        occurrence += 1
    source = frame.origin or frame
    number = frame.lines[index]
    on_line = bisect_right(source.lines, number) - bisect_left(source.lines, number)
    occurrence %= max(1, on_line)  # each round of a repetition has its own
    pieces = line.split(";")
    piece = pieces[occurrence] if occurrence < len(pieces) else ""
    lead = " " if piece[:1] in (" ", "\t") else ""
    statement = frame.statements[index]
    # The blank that would part a word from its operands stays before a comment.
    commented = re.search(rf"{re.escape(statement)}[ \t]+(?:#|/[/*])", piece)
    tail = " " if commented and re.fullmatch(r"[\w.$]+", statement) else ""
    return lead + squeeze(statement) + tail


def _whole_line(frame: Frame, index: int) -> str:
    """All statements of a line."""
    parts = []
    while index < len(frame.lines):
        parts.append(_scrubbed(frame, index))
        index += 1
        if index == len(frame.lines) or frame.lines[index] != frame.lines[index - 1]:
            break
    return ";".join(parts)


def _head(frame: Frame) -> int:
    """The line of the statement before the body of a macro or repetition: its head."""
    known = (frame.origin or frame).lines
    return known[max(0, bisect_left(known, frame.lines[0]) - 1)]


def _gap(frame: Frame, index: int, previous: tuple[int, int] | None) -> list[tuple[int, str]]:
    """The lines without a statement before `index` in an expansion's body, and what is left."""
    known = (frame.origin or frame).lines
    lines = frame.lines
    line = lines[index]
    head = _head(frame)
    end_at = bisect_right(known, max(lines))
    end = known[end_at] if end_at < len(known) else max(lines) + 1
    if previous is None:
        ranges = [range(head + 1, line)]
    elif index > previous[0] and line >= previous[1]:
        ranges = [range(previous[1] + 1, line)]
    else:  # the next round of a repetition
        ranges = [range(previous[1] + 1, end), range(head + 1, line)]
    return [
        (number, " " if _raw_line(frame, number)[:1] in (" ", "\t") else "")
        for numbers in ranges
        for number in numbers
    ]
