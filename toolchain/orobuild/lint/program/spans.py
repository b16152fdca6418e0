"""Where control goes from a place until an instruction that closes what was opened there.

Follows every direct branch, in compiled code and assembly alike. Calls are not entered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iced_x86 import Decoder, FlowControl, Instruction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orobuild.lint.program.program import Program

MAX_INSTRUCTIONS: Final = 100_000
_JUMPS: Final = frozenset((FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH))
_CALLS: Final = frozenset((FlowControl.CALL, FlowControl.INDIRECT_CALL))
_STRAIGHT: Final = frozenset((FlowControl.NEXT, FlowControl.INTERRUPT, *_CALLS))


def reached(
    program: Program, start: int, stops: Callable[[Instruction], bool]
) -> Iterator[Instruction]:
    """Every instruction that control may reach from `start`, none behind one that `stops`.

    Yields the one that stops too. A call is passed over where code of the same function, or of
    none, follows it.
    """
    pending, seen = [start], {start}
    count = 0
    while pending:
        address = pending.pop()
        region = program.region_at(address)
        if region is None:
            continue
        decoder = Decoder(region.width, region.data, ip=address)
        decoder.position = address - region.start
        for instruction in decoder:
            count += 1
            if instruction.is_invalid or count > MAX_INSTRUCTIONS:
                break
            yield instruction
            if stops(instruction):
                break
            kind: Any = instruction.flow_control
            if kind in _JUMPS:
                target = int(instruction.near_branch_target) & program.address_mask
                if target not in seen and target:
                    seen.add(target)
                    pending.append(target)
            if kind in _CALLS and _ends_function(program, instruction):
                break
            if kind not in _STRAIGHT and kind != FlowControl.CONDITIONAL_BRANCH:
                break
            if instruction.next_ip in seen:
                break
            seen.add(instruction.next_ip)


def _ends_function(program: Program, call: Instruction) -> bool:
    """Whether nothing of the function follows a call: then it does not come back."""
    inside = program.function_at(call.ip)
    return inside is not None and call.next_ip >= inside[1]
