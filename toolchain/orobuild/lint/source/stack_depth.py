"""How deep the stack is at each instruction of a stretch of assembly, as far as the text tells.

An abstract interpretation of push, pop and constant changes of the stack pointer, along branches
to labels of the same stretch. Whatever else touches the stack pointer makes the depth unknown;
nothing is ever guessed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.lint.source.embedded import OPERAND
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orobuild.lint.source.events import Event

_PUSHES: Final = re.compile(r"push[wlq]?|pushf[dlqw]?")
_POPS: Final = re.compile(r"pop[wlq]?|popf[dlqw]?")
_STACK_POINTER: Final = re.compile(r"%?\b[er]?sp\b")
_REGISTER: Final = re.compile(r"[ \t]*%?([re][a-ds][xip]|[re][sb]p|r(?:[89]|1[0-5]))[ \t]*")
_ADJUSTS: Final = re.compile(r"(add|sub)[wlq]?")
_ATT: Final = re.compile(
    r"[ \t]*\$[ \t]*(-?(?:0[xX][0-9a-fA-F]+|[0-9]+))[ \t]*,[ \t]*%[er]sp[ \t]*"
)
_INTEL: Final = re.compile(r"[ \t]*[er]sp[ \t]*,[ \t]*(-?(?:0[xX][0-9a-fA-F]+|[0-9]+))[ \t]*")
_LOAD: Final = re.compile(
    r"-?[ \t]*(0[xX][0-9a-fA-F]+|[0-9]+)\(%[er]sp\)[ \t]*,[ \t]*%[er]sp[ \t]*"
)
# Instructions behind which the text does not go on.
ENDS: Final = re.compile(
    r"jmp[wlq]?|l?jmp[wlq]?|i?ret[wlqfd]*|l?ret[wlq]?|retf[wlq]?|sysret[lq]?|sysexit[lq]?|ud2[ab]?|hlt"
)
_BRANCHES: Final = re.compile(r"j[a-z]+|loop[a-z]*")
# What may change the stack pointer without naming it.
_UNKNOWN: Final = re.compile(
    r"enter[wlq]?|leave[wlq]?|popa[wldq]*|pusha[wldq]*|i?ret.+|syscall|sysenter|int[0-9o]?"
)
_MEMORY_ONLY: Final = re.compile(
    r"[^,]*\([^)]*%[er]sp[^)]*\)[^,]*|[^,]*\[[^\]]*[er]sp[^\]]*\][^,]*"
)
Depth = int | None
"""Bytes pushed since the start; None where the text does not tell."""


def depths(events: Sequence[Event], slot: int) -> Mapping[int, Depth]:
    """The depth before each instruction of `events` that can be reached, by index.

    `slot` is the size of a push in bytes where its suffix does not say. The entry for `len(events)` is the depth behind the last
    one. Where two ways disagree the depth is not known. What stands in other sections than the
    first instruction does not run between the others.
    """
    home = next((e.section for e in events if e.kind is Kind.INSTRUCTION), None)
    labels: dict[str, list[int]] = {}
    for index, label in enumerate(events):
        if label.kind is Kind.LABEL:
            labels.setdefault(label.word, []).append(index)
    found: dict[int, Depth] = {}
    work: list[tuple[int, Depth]] = [(0, 0)]
    while work:
        index, depth = work.pop()
        before = ""
        while index <= len(events):
            event = events[index] if index < len(events) else None
            if event is None or (event.kind is Kind.INSTRUCTION and event.section is home):
                if index in found:
                    if found[index] == depth or found[index] is None:
                        break
                    depth = None  # two ways disagree: not known, here and behind
                found[index] = depth
                if event is None or ENDS.fullmatch(event.word):
                    if event is not None and event.word.startswith("jmp"):
                        _follow(event, depth, labels, index, work)
                    break
                depth = _after(event, depth, slot)
                if event.word.startswith("call"):
                    depth = _called(event, depth, slot, labels, events, index)
                if slot < 8 and event.word.startswith("call") and before.startswith("push"):
                    depth = None  # where arguments are pushed, who is called may pop them
                before = event.word
                if _BRANCHES.fullmatch(event.word):
                    _follow(event, depth, labels, index, work)
            elif event.section is None or (
                event.section is home and event.kind in (Kind.DATA, Kind.UNKNOWN)
            ):
                depth = None
            index += 1
    return found


def _follow(
    event: Event,
    depth: Depth,
    labels: Mapping[str, list[int]],
    index: int,
    work: list[tuple[int, Depth]],
) -> None:
    """Go on at the label that a branch names, if it is one of these."""
    if (target := _target(event.text, labels, index)) is not None:
        work.append((target, depth))


def _called(
    event: Event,
    depth: Depth,
    slot: int,
    labels: Mapping[str, list[int]],
    events: Sequence[Event],
    index: int,
) -> Depth:
    """The depth behind a call: a call of the next label pushes where the code is."""
    target = _target(event.text, labels, index)
    if target is None or depth is None:
        return depth
    between = events[index + 1 : target]
    is_next = target > index and all(e.kind in (Kind.LABEL, Kind.SYMBOL) for e in between)
    return depth + slot if is_next else None


def _target(text: str, labels: Mapping[str, list[int]], index: int) -> int | None:
    """The event of the label that a branch goes to; None for one outside, or through memory."""
    name = text.strip()
    if match := re.fullmatch(r"([0-9]+)([bf])", name):
        places = labels.get(match[1], [])
        if match[2] == "f":
            return next((at for at in places if at > index), None)
        return next((at for at in reversed(places) if at <= index), None)
    places = labels.get(name, [])
    return places[0] if places else None


def _after(event: Event, depth: Depth, slot: int) -> Depth:
    word, text = event.word, event.text
    if depth is None:
        return None
    if _PUSHES.fullmatch(word):
        return depth + _size(word, text, slot)
    if _POPS.fullmatch(word):
        if _STACK_POINTER.fullmatch(text.strip()):
            return None
        return depth - _size(word, text, slot)
    if _ADJUSTS.fullmatch(word) and (match := _ATT.fullmatch(text) or _INTEL.fullmatch(text)):
        amount = int(match[1], 0)
        return depth + amount if word.startswith("sub") else depth - amount
    if word.startswith("lea") and (match := _LOAD.fullmatch(text)):
        amount = int(match[1], 0)
        return depth + amount if text.lstrip().startswith("-") else depth - amount
    if _UNKNOWN.fullmatch(word) or (OPERAND in text and _STACK_POINTER.search(text)):
        return None
    if _STACK_POINTER.search(text) and _writes_stack_pointer(word, text):
        return None
    return depth


def _size(word: str, text: str, slot: int) -> int:
    if size := {"w": 2, "l": 4, "q": 8}.get(word[-1]):
        return size
    if match := _REGISTER.fullmatch(text):
        return {"r": 8, "e": 4}.get(match[1][0], slot)
    return slot


def _writes_stack_pointer(word: str, text: str) -> bool:
    """Whether the register itself may be a destination: it is named outside memory operands."""
    if word.startswith(("cmp", "test", "push")):
        return False
    operands = [part.strip() for part in _split(text)]
    bare = [i for i, part in enumerate(operands) if _STACK_POINTER.fullmatch(part)]
    if not bare:
        return False
    if word.startswith("xchg") or len(operands) == 1:
        return True
    att = any("%" in part or part.startswith("$") for part in operands)
    return (len(operands) - 1 if att else 0) in bare


def _split(text: str) -> list[str]:
    parts, level = [""], 0
    for char in text:
        level += (char in "([") - (char in ")]")
        if char == "," and level == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts
