"""What reading an assembly file yields: statements that emit, name or move, each with its place."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orobuild.assembler.source import Frame
    from orobuild.diagnostics import Note, Span


class Kind(enum.Enum):
    """What a statement does."""

    INSTRUCTION = "instruction"
    DATA = "data"  # bytes, strings, space, embedded files
    LABEL = "label"
    SECTION = "section"  # the current section may have changed
    SYMBOL = "symbol"  # .globl, .type, .size and the like
    UNKNOWN = "unknown"  # a macro that is defined in no file that could be read


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement stands: number `index` of a `frame` of the reader.

    `line` is the line of the linted file that caused it, 1-based. `direct`: it stands there
    itself, not in a macro, a repetition or an included file.
    """

    frame: Frame
    index: int
    line: int
    direct: bool

    @property
    def span(self) -> Span:
        """The statement with its source line."""
        return self.frame.span(self.index)

    @property
    def path(self) -> str:
        """The path of the file, or of the block, that `line` is in."""
        frame = self.frame
        while frame.parent is not None:
            frame = frame.parent
        return frame.path

    @property
    def notes(self) -> tuple[Note, ...]:
        """The chain of macro expansions that led there, innermost first."""
        return self.frame.notes()


@dataclass(slots=True, eq=False)
class SectionUse:
    """One section of a file by name, with every declaration of it.

    `flags` are the letters in force, None when they cannot be known (a macro makes them).
    `declared` says that a flags string was written. `known` says that the assembler has defaults
    for the name.
    """

    name: str
    flags: str | None
    declared: bool
    known: bool
    first: Place
    macros: list[tuple[str, Place]] = field(default_factory=list)

    @property
    def is_executable(self) -> bool:
        """Whether instructions in it can run; unknown counts as yes."""
        return self.flags is None or "x" in self.flags


@dataclass(frozen=True, slots=True)
class Event:
    """One statement.

    `word` is the mnemonic, the directive or the label, `text` its operands. `section` is where
    it goes; None when that is not known (an unknown macro or branches of a conditional may have
    changed it). `chosen`: some directive has chosen a section before. `conditional`: it stands
    in a block that not every build reads. `label` is the last name that is no local label.
    """

    kind: Kind
    word: str
    text: str
    place: Place
    section: SectionUse | None
    chosen: bool
    conditional: bool
    label: str | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """One `.section` or `.pushsection` line with its flags; None when none were written."""

    word: str
    name: str
    flags: str | None
    readable: bool  # the flags are a plain string of letters
    place: Place
    use: SectionUse
    conditional: bool


@dataclass(frozen=True, slots=True)
class Expansion:
    """A macro of this file was expanded; `place` is where, `emits` whether it emitted anything."""

    name: str
    place: Place
    section: SectionUse | None
    chosen: bool
