"""Where two media differ, in their own terms: partition, file, ELF section, bytes.

Compares two trees of `examination`. A difference is told once, at the innermost part that has it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from orobuild.image.examination import CONTENTS
from orobuild.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.image.examination import Part
    from orobuild.image.extents import Extents

_BLOCK: Final = 4096
_SHOWN: Final = 8  # bytes of each side
_TEXT_MAX: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Difference:
    """`where` names the parts from the outermost in; `what` is a sentence for people.

    `offset` is where in the innermost part the first byte differs, None for parts that only one
    side has.
    """

    where: tuple[str, ...]
    what: str
    offset: int | None = None

    def __str__(self) -> str:
        """One line."""
        return f"{' → '.join(self.where)}: {self.what}"


def compare(one: Part, other: Part) -> tuple[Difference, ...]:
    """Every difference between two media; nothing if their bytes are the same.

    Of two containers with the same disk in them, the difference between the containers is told; a
    container and a raw disk are compared as disks.
    """
    if _is_container(one) != _is_container(other):
        # The same disk in a container and by itself is the same disk.
        one, other = (replace(_opened(part), name=part.name) for part in (one, other))
    return tuple(_compare(one, other, ()))


def _is_container(part: Part) -> bool:
    return [inner.name for inner in part.parts] == [CONTENTS]


def _opened(part: Part) -> Part:
    return part.parts[0] if _is_container(part) else part


def _compare(one: Part, other: Part, above: tuple[str, ...]) -> Iterator[Difference]:
    if one.contents.same_bytes(other.contents):
        return
    where = (
        (*above, one.name) if above or one.name == other.name else (f"{one.name}, {other.name}",)
    )
    found: list[Difference] = []
    theirs = dict(_named(other))
    ours = dict(_named(one))
    for key, part in ours.items():
        if key in theirs:
            found += _compare(part, theirs[key], where)
        else:
            size = part.contents.size
            found.append(Difference((*where, part.name), f"only in the first ({size} bytes)"))
    for key, part in theirs.items():
        if key not in ours:
            size = part.contents.size
            found.append(Difference((*where, part.name), f"only in the second ({size} bytes)"))
    if one.facts != other.facts and not found:
        found += [
            Difference(where, f"'{mine}' became '{yours}'")
            for mine, yours in zip(one.facts, other.facts, strict=False)
            if mine != yours
        ]
    moved = [
        Difference((*where, part.name), f"moved from byte {part.offset:#x} to {new.offset:#x}", 0)
        for key, part in ours.items()
        if (new := theirs.get(key)) is not None
        and part.offset is not None
        and new.offset is not None
        and part.offset != new.offset
    ]
    if not found:
        yield Difference(where, *_bytes(one.contents, other.contents))
    yield from found
    yield from moved


def _named(part: Part) -> Iterator[tuple[tuple[str, int], Part]]:
    """The parts below, by name and by how many of that name came before."""
    seen: Counter[str] = Counter()
    for inner in part.parts:
        yield (inner.name, seen[inner.name]), inner
        seen[inner.name] += 1


def _bytes(one: Extents, other: Extents) -> tuple[str, int]:
    """What differs between contents that have no parts, and where first."""
    sizes = "" if one.size == other.size else f"{one.size} and {other.size} bytes; "
    count, first = 0, None
    for offset, mine, yours in one.differing(other, _BLOCK):
        places = [n for n in range(_BLOCK) if mine[n] != yours[n]]
        count += len(places)
        if first is None:
            first = offset + places[0]
    if first is None:
        return f"{sizes}the longer one has zeros at its end", min(one.size, other.size)
    text = _lines(one, other)
    if text:
        return sizes + text, first
    left, right = (side.read(first, _SHOWN).hex(" ") or "nothing" for side in (one, other))
    several = f"{count} bytes differ, the first" if count > 1 else "the byte"
    return f"{sizes}{several} at {first:#x}: {left} became {right}", first


def _lines(one: Extents, other: Extents) -> str | None:
    """The first line that differs, if both are texts."""
    if max(one.size, other.size) > _TEXT_MAX:
        return None
    try:
        mine, yours = (side.to_bytes().decode().splitlines() for side in (one, other))
    except UnicodeDecodeError:
        return None
    printable = all(line.replace("\t", " ").isprintable() for line in (*mine, *yours))
    for number in range(max(len(mine), len(yours)) if printable else 0):
        left = f"'{mine[number]}'" if number < len(mine) else "nothing"
        right = f"'{yours[number]}'" if number < len(yours) else "nothing"
        if left != right:
            return f"line {number + 1}: {left} became {right}"
    return None
