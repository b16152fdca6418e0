"""The record of an assembly: what every statement became, for listings and explanations.

`Recorder` is a unit that remembers, in the order of reading, which statements it met, and which
bytes of which section each of them made. It changes nothing in the object. What is done with the
record is in `listing` and `explanation`.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from orobuild.assembler.source import locate
from orobuild.assembler.unit import Unit
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.assembler import Options
    from orobuild.assembler.encoder.types import Dialect
    from orobuild.assembler.fragment import BranchTail, Fragment
    from orobuild.assembler.output import Built
    from orobuild.assembler.relocation import OutputRelocation
    from orobuild.assembler.section import Section
    from orobuild.assembler.source import Frame
    from orobuild.assembler.symbol import Place, Symbol

Trace = dict[tuple["Section", int], "list[tuple[Fragment, int, Place, object]]"]
"""By section and subsection: where the bytes of each stream item begin, its statement, the item."""


@dataclass(frozen=True, slots=True)
class Event:
    """A statement that was met, or with `index` -1 the end of a file.

    `section`, `stream` and `dialect` are what it was met in; `skipped` and `skips` whether conditions skip
    statements before and after it; `dead` whether the `.if` around it is itself skipped.
    """

    place: Place
    section: Section
    stream: int
    skipped: bool
    skips: bool
    dead: bool
    counted: bool
    dialect: Dialect

    @property
    def frame(self) -> Frame:
        """The text that the statement stands in."""
        return self.place[1]

    @property
    def index(self) -> int:
        """Its number in the frame."""
        return self.place[2]


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes [start, start + size) of a section that `item` of a statement became."""

    place: Place
    section: Section
    stream: int
    start: int
    size: int
    item: object


@dataclass(frozen=True, slots=True)
class Record:
    """What an assembly leaves behind.

    `pieces` are by the running number of the statement, `contents` and `relocations` by section,
    `branches` by the running number of the branch. `symbols` are in the order of the symbol
    table, without section symbols and local ones that are dropped.
    """

    options: Options
    events: tuple[Event, ...]
    pieces: dict[int, list[Piece]]
    contents: dict[Section, bytes]
    relocations: dict[Section, list[OutputRelocation]]
    branches: dict[int, BranchTail]
    symbols: tuple[Symbol, ...]
    file_symbol: str | None


class Recorder(Unit):
    """A unit that remembers."""

    def __init__(
        self, text: str, path: str, options: Options, read_file: Callable[[str], bytes]
    ) -> None:
        self.events: list[Event] = []
        super().__init__(text, path, options, read_file)
        self.trace = {}

    def statement(self, text: str, start: int = 0) -> None:
        """Read one statement and remember that it was met."""
        place, section, stream = self.place, self.section, self.stream.number
        skipped, counted = self.conditionals.skipping, self.structure is None
        dialect = self.dialect
        try:
            super().statement(text, start)
        finally:
            skips = self.conditionals.skipping
            dead = self.conditionals.dead
            self.events.append(
                Event(place, section, stream, skipped, skips, dead, counted, dialect)
            )

    def leave(self, frame: Frame) -> None:
        """The frame has been read to its end."""
        if frame.kind == "file":
            place = (self.seq, frame, -1)
            number = self.stream.number
            self.events.append(
                Event(place, self.section, number, False, False, False, True, self.dialect)
            )
        super().leave(frame)

    def record(self, built: Built) -> Record:
        """What has been remembered, once the object is made."""
        pieces: dict[int, list[Piece]] = {}
        known = {event.place[0] for event in self.events if event.index >= 0}
        instructions: list[tuple[Place, Section, int]] = []
        for (section, number), marks in (self.trace or {}).items():
            if not marks:
                continue
            last = section.streams[number].fragments[-1]
            end = last.address + len(last.data) + last.size
            ends = [fragment.address + offset for fragment, offset, _, _ in marks[1:]] + [end]
            for (fragment, offset, place, item), limit in zip(marks, ends, strict=True):
                start = fragment.address + offset
                piece = Piece(place, section, number, start, limit - start, item)
                pieces.setdefault(place[0], []).append(piece)
                if place[0] not in known and place[1].lines:
                    # an instruction that the unit knew from an equal one before
                    known.add(place[0])
                    instructions.append((place, section, number))
        dialects = [(event.place[0], event.dialect) for event in self.events]
        events = list(self.events)
        for place, section, number in instructions:
            at = bisect_right(dialects, place[0], key=lambda item: item[0]) - 1
            dialect = dialects[at][1] if at >= 0 else self.dialect
            events.append(Event(place, section, number, False, False, False, True, dialect))
        events.sort(key=lambda e: (e.place[0], e.place[2] < 0))
        return Record(
            self.options,
            tuple(events),
            pieces,
            built.contents,
            built.relocations,
            built.branches,
            built.symbols,
            self.file_symbol,
        )


def source_place(place: Place) -> tuple[str, int]:
    """The file and line of a statement as it is written; in a macro, those of its body."""
    _, frame, index = place
    source = frame.origin or frame
    return locate(source.markers, source.path, frame.lines[index])


def use_place(
    place: Place, *, in_repetitions: bool = False, logical: bool = False
) -> tuple[str, int]:
    """The file and line of the file's statement that led to this one.

    In a macro that is its use; in a repetition its end (gas/input-scrub.c, as_where_top), or
    with `in_repetitions` the line of its body. Line markers count only when it is `logical`.
    """
    _, frame, index = place
    while frame.kind != "file" and frame.parent is not None:
        if in_repetitions and repeated(frame):
            break
        index = max(0, frame.parent_index - 1)
        frame = frame.parent
    source = frame.origin or frame
    line = frame.lines[index]
    return locate(source.markers, source.path, line) if logical else (source.path, line)


def repeated(frame: Frame) -> bool:
    """Whether the frame is a repetition that stands in a file, or in another such one."""
    at: Frame | None = frame
    while at is not None and at.kind == "repeat":
        at = at.parent
    return frame.kind == "repeat" and at is not None and at.kind == "file"
