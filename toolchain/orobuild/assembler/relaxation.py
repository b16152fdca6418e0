"""Relaxation: every tail gets a size, every fragment an address.

Owns the fixed point of GNU as (binutils 2.40, gas/write.c `relax_segment` and `relax_frag`),
step by step, since where alignments lie between a branch and its target the result depends on
the order of the steps. Branches start short and only grow.
"""

from __future__ import annotations

from itertools import accumulate, compress
from operator import add, sub
from typing import TYPE_CHECKING, Final

from orobuild.assembler.cfi import advance
from orobuild.assembler.fragment import (
    AdvanceTail,
    AlignTail,
    BranchTail,
    FillTail,
    Fragment,
    LebTail,
    LineTail,
    NopsTail,
    OrgTail,
    SpaceTail,
)
from orobuild.assembler.leb128 import sleb128, uleb128
from orobuild.assembler.line_table import increment
from orobuild.assembler.padding import largest_nop
from orobuild.assembler.problems import Stop
from orobuild.assembler.symbol import Kind
from orobuild.assembler.value import Unresolvable, final, final_position, not_a_number
from orobuild.diagnostics import error, warning
from orobuild.elf.constants import STB_WEAK, STT_GNU_IFUNC, STV_DEFAULT

if TYPE_CHECKING:
    from orobuild.assembler.section import Section
    from orobuild.assembler.unit import Unit

MAX_PASSES: Final = 2000


def relax(unit: Unit, sections: list[Section]) -> None:
    """Size the tails of all `sections` and give their fragments addresses."""
    for section in sections:
        section.fragments = [
            fragment
            for number in sorted(section.streams)
            for fragment in section.streams[number].fragments
        ]
        _first_addresses(section, shared=unit.options.flags.shared)
    left = sections
    if unit.trace is None:  # which wants to know in which pass a branch grew
        left = [section for section in sections if not _relax_branches(section)]
    for _ in range(MAX_PASSES):
        changed = False
        for section in left:
            changed |= _Relaxer(unit, section).run()
        if not changed:
            break
    else:
        unit.report(error("relaxation does not come to an end"))
    for section in sections:
        last = section.fragments[-1]
        section.size = last.address + len(last.data) + last.size


def _first_addresses(section: Section, *, shared: bool) -> None:
    """First guesses: branches short, LEB128 numbers one byte, spaces nothing."""
    address = 0
    region = 0
    for fragment in section.fragments:
        fragment.address = address
        fragment.region = region
        address += len(fragment.data)
        tail = fragment.tail
        kind = type(tail)
        if kind is BranchTail:
            fragment.size = _first_branch_size(section, tail, shared=shared)  # type: ignore[arg-type]
        elif kind is AlignTail:
            fragment.size = align_size(address, tail)  # type: ignore[arg-type]
            region += 1
        elif kind is OrgTail:
            fragment.size = 0
            region += 1
        elif kind is LebTail:
            fragment.size = 1
        address += fragment.size


def _relax_branches(section: Section) -> bool:
    """Relax a section in which nothing but branches has no size yet; False for any other.

    Branches only grow, and only where the distance demands it: whatever the order, that ends in
    the same place. Alignments and the like shrink, so for them the order of the steps counts. Here
    a column is worked on at a time: there are tens of thousands of branches.
    """
    fragments = section.fragments
    if not {type(fragment.tail) for fragment in fragments} <= _GROWING:
        return False
    sizes = []
    branches: list[BranchTail] = []
    places: list[int] = []
    for index, fragment in enumerate(fragments):
        fragment.region = index
        sizes.append(len(fragment.data) + fragment.size)
        tail = fragment.tail
        if type(tail) is BranchTail and not tail.fixed:
            branches.append(tail)
            places.append(index)
    goals: list[int] = []
    offsets: list[int] = []
    for tail in branches:
        symbol = tail.target.add
        assert symbol is not None
        goal = symbol.fragment
        if goal is None:
            return False  # an equated symbol: its place is an expression's
        goals.append(goal.region)
        offsets.append(symbol.offset + tail.target.number)
    while True:
        starts = [0, *accumulate(sizes)]
        at = starts.__getitem__
        distances = map(
            sub,
            map(add, map(at, goals), offsets),
            map(at, [place + 1 for place in places]),
        )
        grown = [i for i, distance in enumerate(distances) if not -128 <= distance <= 127]
        if not grown:
            break
        for i in grown:
            tail, fragment = branches[i], fragments[places[i]]
            short = fragment.size
            fragment.size = _near(tail)
            sizes[places[i]] += fragment.size - short
        left = [not tail.is_near for tail in branches]
        branches = list(compress(branches, left))
        places = list(compress(places, left))
        goals = list(compress(goals, left))
        offsets = list(compress(offsets, left))
    for fragment, start in zip(fragments, starts, strict=False):
        fragment.address = start
    return True


