"""Archives: which members a link needs.

A member joins when it defines a symbol that is undefined so far (gABI; `ld` manual, "Options",
--start-group). Members join in the order of the archive's index, as GNU ld adds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orobuild.elf import ar
from orobuild.elf import constants as c
from orobuild.linker.options import LinkInput
from orobuild.linker.tables import UNDEFINED
from orobuild.linker.wrapping import wrapped_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orobuild.linker.objects import ObjectFile
    from orobuild.linker.session import ObjectCache


@dataclass(slots=True)
class _Library:
    """An archive being drawn from. `index` maps positions to (symbol, member number)."""

    input: LinkInput
    archive: ar.Archive
    index: list[tuple[str, int]]
    taken: set[int] = field(default_factory=set)


def expand(
    files: Sequence[LinkInput],
    required: Iterable[str],
    cache: ObjectCache,
    wrap: Sequence[str] = (),
) -> list[ObjectFile]:
    """`files` read, with every archive replaced by the members that are needed.

    `required` are names that the command line or the script wants defined, `wrap` those of --wrap.
    Raises `InputError`.
    """
    plain = cache.read([file for file in files if not ar.is_archive(file.data)])
    if len(plain) == len(files):
        return plain
    state = _State(wrapped_names(required, wrap), cache, wrap)
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
    def __init__(self, undefined: set[str], cache: ObjectCache, wrap: Sequence[str]) -> None:
        self.wrap = wrap
        self.undefined = undefined
        self.defined: set[str] = set()
        self.result: list[ObjectFile] = []
        self.cache = cache

    def add_group(self, files: Sequence[LinkInput]) -> None:
        libraries = []
        for file in files:
            if not ar.is_archive(file.data):
                self._add(file)
                continue
            library = self._open(file)
            libraries.append(library)
            if file.whole_archive:
                self.cache.read([_member(library, n) for n in range(len(library.archive.members))])
                for number in range(len(library.archive.members)):
                    self._take(library, number)
            else:
                self._draw(library)
        # --start-group … --end-group: until no archive of the group gives anything more.
        more = len(files) > 1
        while more:
            more = sum(self._draw(library) for library in libraries) > 0

    def _open(self, file: LinkInput) -> _Library:
        archive = ar.read(file.data, file.path, read_file=file.read_member)
        by_offset = {member.offset: number for number, member in enumerate(archive.members)}
        library = _Library(file, archive, [])
        if archive.index is not None:
            library.index = [
                (symbol, by_offset[offset])
                for symbol, offset in archive.index
                if offset in by_offset
            ]
            return library
        members = self.cache.read([_member(library, n) for n in range(len(archive.members))])
        for number, member in enumerate(members):
            library.index += [(name, number) for name in sorted(self._globals(member)[0])]
        return library

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
        if number not in library.taken:
            library.taken.add(number)
            self._add(_member(library, number))

    def _add(self, file: LinkInput) -> None:
        (item,) = self.cache.read([file])
        self.result.append(item)
        defined, undefined = self._globals(item)
        self.defined |= defined
        self.undefined |= undefined
        self.undefined -= self.defined

    def _globals(self, item: ObjectFile) -> tuple[set[str], set[str]]:
        """The names that an object defines, and those that it needs (weak references do not)."""
        table = item.symbols()
        table = table[table["info"] >> 4 != c.STB_LOCAL]
        missing = table["section"] == UNDEFINED
        needed = missing & (table["info"] >> 4 != c.STB_WEAK)
        text = self.cache.names.text
        return (
            {text[number] for number in table["name"][~missing].tolist()},
            wrapped_names((text[n] for n in table["name"][needed].tolist()), self.wrap),
        )


def _member(library: _Library, number: int) -> LinkInput:
    member = library.archive.members[number]
    return LinkInput(member.name, member.data, library.input.path)


__all__ = ["expand"]
