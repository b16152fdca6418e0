"""Page-table entries that a panic printed, and which of their flags denied an access.

Intel SDM Vol. 3A §4.5 (entries), §4.6 (access rights).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orobuild.debug.exceptions import (
    FAULT_FETCH,
    FAULT_PROTECTION_KEY,
    FAULT_RESERVED,
    FAULT_SHADOW_STACK,
    FAULT_USER,
    FAULT_WRITE,
)
from orobuild.debug.page_tables import NAMES, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Denial:
    """What forbade an access: `flag` and the level whose entry has it; `text` is a sentence."""

    flag: str
    level: Entry | None
    text: str


def entry_of(name: str, entry: int | None) -> Entry | None:
    """An entry from a log, None if it is none."""
    return None if name not in NAMES or entry is None else Entry(name, entry)


def denial(levels: Sequence[Entry], error: int) -> Denial | None:
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


def _first(levels: Sequence[Entry], test: Callable[[Entry], bool]) -> Entry | None:
    return next((level for level in levels if test(level)), None)
