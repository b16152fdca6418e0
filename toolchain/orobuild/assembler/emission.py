"""Emission: a section's stream becomes fragments and fixes.

Owns the walk over stream items in their order, once the encoder has sized every instruction.
It decides where fragments end; it never decides how long a tail is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from orobuild.assembler.encoder.types import INTEL, WIDTH, Encoded, FixupKind, Slot
from orobuild.assembler.expression import Binary, SymbolRef, symbols
from orobuild.assembler.fragment import (
    AdvanceTail,
    AlignTail,
    BranchTail,
    FillTail,
    Fix,
    Fragment,
    LebTail,
    LineTail,
    NopsTail,
    OrgTail,
    SpaceTail,
    Tail,
)
from orobuild.assembler.processor import Processor
from orobuild.assembler.section import CodeRun
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.assembler.value import Unresolvable, bind
from orobuild.diagnostics import error
from orobuild.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.assembler.encoder.types import Branch, PlainBranch, PlainFixup
    from orobuild.assembler.expression import Expr
    from orobuild.assembler.instructions import Instructions
    from orobuild.assembler.record import Trace
    from orobuild.assembler.section import Section, Stream
    from orobuild.assembler.symbol import Place

_TAILS = (AdvanceTail, LineTail, AlignTail, OrgTail, SpaceTail, FillTail, LebTail, NopsTail)


# a symbolic immediate operand, in AT&T or Intel syntax
_IMMEDIATE: Final = pattern(r"\$[ \t]*[-+(~]*[A-Za-z_.]|\boffset\b", re.IGNORECASE)


# `movq` between memory and a general register or an immediate
_MOVQ: Final = pattern(r"(?:^|:)[ \t]*movq\b(?!.*%[xyz]?mm)")


def _make_real(symbol: Symbol, place: Place, *, forward: bool = False) -> None:
    """Give a local symbol its place in the symbol table, should a relocation need it there.

    In GNU as a local symbol becomes a full one, at the end of the table so far, when a
    displacement refers to it and it has been mentioned before, or with `forward` at once
    (gas/symbols.c, local_symbol_convert). Other references convert it when relocations are
    written.
    """
    now = place[0]
    if (symbol.first < now or forward) and (symbol.late or now < symbol.order):
        symbol.late = False
        # behind the label that stands before the instruction
        symbol.order, symbol.serial = now, 1 << 40


def _leads(expr: Expr) -> bool:
    """Whether an expression begins with its symbol: `1+.Lx` leaves the symbol as it is."""
    while isinstance(expr, Binary):
        expr = expr.left
    return isinstance(expr, SymbolRef)


def _one_by_one(pairs: Iterator[tuple[object, Place]]) -> Iterator[tuple[object, Place]]:
    """`pairs` with the slots of runs apart."""
    for item, place in pairs:
        if type(item) is list:
            number, frame, index = place
            for at, slot in enumerate(item):
                yield slot, (number + at, frame, index + at)
        else:
            yield item, place


_KINDS: Final = {kind.value: kind for kind in FixupKind}


class Field:
    """`size` bytes of data whose value is not a number yet."""

    __slots__ = ("signed", "size", "value")

    def __init__(self, value: Linear, size: int, *, signed: bool = False) -> None:
        self.signed = signed
        self.value = value
        self.size = size


def settle(unit: Instructions, section: Section, stream: Stream) -> None:
    """Move everything that waits in `stream` into its fragments."""
    _Settler(unit, section, stream).run()
    stream.items = []
    stream.places = []


class _Settler:
    """One walk over one stream."""

    def __init__(self, unit: Instructions, section: Section, stream: Stream) -> None:
        self.unit = unit
        self.section = section
        self.stream = stream
        self.symbols = unit.symbols.by_name
        self.record_runs = unit.options.code_ranges
        self.rows = unit.line_rows(section, stream.number) if section.is_code else None
        self.width = stream.width
        self.near_conditions = stream.near_conditions
        self.intel = stream.intel
        self.run_start: tuple[Fragment, int] | None = None

    def run(self) -> None:
        stream = self.stream
        data = stream.current.data
        empty = self.section.is_nobits
        careful = self.record_runs or self.rows is not None
        pairs: Iterator[tuple[object, Place]] = zip(stream.items, stream.places, strict=True)
        if self.unit.trace is not None:
            pairs = self.traced(_one_by_one(pairs), self.unit.trace)
        elif careful or empty:
            pairs = _one_by_one(pairs)
        for item, place in pairs:
            kind = type(item)
            if kind is list:
                at = -1
                for slot in item:  # type: ignore[attr-defined]
                    at += 1
                    raw = slot.raw
                    if type(raw) is bytes:
                        data += raw
                    else:
                        number, frame, index = place
                        data = self.slot(slot, (number + at, frame, index + at))
            elif kind is Slot:
                raw = item.raw  # type: ignore[attr-defined]
                if empty and raw is not None:
                    self.no_room(place)
                    continue
                if careful and raw is not None:
                    self.mark(place)
                if type(raw) is bytes:
                    data += raw
                else:
                    data = self.slot(item, place)  # type: ignore[arg-type]
            elif kind is bytes:
                if self.run_start:
                    self.end_run()
                if empty and any(item):  # type: ignore[arg-type]
                    self.no_room(place)
                    continue
                data += item  # type: ignore[arg-type]
            elif kind is Symbol:
                item.fragment = stream.current  # type: ignore[attr-defined]
                item.offset = len(data)  # type: ignore[attr-defined]
            elif kind is Field:
                if self.run_start:
                    self.end_run()
                self.field(item, place)  # type: ignore[arg-type]
            elif kind is int:
                width = item & WIDTH  # type: ignore[operator]
                if self.run_start and width != self.width:
                    self.end_run()
                self.width = width
                self.intel = bool(item & INTEL)  # type: ignore[operator]
            elif kind is Processor:
                self.near_conditions = item.near_conditions  # type: ignore[attr-defined]
            else:
                assert isinstance(item, _TAILS)
                if self.run_start and not (isinstance(item, AlignTail) and item.pattern is None):
                    self.end_run()
                self.close(item)
                data = stream.current.data
        if self.run_start:
            self.end_run()
        stream.width = self.width
        stream.near_conditions = self.near_conditions
        stream.intel = self.intel

    def slot(self, slot: Slot, place: Place) -> bytearray:
        """Place an instruction that is more than bytes; where the next ones go."""
        raw = slot.raw
        stream = self.stream
        form = type(raw)
        if form is tuple:
            self.plain_branch(raw, place)  # type: ignore[arg-type]
        elif form is list:
            self.plain_fixups(raw, place)  # type: ignore[arg-type]
        elif raw is None:
            self.unit.wrong_again(place)
        else:
            encoded = slot.encoded
            assert encoded is not None
            if encoded.branch is not None:
                self.branch(encoded.branch, place)
            else:
                stream.current.data += (
                    self.fixups(encoded, place) if encoded.fixups else encoded.code
                )
        return stream.current.data

    def traced(
        self, pairs: Iterator[tuple[object, Place]], trace: Trace
    ) -> Iterator[tuple[object, Place]]:
        """`pairs`; where each of them begins is noted in `trace`."""
        marks = trace.setdefault((self.section, self.stream.number), [])
        for item, place in pairs:
            if type(item) is not int:
                fragment = self.stream.current
                marks.append((fragment, len(fragment.data), place, item))
            yield item, place

    def no_room(self, place: Place) -> None:
        """Report something other than zeros in a section that has no bytes in the file."""
        message = f"section '{self.section.name}' has no bytes in the file, so it cannot hold this"
        hint = "only zeros and '.skip' may be there"
        self.unit.report(error(message, self.unit.span_at(place), hint=hint), place)

    def close(self, tail: Tail) -> None:
        """End the current fragment with `tail` and begin the next."""
        fragment = self.stream.current
        fragment.tail = tail
        if isinstance(tail, FillTail):
            fragment.size = tail.count * len(tail.pattern)
            following = Fragment(self.section, fragment)
        else:
            following = Fragment(self.section)
        self.stream.fragments.append(following)
        self.stream.current = following

    def here(self) -> Symbol:
        """A label at the start of the instruction that is being placed."""
        fragment = self.stream.current
        symbol = Symbol("\x01.", 0, 0)
        symbol.kind, symbol.section = Kind.LABEL, self.section
        symbol.fragment, symbol.offset = fragment, len(fragment.data)
        return symbol

    def bind(self, expr: Expr, place: Place) -> Linear:
        if type(expr) is SymbolRef and expr.modifier is None:
            known = self.symbols.get(expr.name)
            if known is not None and known.plain and known.first <= place[0]:
                known.referenced = True
                return Linear(known, None, 0)
        try:
            return bind(expr, self.unit.symbols, place[0], self.here)
        except Unresolvable as why:
            self.unit.report(error(str(why), self.unit.span_at(place)), place)
            return Linear(None, None, 0)

    def fixups(self, encoded: Encoded, place: Place) -> bytes:
        """Note the fields of an instruction that need values; its bytes."""
        fragment = self.stream.current
        start = len(fragment.data)
        if len(encoded.fixups) > 1:
            self.mention_in_order(encoded, place)
        for fixup in encoded.fixups:
            value = self.bind(fixup.value, place)
            if value.modifier == "TLSCALL":
                return self.descriptor_call(encoded.code, value, place)
            if value.add is not None and value.add.temporary and self.intel:
                _make_real(value.add, place, forward=True)
            elif value.add is not None and value.add.temporary and _leads(fixup.value):
                text = place[1].statements[place[2]]
                if (
                    fixup.pc_relative
                    or fixup.offset + fixup.size < len(encoded.code)
                    or not _IMMEDIATE.search(text)
                ):
                    _make_real(value.add, place, forward=_MOVQ.search(text) is not None)
            self.stream.fixes.append(
                Fix(
                    fragment,
                    start + fixup.offset,
                    fixup.size,
                    value,
                    place=place,
                    pc_relative=fixup.pc_relative,
                    signed=fixup.signed,
                    kind=self.kind(fixup.kind),
                    base=len(encoded.code) - fixup.offset,
                    start=fixup.offset,
                )
            )
        return encoded.code

    def plain_fixups(self, raw: list[bytes | PlainFixup], place: Place) -> None:
        """Place an instruction with one field of the simplest kind, or any other."""
        code = raw[0]
        assert isinstance(code, bytes)
        fragment = self.stream.current
        data = fragment.data
        offset, size, name, modifier, addend, pc_relative, signed, kind = cast("PlainFixup", raw[1])
        number = place[0]
        known = self.symbols.get(name)
        if known is None and modifier is None:
            known = self.unit.symbols.get(name, number)
        if (
            len(raw) == 2
            and modifier is None
            and pc_relative
            and known is not None
            and known.plain
            and known.first <= number
            and not (known.temporary and (self.intel or addend))
        ):
            if known.temporary:
                text = place[1].statements[place[2]]
                forward = "movq" in text and _MOVQ.search(text) is not None
                _make_real(known, place, forward=forward)
            known.referenced = True
            self.stream.fixes.append(
                Fix(
                    fragment,
                    len(data) + offset,
                    size,
                    Linear(known, None, addend),
                    place=place,
                    pc_relative=True,
                    signed=signed,
                    kind=self.kind(_KINDS[kind]),
                    base=len(code) - offset,
                    start=offset,
                )
            )
            data += code
            return
        encoded = Slot(raw).encoded
        assert encoded is not None
        data += self.fixups(encoded, place)

    def descriptor_call(self, code: bytes, value: Linear, place: Place) -> bytes:
        """``call *x@TLSCALL(%rax)``: a relocation marks the call, which has no displacement."""
        opcode = code.find(b"\xff")
        mode = code[opcode + 1] if opcode >= 0 else 0
        if mode & 0xF8 != 0x90 or mode & 7 in (4, 5):
            message = "'@TLSCALL' stands only in 'call *x@TLSCALL(%rax)'"
            self.unit.report(error(message, self.unit.span_at(place)), place)
            return code
        fragment = self.stream.current
        fix = Fix(fragment, len(fragment.data), 0, value, place=place)
        self.stream.fixes.append(fix)
        return code[: opcode + 1] + bytes((mode & 0x3F,))

    def mention_in_order(self, encoded: Encoded, place: Place) -> None:
        """Symbols come into the table as they stand in the text, not as their fields do."""
        text = place[1].statements[place[2]]
        names = {ref.name for fixup in encoded.fixups for ref in symbols(fixup.value)}
        for name in sorted(names, key=text.find):
            symbol = self.unit.symbols.get(name, place[0])
            if symbol.first == place[0]:
                self.unit.symbols.put_last(symbol)

    def kind(self, kind: FixupKind) -> FixupKind:
        """The family of relocations: only branches of 64-bit code go through the PLT."""
        return FixupKind.PLAIN if kind is FixupKind.BRANCH and self.width != 64 else kind

    def branch(self, branch: Branch, place: Place) -> None:
        target = self.bind(branch.target, place)
        self.branch_to(target, branch.short, branch.near, branch.near_size, place)

    def plain_branch(self, branch: PlainBranch, place: Place) -> None:
        name, modifier, short, near, near_size = branch
        known = self.symbols.get(name)
        if known is None and modifier is None:
            known = self.unit.symbols.get(name, place[0])
        if modifier is None and known is not None and known.plain and known.first <= place[0]:
            known.referenced = True
            target = Linear(known, None, 0)
        else:
            target = self.bind(SymbolRef(name, modifier), place)
        self.branch_to(target, short, near, near_size, place)

    def branch_to(
        self, target: Linear, short: bytes, near: bytes | None, near_size: int, place: Place
    ) -> None:
        """Place a branch; `near` is None where it has no near form (`types.Branch`)."""
        fragment = self.stream.current
        symbol = target.add
        if symbol is not None and symbol.temporary and near is not None:
            now = place[0]
            if symbol.first < now and (symbol.late or now < symbol.order):
                _make_real(symbol, place)
        if near is None:
            fragment.data += short + b"\0"
            self.stream.fixes.append(
                Fix(
                    fragment,
                    len(fragment.data) - 1,
                    1,
                    target,
                    place=place,
                    pc_relative=True,
                    signed=True,
                    kind=FixupKind.PLAIN,
                    base=1,
                )
            )
            return
        kind = self.kind(FixupKind.BRANCH)
        if self.width == 16 and not self.near_conditions and short[-1] & 0xF0 == 0x70:
            # gas/config/tc-i386.c, COND_JUMP86: the opposite condition jumps over a near jump
            near = short[:-1] + bytes((short[-1] ^ 1, 3, 0xE9))
        fragment.tail = BranchTail(target, short, near, near_size, kind, place)
        self.stream.current = following = Fragment(self.section)
        self.stream.fragments.append(following)

    def field(self, field: Field, place: Place) -> None:
        data = self.stream.current.data
        self.stream.fixes.append(
            Fix(
                self.stream.current,
                len(data),
                field.size,
                field.value,
                place=place,
                signed=field.signed,
            )
        )
        data += bytes(field.size)

    def mark(self, place: Place) -> None:
        """An instruction begins here: note the code run and the line row that it belongs to."""
        fragment = self.stream.current
        offset = len(fragment.data)
        if self.record_runs and self.run_start is None:
            self.run_start = fragment, offset
        if self.rows is not None:
            self.rows.append((fragment, offset, place))

    def end_run(self) -> None:
        """Record the run of instructions that ends here."""
        fragment = self.stream.current
        if self.run_start:
            start, offset = self.run_start
            self.section.code_runs.append(
                CodeRun(self.width, start, offset, fragment, len(fragment.data))
            )
        self.run_start = None
