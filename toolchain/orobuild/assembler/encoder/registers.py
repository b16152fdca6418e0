"""The registers that statements may name, and what an encoder has to know about each.

Numbers are the processor's (4 bits in ModRM, SIB and REX; 5 with EVEX); sizes are in bytes.
The names are GNU as's (`db7` and `dr7`, `st` and `st(0)`); `riz` and `eiz`, which GNU as knows
only with `-mindex-reg`, are not among them. Nothing here depends on the
decoder's own numbering.
"""

from __future__ import annotations

import enum

from orobuild.records import dataclass


class RegisterClass(enum.Enum):
    """What a register can be an operand of."""

    GENERAL = "general"
    SEGMENT = "segment"
    CONTROL = "control"
    DEBUG = "debug"
    TEST = "test"
    X87 = "x87"
    MMX = "mmx"
    VECTOR = "vector"
    MASK = "mask"
    BOUND = "bound"
    TILE = "tile"
    POINTER = "pointer"
    """`rip` and `eip`: a base only."""
    NO_INDEX = "no index"
    """`eiz` and `riz`: the index of an address that has none, which makes a SIB byte."""


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """One register. `needs_rex` and `bars_rex` concern the byte registers."""

    name: str
    kind: RegisterClass
    number: int
    size: int
    long_mode: bool = False
    needs_rex: bool = False
    bars_rex: bool = False

    def __repr__(self) -> str:
        return f"%{self.name}"


def _build() -> dict[str, Register]:
    table: dict[str, Register] = {}

    def add(name: str, kind: RegisterClass, number: int, size: int, **flags: bool) -> None:
        table[name] = Register(name, kind, number, size, **flags)

    general = RegisterClass.GENERAL
    for number, stem in enumerate(("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")):
        add(stem, general, number, 2)
        add("e" + stem, general, number, 4)
        add("r" + stem, general, number, 8, long_mode=True)
        if number < 4:
            add(stem[0] + "l", general, number, 1)
            add(stem[0] + "h", general, number + 4, 1, bars_rex=True)
        else:
            add(stem + "l", general, number, 1, long_mode=True, needs_rex=True)
    for number in range(8, 16):
        for suffix, size in (("", 8), ("d", 4), ("w", 2), ("b", 1)):
            add(f"r{number}{suffix}", general, number, size, long_mode=True)
    for number, name in enumerate(("es", "cs", "ss", "ds", "fs", "gs")):
        add(name, RegisterClass.SEGMENT, number, 2)
    for number in range(16):
        late = number >= 8
        # AMD's processors reach %cr8 from narrower code with a lock prefix.
        add(f"cr{number}", RegisterClass.CONTROL, number, 8, long_mode=number > 8)
        add(f"dr{number}", RegisterClass.DEBUG, number, 8, long_mode=late)
        add(f"db{number}", RegisterClass.DEBUG, number, 8, long_mode=late)
    for number in range(8):
        add(f"tr{number}", RegisterClass.TEST, number, 4)
        add(f"mm{number}", RegisterClass.MMX, number, 8)
        add(f"st({number})", RegisterClass.X87, number, 10)
        add(f"k{number}", RegisterClass.MASK, number, 8)
        add(f"tmm{number}", RegisterClass.TILE, number, 1024, long_mode=True)
    add("st", RegisterClass.X87, 0, 10)
    for number in range(4):
        add(f"bnd{number}", RegisterClass.BOUND, number, 16)
    for number in range(32):
        late = number >= 8
        for letter, size in (("x", 16), ("y", 32), ("z", 64)):
            add(f"{letter}mm{number}", RegisterClass.VECTOR, number, size, long_mode=late)
    add("rip", RegisterClass.POINTER, 0, 8, long_mode=True)
    add("eip", RegisterClass.POINTER, 0, 4, long_mode=True)
    add("eiz", RegisterClass.NO_INDEX, 4, 4)
    add("riz", RegisterClass.NO_INDEX, 4, 8, long_mode=True)
    return table


REGISTERS = _build()


def find(name: str, bits: int) -> Register | None:
    """The register of that name in `bits`-bit code, whatever the letters' case."""
    register = REGISTERS.get(name) or REGISTERS.get(name.lower())
    if register is None or (register.long_mode and bits != 64):
        return None
    if register.kind is RegisterClass.TEST and bits == 64:
        return None
    return register
