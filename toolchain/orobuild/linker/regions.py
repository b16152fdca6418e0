"""Memory regions: MEMORY, `>region` and `AT>region`.

A region knows its next free address and which section decides the load address of the next one
(ld/ldlang.c, lang_size_sections_1). The default region is where sections go that name none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Diagnostic, Note, did_you_mean, error
from orobuild.linker.evaluation import MASK, NotReadyError, evaluate, fail
from orobuild.linker.output import OutputSection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orobuild.diagnostics import Span
    from orobuild.linker.evaluation import Context
    from orobuild.linker.script import nodes
    from orobuild.linker.script.nodes import Script

DEFAULT: Final = "*default*"


@dataclass(slots=True, eq=False)
class Region:
    """A memory region: addresses in bytes; `current` is the next free one."""

    name: str
    origin: int
    length: int
    attributes: str
    span: Span | None
    current: int = 0
    last: OutputSection | None = None  # sets the load address of what follows
    holder: OutputSection | None = None  # the last one in it

    def admits(self, output: OutputSection) -> bool:
        """Whether a section without `>region` belongs here by its flags (lang_memory_default)."""
        has = {
            "a": output.alloc,
            "r": output.readonly,
            "w": output.alloc and not output.readonly and not output.code,
            "x": output.code,
            "l": output.load,
            "i": output.load,
        }
        wanted = unwanted = False
        inverted = False
        for letter in self.attributes.lower():
            if letter == "!":
                inverted = not inverted
            elif has[letter]:
                wanted, unwanted = wanted or not inverted, unwanted or inverted
        return wanted and not unwanted


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """How full a region is, in bytes."""

    name: str
    used: int
    length: int


class MemoryRegions:
    """The regions of a script and the default region."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.default = Region(DEFAULT, 0, MASK, "", None)
        self._regions: dict[str, Region] = {}
        self._load_names: dict[int, str] = {}

    def declare(self, statements: Sequence[object]) -> None:
        """Know the regions of MEMORY, and settle which section has which load region."""
        for node in self._script.regions:
            self._regions[node.name] = Region(node.name, 0, MASK, node.attributes, node.span)
        for alias, name, _span in self._script.region_aliases:
            self._regions[alias] = self._regions[name]
        self._propagate(statements)

    def named(self, name: str) -> Region | None:
        """The region called `name`."""
        return self._regions.get(name)

    def names(self) -> Iterable[str]:
        """The names of all regions, aliases included."""
        return self._regions.keys()

    def reset(self, context: Context, *, final: bool) -> None:
        """Make every region empty, for another walk. What MEMORY says may change with symbols,
        which only the final walk must know."""
        for node in self._script.regions:
            region = self._regions[node.name]
            try:
                region.origin = evaluate(node.origin, context).address
                region.length = evaluate(node.length, context).address
            except NotReadyError as problem:
                if final:
                    raise fail(problem.message, problem.span) from None
        for region in (self.default, *self._regions.values()):
            region.current, region.last, region.holder = region.origin, None, None

    def _find(self, name: str, output: OutputSection) -> Region:
        if name == "*default*":
            return self.default
        region = self._regions.get(name)
        if region is None:
            assert output.span
            raise fail(
                f"section '{output.name}' is put into memory region '{name}', which MEMORY does "
                "not declare",
                output.span,
                hint=did_you_mean(name, self._regions),
            )
        return region

    def of(self, output: OutputSection) -> Region:
        """The region whose addresses a section takes."""
        declaration = output.declaration
        if declaration is None and output.like is not None:
            like = output.like.declaration
            if like is not None and like.region is not None:
                return self._find(like.region, output.like)
        if declaration is not None:
            if declaration.region is not None:
                return self._find(declaration.region, output)
            if declaration.lma_region is not None and declaration.address is None:
                return self._find(declaration.lma_region, output)
            if declaration.address is not None:
                return self.default
        for region in self._regions.values():
            if region.admits(output):
                return region
        return self.default

    def load_of(self, output: OutputSection) -> Region | None:
        """`AT>region`, also of the section before in the same region (ldlang.c,
        lang_propagate_lma_regions)."""
        name = self._load_names.get(output.index)
        return self._find(name, output) if name is not None else None

    def _propagate(self, statements: Sequence[object]) -> None:
        previous: nodes.OutputSection | None = None
        inherited: str | None = None
        for statement in statements:
            if not isinstance(statement, OutputSection) or statement.declaration is None:
                continue
            node = statement.declaration
            name = node.lma_region
            if (
                name is None
                and previous is not None
                and node.at is None
                and node.address is None
                and node.region == previous.region
            ):
                name = inherited
            if name is not None:
                self._load_names[statement.index] = name
            previous, inherited = node, name

    def uses(self) -> tuple[MemoryUse, ...]:
        """What of every region is used."""
        return tuple(
            MemoryUse(name, region.current - region.origin, region.length)
            for name, region in self._regions.items()
        )

    def overflows(self) -> list[Diagnostic]:
        """An error for every region that holds more than it has room for."""
        problems = []
        for region in dict.fromkeys(self._regions.values()):
            excess = region.current - (region.origin + region.length)
            if excess > 0 and region.holder is not None:
                problems.append(
                    error(
                        f"region '{region.name}' overflowed by {excess} bytes",
                        region.span,
                        rule="memory-region",
                        notes=[
                            Note(
                                f"'{region.holder.name}' is the last section in it",
                                region.holder.span,
                            )
                        ],
                    )
                )
        return problems
