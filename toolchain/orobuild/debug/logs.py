"""Console logs as people keep them: with time stamps, colours, quotes; and addresses in their text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.debug.location import Location, locate
from orobuild.machine.console import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orobuild.elf.places import SourcePlaces
    from orobuild.lint.program import Program

# ECMA-48, control sequences and operating system commands.
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER: Final = re.compile(r"\b(?:0x)?([0-9a-fA-F]{5,16})\b")
_MOST: Final = 100_000  # addresses looked up in one log


def clean(text: str) -> list[str]:
    """The log's lines as the kernel wrote them.

    Escape sequences and control characters go, and whatever a terminal, a mail program or a
    collector of logs put before a line for programs.
    """
    lines = []
    for raw in text.replace("\r\n", "\n").split("\n"):
        line = _CONTROL.sub("", _ESCAPES.sub("", raw))
        at = line.find(PREFIX)
        if at > 0 and not line[at - 1].isalnum() and '"' not in line[:at]:
            line = line[at:]
        lines.append(line.rstrip())
    return lines


@dataclass(frozen=True, slots=True)
class Annotated:
    """A line of a log and the addresses in it that are the image's code, in their order."""

    line: str
    locations: tuple[Location, ...]


def annotate(lines: Iterable[str], program: Program, places: SourcePlaces) -> Iterator[Annotated]:
    """Every line that has an address of the image's code in it.

    Only virtual addresses count: short numbers are rarely meant as addresses.
    """
    found: list[tuple[str, list[int]]] = []
    count = 0
    for line in lines:
        numbers = [int(match[1], 16) for match in _NUMBER.finditer(line)]
        inside = [number for number in numbers if program.region_at(number) is not None]
        count += len(inside)
        if inside and count <= _MOST:
            found.append((line, inside))
    wanted = sorted({number for _, inside in found for number in inside})
    known = dict(zip(wanted, _locations(wanted, program, places), strict=True))
    for line, inside in found:
        yield Annotated(line, tuple(known[number] for number in dict.fromkeys(inside)))


def _locations(
    addresses: Sequence[int], program: Program, places: SourcePlaces
) -> Sequence[Location]:
    return locate(program, addresses, places=places, before=0, after=0, with_references=False)
