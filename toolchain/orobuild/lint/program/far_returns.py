"""Far returns that are jumps: an address is pushed, and `lretq` goes there with a new CS.

Intel SDM Vol. 3A §5.8.1: in 64-bit mode there is no far jump to an immediate address, so kernels
reload CS by `push SELECTOR; lea 1f(%rip), REG; push REG; lretq; 1:`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iced_x86 import Mnemonic, OpKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iced_x86 import Instruction

_CONSTANTS: Final = frozenset(
    (OpKind.IMMEDIATE32, OpKind.IMMEDIATE32TO64, OpKind.IMMEDIATE64, OpKind.IMMEDIATE8TO64)
)


def pushed_address(line: Sequence[Instruction]) -> int | None:
    """The constant that was pushed last before the return at the end of `line`, None if none was."""
    if len(line) < 2 or line[-2].mnemonic != Mnemonic.PUSH:
        return None
    push = line[-2]
    if push.op0_kind in _CONSTANTS:
        return int(push.immediate(0))
    return _loaded(line[:-2], push.op0_register) if push.op0_kind == OpKind.REGISTER else None


def _loaded(line: Sequence[Instruction], register: Any) -> int | None:
    for instruction in reversed(line):
        if instruction.op0_kind != OpKind.REGISTER or instruction.op0_register != register:
            continue
        if instruction.mnemonic == Mnemonic.LEA and instruction.is_ip_rel_memory_operand:
            return int(instruction.ip_rel_memory_address)
        if instruction.mnemonic == Mnemonic.MOV and instruction.op1_kind in _CONSTANTS:
            return int(instruction.immediate(1))
        return None
    return None
