"""Page-table entries that a panic printed, and which of their flags denied an access.

Intel SDM Vol. 3A §4.5 (entries), §4.6 (access rights).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.debug.exceptions import (
    FAULT_FETCH,
    FAULT_PROTECTION_KEY,
    FAULT_RESERVED,
    FAULT_SHADOW_STACK,
    FAULT_USER,
    FAULT_WRITE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMES: Final = ("pml5e", "pml4e", "pdpte", "pde", "pte")

_PRESENT, _WRITE, _USER, _LARGE, _NX = 1 << 0, 1 << 1, 1 << 2, 1 << 7, 1 << 63


@dataclass(frozen=True, slots=True)
class Level:
    """An entry of one level: `name` as the SDM abbreviates it, `entry` its 64 bits."""

    name: str
    entry: int

    @property
    def present(self) -> bool:
        """P."""
        return bool(self.entry & _PRESENT)

    @property
    def write(self) -> bool:
        """R/W."""
        return bool(self.entry & _WRITE)

    @property
    def user(self) -> bool:
        """U/S."""
        return bool(self.entry & _USER)

    @property
    def no_execute(self) -> bool:
        """XD."""
        return bool(self.entry & _NX)

    @property
    def large(self) -> bool:
        """PS of an entry that could be of a table."""
        return bool(self.entry & _LARGE) and self.name in ("pdpte", "pde")

    def __str__(self) -> str:
        flags = "".join(
            letter
            for letter, on in (
                ("P", self.present),
                ("W", self.write),
                ("U", self.user),
                ("N", self.no_execute),
                ("L", self.large),
            )
            if on
        )
        return f"{self.name} {self.entry:#x} {flags or 'not present'}"


@dataclass(frozen=True, slots=True)
class Denial:
    """What forbade an access: `flag` and the level whose entry has it; `text` is a sentence."""

    flag: str
    level: Level | None
    text: str


def level_of(name: str, entry: int | None) -> Level | None:
    """A level from a log, None if it is none."""
    if name not in NAMES or entry is None:
        return None
    return Level(name, entry)


def denial(levels: Sequence[Level], error: int) -> Denial | None:
    """The flag that denied the access of a page fault, None if the entries do not tell."""
    if not levels:
        return None
    last = levels[-1]
    for bit, flag, text in (
        (FAULT_RESERVED, "reserved", "a reserved bit is set in an entry"),
        (FAULT_PROTECTION_KEY, "protection-key", "the page's protection key"),
        (FAULT_SHADOW_STACK, "shadow-stack", "the rules of shadow stacks"),
    ):
        if error & bit:
            return Denial(flag, last, text)
    absent = _first(levels, lambda level: not level.present)
    if absent:
        return Denial("present", absent, f"P is clear in the {absent.name}: nothing is mapped")
    kernels = _first(levels, lambda level: not level.user)
    if error & FAULT_USER and kernels:
        return Denial("user", kernels, f"U/S is clear in the {kernels.name}: for the kernel only")
    never = _first(levels, lambda level: level.no_execute)
    if error & FAULT_FETCH and never:
        return Denial("nx", never, f"XD is set in the {never.name}: never executed")
    read_only = _first(levels, lambda level: not level.write)
    if error & FAULT_WRITE and read_only:
        return Denial("write", read_only, f"R/W is clear in the {read_only.name}: read-only")
    if not error & FAULT_USER and not kernels:
        if error & FAULT_FETCH:
            return Denial("smep", last, "SMEP: the kernel may not execute a page of ring 3")
        return Denial("smap", last, "SMAP: the kernel may not touch a page of ring 3")
    return None


def _first(levels: Sequence[Level], test: Callable[[Level], bool]) -> Level | None:
    return next((level for level in levels if test(level)), None)
