"""What lies where in an output section, and what symbols the script defines.

Values that the layout fills and later phases read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.diagnostics import Span
    from orobuild.linker.evaluation import Place, Value
    from orobuild.linker.output import InputRun
    from orobuild.linker.script import nodes


@dataclass(slots=True)
class ScriptSymbol:
    """A symbol that the script defines. `home` is where st_shndx points for an absolute value."""

    name: str
    value: Value
    hidden: bool
    span: Span | None
    home: Place | None = None
    source: str | None = None  # the only symbol that its value comes from
    provided: bool = False
    st_type: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of an output section that no input fills. `pattern` is empty for the default."""

    start: int
    length: int
    pattern: bytes


@dataclass(slots=True)
class Piece:
    """Data that the script itself puts into a section, at `start` bytes from its beginning."""

    start: int
    size: int
    node: nodes.Data | nodes.Text
    data: bytes


@dataclass(frozen=True, slots=True)
class Padding:
    """Gaps between the input sections of a run: `starts` and `lengths` are parallel."""

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    pattern: bytes


@dataclass(slots=True)
class Run:
    """Where the sections of an `InputRun` lie: `offsets` from its start, for a start that leaves
    `residue` when divided by `boundary`, the largest of `aligns`. All are in bytes."""

    rows: NDArray[np.int64]
    sizes: NDArray[np.int64]
    aligns: NDArray[np.int64]
    boundary: int
    residue: int
    offsets: NDArray[np.int64]
    size: int
    start: int = 0
    positions: dict[int, int] | None = None

    @classmethod
    def of(
        cls, rows: NDArray[np.int64], sizes: NDArray[np.int64], aligns: NDArray[np.int64]
    ) -> Run:
        """The run of these sections; `place` says where it starts."""
        return cls(rows, sizes, aligns, int(aligns.max()), -1, np.zeros(0, "i8"), 0)

    def place(self, start: int) -> None:
        """Begin at address `start`."""
        residue = start % self.boundary
        if residue == self.residue:
            return
        self.residue = residue
        changes = np.flatnonzero(self.aligns[1:] != self.aligns[:-1]) + 1
        if 8 * len(changes) > len(self.rows):
            self._place_one_by_one(residue)
            return
        # Where neighbours are aligned alike, each takes its size rounded up.
        parts = []
        position = residue
        for sizes, aligns in zip(
            np.split(self.sizes, changes), np.split(self.aligns, changes), strict=True
        ):
            align = int(aligns[0])
            position += -position % align
            ends = np.cumsum(sizes + -sizes % align)
            parts.append(position + ends - (sizes + -sizes % align))
            position = int(parts[-1][-1]) + int(sizes[-1])
        self.offsets = np.concatenate(parts) - residue
        self.size = position - residue

    def _place_one_by_one(self, residue: int) -> None:
        offsets = []
        position = residue
        for size, align in zip(self.sizes.tolist(), self.aligns.tolist(), strict=True):
            position += -position % align
            offsets.append(position)
            position += size
        self.offsets = np.array(offsets, "i8") - residue
        self.size = position - residue


@dataclass(slots=True)
class Contents:
    """What lies where in an output section: filled by the last walk."""

    gaps: list[Gap] = field(default_factory=list)
    padding: list[Padding] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    runs: list[tuple[InputRun, int, bytes]] = field(default_factory=list)
