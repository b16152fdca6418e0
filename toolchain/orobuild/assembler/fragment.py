"""Fragments: stretches of a section whose bytes are fixed, each followed by a tail that is not.

The tails are what relaxation sizes: branches, alignments, `.org`, `.skip` of an unknown number,
LEB128 numbers. The split into fragments is that of GNU as (gas/frags.c), because a difference of
two labels is a number while the file is read only inside one fragment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.assembler.encoder.types import FixupKind
    from orobuild.assembler.section import Section
    from orobuild.assembler.symbol import Linear, Place


class BranchTail:
    """A branch to `target`; `is_near` once relaxation has chosen the near form.

    `fixed` says that no choice is left: the target is not a label of this section, or there is one
    form only. `grown` is the pass of relaxation that found the short form too short, `missed` the
    distance in bytes that it would have had to span.
    """

    __slots__ = (
        "fixed", "grown", "is_near", "kind", "missed", "near", "near_size", "place", "short", "target",
    )  # fmt: skip

    def __init__(
        self,
        target: Linear,
        short: bytes,
        near: bytes | None,
        near_size: int,
        kind: FixupKind,
        place: Place,
    ) -> None:
        self.target = target
        self.short = short
        self.near = near
        self.near_size = near_size
        self.kind = kind
        self.place = place
        self.is_near = False
        self.fixed = False
        self.grown = 0
        self.missed = 0


@dataclass(slots=True)
class AlignTail:
    """Padding up to a multiple of 2**`power`, at most `limit` bytes (0: no limit).

    `pattern` fills it (repeated, right-aligned to the end); None means no-operations for
    `width`-bit code, of the processor's long kind with `long_nops`.
    """

    power: int
    pattern: bytes | None
    limit: int
    width: int
    place: Place
    long_nops: bool = True


@dataclass(slots=True)
class OrgTail:
    """Padding with `fill` up to `target`, a place in the same section."""

    target: Linear
    fill: int
    place: Place


@dataclass(slots=True)
class SpaceTail:
    """`count` times `pattern`; `count` is known after relaxation at the latest."""

    count: Linear
    pattern: bytes
    place: Place


@dataclass(slots=True)
class FillTail:
    """`count` times `pattern`, known from the start but too big to spell out."""

    count: int
    pattern: bytes


@dataclass(slots=True)
class NopsTail:
    """`.nops`: `count` bytes of no-operations of at most `limit` bytes each."""

    count: Linear
    limit: int
    width: int
    place: Place
    long_nops: bool


@dataclass(slots=True)
class LebTail:
    """A LEB128 number whose size depends on its value."""

    value: Linear
    signed: bool
    place: Place


@dataclass(slots=True)
class AdvanceTail:
    """DW_CFA_advance_loc over `delta` bytes of code (`cfi`)."""

    delta: Linear
    place: Place


@dataclass(slots=True)
class LineTail:
    """A row of the line table `line_delta` lines and `delta` bytes after the one before it.

    `line_delta` is None for the end of a sequence (`line_table`).
    """

    line_delta: int | None
    delta: Linear
    place: Place


Tail: TypeAlias = (
    BranchTail
    | AlignTail
    | OrgTail
    | SpaceTail
    | FillTail
    | NopsTail
    | LebTail
    | AdvanceTail
    | LineTail
)


class Fragment:
    """`data`, then the tail's `size` bytes.

    `address` is the offset of the first byte in the section, kept by relaxation. `anchor` and
    `anchor_offset` give the place relative to the first of a row of fragments with fixed tails.
    """

    __slots__ = (
        "address", "anchor", "anchor_offset", "data", "marker", "region", "section", "size", "tail",
    )  # fmt: skip

    def __init__(self, section: Section, previous: Fragment | None = None) -> None:
        self.section = section
        self.data = bytearray()
        self.tail: Tail | None = None
        self.size = 0
        self.address = 0
        self.region = 0
        self.marker = False
        if previous is None:
            self.anchor: Fragment = self
            self.anchor_offset = 0
        else:
            self.anchor = previous.anchor
            self.anchor_offset = previous.anchor_offset + len(previous.data) + previous.size


class Fix:
    """A field in a fragment that needs a value after relaxation.

    `base` is the distance in bytes from the field to the point that a PC-relative value is
    relative to (the end of the instruction), `start` the distance from the instruction's first
    byte to the field; both are 0 for data.
    """

    __slots__ = (
        "base", "fragment", "kind", "offset", "pc_relative", "place", "signed", "size", "start",
        "value",
    )  # fmt: skip

    def __init__(
        self,
        fragment: Fragment,
        offset: int,
        size: int,
        value: Linear,
        *,
        place: Place,
        pc_relative: bool = False,
        signed: bool = False,
        kind: FixupKind | None = None,
        base: int = 0,
        start: int = 0,
    ) -> None:
        self.fragment = fragment
        self.offset = offset
        self.size = size
        self.value = value
        self.place = place
        self.pc_relative = pc_relative
        self.signed = signed
        self.kind = kind
        self.base = base
        self.start = start
