"""Relocation: after relaxation, every fix becomes bytes in place or an ELF relocation.

Owns the choice that GNU as makes (binutils 2.40: gas/write.c `adjust_reloc_syms` and
`fixup_segment`, gas/config/tc-i386.c `tc_i386_fix_adjustable`, `md_apply_fix`, `tc_gen_reloc`):
which values are known here, which symbol a relocation names, and of which type it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.types import FixupKind
from orobuild.assembler.fragment import BranchTail, Fix, Fragment
from orobuild.assembler.section import Section
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.assembler.value import (
    GOT_SYMBOL,
    Unresolvable,
    describe,
    display,
    final,
    final_position,
)
from orobuild.diagnostics import Note, error
from orobuild.elf import constants as c
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.assembler.symbol import Place
    from orobuild.assembler.unit import Unit

# (size in bytes, PC-relative) -> type; the signed 4-byte field of 64-bit code is apart
_PLAIN_64: Final = {
    (8, False): c.R_X86_64_64,
    (4, False): c.R_X86_64_32,
    (2, False): c.R_X86_64_16,
    (1, False): c.R_X86_64_8,
    (8, True): c.R_X86_64_PC64,
    (4, True): c.R_X86_64_PC32,
    (2, True): c.R_X86_64_PC16,
    (1, True): c.R_X86_64_PC8,
}
_PLAIN_32: Final = {
    (4, False): c.R_386_32,
    (2, False): c.R_386_16,
    (1, False): c.R_386_8,
    (4, True): c.R_386_PC32,
    (2, True): c.R_386_PC16,
    (1, True): c.R_386_PC8,
}
# (modifier, size) -> type (gas/config/tc-i386.c, lex_got's table)
_MODIFIED_64: Final = {
    ("PLT", 4): c.R_X86_64_PLT32,
    ("GOTPLT", 8): c.R_X86_64_GOTPLT64,
    ("GOTPCREL", 4): c.R_X86_64_GOTPCREL,
    ("GOTPCREL", 8): c.R_X86_64_GOTPCREL64,
    ("GOT", 4): c.R_X86_64_GOT32,
    ("GOT", 8): c.R_X86_64_GOT64,
    ("GOTOFF", 8): c.R_X86_64_GOTOFF64,
    ("PLTOFF", 8): c.R_X86_64_PLTOFF64,
    ("TLSGD", 4): c.R_X86_64_TLSGD,
    ("TLSLD", 4): c.R_X86_64_TLSLD,
    ("GOTTPOFF", 4): c.R_X86_64_GOTTPOFF,
    ("TPOFF", 4): c.R_X86_64_TPOFF32,
    ("TPOFF", 8): c.R_X86_64_TPOFF64,
    ("DTPOFF", 4): c.R_X86_64_DTPOFF32,
    ("DTPOFF", 8): c.R_X86_64_DTPOFF64,
    ("SIZE", 4): c.R_X86_64_SIZE32,
    ("SIZE", 8): c.R_X86_64_SIZE64,
    ("TLSDESC", 4): c.R_X86_64_GOTPC32_TLSDESC,
    ("TLSCALL", 0): c.R_X86_64_TLSDESC_CALL,
}
_MODIFIED_32: Final = {
    ("PLT", 4): c.R_386_PLT32,
    ("GOT", 4): c.R_386_GOT32,
    ("GOTOFF", 4): c.R_386_GOTOFF,
    ("TLSGD", 4): c.R_386_TLS_GD,
    ("TLSLDM", 4): c.R_386_TLS_LDM,
    ("GOTTPOFF", 4): c.R_386_TLS_IE_32 if hasattr(c, "R_386_TLS_IE_32") else 33,
    ("TPOFF", 4): c.R_386_TLS_LE_32,
    ("NTPOFF", 4): c.R_386_TLS_LE,
    ("DTPOFF", 4): c.R_386_TLS_LDO_32,
    ("GOTNTPOFF", 4): c.R_386_TLS_GOTIE,
    ("INDNTPOFF", 4): c.R_386_TLS_IE,
    ("SIZE", 4): c.R_386_SIZE32,
    ("TLSDESC", 4): c.R_386_TLS_GOTDESC,
    ("TLSCALL", 0): c.R_386_TLS_DESC_CALL,
}
_TLS: Final = frozenset(
    {"TLSGD", "TLSLD", "TLSLDM", "GOTTPOFF", "TPOFF", "NTPOFF", "DTPOFF", "GOTNTPOFF",
     "INDNTPOFF", "TLSDESC", "TLSCALL"}
)  # fmt: skip
_NOT_PC_RELATIVE: Final = frozenset(
    {"GOT", "GOTOFF", "PLTOFF", "SIZE", "TPOFF", "NTPOFF", "DTPOFF", "GOTNTPOFF", "INDNTPOFF"}
)
_ADJUSTABLE_64: Final = frozenset({("GOT", 8), ("GOTPCREL", 8), ("PLTOFF", 8)})
_GOTPC_64: Final = (c.R_X86_64_GOTPC32, c.R_X86_64_GOTPC64)
_GOTPC_32: Final = (c.R_386_GOTPC,)


@dataclass(slots=True)
class OutputRelocation:
    """A relocation of the object: `symbol` None means the absolute section."""

    offset: int
    type: int
    symbol: Symbol | None
    addend: int


@dataclass(frozen=True, slots=True)
class ExplicitRelocation:
    """A `.reloc`: its offset in the section, its type, and the value that it is about."""

    offset: Linear
    type: int
    value: Linear
    place: Place


class Relocator:
    """Resolves the fixes of a unit's sections."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.wide = unit.bits == 64

    def section(self, section: Section) -> list[OutputRelocation]:
        """Patch the section's fragments; what is left for the linker, in GNU's order."""
        resolved = [self.resolve(section, fix) for fix in section.fixes]
        out = [relocation for relocation in resolved if relocation is not None]
        for fragment in section.fragments:
            tail = fragment.tail
            if type(tail) is not BranchTail:
                continue
            symbol = tail.target.add
            if tail.is_near or symbol is None or symbol.kind is not Kind.LABEL:
                far = self.branch(fragment, tail)
                if far is not None and (relocation := self.resolve(section, far)) is not None:
                    out.append(relocation)
                continue
            # A short branch to a label, as most are.
            data, goal = fragment.data, symbol.fragment
            assert goal is not None
            data += tail.short
            place = goal.address + symbol.offset + tail.target.number
            data.append((place - fragment.address - len(data) - 1) & 0xFF)
            fragment.size = 0
            fragment.tail = None
        at = 0
        for wanted in section.explicit_relocations:
            made = self.explicit(section, wanted)
            if made is not None:
                while at < len(out) and out[at].offset <= made.offset:
                    at += 1
                out.insert(at, made)
                at += 1
        return out

    def explicit(self, section: Section, wanted: ExplicitRelocation) -> OutputRelocation | None:
        """The relocation of a `.reloc`."""
        unit = self.unit
        try:
            base, offset = final(wanted.offset)
            if base is not None and base is not section:
                raise Unresolvable("the offset of '.reloc' must be in this section")
            symbol, number, _ = self.follow(wanted.value.add, wanted.value.number)
            if wanted.value.sub is not None or wanted.value.modifier is not None:
                raise Unresolvable("'.reloc' takes a symbol and a number")
            if symbol is not None:
                place, position = final_position(symbol)
                if place is None:
                    symbol, number = None, number + position
                elif isinstance(place, Section) and symbol.temporary:
                    symbol, number = place.symbol, number + position
            if not 0 <= offset < max(1, section.size):
                raise Unresolvable(f"the offset {offset:#x} of '.reloc' is outside the section")
        except Unresolvable as why:
            unit.report(error(str(why), unit.span_at(wanted.place)), wanted.place)
            return None
        named = wanted.offset.add is not None and not wanted.offset.add.name.startswith("\x01")
        for used in (symbol, None if named else section.symbol):
            if used is not None:
                used.used_in_relocation = True
        return OutputRelocation(offset, wanted.type, symbol, _signed64(number))

    def branch(self, fragment: Fragment, tail: BranchTail) -> Fix | None:
        """Write a branch into its fragment; the fix of a near one that needs more than that.

        The fragment swallows the tail, so its data grows by the tail's size.
        """
        start = len(fragment.data)
        if not tail.is_near:
            end = fragment.address + start + len(tail.short) + 1
            place = self.target(tail.target)
            fragment.data += tail.short + ((place - end) & 0xFF).to_bytes(1, "little")
            fragment.size = 0
            fragment.tail = None
            return None
        assert tail.near is not None
        size = tail.near_size
        fragment.size = 0
        fragment.tail = None
        if not tail.fixed:
            end = fragment.address + start + len(tail.near) + size
            distance = self.target(tail.target) - end
            fragment.data += tail.near + (distance & ((1 << 8 * size) - 1)).to_bytes(size, "little")
            if size == 2 and not -0x10000 < distance < 0x10000:
                self.unreachable(tail.place, distance, size)
            return None
        fragment.data += tail.near + bytes(size)
        return Fix(
            fragment,
            len(fragment.data) - size,
            size,
            tail.target,
            place=tail.place,
            pc_relative=True,
            signed=True,
            kind=tail.kind,
            base=size,
        )

    def target(self, target: Linear) -> int:
        """The offset in its section of a branch target that needs no relocation."""
        _, value = final(target)
        return value

    def unreachable(self, place: Place, distance: int, size: int) -> None:
        """Report a branch whose displacement does not fit."""
        message = f"the target is {distance} bytes away, too far for a {8 * size}-bit displacement"
        self.unit.report(error(message, self.unit.span_at(place)), place)

    def resolve(self, section: Section, fix: Fix) -> OutputRelocation | None:
        """Patch one field, or say which relocation it needs."""
        value = fix.value
        symbol = value.add
        if (
            symbol is not None
            and fix.pc_relative
            and fix.size == 4
            and self.wide
            and value.sub is None
            and value.modifier is None
            and symbol.weakref is None
        ):
            # What most instructions refer to: a place in another file, or a label here.
            kind = symbol.kind
            if kind is Kind.UNDEFINED and symbol.name != GOT_SYMBOL:
                symbol.used_in_relocation = True
                branch = fix.kind is FixupKind.BRANCH and not value.number
                return OutputRelocation(
                    fix.fragment.address + fix.offset,
                    c.R_X86_64_PLT32 if branch else c.R_X86_64_PC32,
                    symbol,
                    _signed64(value.number - fix.base),
                )
            if kind is Kind.LABEL and symbol.section is section and not self.must_stay(symbol):
                goal = symbol.fragment
                assert goal is not None
                fragment, offset = fix.fragment, fix.offset
                distance = goal.address + symbol.offset + value.number - fix.base
                distance -= fragment.address + offset
                if -0x80000000 <= distance < 0x80000000:
                    fragment.data[offset : offset + 4] = distance.to_bytes(4, "little", signed=True)
                    return None
        try:
            return self._resolve(section, fix)
        except Unresolvable as why:
            unit = self.unit
            notes = _defining_notes(unit, fix.value)
            unit.report(error(str(why), unit.span_at(fix.place), notes=notes), fix.place)
            return None

    def _resolve(self, section: Section, fix: Fix) -> OutputRelocation | None:
        value = fix.value
        add, sub, number = value.add, value.sub, value.number
        pc_relative = fix.pc_relative
        field = fix.fragment.address + fix.offset
        if pc_relative:
            number -= fix.base
        modifier = value.modifier
        force_pc = False
        add, number, weakened = self.follow(add, number)
        if modifier is not None and fix.kind is not None:
            self.check_operand(fix, modifier)
        if modifier is not None and sub is not None:
            raise Unresolvable(f"'@{modifier}' cannot be part of a difference")
        if sub is not None:
            sub, moved, _ = self.follow(sub, 0)
            number -= moved
        if sub is not None:
            sub_base, sub_value = final_position(sub)
            add_base, add_value = final_position(add) if add is not None else (None, 0)
            if add is not None and add_base is sub_base and isinstance(add_base, Section):
                number += add_value - sub_value
                add = None
                if pc_relative:
                    raise Unresolvable("a distance between two labels is not a place to go to")
            elif sub_base is None:
                number -= sub_value
            elif sub_base is section and not pc_relative:
                number += field - sub_value
                pc_relative = force_pc = True
            else:
                raise Unresolvable(
                    f"{describe(sub)} cannot be subtracted from {describe(add)}: "
                    "the linker knows no such relocation"
                )
        if add is None:
            return self.number(fix, number, field, pc_relative=pc_relative and not force_pc)
        base, position = final_position(add)
        if base is None and modifier is None:
            return self.number(fix, number + position, field, pc_relative=pc_relative)
        if modifier == "PLT" and add.defined and add.is_local and add.type != c.STT_GNU_IFUNC:
            # What cannot be preempted needs no PLT.
            modifier = None
        if modifier == "SIZE" and add.defined and add.is_local:
            if add.type == c.STT_SECTION and add.section is not None:
                size = add.section.size
            else:
                size = final(add.size)[1] if add.size else 0
            self.patch(fix, size + number, known=True)
            return None
        forced = modifier is not None or self.must_stay(add)
        if pc_relative and base is section and (force_pc or not forced):
            self.patch(fix, position + number - field, known=True)
            return None
        kind = self.type(fix, modifier, add, pc_relative=pc_relative)
        if kind in (_GOTPC_64 if self.wide else _GOTPC_32) and not pc_relative:
            # The value is the distance from the instruction, not from the field.
            number += fix.start
        return self.relocation(fix, add, base, position, number, field, kind, modifier, weakened)

    def number(
        self, fix: Fix, number: int, field: int, *, pc_relative: bool
    ) -> OutputRelocation | None:
        """A value without a symbol; a branch to it still needs a relocation."""
        if not pc_relative:
            self.patch(fix, number, known=True)
            return None
        kind = self.type(fix, None, None, pc_relative=True)
        return self.finish(fix, None, number, field, kind)

    def follow(self, symbol: Symbol | None, number: int) -> tuple[Symbol | None, int, bool]:
        """Replace a symbol equated to an undefined or common one by that one."""
        if symbol is None or symbol.kind is not Kind.EQUATE:
            return symbol, number, False
        if symbol.weakref is not None:
            target, number, _ = self.follow(symbol.weakref, number)
            return target, number, True
        base, offset = final_position(symbol)
        if isinstance(base, Symbol):
            return base, number + offset, False
        return symbol, number, False

    def must_stay(self, symbol: Symbol) -> bool:
        """Whether a PC-relative reference needs a relocation although the symbol is near."""
        return (
            symbol.binding not in (None, c.STB_LOCAL)
            or symbol.type == c.STT_GNU_IFUNC
            or symbol.kind in (Kind.UNDEFINED, Kind.COMMON)
        )

    def type(
        self, fix: Fix, modifier: str | None, symbol: Symbol | None, *, pc_relative: bool
    ) -> int:
        """The relocation type of a field."""
        size = fix.size
        if modifier is not None:
            return self.modified_type(fix, modifier)
        if symbol is not None and symbol.name == GOT_SYMBOL and symbol.kind is Kind.UNDEFINED:
            if self.wide:
                if size == 4:
                    return c.R_X86_64_GOTPC32
                if size == 8:
                    return c.R_X86_64_GOTPC64
            elif size == 4:
                return c.R_386_GOTPC
        if not self.wide:
            if (size, pc_relative) not in _PLAIN_32:
                raise Unresolvable(f"a 32-bit object has no relocation for {size} bytes")
            if fix.signed and size == 4 and not pc_relative:
                raise Unresolvable("a 32-bit object has no relocation for a sign-extended number")
            return _PLAIN_32[size, pc_relative]
        if fix.kind is FixupKind.BRANCH and size == 4 and symbol is not None:
            # What lies behind a symbol has no entry in the procedure linkage table.
            external = symbol.binding not in (None, c.STB_LOCAL) or not symbol.defined
            if external and not fix.value.number:
                return c.R_X86_64_PLT32
            return c.R_X86_64_PC32
        if fix.signed and size == 4 and not pc_relative:
            return c.R_X86_64_32S
        return _PLAIN_64[size, pc_relative]

    def modified_type(self, fix: Fix, modifier: str) -> int:
        """The relocation type that an ``@`` word asks for."""
        relaxable = self.unit.options.flags.relax_relocations
        if modifier == "GOTPCREL" and fix.size == 4 and self.wide and relaxable:
            if fix.kind is FixupKind.GOTPCRELX:
                return c.R_X86_64_GOTPCRELX
            if fix.kind is FixupKind.REX_GOTPCRELX:
                return c.R_X86_64_REX_GOTPCRELX
        # Without a base register there is nothing that R_386_GOT32 could mean
        # (gas/config/tc-i386.c, output_disp).
        relaxable = relaxable or fix.fragment.data[fix.offset - 1] & 0xC7 == 5
        if modifier == "GOT" and fix.kind is FixupKind.GOTPCRELX and not self.wide and relaxable:
            return c.R_386_GOT32X
        table = _MODIFIED_64 if self.wide else _MODIFIED_32
        kind = table.get((modifier, fix.size))
        if kind is None:
            if any(known == modifier for known, _ in table):
                raise Unresolvable(f"'@{modifier}' does not fit a field of {8 * fix.size} bits")
            names = ", ".join(sorted({f"@{known}" for known, _ in table}))
            raise Unresolvable(f"unknown relocation operator '@{modifier}'; there are {names}")
        return kind

    def check_operand(self, fix: Fix, modifier: str) -> None:
        """Whether an instruction's field is of the kind that the ``@`` word is for.

        gas/config/tc-i386.c, reloc: relocations of 64-bit objects are signed or not, and none of
        these is relative to the field by itself.
        """
        if fix.pc_relative:
            if modifier in _NOT_PC_RELATIVE or (not self.wide and modifier != "PLT"):
                raise Unresolvable(f"'@{modifier}' cannot be relative to the instruction")
        elif modifier == "TLSDESC":
            return
        elif self.wide and fix.size == 4 and fix.signed is (modifier == "SIZE"):
            what = "sign-extended" if fix.signed else "zero-extended"
            raise Unresolvable(f"'@{modifier}' cannot be in a {what} 32-bit number")

    def relocation(
        self,
        fix: Fix,
        symbol: Symbol,
        base: object,
        position: int,
        number: int,
        field: int,
        kind: int,
        modifier: str | None,
        weakened: bool,
    ) -> OutputRelocation:
        """The relocation, against the section where the symbol may be replaced by it."""
        if modifier in _TLS:
            if isinstance(base, Section) and not base.sh_flags & c.SHF_TLS:
                raise Unresolvable(
                    f"'@{modifier}' is for thread-local symbols, and {describe(symbol)} is not one"
                )
            if symbol.type in (c.STT_NOTYPE, c.STT_OBJECT):
                symbol.type = c.STT_TLS
        if (
            isinstance(base, Section)
            and self.adjustable(fix, symbol, base, modifier)
            and not (_link_once(base) and base is not fix.fragment.section and not symbol.temporary)
        ):
            symbol, number = base.symbol or symbol, number + position
        elif kind == c.R_X86_64_PC32 and self.wide and _is_forward_call(fix, symbol):
            kind = c.R_X86_64_PLT32
        symbol.used_in_relocation = True
        if weakened and symbol.binding is None and not symbol.referenced:
            symbol.binding = c.STB_WEAK
        return self.finish(fix, symbol, number, field, kind)

    def adjustable(self, fix: Fix, symbol: Symbol, base: Section, modifier: str | None) -> bool:
        """Whether the section symbol may stand for `symbol` (tc_i386_fix_adjustable)."""
        if modifier is not None and (
            (modifier, fix.size) not in _ADJUSTABLE_64
            if self.wide
            else modifier != "GOTOFF" or fix.kind is None
        ):
            return False
        if symbol.binding not in (None, c.STB_LOCAL):
            return False
        if symbol.type == c.STT_GNU_IFUNC or symbol.type == c.STT_SECTION:
            return symbol.type == c.STT_SECTION
        if base.sh_flags & c.SHF_TLS:
            return False
        if base.sh_flags & c.SHF_MERGE:
            moved = fix.value.number or fix.value.sub is not None
            return modifier is None and not (fix.pc_relative and self.wide) and not moved
        return True

    def finish(
        self, fix: Fix, symbol: Symbol | None, addend: int, field: int, kind: int
    ) -> OutputRelocation:
        """The relocation with its addend where the class keeps it."""
        if not self.wide:
            self.patch(fix, addend, known=False)
        return OutputRelocation(field, kind, symbol, _signed64(addend))

    def patch(self, fix: Fix, value: int, *, known: bool) -> None:
        """Write `value` into its field; too large a value is an error (gas/write.c, fixup_segment).

        Data may be as far below zero as above it.
        """
        size = fix.size
        if not size:
            return
        bits = 8 * size
        value = _signed64(value)
        if not self.wide and not -(1 << 31) <= value < 1 << 32:
            value &= 0xFFFFFFFF  # addresses of 32 bits wrap (extend_to_32bit_address)
        low, high = -(1 << (bits - 1)), 1 << bits
        if fix.pc_relative and (size == 2 or (size == 4 and not self.wide)):
            low = 1 - high  # branches wrap at 64 KiB, and at 4 GiB outside of 64-bit objects
        elif fix.pc_relative or (fix.signed and self.wide and size == 4):
            high = 1 << (bits - 1)
        elif fix.kind is None:
            low = 1 - high
        if size < 8 and not low <= value < high:
            unit = self.unit
            span = unit.span_at(fix.place)
            if fix.pc_relative:
                if known:
                    self.unreachable(fix.place, value, size)
            else:
                shown = value & ((1 << 64) - 1)
                message = f"value {shown:#x} does not fit {bits} bits"
                unit.report(error(message, span), fix.place)
        data = fix.fragment.data
        data[fix.offset : fix.offset + size] = (value & ((1 << bits) - 1)).to_bytes(size, "little")


_CALL: Final = 0xE8


def _is_forward_call(fix: Fix, symbol: Symbol) -> bool:
    """Whether it is a call of what was not defined yet where the call stands.

    GNU as chooses the relocation of a call at once (gas/config/tc-i386.c, need_plt32_p), that of
    other branches when everything is known.
    """
    return (
        fix.kind is FixupKind.BRANCH
        and not fix.value.number
        and symbol.defined_at is not None
        and symbol.defined_at[0] > fix.place[0]
        and fix.fragment.data[fix.offset - 1] == _CALL
    )


def _link_once(section: Section) -> bool:
    """Whether the linker keeps one of several such sections (SEC_LINK_ONCE)."""
    return section.comdat or section.name.startswith(".gnu.linkonce.")


def _signed64(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _defining_notes(unit: Unit, value: Linear) -> list[Note]:
    notes = []
    for symbol in (value.add, value.sub):
        if symbol is not None and symbol.defined_at is not None:
            name = display(symbol.name)
            notes.append(Note(f"'{name}' is defined here", unit.span_at(symbol.defined_at)))
    return notes
