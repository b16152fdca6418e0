"""Hand-written call frame information: the numbers that data directives put into `.eh_frame`.

Owns what GNU as does with them (binutils 2.40, gas/ehopt.c `check_eh_frame`): it recognises
DW_CFA_advance_loc4 followed by the difference of two labels, as old compilers wrote it, and
shortens it. It follows the same states, so that it recognises exactly the same places.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from orobuild.assembler.cfi import advance
from orobuild.assembler.fragment import AdvanceTail

if TYPE_CHECKING:
    from orobuild.assembler.section import Section, Stream
    from orobuild.assembler.symbol import Linear, Symbol
    from orobuild.assembler.unit import Unit

_ADVANCE_LOC4 = 4


class _State(enum.IntEnum):
    IDLE = 0
    SAW_SIZE = 1
    SAW_CIE_OFFSET = 2
    SAW_PC_BEGIN = 3
    AUGMENTATION_SIZE = 4
    AUGMENTATION = 5
    WAIT_LOC4 = 6
    SAW_LOC4 = 7
    ERROR = 8


class FrameReader:
    """One of `.eh_frame` and `.debug_frame` as it is written by hand."""

    def __init__(self) -> None:
        self.state = _State.IDLE
        self.end: Symbol | None = None
        self.alignment: int | None = None
        self.augmented = False
        self.left = 0
        self.shift = 0

    def number(self, unit: Unit, value: Linear, size: int | None) -> bool:
        """See `value` in `size` bytes (None: a LEB128 number); whether it has been dealt with."""
        if self.state >= _State.SAW_SIZE and self.end is not None and self.end.defined:
            self.state = _State.IDLE
        state = self.state
        constant = value.number if value.is_number else None
        if state is _State.IDLE:
            if size == 4 and value.add is not None and not value.add.defined:
                self.state, self.end = _State.SAW_SIZE, value.add
        elif state in (_State.SAW_SIZE, _State.SAW_CIE_OFFSET):
            self.state = _State(state + 1)
        elif state is _State.SAW_PC_BEGIN:
            self.body(unit)
        elif state is _State.AUGMENTATION_SIZE:
            self.augmentation_size(constant, size)
        elif state is _State.AUGMENTATION:
            self.left -= size or 0
            if size is None or self.left < 0:
                self.state = _State.ERROR
            elif not self.left:
                self.state = _State.WAIT_LOC4
        elif state is _State.WAIT_LOC4:
            if size == 1 and constant == _ADVANCE_LOC4:
                self.state = _State.SAW_LOC4
        elif state is _State.SAW_LOC4:
            self.state = _State.WAIT_LOC4
            return size == 4 and self.shorten(unit, value)
        return False

    def body(self, unit: Unit) -> None:
        """The address range has been seen: what is next depends on the common entry."""
        if self.alignment is None:
            unit.settle()
            self.common_entry(unit.section)
        if self.alignment is None:
            self.state = _State.ERROR
        elif self.augmented:
            self.state, self.left, self.shift = _State.AUGMENTATION_SIZE, 0, 0
        else:
            self.state = _State.WAIT_LOC4

    def augmentation_size(self, constant: int | None, size: int | None) -> None:
        """One number of the augmentation's size."""
        self.state = _State.ERROR
        if constant is None:
            return
        if size is None:
            self.left = constant
        elif size == 1:
            self.left |= (constant & 0x7F) << self.shift
            self.shift += 7
            if constant & 0x80:
                self.state = _State.AUGMENTATION_SIZE
                return
        else:
            return
        self.state = _State.AUGMENTATION if self.left else _State.WAIT_LOC4

    def common_entry(self, section: Section) -> None:
        """Read the first common entry of the section (get_cie_info)."""
        first = min(section.streams)
        data = b"".join(bytes(f.data) for f in section.streams[first].fragments[:64])
        tag = b"\xff" * 4 if section.name == ".debug_frame" else bytes(4)
        end = data.find(b"\0", 9)
        if data[4:8] != tag or data[8:9] != b"\x01" or end < 0 or end + 1 >= len(data):
            return
        self.alignment = 0 if data[end + 1] & 0x80 else data[end + 1]
        self.augmented = data[9:10] == b"z"

    def shorten(self, unit: Unit, value: Linear) -> bool:
        """Replace the opcode that was written last, and its number, by a shorter advance."""
        if value.is_number:
            if not 0 <= value.number < 1 << 16:
                return False
            if not self.take_back(unit.stream):
                return False
            unit.emit(advance(value.number) or b"\x40")
            return True
        if value.add is None or value.sub is None or self.alignment != 1:
            return False
        if not self.take_back(unit.stream):
            return False
        unit.emit(AdvanceTail(value, unit.place))
        return True

    def take_back(self, stream: Stream) -> bool:
        """Remove the opcode, unless a label stands behind it."""
        if stream.items:
            if stream.items[-1] != b"\4":
                return False
            stream.items.pop()
            stream.places.pop()
        else:
            del stream.current.data[-1]
        return True
