"""`oro buddy`: the free lists of a buddy allocator, and every way in which they can be damaged.

A block of order n is 2^n frames, aligned to its size. A free block is in the list of its order
and nowhere else, no two free blocks overlap, and two free buddies would have been joined.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from orobuild.debug.inspector import lists
from orobuild.debug.inspector.view import none_left
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.inspector.lists import Row
    from orobuild.debug.inspector.view import View
    from orobuild.debug.structures import Buddy

_MOST: Final = 1 << 20  # blocks
_WRONG: Final = 20  # problems that are shown


@dataclass(slots=True)
class Heap:
    """What was read: free blocks by order as physical addresses, and what is wrong with them."""

    free: list[list[int]]
    problems: list[str] = field(default_factory=list)


def buddy(view: View, words: Sequence[str]) -> str:
    """Counts by order, and the verdict."""
    none_left(words, "oro buddy")
    wanted = view.structures.buddy
    if not wanted.lists:
        raise UsageError(
            "nothing says where this kernel's buddy allocator is: "
            "configure [debug.buddy] (docs/debug.md)"
        )
    heap = read(view, wanted)
    overlaps(heap, wanted.page_size)
    lines: list[str] = []
    rows = [
        (
            str(order),
            f"{wanted.page_size << order >> 10} KiB",
            str(len(blocks)),
            str(len(blocks) << order),
        )
        for order, blocks in enumerate(heap.free)
        if blocks
    ]
    lines += view.columns(("order", "block", "blocks", "frames"), rows)
    total = sum(len(blocks) << order for order, blocks in enumerate(heap.free))
    allocated = _against_states(view, wanted, heap)
    spares = _spares(view, wanted)
    more = f", and {spares} spare" if wanted.spares else ""
    used = f"; {allocated} allocated" if allocated is not None else ""
    lines.append(
        f"{total} frames free{more} ({(total + spares) * wanted.page_size >> 20} MiB){used}"
    )
    if wanted.free_count:
        said = int(view.target.evaluate(wanted.free_count)["value"])
        if said != total + spares:
            heap.problems.append(
                f"the kernel counts {said} free frames, there are {total + spares}"
            )
    if heap.problems:
        lines += [view.bad(problem) for problem in heap.problems[:_WRONG]]
        lines.append(view.bad(f"{len(heap.problems)} problems: the allocator is damaged"))
    else:
        lines.append(view.good("intact: lists, overlaps, states and counts agree"))
    return "".join(f"{line}\n" for line in lines)


def read(view: View, wanted: Buddy) -> Heap:
    """Follow every list. What cannot be followed is a problem."""
    heads = view.target.evaluate(wanted.lists, depth=1)
    if heads["kind"] != "array":
        raise UsageError(f"[debug.buddy]: '{wanted.lists}' is no array")
    heap = Heap([])
    base = int(view.target.evaluate(wanted.base)["value"])
    offset = None
    for order, head in enumerate(heads["items"]):
        blocks: list[int] = []
        seen: set[int] = set()
        here = int(head["value"])
        if here and offset is None:
            offset = _offset(view, str(head["type"]), wanted.next)
        while here and len(seen) < _MOST:
            physical = here - base
            if here in seen:
                heap.problems.append(f"order {order}: the list comes back to {physical:#x}")
                break
            seen.add(here)
            if physical % (wanted.page_size << order) or physical < 0:
                heap.problems.append(f"order {order}: {physical:#x} is not aligned to its size")
            following = view.target.word(here + (offset or 0))
            if following is None:
                heap.problems.append(f"order {order}: {here:#x} in the list cannot be read")
                break
            blocks.append(physical)
            here = following
        heap.free.append(blocks)
    return heap


def _offset(view: View, pointer: str, member: str) -> int:
    return int(view.target.evaluate(f"(unsigned long)&(({pointer})0)->{member}")["value"])


def overlaps(heap: Heap, page_size: int) -> None:
    """Add what overlaps, what is in two lists, and buddies that should be one block."""
    placed = sorted((block, order) for order, blocks in enumerate(heap.free) for block in blocks)
    end, before = 0, (0, 0)
    for block, order in placed:
        if block < end:
            heap.problems.append(
                f"{block:#x} of order {order} overlaps {before[0]:#x} of order {before[1]}"
            )
        end, before = max(end, block + (page_size << order)), (block, order)
    for order, blocks in enumerate(heap.free[:-1]):
        known = set(blocks)
        for block in blocks:
            other = block ^ page_size << order
            if other > block and other in known:
                heap.problems.append(f"{block:#x} and {other:#x} of order {order} are not joined")


def _against_states(view: View, wanted: Buddy, heap: Heap) -> int | None:
    """How many frames are allocated by the table of states; the lists are compared with it."""
    if not wanted.states or not wanted.frames:
        return None
    count = int(view.target.evaluate(wanted.frames)["value"])
    at = int(view.target.evaluate(wanted.states)["value"])
    states = base64.b64decode(view.target.ask("memory", at=at, size=count, space="v"))
    if len(states) < count:
        heap.problems.append(f"the states at {at:#x} cannot be read")
        return None
    free = {
        block // wanted.page_size: order
        for order, blocks in enumerate(heap.free)
        for block in blocks
    }
    allocated = 0
    for frame, state in enumerate(states):
        meaning = state & ~wanted.ignored
        order, kind = meaning & wanted.order_mask, meaning & ~wanted.order_mask
        if kind == wanted.allocated and kind:
            allocated += 1 << order
        listed = free.pop(frame, None)
        address = frame * wanted.page_size
        if kind == wanted.free and kind and listed is None:
            heap.problems.append(f"{address:#x} is marked free, order {order}, and in no list")
        elif listed is not None and (kind != wanted.free or order != listed):
            heap.problems.append(
                f"{address:#x} is in the list of order {listed}, its state is {state:#x}"
            )
    heap.problems += [f"{frame * wanted.page_size:#x} lies beyond the states" for frame in free]
    return allocated


def _spares(view: View, wanted: Buddy) -> int:
    count = 0
    for name, member in wanted.spares.items():
        table = view.structures.tables.get(name)
        if table is None:
            raise UsageError(f"[debug.buddy]: there is no table '{name}'")
        found: list[Row] = lists.rows(view, table)[0]
        count += sum(int(lists.value(view, row, member)["value"]) for row in found)
    return count
