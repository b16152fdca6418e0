"""Explanations: why a source line became the bytes, relocations and padding that it did.

`explain` reads the record of an assembly and says, for every statement that a line led to (in
each expansion of a macro), what the encoder chose, what the linker is asked for and why, and how
relaxation sized it. It decides nothing; `explanation_text` shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder import anatomy
from orobuild.assembler.encoder.encoder import span_of
from orobuild.assembler.encoder.types import FixupKind, Slot
from orobuild.assembler.fragment import (
    AlignTail,
    FillTail,
    LebTail,
    NopsTail,
    OrgTail,
    SpaceTail,
)
from orobuild.assembler.record import source_place
from orobuild.assembler.section import Section
from orobuild.assembler.symbol import Kind, Symbol
from orobuild.assembler.value import display, final_position
from orobuild.elf import constants as c
from orobuild.elf.descriptions import R_386, R_X86_64
from orobuild.patterns import pattern
from orobuild.records import dataclass, replace

if TYPE_CHECKING:
    from orobuild.assembler.encoder.anatomy import Part
    from orobuild.assembler.fragment import BranchTail, Fix
    from orobuild.assembler.record import Event, Piece, Record
    from orobuild.assembler.relocation import OutputRelocation

_LABELS: Final = pattern(r'(?:(?:[\w.$]+|"[^"]*")[ \t]*:[ \t]*)+')
_NUMERIC: Final = pattern(r"(?<![\w.$])([0-9]+)[fb](?![\w.$])")
_MOST_SHOWN: Final = 64


@dataclass(frozen=True, slots=True)
class Relocation:
    """What the linker is asked for: at `offset` of the section, the value of `symbol` and
    `addend` in the form `type`; `why` gives the rules."""

    offset: int
    type: str
    symbol: str
    addend: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One statement: where it stands and what led there, what it became, and why.

    `address` is the offset in `section`; `parts` are those of an instruction, which the decoder
    reads as `reads`; `origin` made it. `branch`, `relocations` and `notes` say the rest.
    """

    path: str
    line: int
    text: str
    expansion: tuple[str, ...]
    section: str
    address: int
    data: bytes
    size: int
    parts: tuple[Part, ...] = ()
    reads: str = ""
    origin: str = ""
    branch: tuple[str, ...] = ()
    relocations: tuple[Relocation, ...] = ()
    notes: tuple[str, ...] = ()


def explain(record: Record, path: str, line: int) -> tuple[Explained, ...]:
    """Every statement that stands on `line` of `path`, or that a macro used there expands to."""
    found = [
        event
        for event in record.events
        if event.index >= 0 and not event.skipped and (path, line) in _places(event)
    ]
    expanded = {(id(e.frame.parent), e.frame.parent_index - 1) for e in found}
    return tuple(
        _explained(record, event, expands=(id(event.frame), event.index) in expanded)
        for event in found
    )


def _places(event: Event) -> list[tuple[str, int]]:
    """Where the statement stands, and where the macros around it are used."""
    found = [source_place(event.place)]
    frame = event.frame
    while frame.parent is not None:
        index = max(0, frame.parent_index - 1)
        frame = frame.parent
        found.append(source_place((0, frame, index)))
    return found


def _explained(record: Record, event: Event, *, expands: bool) -> Explained:
    pieces = record.pieces.get(event.place[0], [])
    made = [piece for piece in pieces if piece.size] or pieces
    section = made[0].section if made else event.section
    start = made[0].start if made else 0
    end = max((p.start + p.size for p in made if p.section is section), default=start)
    data = record.contents.get(section, b"")[start:end][: _MOST_SHOWN + 1]
    path, line = source_place(event.place)
    code = next((piece for piece in pieces if isinstance(piece.item, Slot)), None)
    common = Explained(
        path,
        line,
        event.frame.statements[event.index],
        tuple(note.message + _used_at(note.span) for note in event.frame.notes()),
        section.name if made else "",
        start,
        data,
        end - start,
        notes=(*_notes(record, event, pieces), *(("expands to:",) if expands else ())),
        relocations=tuple(_relocations(record, pieces)),
    )
    if code is None or not code.size:
        return common
    return _instruction(record, event, code, common)


def _used_at(span: object) -> str:
    place = getattr(span, "path", None)
    return f" at {place}:{getattr(span, 'line', 0)}" if place else ""