_GROWING: Final = frozenset({BranchTail, FillTail, type(None)})


def align_size(address: int, tail: AlignTail) -> int:
    """The padding in bytes at `address`."""
    size = -address & ((1 << tail.power) - 1)
    return 0 if tail.limit and size > tail.limit else size


def _near(tail: BranchTail) -> int:
    assert tail.near is not None
    tail.is_near = True
    return len(tail.near) + tail.near_size


def _first_branch_size(section: Section, tail: BranchTail, *, shared: bool) -> int:
    """Short where the target can be reached without a relocation (md_estimate_size_before_relax)."""
    target = tail.target
    symbol = target.add
    if symbol is None or target.sub is not None or target.modifier not in (None, "PLT"):
        tail.fixed = True
        return _near(tail)
    if symbol.kind is Kind.EQUATE:
        try:
            near = final_position(symbol)[0] is section
        except Unresolvable:
            near = False
    else:
        near = symbol.kind is Kind.LABEL and symbol.section is section
    # A global symbol may be preempted only in a shared library; GNU as does not assume one.
    resolved = near and symbol.binding != STB_WEAK and symbol.type != STT_GNU_IFUNC
    if not symbol.is_local and (
        target.modifier == "PLT" or (shared and symbol.visibility == STV_DEFAULT)
    ):
        resolved = False
    if not resolved:
        tail.fixed = True
    if not resolved or not tail.short:
        return _near(tail)
    return len(tail.short) + 1


