"""The input of a link: every section, symbol and relocation of every object in one table each.

A row of `Inputs.sections` is a section of an object, a row of `Inputs.symbols` a symbol table
entry. Objects keep the order of the command line, and rows the object's. What one object says was
read and checked in `objects`; here objects are joined. No decisions are made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.errors import InputError
from orobuild.linker.heads import machine_name
from orobuild.linker.tables import ABSOLUTE, COMMON, SECTION, SYMBOL, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.linker.names import Names
    from orobuild.linker.objects import Batch, ObjectFile


@dataclass(slots=True)
class InputObject:
    """One object of the link. `first_section` and `first_symbol` are rows of the tables."""

    file: ObjectFile
    first_section: int
    section_count: int
    first_symbol: int
    symbol_count: int

    @property
    def path(self) -> str:
        """The file's name, for patterns."""
        return self.file.path

    @property
    def archive(self) -> str | None:
        """The archive that it is a member of."""
        return self.file.archive

    @property
    def data(self) -> memoryview:
        """The file's bytes."""
        return self.file.data

    @property
    def label(self) -> str:
        """The object's name in messages: `path`, or `archive(member)`."""
        return self.file.label


@dataclass(slots=True)
class Inputs:
    """Every object's sections, symbols and relocations (dtypes of `tables`).

    `names[row]` is a section's name. `strings` are the names that `name` columns mean. `contents`
    are the bytes of section rows that are not those of the file.
    """

    objects: list[InputObject]
    sections: NDArray[Any]
    names: list[str]
    symbols: NDArray[Any]
    relocations: NDArray[Any]
    ei_class: int
    e_machine: int
    strings: Names
    contents: dict[int, bytes] = field(default_factory=dict)

    def joined(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The bytes of different section rows one after another, u8, and by row where each of
        them starts: for looking into many sections at once."""
        parts = [self.section_data(row) for row in rows.tolist()]
        sizes = np.array([len(part) for part in parts], "i8")
        starts = np.zeros(len(self.names), "i8")
        starts[rows] = np.cumsum(sizes) - sizes
        return np.frombuffer(b"".join(parts), "u1"), starts

    def rows_called(self, name: str) -> NDArray[np.int64]:
        """The rows of the sections of a name, in order."""
        number = self.strings.number(name.encode("utf-8", "surrogateescape"))
        return np.flatnonzero(self.sections["name"] == number)

    def rows_beginning(self, prefix: str) -> list[int]:
        """The rows of the sections whose names begin with one of `objects.RARE_NAMES`."""
        if not any(prefix in item.file.rare_names for item in self.objects):
            return []
        return [row for row, name in enumerate(self.names) if name.startswith(prefix)]

    def owner(self, row: int) -> InputObject:
        """The object that a section row belongs to."""
        return self.objects[int(self.sections["object"][row])]

    def section_label(self, row: int) -> str:
        """`object:(section)` as messages name an input section."""
        return f"{self.owner(row).label}:({self.names[row]})"

    def section_data(self, row: int) -> memoryview:
        """The section's bytes; empty for SHT_NOBITS."""
        made = self.contents.get(row)
        if made is not None:
            return memoryview(made)
        section = self.sections[row]
        owner = self.owner(row)
        if section["type"] == c.SHT_NOBITS:
            return memoryview(b"")
        start = int(section["offset"])
        return owner.data[start : start + int(section["size"])]

    def symbol_name(self, row: int) -> str:
        """The name of a symbol; a section symbol has its section's name."""
        symbol = self.symbols[row]
        number = int(symbol["name"])
        if not number and symbol["section"] >= 0:
            return self.names[int(symbol["section"])]
        return self.strings.text[number]

    def add_section(self, owner: int, name: str, **columns: int) -> int:
        """Append a section that the linker makes; its row."""
        return self.add_sections(name, [{"object": owner}], **columns)[0]

    def add_sections(self, name: str, each: Sequence[dict[str, int]], **columns: int) -> list[int]:
        """Append sections of one name; their rows. `columns` are the same for all."""
        first = len(self.names)
        rows = np.zeros(len(each), SECTION)
        rows["name"] = self.strings.number(name.encode("utf-8", "surrogateescape"))
        for column, value in columns.items():
            rows[column] = value
        for column in each[0] if each else ():
            rows[column] = [one[column] for one in each]
        self.sections = np.concatenate([self.sections, rows])
        self.names += [name] * len(each)
        return list(range(first, len(self.names)))


def join_objects(files: Sequence[ObjectFile], names: Names, machine: int | None) -> Inputs:
    """All of `files` as one numbering. `names` are those that the files were read with.

    `machine` is the EM_* that every object must be for; None takes the first object's. Raises
    `InputError` for objects that do not belong together.
    """
    if not files:
        raise InputError(error("no input files", hint="name the objects to link", rule="input"))
    _check_machines(files, files[0].e_machine if machine is None else machine)
    runs = _runs(files)
    section_counts = _counts(runs, "section_bounds")
    symbol_counts = _counts(runs, "symbol_bounds")
    relocation_counts = _counts(runs, "relocation_bounds")
    first_section = np.cumsum(section_counts) - section_counts
    first_symbol = np.cumsum(symbol_counts) - symbol_counts
    number = np.arange(len(files))
    sections = _gather(runs, "sections", "section_bounds")
    sections["object"] = np.repeat(number, section_counts)
    symbols = _gather(runs, "symbols", "symbol_bounds")
    symbols["object"] = owner = np.repeat(number, symbol_counts)
    symbols["section"] += np.where(symbols["section"] >= 0, first_section[owner], 0)
    relocations = _gather(runs, "relocations", "relocation_bounds")
    relocations["section"] += np.repeat(first_section, relocation_counts)
    number = relocations["symbol"]
    wrong = number >= np.repeat(symbol_counts, relocation_counts)
    base = np.repeat(first_symbol, relocation_counts)
    # No symbol has a negative row: `input_relocations` refuses those that the link needs.
    relocations["symbol"] = (
        np.where(wrong, ~number, number + base) if wrong.any() else number + base
    )
    objects = [
        InputObject(file, *place)
        for file, *place in zip(
            files,
            first_section.tolist(),
            section_counts.tolist(),
            first_symbol.tolist(),
            symbol_counts.tolist(),
            strict=True,
        )
    ]
    contents = {
        item.first_section + index: content
        for item in objects
        for index, content in item.file.contents.items()
    }
    text = names.text
    return Inputs(
        objects,
        sections,
        list(map(text.__getitem__, sections["name"].tolist())),
        symbols,
        relocations,
        files[0].ei_class,
        files[0].e_machine,
        names,
        contents,
    )


def _check_machines(files: Sequence[ObjectFile], machine: int) -> None:
    """Objects of two processors, or of two word sizes, do not make one image."""
    ei_class = files[0].ei_class
    problems = []
    for file in files:
        if file.e_machine != machine:
            problems.append(
                error(
                    f"the object is for {machine_name(file.e_machine)}, "
                    f"the output for {machine_name(machine)}",
                    Span(file.label),
                    rule="elf",
                )
            )
        elif file.ei_class != ei_class:
            problems.append(
                error(
                    f"the object is ELF{32 * file.ei_class}, '{files[0].label}' is "
                    f"ELF{32 * ei_class}",
                    Span(file.label),
                    rule="elf",
                )
            )
    if problems:
        raise InputError(problems)


def _runs(files: Sequence[ObjectFile]) -> list[tuple[Batch, int, int]]:
    """`files` as ranges of objects that follow one another in a batch: (batch, first, end)."""
    runs: list[tuple[Batch, int, int]] = []
    batch, first, end = files[0].batch, files[0].number, files[0].number
    for file in files:
        if file.batch is not batch or file.number != end:
            runs.append((batch, first, end))
            batch, first = file.batch, file.number
        end = file.number + 1
    return [*runs, (batch, first, end)]


def _counts(runs: list[tuple[Batch, int, int]], bounds: str) -> NDArray[np.int64]:
    """How many rows each object has."""
    return np.concatenate(
        [np.diff(getattr(batch, bounds)[first : end + 1]) for batch, first, end in runs]
    )


def _gather(runs: list[tuple[Batch, int, int]], table: str, bounds: str) -> NDArray[Any]:
    """A copy of the rows of all objects."""
    return np.concatenate(
        [
            getattr(batch, table)[getattr(batch, bounds)[first] : getattr(batch, bounds)[end]]
            for batch, first, end in runs
        ]
    )


__all__ = [
    "ABSOLUTE",
    "COMMON",
    "SYMBOL",
    "UNDEFINED",
    "InputObject",
    "Inputs",
    "join_objects",
]
