"""Control flow by recursive descent: from the roots along direct branches, nothing else.

Data is never decoded: a byte is looked at only when control reaches it from a root. Regions are
decoded with addresses relative to their start, which keeps the numbers small; the work per
instruction is one property look-up, because a kernel has a million of them.

Two bits a byte of code remember what is done: BRANCH at a branch instruction that has been
followed (whatever runs into it again would only repeat it), QUEUED at a place where a run starts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from iced_x86 import Decoder, FlowControl, Formatter, FormatterSyntax, Instruction, Mnemonic, OpKind

from orobuild.lint.finding import Step
from orobuild.lint.program.descriptors import as_vector_table, interrupt_tables, table_loads
from orobuild.lint.program.far_returns import pushed_address
from orobuild.lint.program.jump_tables import targets
from orobuild.lint.program.roots import (
    Root,
    entry_roots,
    function_roots,
    untyped_roots,
    vector_roots,
)
from orobuild.lint.program.segments import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orobuild.lint.program.program import Program

BRANCH: Final = 1
QUEUED: Final = 2
MAX_PATH: Final = 64  # branches shown on the way to an exit
MAX_SITES: Final = 32

_UNCONDITIONAL: Final = FlowControl.UNCONDITIONAL_BRANCH
_CONDITIONAL: Final = FlowControl.CONDITIONAL_BRANCH
_CALL: Final = FlowControl.CALL
_INDIRECT_CALL: Final = FlowControl.INDIRECT_CALL
_XBEGIN: Final = FlowControl.XBEGIN_XABORT_XEND
_INDIRECT_BRANCH: Final = FlowControl.INDIRECT_BRANCH
_INTERRUPT: Final = FlowControl.INTERRUPT
_RETURN: Final = FlowControl.RETURN
_DIRECT: Final = frozenset((_CONDITIONAL, _CALL, _UNCONDITIONAL, _XBEGIN))
_NEAR: Final = {
    OpKind.NEAR_BRANCH16: (0x8000, 0xFFFF),
    OpKind.NEAR_BRANCH32: (0x80000000, 0xFFFFFFFF),
    OpKind.NEAR_BRANCH64: (1 << 63, (1 << 64) - 1),
}
_FAR: Final = frozenset((OpKind.FAR_BRANCH16, OpKind.FAR_BRANCH32))


@dataclass(slots=True)
class Exit:
    """An address outside every executable segment that direct branches name.

    `sites` are the first of them, at most `MAX_SITES`, in the order of discovery: index of the
    run and virtual address of the branch. `branches` is how many there are. `certain` tells that
    the first was reached from certain roots alone.
    """

    target: int
    certain: bool
    sites: list[tuple[int, int]]
    branches: int = 1

    @property
    def branch(self) -> int:
        """The virtual address of the first branch."""
        return self.sites[0][1]


@dataclass(slots=True)
class ControlFlow:
    """What the trace found. `exits` is keyed by target address, in the order of discovery.

    `runs` are (index of the region, offset in it, index of the parent run or of the root when
    `branch` is -1, offset of the branch in the parent's region), `ends` beside it the offset
    behind each run's last instruction. The first `certain_runs` runs start at certain roots.
    `unresolved` are the virtual addresses of the indirect branches that certain roots reach and
    whose targets are not all known.
    """

    regions: list[Region] = field(default_factory=list)
    roots: list[Root] = field(default_factory=list)
    runs: list[tuple[int, int, int, int]] = field(default_factory=list)
    exits: dict[int, Exit] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)
    certain_runs: int = 0
    unresolved: set[int] = field(default_factory=set)

    def width_at_run(self, run: int) -> int:
        """The width in bits that a run was decoded at."""
        return self.regions[self.runs[run][0]].width

    def instruction(self, run: int, address: int) -> Instruction:
        """The instruction at a virtual address, decoded as the run decoded it."""
        region = self.regions[self.runs[run][0]]
        decoder = Decoder(region.width, region.data, ip=address)
        decoder.position = address - region.start
        return decoder.decode()

    def decoder(self, region: int, offset: int) -> Decoder:
        """A decoder of the region with this index, from an offset in it."""
        code = self.regions[region]
        decoder = Decoder(code.width, code.data, ip=code.start + offset)
        decoder.position = offset
        return decoder

    def straight_line(self, run: int, address: int) -> list[Instruction]:
        """The instructions from the run's start up to and with the one at `address`."""
        region_index, offset, _, _ = self.runs[run]
        region = self.regions[region_index]
        decoder = Decoder(region.width, region.data, ip=region.start + offset)
        decoder.position = offset
        result = []
        for instruction in decoder:
            result.append(instruction)
            if instruction.ip >= address:
                break
        return result

    def instructions(self, *, certain: bool = True) -> Iterator[tuple[int, Decoder]]:
        """(width, decoder) for each stretch of code that control reaches, in order of address.

        Iterating a decoder yields the stretch's instructions; nothing else is decoded. With
        `certain`, only what certain roots reach: the others' bytes may be data.
        """
        stretches: dict[int, list[tuple[int, int]]] = {}
        count = self.certain_runs if certain else len(self.runs)
        for (index, start, _, _), end in zip(self.runs[:count], self.ends[:count], strict=True):
            stretches.setdefault(index, []).append((start, end))
        for index in sorted(stretches, key=lambda i: (self.regions[i].start, i)):
            region = self.regions[index]
            for start, end in _merged(sorted(stretches[index])):
                address = region.start + start
                yield region.width, Decoder(region.width, region.data[start:end], ip=address)

    def is_entered(self, region: int, after: int, last: int) -> bool:
        """Whether a branch goes to a place behind address `after`, up to and with `last`."""
        start = self.regions[region].start
        return any(r == region and after < start + offset <= last for r, offset, _, _ in self.runs)

    def path(
        self, program: Program, target: int, site: tuple[int, int]
    ) -> tuple[str, tuple[Step, ...]]:
        """The root's reason and the branches from it to `target`, first branch first.

        `site` is one of the exit's. At most the last `MAX_PATH` branches.
        """
        links: list[tuple[int, int, int]] = []  # (run, branch, target), last branch first
        run, branch = site
        root = f"a root more than {MAX_PATH} branches before"
        while len(links) < MAX_PATH:
            links.append((run, branch, target))
            region_index, offset, parent, source = self.runs[run]
            target = self.regions[region_index].start + offset
            if source < 0:
                start = self.roots[parent]
                root = f"{start.reason} {program.place(start.address)}"
                break
            run, branch = parent, self.regions[self.runs[parent][0]].start + source
        steps = (
            Step(at, program.place(at), _text(program, self.instruction(of, at), to), to)
            for of, at, to in reversed(links)
        )
        return root, tuple(steps)


def _merged(sorted_stretches: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Overlapping or touching (start, end) joined."""
    low, high = sorted_stretches[0]
    for start, end in sorted_stretches[1:]:
        if start > high:
            yield low, high
            low, high = start, end
        else:
            high = max(high, end)
    yield low, high


def _text(program: Program, instruction: Instruction, target: int) -> str:
    """An instruction as GNU objdump writes it; a direct branch with its target's name."""
    formatter = Formatter(FormatterSyntax.GAS)
    formatter.hex_prefix, formatter.hex_suffix = "0x", ""
    formatter.uppercase_hex = False
    if instruction.op0_kind in _NEAR or instruction.op0_kind in _FAR:
        mnemonic = formatter.format_mnemonic(instruction)
        return f"{mnemonic} {program.symbols.name(target) or f'{target:#x}'}"
    return formatter.format(instruction)


def trace(program: Program) -> ControlFlow:
    """Follow every direct branch from the roots of `program`.

    Entries and vectors go first, so that the path shown for a finding starts there if it can.
    """
    tracer = _Tracer(program)
    tracer.follow(list(entry_roots(program)))
    tracer.follow(list(vector_roots(program, program.pointer_tables)))
    tracer.follow(list(function_roots(program)))
    tracer.follow_gates()
    tracer.follow(list(untyped_roots(program)))
    tracer.finish()
    tracer.follow_gates()
    return tracer.flow


class _Tracer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.flow = ControlFlow(regions=list(program.regions))
        self.starts = [region.start for region in program.regions]
        self.marks = [bytearray(len(region.data)) for region in program.regions]
        self.decoders = [Decoder(r.width, r.data, ip=0) for r in program.regions]
        self.ends: list[set[int]] = [set() for _ in program.regions]
        self.overlays: dict[tuple[int, int], int] = {}
        self.queue: deque[tuple[int, int, int, int]] = deque()
        self.uncertain: list[tuple[int, int, int, int]] = []
        self.certain = True
        for address, size in program.functions:
            place = self.locate(address)
            if size and place is not None:
                self.ends[place[0]].add(place[1] + size)

    def locate(self, address: int, width: int | None = None) -> tuple[int, int] | None:
        """(region, offset) of a virtual address, in a region of that width if none is declared."""
        index = bisect_right(self.starts, address) - 1
        if index < 0 or address >= self.flow.regions[index].end:
            return None
        offset = address - self.starts[index]
        region = self.flow.regions[index]
        if width is None or region.declared or width == region.width:
            return index, offset
        overlay = self.overlays.get((index, width))
        if overlay is None:
            overlay = self.overlays[index, width] = len(self.flow.regions)
            self.flow.regions.append(Region(region.start, region.data, width, declared=False))
            self.marks.append(bytearray(len(region.data)))
            self.decoders.append(Decoder(width, region.data, ip=0))
            self.ends.append(self.ends[index])
        return overlay, offset

    def follow(self, roots: Iterable[Root]) -> None:
        """Trace from the certain ones of `roots`; the others wait for `finish`."""
        for root in roots:
            place = self.locate(root.address, root.width)
            if place is None:
                continue
            index, offset = place
            start = (index, offset, len(self.flow.roots), -1)
            self.flow.roots.append(root)
            if root.certain or self.flow.regions[index].declared:
                self.enqueue(start)
            else:
                self.uncertain.append(start)
        self.drain()

    def follow_gates(self) -> None:
        """Trace from the gates of the interrupt tables that the code so far loads."""
        loads = table_loads(self.program, self.flow)
        tables = interrupt_tables(self.program, loads)
        roots = vector_roots(self.program, (as_vector_table(self.program, t) for t in tables))
        self.follow(list(roots))

    def finish(self) -> None:
        """Trace from what is not certain."""
        self.certain = False
        self.flow.certain_runs = len(self.flow.runs)
        while self.uncertain:
            waiting, self.uncertain = self.uncertain, []
            for start in waiting:
                self.enqueue(start)
            self.drain()

    def enqueue(self, start: tuple[int, int, int, int]) -> None:
        mark = self.marks[start[0]]
        if not mark[start[1]] & QUEUED:
            mark[start[1]] |= QUEUED
            self.queue.append(start)

    def drain(self) -> None:
        """Decode from everything that is queued until nothing is."""
        queue, runs, ends = self.queue, self.flow.runs, self.flow.ends
        while queue:
            start = queue.popleft()
            index, offset, _, _ = start
            run = len(runs)
            runs.append(start)
            decoder = self.decoders[index]
            decoder.position = offset
            decoder.ip = offset
            self.run(decoder, index, run)
            ends.append(decoder.position)

    def run(self, decoder: Decoder, index: int, run: int) -> None:
        """Decode in region `index` until control goes elsewhere for certain."""
        mark, ends = self.marks[index], self.ends[index]
        size = len(mark) if decoder.bitness != 16 else 0  # 16-bit targets wrap: look closely
        for instruction in decoder:
            kind = instruction.flow_control
            if not kind:  # FlowControl.NEXT, four instructions of five
                continue
            at = instruction.ip32
            if mark[at] & BRANCH:
                return
            mark[at] |= BRANCH
            if kind in _DIRECT:
                # Unsigned: a target before the region is larger than any size. 0 may mean "none".
                target = instruction.near_branch_target
                if 0 < target < size:
                    if not mark[target] & QUEUED:
                        mark[target] |= QUEUED
                        self.queue.append((index, target, run, at))
                else:
                    self.branch(index, run, at, instruction)
                if kind == _CONDITIONAL:
                    continue
                if kind == _UNCONDITIONAL:
                    return
                if kind == _CALL and instruction.next_ip32 in ends:
                    return  # it does not return: its function ends here
            elif kind == _INDIRECT_CALL:
                if self.certain:
                    self.flow.unresolved.add(self.flow.regions[index].start + at)
                if instruction.next_ip32 in ends:
                    return
            elif kind == _INDIRECT_BRANCH:
                self.jump_table(index, run, at)
                return
            elif kind != _INTERRUPT:
                if kind == _RETURN and instruction.mnemonic == Mnemonic.RETF:
                    self.far_return(index, run, at)
                return
        self.fall_through(index, run)

    def branch(self, index: int, run: int, at: int, instruction: Instruction) -> None:
        """A direct branch that may leave region `index`, or wrap around at 64 KiB."""
        operand = instruction.op0_kind
        near = _NEAR.get(operand)
        if near is not None:
            half, mask = near
            after = instruction.next_ip32
            target = after + ((instruction.near_branch_target - after + half) & mask) - half
            if 0 <= target < len(self.marks[index]):
                self.enqueue((index, target, run, at))
            else:
                self.leave(index, target, run, at)
        elif operand in _FAR:
            self.far(index, run, at, instruction)

    def jump_table(self, index: int, run: int, at: int) -> None:
        """An indirect jump: follow the entries of its jump table, if it has one."""
        region = self.flow.regions[index]
        line = self.flow.straight_line(run, region.start + at)
        found, sure = targets(self.program, line, self.program.default_width // 8)
        if self.certain and not (found and sure):
            self.flow.unresolved.add(region.start + at)
        mark, start = self.marks[index], region.start
        for target in found:
            place = (index, target - start)
            if not start <= target < start + len(mark):
                other = self.locate(target, region.width)
                if other is None:
                    continue
                place = other
            if not sure:
                self.uncertain.append((*place, run, at))
            elif not self.marks[place[0]][place[1]] & QUEUED:
                self.enqueue((*place, run, at))

    def far_return(self, index: int, run: int, at: int) -> None:
        """A far return to an address that was pushed right before: how 64-bit code reloads CS."""
        region = self.flow.regions[index]
        target = pushed_address(self.flow.straight_line(run, region.start + at))
        place = self.locate(target, region.width) if target is not None else None
        if place is not None:
            self.enqueue((*place, run, at))

    def fall_through(self, index: int, run: int) -> None:
        """Control ran to the region's end; go on where the next one is code of another width."""
        region = self.flow.regions[index]
        if region.continues:
            place = self.locate(region.end)
            if place is not None:
                self.enqueue((*place, run, len(region.data) - 1))

    def leave(self, index: int, offset: int, run: int, at: int) -> None:
        """A near branch from region `index` to `offset`, which is outside it.

        The displacement is relative to where the code runs, which is its virtual address, its
        physical one before paging, or a declared run address: the target counts as executable
        if it is by one of them.
        """
        region, program = self.flow.regions[index], self.program
        target = (region.start + offset) & program.address_mask
        place = self.locate(target, region.width)
        if place is not None:
            self.enqueue((*place, run, at))
            return
        for shift in self.shifts(region.start + at):
            linked = program.executable((target + shift) & program.address_mask)
            if linked is not None:
                place = self.locate(linked, region.width)
                if place is not None:
                    self.enqueue((*place, run, at))
                return
        self.exit(target, run, region.start + at)

    def shifts(self, address: int) -> Iterable[int]:
        """What to add to a virtual address to get where the code around it may run."""
        yield 0
        segment = self.program.segment_at(address)
        if segment is not None:
            yield segment.header.p_paddr - segment.start
        for start, end, run in self.program.run_regions:
            if start <= address < end:
                yield run - start

    def far(self, index: int, run: int, at: int, instruction: Instruction) -> None:
        """A far branch to an immediate address: the code behind it may have another width."""
        region, program = self.flow.regions[index], self.program
        wide = instruction.op0_kind == OpKind.FAR_BRANCH32
        address = instruction.far_branch32 if wide else instruction.far_branch16
        linked = program.executable(address)
        if linked is not None:
            place = self.locate(linked)
            if place is not None and (
                program.widths or self.flow.regions[place[0]].declared
            ):  # where widths are declared, other code is a compiler's, of the machine's width
                self.enqueue((*place, run, at))
                return
            for width in {16: (16, 32, 64), 32: (32, 64)}.get(region.width, (64,)):
                place = self.locate(linked, width)
                if place is not None:
                    self.uncertain.append((*place, run, at))
        elif region.width != 16 and program.segment_at(address) is not None:
            self.exit(address, run, region.start + at)

    def exit(self, target: int, run: int, branch: int) -> None:
        known = self.flow.exits.get(target)
        if known is None:
            self.flow.exits[target] = Exit(target, self.certain, [(run, branch)])
            return
        known.branches += 1
        if len(known.sites) < MAX_SITES:
            known.sites.append((run, branch))