class _Relaxer:
    """Passes over one section until nothing grows."""

    def __init__(self, unit: Unit, section: Section) -> None:
        self.unit = unit
        self.section = section
        self.passes = 0

    def run(self) -> bool:
        """Relax the section alone to a fixed point; whether anything changed."""
        changed = False
        for _ in range(MAX_PASSES):
            if not self.one_pass():
                return changed
            changed = True
        # gas/write.c: "Infinite loop encountered whilst attempting to compute the addresses of
        # symbols"
        tails = (fragment.tail for fragment in self.section.fragments)
        place = next(
            (t.place for t in tails if isinstance(t, OrgTail | SpaceTail)), self.unit.place
        )
        message = f"the addresses in section '{self.section.name}' do not settle"
        hint = "does an '.org' or '.skip' depend on a label behind it?"
        self.unit.report(error(message, self.unit.span_at(place), hint=hint), place)
        raise Stop

    def one_pass(self) -> bool:
        """One pass of relax_segment; whether an address changed."""
        self.passes += 1
        stretch = 0
        stretched = False
        fragments = self.section.fragments
        for index, fragment in enumerate(fragments):
            fragment.marker = not fragment.marker
            was = fragment.address
            address = fragment.address = was + stretch
            tail = fragment.tail
            kind = type(tail)
            if kind is BranchTail:
                if tail.is_near:  # type: ignore[union-attr]
                    continue
                growth = self.branch(fragment, tail, stretch, index)  # type: ignore[arg-type]
            elif kind is AlignTail:
                size = align_size(address + len(fragment.data), tail)  # type: ignore[arg-type]
                growth = size - fragment.size
                fragment.size = size
            elif tail is None or kind is FillTail:
                continue
            else:
                growth = self.other(fragment, address, tail)
            if growth:
                stretch += growth
                stretched = True
        return stretched

    def branch(self, fragment: Fragment, tail: BranchTail, stretch: int, index: int) -> int:
        """Whether the short form still reaches (relax_frag)."""
        target = tail.target
        symbol = target.add
        assert symbol is not None
        goal = symbol.fragment
        if goal is None:
            base, value = final_position(symbol)
            assert base is self.section
            place = value + target.number
        else:
            place = goal.address + symbol.offset + target.number
            if stretch and goal.marker != fragment.marker:
                # Not reached in this pass: it will move as we did, unless an alignment between
                # takes the movement up.
                if stretch < 0 or goal.region == fragment.region:
                    place += stretch
                elif place < fragment.address + len(fragment.data):
                    following = self.section.fragments[index + 1]
                    place = following.address + stretch
        size = len(tail.short) + 1
        distance = place - (fragment.address + len(fragment.data) + size)
        if -128 <= distance <= 127:
            return 0
        tail.grown, tail.missed = self.passes, distance
        fragment.size = _near(tail)
        return fragment.size - size

    def other(self, fragment: Fragment, address: int, tail: object) -> int:
        """`.org`, `.skip`, `.nops` and LEB128."""
        end = address + len(fragment.data)
        before = fragment.size
        try:
            if isinstance(tail, OrgTail):
                base, value = final(tail.target)
                if base is not self.section and base is not None:
                    raise Unresolvable("'.org' can only move within its section")
                fragment.size = max(0, value - end)
            elif isinstance(tail, SpaceTail | NopsTail):
                base, value = final(tail.count)
                if base is not None:
                    raise Unresolvable(not_a_number(base, "the count"))
                unit_size = len(tail.pattern) if isinstance(tail, SpaceTail) else 1
                fragment.size = max(0, value) * unit_size
                if fragment.size > self.unit.options.size_limit and not self.section.is_nobits:
                    fragment.size = 0
                    raise Unresolvable(f"the count {value} is too large")
            elif isinstance(tail, AdvanceTail):
                base, value = final(tail.delta)
                if base is not None or not 0 <= value < 1 << 32:
                    raise Unresolvable("call frame information must stay in one section")
                fragment.size = len(advance(value))
            elif isinstance(tail, LineTail):
                base, value = final(tail.delta)
                if base is not None or value < 0:
                    raise Unresolvable("rows of the line table must go upwards in a section")
                fragment.size = len(increment(tail.line_delta, value))
            elif isinstance(tail, LebTail):
                base, value = final(tail.value)
                if base is not None:
                    raise Unresolvable(not_a_number(base, "the LEB128 value"))
                size = len(leb(value, signed=tail.signed))
                # It never shrinks: two numbers that depend on each other would not settle.
                fragment.size = max(fragment.size, size)
        except Unresolvable as why:
            place = tail.place  # type: ignore[attr-defined]
            self.unit.report(error(str(why), self.unit.span_at(place)), place)
            fragment.tail = FillTail(0, b"\0")
            fragment.size = 0
        return fragment.size - before


def leb(value: int, *, signed: bool) -> bytes:
    """`value` as a LEB128 number; a negative unsigned one is taken as 64-bit."""
    if signed:
        return sleb128(value)
    return uleb128(value & ((1 << 64) - 1) if value < 0 else value)


def check(unit: Unit, section: Section) -> None:
    """Say what relaxation could not do: `.org` backwards, fills that do not fit, negative counts."""
    if {type(fragment.tail) for fragment in section.fragments} <= _GROWING:
        return
    for fragment in section.fragments:
        tail = fragment.tail
        end = fragment.address + len(fragment.data)
        if isinstance(tail, OrgTail):
            _, value = final(tail.target)
            if value < end:
                span = unit.span_at(tail.place)
                message = f"'.org' goes backwards, from {end:#x} to {value:#x}"
                unit.report(error(message, span), tail.place)
        elif isinstance(tail, AlignTail) and tail.pattern and fragment.size % len(tail.pattern):
            message = (
                f"the padding of {fragment.size} bytes is not a multiple of {len(tail.pattern)}"
            )
            unit.report(error(message, unit.span_at(tail.place)), tail.place)
        elif isinstance(tail, SpaceTail | NopsTail):
            _, value = final(tail.count)
            if value < 0:
                message = f"the count is negative ({value}): nothing is filled"
                unit.report(warning(message, unit.span_at(tail.place)), tail.place)
            limit = (
                largest_nop(unit.padding_width(tail.width), long=tail.long_nops)
                if isinstance(tail, NopsTail)
                else 0
            )
            if isinstance(tail, NopsTail) and tail.limit > limit:
                message = (
                    f"a no-operation of {tail.limit} bytes does not exist; the limit is {limit}"
                )
                unit.report(error(message, unit.span_at(tail.place)), tail.place)
