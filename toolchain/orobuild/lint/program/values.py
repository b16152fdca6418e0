"""What abstract interpretation knows of a register or a word of memory.

A value says where it came from, not what it is: the register that the interrupted code had, a
slot of a frame, a pointer at a distance from another value. `None` stands for anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Original:
    """What `name` held where the way began: a register, or a word that the processor pushed.

    The words of an interrupt's frame are called as Intel SDM Vol. 3A §6.14.2 does: `ss`, `rsp`,
    `rflags`, `cs`, `rip`, `error_code`. `vector` is the number of the interrupt.
    """

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, not negative."""

    number: int

    def __str__(self) -> str:
        return f"{self.number:#x}" if self.number > 9 else str(self.number)


@dataclass(frozen=True, slots=True)
class Address:
    """A pointer `offset` bytes above what `base` points to."""

    base: Value
    offset: int

    def __str__(self) -> str:
        return f"{self.base}{self.offset:+#x}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the way found in memory, `offset` bytes above what `base` points to."""

    base: Value
    offset: int

    def __str__(self) -> str:
        return f"{self.offset:#x}({self.base})"


@dataclass(frozen=True, slots=True)
class Derived:
    """Something computed from `source` alone."""

    source: Value

    def __str__(self) -> str:
        return f"a part of {self.source}"


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiled code left in `register` when the call at virtual address `call` came back."""

    call: int
    register: str

    def __str__(self) -> str:
        return "what the called C function left there"


Value = Original | Constant | Address | Loaded | Derived | Compiled | None

STACK: Final = Original("the stack")  # its 16-byte aligned end, above what the way pushed
GS: Final = Original("gs")
ABSOLUTE: Final = Constant(0)
VECTOR: Final = Original("vector")
ERROR_CODE: Final = Original("error_code")


def split(value: Value) -> tuple[Value, int]:
    """A value as pointer: its base and the distance from it."""
    if isinstance(value, Address):
        return value.base, value.offset
    if isinstance(value, Constant):
        return ABSOLUTE, value.number
    return value, 0


def moved(value: Value, distance: int, mask: int) -> Value:
    """A value plus a number of bytes."""
    if value is None or isinstance(value, Derived):
        return value
    base, offset = split(value)
    if base == ABSOLUTE:
        return Constant((offset + distance) & mask)
    return Address(base, offset + distance) if offset + distance else base


def source(value: Value) -> Value:
    """What a value was computed from in the end."""
    return value.source if isinstance(value, Derived) else value


def derived(value: Value) -> Value:
    """A value changed in a way that is not followed."""
    if value is None or isinstance(value, Derived | Constant | Compiled):
        return None if isinstance(value, Constant) else value
    return Derived(value)
