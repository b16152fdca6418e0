"""What lies where in an output section, and what symbols the script defines.

Values that the layout fills and later phases read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
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
    source: str | None = None  # the symbol that it is a plain copy of
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


@dataclass(slots=True)
class Run:
    """Where the sections of an `InputRun` lie, cached for the start's alignment."""

    residue: int
    offsets: NDArray[np.uint64]
    size: int
    start: int = 0
    positions: dict[int, int] | None = None


@dataclass(slots=True)
class Contents:
    """What lies where in an output section: filled by the last walk."""

    gaps: list[Gap] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    runs: list[tuple[InputRun, int, bytes]] = field(default_factory=list)
