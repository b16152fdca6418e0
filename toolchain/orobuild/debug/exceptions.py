"""Exceptions of the processor in words: names of vectors, what error codes say.

Intel SDM Vol. 3A, §6.3.1 (vectors), §6.13 (error codes), §4.7 (page faults).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE_FAULT: Final = 14

FAULT_PRESENT: Final = 1 << 0
FAULT_WRITE: Final = 1 << 1
FAULT_USER: Final = 1 << 2
FAULT_RESERVED: Final = 1 << 3
FAULT_FETCH: Final = 1 << 4
FAULT_PROTECTION_KEY: Final = 1 << 5
FAULT_SHADOW_STACK: Final = 1 << 6

NAMES: Final = {
    0: ("#DE", "division by zero, or a quotient that does not fit"),
    1: ("#DB", "debug exception"),
    2: ("NMI", "non-maskable interrupt"),
    3: ("#BP", "breakpoint"),
    4: ("#OF", "overflow"),
    5: ("#BR", "bound range exceeded"),
    6: ("#UD", "invalid opcode"),
    7: ("#NM", "vector or x87 registers are not available"),
    8: ("#DF", "double fault: an exception while another was delivered"),
    10: ("#TS", "invalid TSS"),
    11: ("#NP", "segment not present"),
    12: ("#SS", "stack segment fault"),
    13: ("#GP", "general protection"),
    14: ("#PF", "page fault"),
    16: ("#MF", "x87 floating-point error"),
    17: ("#AC", "alignment check"),
    18: ("#MC", "machine check"),
    19: ("#XM", "SIMD floating-point exception"),
    20: ("#VE", "virtualization exception"),
    21: ("#CP", "control protection exception"),
    29: ("#VC", "VMM communication exception"),
    30: ("#SX", "security exception"),
}
_WITH_SELECTOR: Final = frozenset((10, 11, 12, 13))


@dataclass(frozen=True, slots=True)
class ProcessorException:
    """An exception: its vector, error code, name (`#PF`) and what it means in a sentence."""

    vector: int
    error: int
    name: str
    meaning: str

    def has(self, bit: int) -> bool:
        """Whether the error code has a bit set."""
        return bool(self.error & bit)


def describe(
    vector: int, error: int, registers: Mapping[str, int] | None = None
) -> ProcessorException:
    """What the processor said. `registers` by name, for the address of a page fault."""
    name, meaning = NAMES.get(vector, (f"vector {vector}", "an interrupt"))
    if vector == PAGE_FAULT:
        meaning = _page_fault(error)
        address = (registers or {}).get("cr2")
        if address is not None:
            meaning = meaning.replace("a page", f"{address:#x}, a page", 1)
    elif vector in _WITH_SELECTOR and error:
        meaning = f"{meaning}; {_selector(error)}"
    return ProcessorException(vector, error, name, meaning)


def _page_fault(error: int) -> str:
    who = "ring 3" if error & FAULT_USER else "the kernel"
    did = "read from"
    if error & FAULT_FETCH:
        did = "fetched an instruction from"
    elif error & FAULT_WRITE:
        did = "wrote to"
    where = "a page whose permissions forbid it"
    if error & FAULT_RESERVED:
        where = "a page whose table entry has a reserved bit set"
    elif not error & FAULT_PRESENT:
        where = "a page that is not mapped"
    elif error & FAULT_PROTECTION_KEY:
        where = "a page whose protection key forbids it"
    elif error & FAULT_SHADOW_STACK:
        where = "a page by way of the shadow stack"
    elif error & FAULT_FETCH:
        where = "a page that it may not execute"
    return f"{who} {did} {where}"


def _selector(error: int) -> str:
    table = "IDT" if error & 2 else "LDT" if error & 4 else "GDT"
    outside = ", by an event from outside the program" if error & 1 else ""
    return f"entry {error >> 3 & 0x1FFF} of the {table}{outside}"
