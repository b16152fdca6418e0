"""What a command looks at, and how it speaks: the target, the kernel's file, colours, columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orobuild.debug.inspector.target import Target
    from orobuild.debug.location_text import Role
    from orobuild.debug.structures import Debug
    from orobuild.lint.program import Program


@dataclass(frozen=True, slots=True)
class View:
    """`program` is None when GDB has no file, or one that is not for us; then names are unknown.

    `frame_struct` is the tag of the structure that entries to the kernel save, "" if it is not said.
    """

    target: Target
    program: Program | None
    structures: Debug
    frame_struct: str
    style: Callable[[str, Role], str]

    def name(self, address: int) -> str:
        """`symbol+0x10`, or nothing if no symbol is there."""
        if self.program is None or self.program.segment_at(address) is None:
            return ""
        return self.program.symbols.name(address) or ""

    def place(self, address: int) -> str:
        """The address, and the name of what is there."""
        return f"{address:#x} {self.style(self.name(address), 'head')}".rstrip()

    def number(self, text: str) -> int:
        """An address as `orobuild at` takes it, or any expression of GDB's."""
        from orobuild.debug import location

        if self.program is not None:
            try:
                return location.parse(self.program, text)
            except UsageError:
                pass
        value = self.target.evaluate(text)
        if value.get("kind") == "struct" and value.get("at") is not None:
            return int(value["at"])
        if "value" not in value:
            raise UsageError(f"'{text}' is no address")
        return int(value["value"]) & (1 << 64) - 1

    def bad(self, text: str) -> str:
        """`text` as something that is wrong."""
        return self.style(text, "bad")

    def good(self, text: str) -> str:
        """`text` as something that was looked at and is right."""
        return self.style(text, "good")

    def columns(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """Lines of a table; `rows` are plain text, and a cell that begins with `!` is wrong."""
        if not rows:
            return
        shown = [[cell.removeprefix("!") for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(titles, *shown, strict=True)]
        yield self.style(_line(titles, widths), "label")
        for row, plain in zip(rows, shown, strict=True):
            cells = []
            for cell, text, width in zip(row, plain, widths, strict=True):
                padded = f"{text:<{width}}"
                cells.append(self.bad(padded) if cell.startswith("!") else padded)
            yield "  ".join(cells).rstrip()


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def none_left(words: Sequence[str], usage: str) -> None:
    """Raise `UsageError` if there are words that a command does not take."""
    if words:
        raise UsageError(f"'{words[0]}' is not understood; usage: {usage}")
