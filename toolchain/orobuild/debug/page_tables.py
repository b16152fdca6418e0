"""Walking page tables in physical memory: 4 and 5 levels, pages of 4 KiB, 2 MiB and 1 GiB.

Pure: memory is a function from physical address and size to bytes. Source: Intel SDM Vol. 3A §4.5
(entries), §4.6 (access rights are the intersection over the levels), §4.6.2 (protection keys).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES: Final = ("pte", "pde", "pdpte", "pml4e", "pml5e")  # by level, from the page up
PRESENT, WRITE, USER, LARGE, GLOBAL, NX = 1 << 0, 1 << 1, 1 << 2, 1 << 7, 1 << 8, 1 << 63
ADDRESS: Final = 0x000FFFFFFFFFF000
CR4_LA57, EFER_NXE, CR0_PG = 1 << 12, 1 << 11, 1 << 31
ENTRIES: Final = 512


@dataclass(frozen=True, slots=True)
class Mapping:
    """A page that is mapped: `virtual` (canonical) and `physical` address of its first byte.

    `size` in bytes; `entries` are (name of the level, entry) from the top down to the one that maps
    the page. The permissions are those of all levels together. `key` is the protection key.
    """

    virtual: int
    physical: int
    size: int
    writable: bool
    executable: bool
    user: bool
    is_global: bool
    key: int
    entries: tuple[tuple[str, int], ...]

    @property
    def level(self) -> str:
        """The level that maps it, as the SDM abbreviates it."""
        return self.entries[-1][0]

    def translate(self, address: int) -> int:
        """The physical address of a virtual one in this page."""
        return self.physical + address - self.virtual


def mappings(
    read: Callable[[int, int], bytes], cr3: int, *, cr4: int, efer: int
) -> Iterator[Mapping]:
    """Every page that the tables at `cr3` map, in ascending order from address 0.

    A table outside the memory that can be read counts as empty. Tables that point to themselves are
    walked like any others: that is what the processor does.
    """
    top = 5 if cr4 & CR4_LA57 else 4
    yield from _table(read, cr3 & ADDRESS, top - 1, 0, (), bool(efer & EFER_NXE))


def find(
    read: Callable[[int, int], bytes], address: int, cr3: int, *, cr4: int, efer: int
) -> Mapping | None:
    """The page that holds a virtual address, None if it is not mapped."""
    steps = walk(read, address, cr3, cr4=cr4)
    if not steps[-1].maps:
        return None
    entries = tuple((step.name, step.entry) for step in steps)
    size = steps[-1].size
    return _mapping(address & -size & (1 << 64) - 1, size, entries, bool(efer & EFER_NXE))


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of one level: `name` as the SDM abbreviates it, `entry` its 64 bits."""

    name: str
    entry: int

    @property
    def present(self) -> bool:
        """P."""
        return bool(self.entry & PRESENT)

    @property
    def write(self) -> bool:
        """R/W."""
        return bool(self.entry & WRITE)

    @property
    def user(self) -> bool:
        """U/S."""
        return bool(self.entry & USER)

    @property
    def no_execute(self) -> bool:
        """XD."""
        return bool(self.entry & NX)

    @property
    def maps(self) -> bool:
        """Whether the walk ends here with a page."""
        large = self.name in ("pde", "pdpte") and self.entry & LARGE
        return self.present and (self.name == "pte" or bool(large))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Entry):
    """One level of a walk: entry number `index` of the table at the physical address `table`.

    `entry` is 0 where the table cannot be read, which `readable` tells; `size` is how many bytes an
    entry of this level stands for.
    """

    table: int
    index: int
    size: int
    readable: bool


def walk(
    read: Callable[[int, int], bytes], address: int, cr3: int, *, cr4: int
) -> tuple[Step, ...]:
    """The levels that the processor looks at to translate a virtual address, from the top down.

    The last one maps the page, or is where the walk ends without one.
    """
    table = cr3 & ADDRESS
    steps: list[Step] = []
    for level in range((5 if cr4 & CR4_LA57 else 4) - 1, -1, -1):
        shift = 12 + 9 * level
        index = address >> shift & ENTRIES - 1
        entry = _entry(read, table, index)
        step = Step(
            NAMES[level],
            entry or 0,
            table=table,
            index=index,
            size=1 << shift,
            readable=entry is not None,
        )
        steps.append(step)
        if step.maps or not step.present:
            break
        table = step.entry & ADDRESS
    return tuple(steps)


def _entry(read: Callable[[int, int], bytes], table: int, index: int) -> int | None:
    data = read(table + 8 * index, 8)
    return int.from_bytes(data, "little") if len(data) == 8 else None


def _table(
    read: Callable[[int, int], bytes],
    table: int,
    level: int,
    base: int,
    path: tuple[tuple[str, int], ...],
    nxe: bool,
) -> Iterator[Mapping]:
    data = read(table, 8 * ENTRIES)
    shift = 12 + 9 * level
    for index, (entry,) in enumerate(struct.iter_unpack("<Q", data[: len(data) // 8 * 8])):
        if not entry & PRESENT:
            continue
        address = base | index << shift
        entries = (*path, (NAMES[level], entry))
        if level == 0 or (entry & LARGE and level in (1, 2)):
            top = 12 + 9 * len(entries) + 9 * level  # bits of an address below the sign extension
            yield _mapping(_canonical(address, top), 1 << shift, entries, nxe)
        else:
            yield from _table(read, entry & ADDRESS, level - 1, address, entries, nxe)


def _canonical(address: int, bits: int) -> int:
    """An address with its top bit repeated (Intel SDM Vol. 1 §3.3.7.1)."""
    return address | ((1 << 64) - (1 << bits)) if address >> (bits - 1) & 1 else address


def _mapping(address: int, size: int, entries: tuple[tuple[str, int], ...], nxe: bool) -> Mapping:
    values = [entry for _, entry in entries]
    last = values[-1]
    return Mapping(
        virtual=address,
        physical=last & ADDRESS & -size,
        size=size,
        writable=all(v & WRITE for v in values),
        executable=not (nxe and any(v & NX for v in values)),
        user=all(v & USER for v in values),
        is_global=bool(last & GLOBAL),
        key=last >> 59 & 0xF,
        entries=entries,
    )
