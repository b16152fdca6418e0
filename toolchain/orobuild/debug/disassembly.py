"""The instructions around an address, decoded from a place where one is known to begin.

x86 instructions can be decoded forwards only, and from a wrong byte they come out as others. The
start is a symbol, a source line or the section's start; where none of them is near, in a stripped
image, the decoding that most of the possible starts before the address agree on is taken
(wrong starts fall into step after a few instructions).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iced_x86 import Code, Decoder, FlowControl, Formatter, FormatterSyntax, MemorySizeOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iced_x86 import Instruction

    from orobuild.lint.program import Program
    from orobuild.lint.program.segments import Region

SYNTAXES: Final = {"att": FormatterSyntax.GAS, "intel": FormatterSyntax.INTEL}

_FAR: Final = 4096  # bytes from a known start beyond which the vote is asked instead
_BACK: Final = 192  # bytes before the address from where the vote's decodings start
_BRANCHES: Final = frozenset(
    (
        FlowControl.UNCONDITIONAL_BRANCH,
        FlowControl.CONDITIONAL_BRANCH,
        FlowControl.CALL,
        FlowControl.XBEGIN_XABORT_XEND,
    )
)


@dataclass(frozen=True, slots=True)
class Line:
    """An instruction: its virtual address, its bytes, its text, and the address it names.

    `target` is what a direct branch or an address relative to `rip` comes to, None without one;
    `name` is the symbol there. `valid` is false for bytes that are no instruction. `relocations`
    are an object's that change these bytes, as text.
    """

    address: int
    data: bytes
    text: str
    target: int | None
    name: str | None
    valid: bool
    relocations: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The address after the instruction."""
        return self.address + len(self.data)


def around(
    program: Program,
    address: int,
    *,
    before: int,
    after: int,
    starts: Iterable[int] = (),
    syntax: str = "att",
) -> tuple[Line, ...]:
    """The instruction at a virtual address and some before and after it.

    Empty where there is no code in the file. `starts` are more addresses at which instructions
    begin, such as those of source lines. When none begins at `address`, it is inside of one.
    """
    region = program.region_at(address)
    if region is None:
        return ()
    begin = _start(program, region, address, starts)
    decoder = Decoder(region.width, region.data, ip=begin)
    decoder.position = begin - region.start
    found: list[Instruction] = []
    behind = 0
    for instruction in decoder:
        if instruction.ip > address:
            behind += 1
            if behind > after:
                break
        found.append(instruction.copy())
        if instruction.next_ip <= address and len(found) > before:
            del found[0]
    writer = Writer(program, syntax)
    return tuple(writer.line(region, instruction) for instruction in found)


class Writer:
    """Writes instructions as text, with the names of what they refer to."""

    def __init__(self, program: Program, syntax: str = "att") -> None:
        self._program = program
        formatter = Formatter(SYNTAXES[syntax])
        formatter.hex_prefix, formatter.hex_suffix = "0x", ""
        formatter.uppercase_hex = False
        formatter.rip_relative_addresses = True
        formatter.space_after_operand_separator = syntax == "intel"
        formatter.memory_size_options = MemorySizeOptions.DEFAULT
        formatter.branch_leading_zeros = False
        formatter.signed_immediate_operands = False
        self._formatter = formatter

    def line(self, region: Region, instruction: Instruction) -> Line:
        """One decoded instruction of a region."""
        start = instruction.ip - region.start
        data = region.data[start : start + instruction.len]
        valid = instruction.code != Code.INVALID
        target = target_of(instruction)
        name = None if target is None else self._program.symbols.name(target)
        return Line(instruction.ip, data, self.text(instruction), target, name, valid)

    def text(self, instruction: Instruction) -> str:
        """The instruction in the syntax."""
        valid = instruction.code != Code.INVALID
        return str(self._formatter.format(instruction)) if valid else "(bad)"


def target_of(instruction: Instruction) -> int | None:
    """What a direct branch or an address relative to `rip` comes to, None without one."""
    if instruction.code == Code.INVALID:
        return None
    if instruction.flow_control in _BRANCHES and instruction.near_branch_target:
        return int(instruction.near_branch_target)
    if instruction.is_ip_rel_memory_operand:
        return int(instruction.ip_rel_memory_address)
    return None


def _start(program: Program, region: Region, address: int, starts: Iterable[int]) -> int:
    """An address at or before `address` where an instruction begins, within the region.

    The furthest of those that are near: what lies between is shown.
    """
    symbol = program.symbols.at(address)
    known = [region.start, *starts]
    if symbol is not None:
        known.append(symbol.address)
    low = max(region.start, address - _FAR)
    near = [start for start in known if low <= start <= address]
    return min(near) if near else _vote(region, address)


def _vote(region: Region, address: int) -> int:
    """A start from which decoding passes the boundary that most decodings agree on."""
    first = max(region.start, address - _BACK)
    boundary: dict[int, int] = {}
    for start in range(first, address - _BACK // 2):
        decoder = Decoder(region.width, region.data, ip=start)
        decoder.position = start - region.start
        for instruction in decoder:
            if instruction.code == Code.INVALID:
                break
            if instruction.next_ip > address:
                boundary[start] = instruction.ip
                break
    if not boundary:
        return address
    best, _ = Counter(boundary.values()).most_common(1)[0]
    return next(start for start, ip in boundary.items() if ip == best)