def _instruction(record: Record, event: Event, piece: Piece, common: Explained) -> Explained:
    code = record.contents.get(piece.section, b"")[piece.start : piece.start + piece.size]
    bits = event.dialect.bits
    found = anatomy.dissect(bytes(code), bits, piece.start)
    text = common.text
    if labels := _LABELS.match(text):
        text = text[labels.end() :]
    text = _NUMERIC.sub(r".L\1", text)
    origin = anatomy.origin(text, event.dialect, span_of(common.path, common.line, text))
    tail = record.branches.get(event.place[0])
    return replace(
        common,
        parts=found.parts if found else (),
        reads=found.text if found else "",
        origin=origin,
        branch=tuple(_branch(tail, piece)) if tail is not None else (),
    )


def _branch(tail: BranchTail, piece: Piece) -> list[str]:
    """Why a branch is short or near."""
    lines: list[str] = []
    target = tail.target.add
    name = f"'{display(target.name)}'" if target is not None else "the target"
    if tail.fixed:
        lines.append(f"near: {_unreachable_short(tail, piece)}")
        return lines
    assert target is not None
    _, place = final_position(target)
    place += tail.target.number
    end = piece.start + piece.size
    if not tail.is_near:
        distance = place - end
        room = 127 - distance if distance >= 0 else 128 + distance
        lines.append(
            f"short: {name} is {distance:+d} bytes from the end of the branch, within "
            f"-128..+127; {room} more bytes between would make it near"
        )
        return lines
    lines.append(
        f"near: relaxation pass {tail.grown} found {name} {tail.missed:+d} bytes away, beyond the "
        "-128..+127 of the short form"
    )
    assert tail.near is not None
    short_end = piece.start + len(tail.short) + 1
    shrinks = len(tail.near) + tail.near_size - len(tail.short) - 1
    distance = place - end if place >= end else place - short_end
    excess = distance - 127 if distance > 0 else -128 - distance
    if excess > 0:
        lines.append(f"it would be short with {excess} bytes less between ({shrinks} bytes saved)")
    else:
        lines.append(
            "now it would reach: alignments between moved later, and relaxation never shrinks "
            "a branch that has grown"
        )
    return lines


def _unreachable_short(tail: BranchTail, piece: Piece) -> str:
    """Why a branch had no choice."""
    symbol = tail.target.add
    if symbol is None:
        return "the target is an absolute address, which only the linker can reach"
    name = f"'{display(symbol.name)}'"
    if tail.target.sub is not None or tail.target.modifier not in (None, "PLT"):
        return f"the target is more than {name} and a number"
    if symbol.kind is Kind.UNDEFINED:
        return f"{name} is not defined in this file"
    if symbol.section is not None and symbol.section is not piece.section:
        return f"{name} is in section '{symbol.section.name}', whose distance the linker decides"
    if symbol.binding == c.STB_WEAK:
        return f"{name} is weak: the linker may take another definition"
    if symbol.type == c.STT_GNU_IFUNC:
        return f"{name} is an indirect function, chosen when the program starts"
    return f"{name} is not a label of this section"


def _relocations(record: Record, pieces: list[Piece]) -> list[Relocation]:
    wide = record.options.bits == 64
    names = R_X86_64 if wide else R_386
    found = []
    for piece in pieces:
        if not piece.size:
            continue
        fixes = {
            fix.fragment.address + fix.offset: fix
            for fix in piece.section.fixes
            if fix.place[0] == piece.place[0]
        }
        for made in record.relocations.get(piece.section, ()):
            if piece.start <= made.offset < piece.start + piece.size:
                fix = fixes.get(made.offset)
                found.append(
                    Relocation(
                        made.offset,
                        names.get(made.type, str(made.type)),
                        _symbol_name(made.symbol),
                        made.addend,
                        tuple(_why(made, names.get(made.type, ""), fix, piece, wide=wide)),
                    )
                )
    return found


def _symbol_name(symbol: Symbol | None) -> str:
    if symbol is None:
        return "*ABS*"
    if symbol.type == c.STT_SECTION and symbol.section is not None:
        return symbol.section.name
    return display(symbol.name)


