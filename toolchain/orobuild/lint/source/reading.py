"""What reading the assembly of a file yields: every statement that matters, and what it adds up to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orobuild.lint.source.events import Declaration, Event, Expansion, SectionUse


@dataclass(frozen=True, slots=True)
class BlockReading:
    """One block of assembly inside another language, by its number.

    `events` are its own among `Reading.events`. `leaves` is the section that is current at its
    end if that is not the one at its start, `pushed` how many sections are still pushed there;
    None where that cannot be known.
    """

    index: int
    at_file_scope: bool
    events: range
    leaves: SectionUse | None
    pushed: int | None


@dataclass(slots=True)
class Reading:
    """What was read. `complete` is False when the file is too long to be read to its end."""

    events: list[Event] = field(default_factory=list)
    declarations: list[Declaration] = field(default_factory=list)
    expansions: list[Expansion] = field(default_factory=list)
    sections: list[SectionUse] = field(default_factory=list)
    mentioned: set[str] = field(default_factory=set)  # words in the operands of unknown macros
    complete: bool = True
    initial: SectionUse | None = None
    lines: list[str] = field(default_factory=list)  # of the file itself
    texts: dict[str, str] = field(default_factory=dict)  # of the files that were included, by path
    blocks: list[BlockReading] = field(default_factory=list)
    pushed: int | None = 0  # sections still on the stack at the end
