"""Call frame information: what `.cfi_*` directives say becomes `.eh_frame` and `.debug_frame`.

Follows gas/dw2gencfi.c of binutils 2.40: frame description entries in the order of their
`.cfi_startproc`, each preceded by its common information entry when no earlier one fits. The
format is that of the LSB (`.eh_frame`) and of DWARF 2 to 5, section 6.4 (`.debug_frame`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.emission import Field
from orobuild.assembler.fragment import AdvanceTail, AlignTail
from orobuild.assembler.leb128 import sleb128, uleb128
from orobuild.assembler.section import Section
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.elf import constants as c
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from orobuild.assembler.symbol import Place
    from orobuild.assembler.unit import Unit

DW_CFA_ADVANCE_LOC: Final = 0x40
DW_CFA_OFFSET: Final = 0x80
DW_CFA_RESTORE: Final = 0xC0
DW_CFA_OFFSET_EXTENDED: Final = 0x05
DW_CFA_RESTORE_EXTENDED: Final = 0x06
DW_CFA_UNDEFINED: Final = 0x07
DW_CFA_SAME_VALUE: Final = 0x08
DW_CFA_REGISTER: Final = 0x09
DW_CFA_REMEMBER_STATE: Final = 0x0A
DW_CFA_RESTORE_STATE: Final = 0x0B
DW_CFA_DEF_CFA: Final = 0x0C
DW_CFA_DEF_CFA_REGISTER: Final = 0x0D
DW_CFA_DEF_CFA_OFFSET: Final = 0x0E
DW_CFA_OFFSET_EXTENDED_SF: Final = 0x11
DW_CFA_DEF_CFA_SF: Final = 0x12
DW_CFA_DEF_CFA_OFFSET_SF: Final = 0x13
DW_CFA_VAL_OFFSET: Final = 0x14
DW_CFA_VAL_OFFSET_SF: Final = 0x15
DW_CFA_VAL_EXPRESSION: Final = 0x16
DW_CFA_WINDOW_SAVE: Final = 0x2D
DW_OP_ADDR: Final = 0x03
DW_OP_GNU_ENCODED_ADDR: Final = 0xF1

DW_EH_PE_OMIT: Final = 0xFF
DW_EH_PE_PCREL: Final = 0x10
_FDE_ENCODING: Final = 0x1B  # pcrel, sdata4
_STACK_POINTER: Final = {64: 7, 32: 4}
_RETURN_ADDRESS: Final = {64: 16, 32: 8}


@dataclass(frozen=True, slots=True)
class Rule:
    """One call frame instruction.

    `opcode` is its DW_CFA number (the primary opcodes without their operand), `operands` the
    numbers as the directive gave them: registers, unfactored offsets. An advance has `label`;
    `.cfi_escape` has opcode `ESCAPE` and its bytes as operands; `LABEL` has the label as `name`;
    `VAL_ENCODED_ADDRESS` has a register and an encoding as operands and the address as `value`.
    """

    opcode: int
    operands: tuple[int, ...] = ()
    label: Symbol | None = None
    name: Symbol | None = None
    value: Linear | None = None


ESCAPE: Final = -1
LABEL: Final = -2
VAL_ENCODED_ADDRESS: Final = -3


@dataclass(slots=True)
class Frame:
    """One procedure between `.cfi_startproc` and `.cfi_endproc`: a frame description entry."""

    start: Symbol
    place: Place
    eh_frame: bool
    debug_frame: bool
    return_column: int
    rules: list[Rule] = field(default_factory=list)
    end: Symbol | None = None
    last: Symbol | None = None
    signal: bool = False
    personality: tuple[int, Linear] | None = None
    lsda: tuple[int, Linear] | None = None
    cfa_offset: int = 0
    saved: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Common:
    """A common information entry that has been written, and its initial rules."""

    start: Symbol
    frame: Frame
    rules: tuple[Rule, ...]


def initial_rules(bits: int, width: int) -> list[Rule]:
    """What holds at the first instruction of a procedure: the return address is on the stack.

    `bits` is the object's class. GNU as names the stack pointer as code of `width` bits does.
    """
    size = bits // 8
    return [
        Rule(DW_CFA_DEF_CFA, (_STACK_POINTER[64 if width == 64 else 32], size)),
        Rule(DW_CFA_OFFSET, (_RETURN_ADDRESS[bits], -size)),
    ]


def return_column(bits: int) -> int:
    """The DWARF number of the return address."""
    return _RETURN_ADDRESS[bits]


def emit(unit: Unit, frames: list[Frame]) -> None:
    """Write `.eh_frame` and `.debug_frame` for the frames that ask for them."""
    if any(frame.eh_frame for frame in frames):
        _Emitter(unit, eh_frame=True).run([f for f in frames if f.eh_frame])
    if any(frame.debug_frame for frame in frames):
        _Emitter(unit, eh_frame=False).run([f for f in frames if f.debug_frame])


class _Emitter:
    """Writes one of the two sections."""

    def __init__(self, unit: Unit, *, eh_frame: bool) -> None:
        self.unit = unit
        self.eh_frame = eh_frame
        self.size = unit.bits // 8
        self.common: list[_Common] = []
        name = ".eh_frame" if eh_frame else ".debug_frame"
        section = unit.sections.get((name, None, None))
        if section is None:
            flags = c.SHF_ALLOC if eh_frame else 0
            section = Section(name, c.SHT_PROGBITS, flags)
            unit.add_section(section, None)
            assert section.symbol is not None
            section.symbol.late = True
        self.section = section
        self.stream = section.stream()
        # EH_FRAME_ALIGNMENT; for .debug_frame the size of an address
        self.power = 3 if unit.bits == 64 else 2
        section.alignment_power = max(section.alignment_power, self.power)

    def run(self, frames: list[Frame]) -> None:
        """Every frame, each with its common entry when that is new."""
        for index, frame in enumerate(frames):
            common, rest = self.choose(frame)
            last = index == len(frames) - 1
            power = self.power if last or not self.eh_frame else 2
            self.description(frame, common, rest, power)

    def put(self, item: object) -> None:
        """Append to the section."""
        self.stream.items.append(item)
        self.stream.places.append(self.unit.place)

    def label(self) -> Symbol:
        """A label that is placed later, by `put`."""
        symbol = Symbol("\x01cfi", 0, 0)
        symbol.kind, symbol.section = Kind.LABEL, self.section
        return symbol

    def difference(self, add: Symbol, sub: Symbol, size: int) -> None:
        """`add` - `sub` in `size` bytes."""
        self.put(Field(Linear(add, sub, 0), size))

    def choose(self, frame: Frame) -> tuple[_Common, list[Rule]]:
        """The common entry for `frame`, and the rules that are left (select_cie_for_fde)."""
        for common in reversed(self.common):
            count = len(common.rules)
            if _same_head(common.frame, frame) and tuple(frame.rules[:count]) == common.rules:
                return common, frame.rules[count:]
        count = next(
            (i for i, rule in enumerate(frame.rules) if _ends_head(rule)), len(frame.rules)
        )
        common = _Common(self.label(), frame, tuple(frame.rules[:count]))
        self.common.append(common)
        self.common_entry(common)
        return common, frame.rules[count:]

    def common_entry(self, common: _Common) -> None:
        """Write a CIE."""
        frame = common.frame
        self.put(common.start)
        begin, end = self.label(), self.label()
        self.difference(end, begin, 4)
        self.put(begin)
        head = bytearray((0 if self.eh_frame else 0xFFFFFFFF).to_bytes(4, "little"))
        head.append(1)
        if self.eh_frame:
            head += b"z" + b"P" * bool(frame.personality) + b"L" * bool(frame.lsda) + b"R"
        head += b"S" * frame.signal + b"\0"
        head += uleb128(1) + sleb128(-self.size) + bytes((frame.return_column,))
        if self.eh_frame:
            size = 1 + bool(frame.lsda)
            if frame.personality:
                size += 1 + encoding_size(frame.personality[0], self.size)
            head += uleb128(size)
            if frame.personality:
                encoding, value = frame.personality
                head.append(encoding)
                self.put(bytes(head))
                head.clear()
                self.encoded(encoding, value)
            if frame.lsda:
                head.append(frame.lsda[0])
            head.append(_FDE_ENCODING)
        self.put(bytes(head))
        for rule in common.rules:
            self.rule(rule, None)
        self.align(2 if self.eh_frame else self.power)
        self.put(end)

    def description(self, frame: Frame, common: _Common, rules: list[Rule], power: int) -> None:
        """Write an FDE."""
        begin, end = self.label(), self.label()
        self.difference(end, begin, 4)
        self.put(begin)
        assert frame.end is not None
        if self.eh_frame:
            self.difference(begin, common.start, 4)
            here = self.label()
            self.put(here)
            self.difference(frame.start, here, 4)
            self.difference(frame.end, frame.start, 4)
            self.put(uleb128(encoding_size(frame.lsda[0], self.size) if frame.lsda else 0))
            if frame.lsda:
                self.encoded(*frame.lsda)
        else:
            self.put(Field(Linear(common.start, None, 0), 4))
            self.put(Field(Linear(frame.start, None, 0), self.size))
            self.difference(frame.end, frame.start, self.size)
        last = frame.start
        for rule in rules:
            self.rule(rule, last)
            last = rule.label or last
        self.align(power)
        self.put(end)

    def align(self, power: int) -> None:
        """Pad with DW_CFA_nop."""
        self.put(AlignTail(power, b"\0", 0, self.unit.bits, self.unit.place))

    def encoded(self, encoding: int, value: Linear) -> None:
        """A pointer in a DW_EH_PE encoding."""
        size = encoding_size(encoding, self.size)
        if encoding & 0x70 == DW_EH_PE_PCREL:
            here = self.label()
            self.put(here)
            value = Linear(value.add, here, value.number, value.modifier)
        if value.is_number:
            self.put((value.number & ((1 << 8 * size) - 1)).to_bytes(size, "little"))
        else:
            self.put(Field(value, size))

    def put_label(self, symbol: Symbol) -> None:
        """Define the label of a `.cfi_label` here."""
        symbol.kind, symbol.section = Kind.LABEL, self.section
        self.put(symbol)

    def encoded_address(self, rule: Rule) -> None:
        """An expression that gives a register an address (gas/dw2gencfi.c, CFI_val_encoded_addr)."""
        register, encoding = rule.operands
        assert rule.value is not None
        size = encoding_size(encoding, self.size)
        if encoding == 0:
            expression = bytes((1 + size, DW_OP_ADDR))
        else:
            expression = bytes((2 + size, DW_OP_GNU_ENCODED_ADDR, encoding))
        self.put(bytes((DW_CFA_VAL_EXPRESSION,)) + uleb128(register) + expression)
        self.encoded(encoding, rule.value)

    def rule(self, rule: Rule, last: Symbol | None) -> None:
        """One instruction; `last` is where the one before took effect (output_cfi_insn)."""
        if rule.label is not None:
            assert last is not None
            self.put(AdvanceTail(Linear(rule.label, last, 0), self.unit.place))
        elif rule.opcode == ESCAPE:
            self.put(bytes(rule.operands))
        elif rule.name is not None:
            self.put_label(rule.name)
        elif rule.value is not None:
            self.encoded_address(rule)
        else:
            self.put(encode(rule, -self.size))


def encode(rule: Rule, data_alignment: int) -> bytes:
    """The bytes of a rule; offsets are factored by `data_alignment`."""
    opcode, operands = rule.opcode, rule.operands
    if opcode in (DW_CFA_OFFSET, DW_CFA_VAL_OFFSET):
        register, offset = operands[0], _factored(operands[1], data_alignment)
        if offset < 0:
            extended = (
                DW_CFA_OFFSET_EXTENDED_SF if opcode == DW_CFA_OFFSET else DW_CFA_VAL_OFFSET_SF
            )
            return bytes((extended,)) + uleb128(register) + sleb128(offset)
        if opcode == DW_CFA_VAL_OFFSET:
            return bytes((opcode,)) + uleb128(register) + uleb128(offset)
        if register <= 0x3F:
            return bytes((opcode | register,)) + uleb128(offset)
        return bytes((DW_CFA_OFFSET_EXTENDED,)) + uleb128(register) + uleb128(offset)
    if opcode == DW_CFA_DEF_CFA:
        register, offset = operands
        if offset < 0:
            return (
                bytes((DW_CFA_DEF_CFA_SF,))
                + uleb128(register)
                + sleb128(_factored(offset, data_alignment))
            )
        return bytes((opcode,)) + uleb128(register) + uleb128(offset)
    if opcode == DW_CFA_DEF_CFA_OFFSET:
        if operands[0] < 0:
            return bytes((DW_CFA_DEF_CFA_OFFSET_SF,)) + sleb128(
                _factored(operands[0], data_alignment)
            )
        return bytes((opcode,)) + uleb128(operands[0])
    if opcode == DW_CFA_RESTORE:
        if operands[0] <= 0x3F:
            return bytes((opcode | operands[0],))
        return bytes((DW_CFA_RESTORE_EXTENDED,)) + uleb128(operands[0])
    return bytes((opcode,)) + b"".join(uleb128(operand) for operand in operands)


def _factored(offset: int, alignment: int) -> int:
    quotient = abs(offset) // abs(alignment)
    return quotient if (offset < 0) == (alignment < 0) else -quotient


def advance(delta: int) -> bytes:
    """DW_CFA_advance_loc in the shortest form for `delta` bytes of code."""
    if delta == 0:
        return b""
    if delta <= 0x3F:
        return bytes((DW_CFA_ADVANCE_LOC | delta,))
    for opcode, size in ((2, 1), (3, 2), (4, 4)):
        if delta < 1 << 8 * size:
            return bytes((opcode,)) + delta.to_bytes(size, "little")
    raise OverflowError(delta)


def encoding_size(encoding: int, address_size: int) -> int:
    """Bytes of a pointer in a DW_EH_PE encoding."""
    if encoding == DW_EH_PE_OMIT:
        return 0
    return {0: address_size, 2: 2, 3: 4, 4: 8}[encoding & 7]


def _same_head(left: Frame, right: Frame) -> bool:
    """Whether two frames agree on everything that a common entry says besides its rules."""
    return (
        left.return_column == right.return_column
        and left.signal == right.signal
        and _same_pointer(left.personality, right.personality)
        and (left.lsda[0] if left.lsda else None) == (right.lsda[0] if right.lsda else None)
    )


def _same_pointer(left: tuple[int, Linear] | None, right: tuple[int, Linear] | None) -> bool:
    if left is None or right is None:
        return left is right
    return (
        left[0] == right[0]
        and left[1].add is right[1].add
        and left[1].sub is right[1].sub
        and left[1].number == right[1].number
    )


def _ends_head(rule: Rule) -> bool:
    """Whether a rule cannot be part of a common entry."""
    return rule.label is not None or rule.opcode in (
        DW_CFA_REMEMBER_STATE,
        DW_CFA_WINDOW_SAVE,
        ESCAPE,
        LABEL,
        VAL_ENCODED_ADDRESS,
    )