def _why(
    made: OutputRelocation, name: str, fix: Fix | None, piece: Piece, *, wide: bool
) -> list[str]:
    """The rules behind a relocation."""
    lines = []
    asked = fix.value.add if fix is not None else None
    modifier = fix.value.modifier if fix is not None else None
    if modifier is not None and not name.endswith("X"):
        lines.append(f"'@{modifier}' asks for this type")
    elif name.endswith("GOTPCRELX"):
        rex = " with a REX prefix" if "REX" in name else ""
        lines.append(f"a load through the GOT{rex}: the linker may turn it into a direct one")
    elif name.endswith("GOT32X"):
        lines.append("a load through the GOT: the linker may turn it into a direct one")
    elif name == "R_X86_64_PLT32":
        lines.append(
            "a branch to a symbol that may be elsewhere: the linker may go through the PLT"
        )
    elif name == "R_X86_64_32S":
        lines.append("the processor extends these 4 bytes with their sign")
    elif name == "R_X86_64_32" and fix is not None and fix.kind is not None:
        lines.append("the processor extends these 4 bytes with zeros")
    elif "PC" in name:
        lines.append("the field holds a distance, and where the symbol will be is not known here")
    else:
        size = f" of {fix.size} bytes" if fix is not None else ""
        lines.append(f"an address{size} that only the linker knows")
    if asked is not None and made.symbol is not asked and made.symbol is not None:
        what = "not in the symbol table" if asked.temporary else "local"
        lines.append(
            f"'{display(asked.name)}' is {what}: its section's symbol and its offset stand for it"
        )
    elif asked is not None and fix is not None and fix.kind is FixupKind.BRANCH:
        binding = {c.STB_WEAK: "weak", c.STB_GLOBAL: "global"}.get(asked.binding or 0)
        if binding and asked.defined:
            lines.append(f"'{display(asked.name)}' is {binding}: another definition may replace it")
    if fix is not None and fix.pc_relative and fix.base and wide:
        lines.append(
            f"{-fix.base:+d} in the addend: the processor counts from the instruction's end"
        )
    elif not wide and fix is not None:
        lines.append("the addend stands in the field (REL)")
    if fix is None and isinstance(piece.item, Slot):
        lines.append("a near branch whose target is not settled here")
    return lines


def _notes(record: Record, event: Event, pieces: list[Piece]) -> list[str]:
    """Labels, padding, fills and values that were known."""
    notes = []
    for piece in pieces:
        item = piece.item
        if isinstance(item, Symbol):
            if not item.name.startswith("\x01"):
                notes.append(
                    f"label '{display(item.name)}' = {piece.section.name}+{piece.start:#x}"
                )
        elif isinstance(item, AlignTail):
            notes.append(_alignment(record, item, piece))
        elif isinstance(item, OrgTail):
            notes.append(
                f"{piece.size} bytes of {item.fill:#04x} up to {piece.start + piece.size:#x}"
            )
        elif isinstance(item, SpaceTail | FillTail):
            notes.append(f"{piece.size} bytes of {item.pattern[:8].hex(' ')}, repeated")
        elif isinstance(item, NopsTail):
            notes.append(f"{piece.size} bytes of no-operations")
        elif isinstance(item, LebTail):
            kind = "signed" if item.signed else "unsigned"
            notes.append(f"{kind} LEB128 number of {piece.size} bytes")
        elif piece.section.is_nobits and piece.size:
            notes.append(f"{piece.size} bytes that take no space in the file")
    seq = event.place[0]
    for symbol in record.symbols:
        place = symbol.defined_at
        if place is not None and place[0] == seq and symbol.kind is not Kind.LABEL:
            base, value = final_position(symbol)
            where = f"{base.name}+" if isinstance(base, Section) else ""
            if symbol.kind is Kind.COMMON:
                notes.append(f"common symbol '{display(symbol.name)}' of {symbol.value} bytes")
            elif base is None or isinstance(base, Section):
                notes.append(f"'{display(symbol.name)}' = {where}{value:#x}")
    for section in {piece.section for piece in pieces}:
        taken = {made.offset for made in record.relocations.get(section, ())}
        for fix in section.fixes:
            add = fix.value.add
            at = fix.fragment.address + fix.offset
            if fix.place[0] == seq and at not in taken and add is not None:
                notes.append(
                    f"no relocation for '{display(add.name)}': the value is known here "
                    "whatever the linker does"
                )
    return notes


def _alignment(record: Record, tail: AlignTail, piece: Piece) -> str:
    boundary = 1 << tail.power
    if not piece.size:
        needed = -piece.start % boundary
        if needed:
            return f"{needed} bytes to the next multiple of {boundary} are more than the limit {tail.limit}"
        return f"{piece.start:#x} is a multiple of {boundary} already"
    if tail.pattern is None:
        kind = f"no-operations for {tail.width}-bit code"
        data = record.contents.get(piece.section, b"")[piece.start : piece.start + piece.size]
        if data[:1] in (b"\xeb", b"\xe9"):
            kind += ", jumped over"
    else:
        kind = f"bytes of {tail.pattern.hex(' ')}"
    return f"{piece.size} {kind}, up to {piece.start + piece.size:#x}, a multiple of {boundary}"
