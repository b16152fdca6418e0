"""Conditional assembly: the stack of `.if` blocks and which of their parts are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Diagnostic, Note, Span, error
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.assembler.source import Frame
    from orobuild.assembler.symbol import Place


@dataclass(slots=True)
class _Block:
    """One open `.if`. `taken`: a part of it has been read; `dead`: it lies in a skipped part."""

    name: str
    place: Place
    reading: bool
    taken: bool
    dead: bool
    else_seen: Span | None = None

    @property
    def span(self) -> Span:
        """Where it was opened."""
        _, frame, index = self.place
        return frame.span(index)


class Conditionals:
    """The open `.if` blocks; `skipping` says whether statements are ignored now."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self.skipping = False

    @property
    def depth(self) -> int:
        """The number of open blocks."""
        return len(self._blocks)

    @property
    def dead(self) -> bool:
        """Whether the innermost open block lies in a skipped part of another."""
        return bool(self._blocks) and self._blocks[-1].dead

    def begin(self, name: str, place: Place, *, condition: bool) -> None:
        """An `.if` of some kind."""
        dead = self.skipping
        reading = condition and not dead
        self._blocks.append(_Block(name, place, reading, reading, dead))
        self._update()

    def otherwise(self, name: str, span: Span) -> _Block:
        """The block that an `.else` or `.elseif` belongs to. Raises through `fail`."""
        from orobuild.errors import InputError

        if not self._blocks:
            raise InputError(error(f"'{name}' without an '.if' before it", span))
        block = self._blocks[-1]
        if block.else_seen:
            notes = (
                Note("the '.else' is here", block.else_seen),
                Note(f"the '{block.name}' is here", block.span),
            )
            raise InputError(error(f"'{name}' after '.else'", span, notes=notes))
        return block

    def needs_condition(self, name: str, span: Span) -> bool:
        """Whether an `.elseif` must evaluate its condition."""
        block = self.otherwise(name, span)
        return not (block.dead or block.taken)

    def alternative(self, name: str, span: Span, *, condition: bool, last: bool) -> None:
        """An `.else` (`last`) or an `.elseif`."""
        block = self.otherwise(name, span)
        block.reading = condition and not block.dead and not block.taken
        block.taken = block.taken or block.reading
        if last:
            block.else_seen = span
        self._update()

    def end(self, place: Place) -> None:
        """An `.endif`."""
        if not self._blocks:
            from orobuild.errors import InputError

            _, frame, index = place
            raise InputError(error("'.endif' without an '.if' before it", frame.span(index)))
        self._blocks.pop()
        self._update()

    def unwind(self, depth: int) -> None:
        """Forget blocks opened since `depth` (`.exitm` leaves a macro from inside `.if`)."""
        del self._blocks[depth:]
        self._update()

    def close(self, frame: Frame) -> list[Diagnostic]:
        """The frame ends: blocks that were opened in it and never closed are errors."""
        open_blocks = self._blocks[frame.conditionals :]
        if not open_blocks:
            return []
        self.unwind(frame.conditionals)
        return [
            error(f"'{b.name}' is never closed", b.span, hint="add the missing '.endif'")
            for b in open_blocks
        ]

    def _update(self) -> None:
        self.skipping = bool(self._blocks) and not self._blocks[-1].reading
