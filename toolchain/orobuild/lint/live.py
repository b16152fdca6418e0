"""An image beside the page tables of a machine that runs it. Both arrive as values.

Owns the comparison's vocabulary: pages, their permissions as letters, and what is declared of them.
Starts no machine and walks no table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from orobuild.lint.program import Program
from orobuild.lint.program.intervals import IntervalMap
from orobuild.lint.program.widths import resolve_region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orobuild.elf.reader import ElfFile
    from orobuild.lint.config import LintConfig
    from orobuild.lint.finding import Finding

UNMAPPED = "-"


@dataclass(frozen=True, slots=True)
class LivePage:
    """A page that a machine has mapped; addresses and size in bytes.

    `level` is the one of the tables that maps it, as the SDM abbreviates it: `pte`, `pde`, `pdpte`.
    """

    virtual: int
    physical: int
    size: int
    writable: bool
    executable: bool
    user: bool
    level: str

    @property
    def permissions(self) -> str:
        """`rw`, `rx`, `rwxu` and so on."""
        letters = (("w", self.writable), ("x", self.executable), ("u", self.user))
        return "r" + "".join(letter for letter, on in letters if on)


class LiveModel:
    """An image, the pages of a machine that runs it in ascending order, and the configuration."""

    def __init__(self, elf: ElfFile, pages: Sequence[LivePage], config: LintConfig) -> None:
        self.program = Program(elf, config)
        self.pages = pages
        self.config = config

    @cached_property
    def _by_address(self) -> IntervalMap:
        return IntervalMap((p.virtual, p.virtual + p.size, i) for i, p in enumerate(self.pages))

    def page_at(self, address: int) -> LivePage | None:
        """The page that holds a virtual address, None if none is mapped there."""
        index = self._by_address.find(address)
        return None if index is None else self.pages[index]

    @cached_property
    def declared(self) -> tuple[tuple[int, int, str], ...]:
        """(start, end, permissions) of what `live-regions` declares, `-` for not mapped."""
        result = []
        for item in self.config.live_regions:
            first, dots, last = item.region.partition("..")
            if dots and first.startswith("0x") and last.startswith("0x"):
                start, end = int(first, 16), int(last, 16)
            else:
                start, end = resolve_region(self.program.elf, self.program.symbols, item.region)
            result.append((start, end, item.permissions))
        return tuple(result)

    def declared_at(self, address: int) -> str | None:
        """The permissions that the configuration declares for the page of an address, or None.

        A region holds for every page that it has a part of: a page has one set of permissions.
        """
        page = address & -self.config.page_size
        behind = page + self.config.page_size
        return next((p for start, end, p in self.declared if start < behind and page < end), None)

    def expected(self) -> Iterator[tuple[int, str, str]]:
        """(virtual address, permissions, who says so) of every page that the image describes."""
        size = self.config.page_size
        for segment in self.program.loads:
            own = "r" + "w" * segment.is_writable + "x" * segment.is_executable
            for address in range(segment.start & -size, segment.end, size):
                declared = self.declared_at(address)
                if declared is not None:
                    yield address, declared, "live-regions"
                else:
                    yield address, own, str(segment)

    def finding(self, message: str, address: int, *, hint: str) -> Finding:
        """A finding about a page; the engine sets its code and severity."""
        return self.program.finding(message, hint=hint, evidence=self.program.evidence(address))


What = TypeVar("What")


def joined(pages: Iterable[tuple[int, int, What]]) -> Iterator[tuple[int, int, What]]:
    """Touching (start, end, what) that say the same, as one."""
    current: tuple[int, int, What] | None = None
    for start, end, what in pages:
        if current is not None and current[1] == start and current[2] == what:
            current = (current[0], end, what)
            continue
        if current is not None:
            yield current
        current = (start, end, what)
    if current is not None:
        yield current
