"""What is at an address of an image: symbol, section, segment, source, instruction, references.

`parse` reads an address as people write it, `locate` answers for many of them in one pass. What is
not known is None or empty; nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from orobuild.debug import disassembly
from orobuild.debug.references import Reference, references
from orobuild.diagnostics import Span, did_you_mean, error
from orobuild.elf import constants as c
from orobuild.elf.places import SourcePlaces
from orobuild.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orobuild.debug.disassembly import Line
    from orobuild.elf.places import Place
    from orobuild.elf.structures import SectionHeader
    from orobuild.lint.program import Program
    from orobuild.lint.program.segments import Segment
    from orobuild.lint.program.symbols import ImageSymbol

Meaning = Literal["virtual", "physical", "run"]

DATA_SHOWN: Final = 16  # bytes of data at an address

_PLAIN: Final = re.compile(r"(0x)?([0-9a-f][0-9a-f_`]*)h?", re.IGNORECASE)
_OFFSET: Final = re.compile(
    r"(?P<base>.*?)(?P<sign>[+-])(?P<offset>0x[0-9a-f]+|0|[1-9][0-9]*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Location:
    """The answer for one address.

    `asked` is the address in question, `address` the virtual address of the image that it means:
    `meaning` says whether `asked` is that itself (less `base`), the physical address of a segment
    (`p_paddr`), or where code runs after it was copied. When nothing of the image is there, all else
    is empty and `neighbours` are the segments before and after it.

    `instructions` are the one at the address and those around it; the one at the address may
    begin before it, which makes it `inside` an instruction. `data` are the first bytes there where
    there is no code, `pointer` what they name when read as a pointer. `file_offset` is None for
    memory without bytes in the file.
    """

    asked: int
    address: int
    meaning: Meaning
    segment: Segment | None = None
    section: SectionHeader | None = None
    symbol: ImageSymbol | None = None
    physical: int | None = None
    file_offset: int | None = None
    places: tuple[Place, ...] = ()
    instructions: tuple[Line, ...] = ()
    data: bytes = b""
    pointer: str | None = None
    referenced: tuple[Reference, ...] = ()
    callers: tuple[Reference, ...] = ()
    neighbours: tuple[Segment, ...] = ()

    @property
    def instruction(self) -> Line | None:
        """The instruction that the byte at the address belongs to."""
        return next(
            (line for line in self.instructions if line.address <= self.address < line.end), None
        )

    @property
    def inside(self) -> bool:
        """Whether the address is in the middle of an instruction."""
        return self.instruction is not None and self.instruction.address != self.address

    @property
    def name(self) -> str | None:
        """`symbol+0x10`, or None."""
        if self.symbol is None:
            return None
        offset = self.address - self.symbol.address
        return f"{self.symbol.name}+{offset:#x}" if offset else self.symbol.name


def check(program: Program) -> None:
    """Raise `InputError` if the file is none whose addresses mean something."""
    if program.elf.header.e_type == c.ET_REL:
        raise InputError(
            error(
                "an object file has no addresses yet",
                Span(program.elf.path),
                hint="ask 'orobuild at SECTION+OFFSET' about it, or link it",
            )
        )
    if not program.loads:
        raise InputError(error("the file has no segment that is loaded", Span(program.elf.path)))


def parse(program: Program, text: str, *, base: int = 0) -> int:
    """The address that `text` means, as it is in memory. Raises `UsageError`.

    Hexadecimal digits with or without `0x` (and with `_` or a backquote between them, as
    debuggers print them), `symbol`, `symbol+0x10`, `.section+0x10`, or `+0x10` from the image's
    first address. `base` is where that first address was loaded, 0 for where it was linked.
    """
    names = program.symbols.by_name
    shift = base - first_address(program) if base else 0
    if text in names:
        return names[text].address + shift
    value = number(text)
    if value is not None:
        if value > program.address_mask:
            raise UsageError(f"{text} is more than an address of {program.elf.path} can be")
        return value
    name, distance = with_distance(text)
    start: int | None = None
    if text and not name:
        start = first_address(program)
    elif name in names:
        start = names[name].address
    else:
        section = program.elf.section(name)
        if section is not None and section.is_alloc:
            start = section.sh_addr
    if start is None:
        raise UsageError(
            f"'{text}' is no address, and no symbol or section of {program.elf.path}",
            hint=did_you_mean(name, [*names, *(s.name for s in program.elf.sections)])
            or "for example 0xffffffff80101000, kernel_main+0x12 or .text+0x40",
        )
    return (start + distance + shift) & program.address_mask


def number(text: str) -> int | None:
    """A hexadecimal number as debuggers and manuals write it, None for another word."""
    plain = _PLAIN.fullmatch(text)
    return None if plain is None else int(plain[2].replace("_", "").replace("`", ""), 16)


def with_distance(text: str) -> tuple[str, int]:
    """`name+0x10` taken apart into the name and the number of bytes; 0 where none stands."""
    offset = _OFFSET.fullmatch(text)
    if offset is None:
        return text, 0
    distance = int(offset["offset"], 0)
    return offset["base"], -distance if offset["sign"] == "-" else distance


def first_address(program: Program) -> int:
    """The lowest virtual address of the image, at a page's start."""
    lowest = min((s.start for s in program.loads), default=0)
    return lowest - lowest % program.config.page_size


