"""How an instruction uses a register or memory, as iced-x86 tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iced_x86 import OpAccess, Register

if TYPE_CHECKING:
    from iced_x86 import Instruction

WRITES: Final = frozenset(
    (OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE)
)
"""Those that may change it."""

_NONE: Final = frozenset((Register.NONE,))


def named_address(instruction: Instruction, mask: int) -> int | None:
    """The virtual address that a memory operand names, by itself or as a table's with an index.

    `mask` has the bits that an address of the image has.
    """
    if instruction.is_ip_rel_memory_operand:
        return int(instruction.ip_rel_memory_address)
    if instruction.memory_base in _NONE and instruction.memory_displacement:
        return int(instruction.memory_displacement) & mask
    return None
