"""Archives: which members a link needs.

A member joins when it defines a symbol that is undefined so far (gABI; `ld` manual, "Options",
--start-group). Members join in the order of the archive's index, as GNU ld adds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from orobuild.elf import ar
from orobuild.elf import constants as c
from orobuild.linker.inputs import UNDEFINED, read_inputs
from orobuild.linker.options import LinkInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orobuild.linker.inputs import Inputs


@dataclass(slots=True)
class _Library:
    """An archive being drawn from. `index` maps positions to (symbol, member number)."""

    input: LinkInput
    archive: ar.Archive
    index: list[tuple[str, int]]
    taken: set[int] = field(default_factory=set)


def expand(files: Sequence[LinkInput], required: Iterable[str]) -> list[LinkInput]:
    """`files` with every archive replaced by the members that are needed.

    `required` are names that the command line or the script wants defined. Raises `InputError`.
    """
    if not any(ar.is_archive(file.data) for file in files):
        return list(files)
    state = _State(set(required))
    position = 0
    while position < len(files):
        group = files[position].group
        end = position + 1
        while group is not None and end < len(files) and files[end].group == group:
            end += 1
        state.add_group(files[position:end])
        position = end
    return state.result


class _State:
    def __init__(self, undefined: set[str]) -> None:
        self.undefined = undefined
        self.defined: set[str] = set()
        self.result: list[LinkInput] = []

    def add_group(self, files: Sequence[LinkInput]) -> None:
        libraries = []
        for file in files:
            if not ar.is_archive(file.data):
                self._add(file)
                continue
            library = _open(file)
            libraries.append(library)
            if file.whole_archive:
                for number in range(len(library.archive.members)):
                    self._take(library, number)
            else:
                self._draw(library)
        # --start-group … --end-group: until no archive of the group gives anything more.
        more = len(files) > 1
        while more:
            more = sum(self._draw(library) for library in libraries) > 0

    def _draw(self, library: _Library) -> bool:
        """Take members until none defines an undefined symbol; whether any was taken."""
        any_taken, again = False, True
        while again:
            again = False
            for symbol, number in library.index:
                if number not in library.taken and symbol in self.undefined:
                    self._take(library, number)
                    any_taken = again = True
        return any_taken

    def _take(self, library: _Library, number: int) -> None:
        if number in library.taken:
            return
        library.taken.add(number)
        member = library.archive.members[number]
        self._add(LinkInput(member.name, member.data, library.input.path))

    def _add(self, file: LinkInput) -> None:
        self.result.append(file)
        defined, undefined = _globals(read_inputs([file], None))
        self.defined |= defined
        self.undefined |= undefined
        self.undefined -= self.defined


def _globals(inputs: Inputs) -> tuple[set[str], set[str]]:
    """The names that objects define, and those that they need (weak references do not)."""
    table = inputs.symbols
    bindings = table["info"] >> 4
    defined, undefined = set(), set()
    for row in np.flatnonzero(bindings != c.STB_LOCAL).tolist():
        section = int(table["section"][row])
        if section == UNDEFINED:
            if bindings[row] != c.STB_WEAK:
                undefined.add(inputs.symbol_name(row))
        else:
            defined.add(inputs.symbol_name(row))
    return defined, undefined


def _open(file: LinkInput) -> _Library:
    archive = ar.read(file.data, file.path, read_file=file.read_member)
    by_offset = {member.offset: number for number, member in enumerate(archive.members)}
    if archive.index is not None:
        index = [
            (symbol, by_offset[offset]) for symbol, offset in archive.index if offset in by_offset
        ]
        return _Library(file, archive, index)
    index = []
    for number, member in enumerate(archive.members):
        inputs = read_inputs([LinkInput(member.name, member.data, file.path)], None)
        index += [(name, number) for name in sorted(_globals(inputs)[0])]
    return _Library(file, archive, index)


__all__ = ["expand"]