def locate(
    program: Program,
    addresses: Sequence[int],
    *,
    base: int = 0,
    before: int = 3,
    after: int = 3,
    syntax: str = "att",
    places: SourcePlaces | None = None,
    with_references: bool = True,
) -> tuple[Location, ...]:
    """What is at each address, in the order of asking.

    `base` is where the image's first address was loaded (a module), 0 for where it was linked.
    `before` and `after` are numbers of instructions; `syntax` is `att` or `intel`. `places` may be
    handed in by a caller that asks several times.
    """
    sources = SourcePlaces(program.elf) if places is None else places
    shift = base - first_address(program) if base else 0
    meant = [
        (asked, *_mean(program, (asked - shift) & program.address_mask)) for asked in addresses
    ]
    named: dict[int, tuple[Reference, ...]] = {}
    if with_references:
        wanted = set()
        for _, address, _, segment in meant:
            if segment is not None:
                wanted.add(address)
                symbol = program.symbols.at(address)
                if symbol is not None and segment.is_executable:
                    wanted.add(symbol.address)
        named = references(program, wanted)
    return tuple(
        _locate(program, sources, named, *row, before=before, after=after, syntax=syntax)
        for row in meant
    )


def _mean(program: Program, address: int) -> tuple[int, Meaning, Segment | None]:
    """The virtual address, in which way the number names it, and the segment that holds it."""
    segment = program.segment_at(address)
    if segment is not None:
        return address, "virtual", segment
    for start, end, run in program.run_regions:
        if run <= address < run + end - start:
            linked = address - run + start
            return linked, "run", program.segment_at(linked)
    segment = program.segment_at_physical(address)
    if segment is not None:
        return address - segment.header.p_paddr + segment.start, "physical", segment
    return address, "virtual", None


def _locate(
    program: Program,
    sources: SourcePlaces,
    named: dict[int, tuple[Reference, ...]],
    asked: int,
    address: int,
    meaning: Meaning,
    segment: Segment | None,
    *,
    before: int,
    after: int,
    syntax: str,
) -> Location:
    if segment is None:
        return Location(asked, address, meaning, neighbours=_neighbours(program, address))
    inside = address - segment.start
    in_file = inside < segment.header.p_filesz
    section, symbol = program.section_at(address), program.symbols.at(address)
    places = sources.at(address)
    code = _is_code(program, address, section)
    lines: tuple[Line, ...] = ()
    if code:
        low = symbol.address if symbol is not None else address - 4096
        starts = [start for start, _, _ in sources.rows_of(low, address + 1) if start <= address]
        lines = disassembly.around(
            program, address, before=before, after=after, starts=starts, syntax=syntax
        )
    data = b"" if lines else bytes(program.read(address, DATA_SHOWN))
    callers: tuple[Reference, ...] = ()
    if symbol is not None and symbol.address != address and code:
        callers = named.get(symbol.address, ())
    return Location(
        asked,
        address,
        meaning,
        segment,
        section,
        symbol,
        segment.header.p_paddr + inside,
        segment.header.p_offset + inside if in_file else None,
        places,
        lines,
        data,
        _pointer(program, data),
        named.get(address, ()),
        callers,
    )


def _is_code(program: Program, address: int, section: SectionHeader | None) -> bool:
    if section is not None and not section.sh_flags & c.SHF_EXECINSTR:
        return False
    return program.region_at(address) is not None


def _pointer(program: Program, data: bytes) -> str | None:
    """What the bytes name, if they are an address in the image; small numbers are no addresses."""
    size = 8 if program.elf.ei_class == c.ELFCLASS64 else 4
    value = int.from_bytes(data[:size], "little")
    if len(data) < size or value < program.config.page_size or program.segment_at(value) is None:
        return None
    return program.place(value)


def _neighbours(program: Program, address: int) -> tuple[Segment, ...]:
    """The loaded segments before and after an address that is in none."""
    ordered = sorted(program.loads, key=lambda s: s.start)
    below = [s for s in ordered if s.end <= address]
    above = [s for s in ordered if s.start > address]
    return (*below[-1:], *above[:1])


def missing(locations: Iterable[Location]) -> int:
    """How many of the addresses are not in the image."""
    return sum(location.segment is None for location in locations)
