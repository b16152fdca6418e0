"""A resident linker: it keeps what it learnt from its inputs for the next link.

An object that has not changed is not read again, and what was worked out from it alone is used
again. What a link decides is decided anew each time, so that its result is that of a new linker:
there is no state that could be out of date. A link that fails leaves everything usable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from orobuild.linker.merge import MergeCache
from orobuild.linker.names import Names
from orobuild.linker.objects import read_objects
from orobuild.linker.rules import Decisions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.linker.linkmap import LinkedImage
    from orobuild.linker.objects import ObjectFile
    from orobuild.linker.options import LinkInput, LinkOptions
    from orobuild.linker.script import Script

_SPARE_NAMES: Final = 1 << 16


class ObjectCache:
    """Objects that were read, by name and content. `names` numbers their names.

    `merging` and `decisions` are what those phases keep.
    """

    def __init__(self) -> None:
        self.names = Names()
        self.merging = MergeCache()
        self.decisions = Decisions()
        self._known: dict[tuple[str, str | None], list[ObjectFile]] = {}
        self._used: dict[ObjectFile, None] = {}

    def read(self, files: Sequence[LinkInput]) -> list[ObjectFile]:
        """`files` read; those with the content of before are not read again.

        Raises `InputError` with a diagnostic for every bad file.
        """
        found = [self._find(file) for file in files]
        missing = [file for file, item in zip(files, found, strict=True) if item is None]
        new = read_objects(missing, self.names) if missing else []
        for item in new:
            self._known.setdefault((item.path, item.archive), []).append(item)
        rest = iter(new)
        result = [next(rest) if item is None else item for item in found]
        self._used.update(dict.fromkeys(result))
        return result

    @property
    def size(self) -> int:
        """How many names and literals have numbers; these are never forgotten one by one."""
        return len(self.names) + len(self.merging.literals)

    def _find(self, file: LinkInput) -> ObjectFile | None:
        for item in self._known.get((file.path, file.archive), ()):
            if _is_same(item.source, file.data):
                return item
        return None

    def forget_unused(self) -> None:
        """Forget what nobody has read since the last call."""
        self._known = {}
        for item in self._used:
            self._known.setdefault((item.path, item.archive), []).append(item)
        self._used = {}


def _is_same(first: bytes, second: bytes) -> bool:
    if first is second:
        return True
    if len(first) != len(second):
        return False
    # A view compares byte by byte; as arrays they compare at the speed of memory.
    return bool((np.frombuffer(first, "u1") == np.frombuffer(second, "u1")).all())


class Linker:
    """Links again and again, quickly where little has changed.

    `link` gives the bytes that a new `Linker` gives, whatever was linked before. Not for use by
    several threads at once.
    """

    def __init__(self) -> None:
        self._cache = ObjectCache()
        self._limit: int | None = None

    def link(
        self, inputs: Sequence[LinkInput], script: Script, options: LinkOptions
    ) -> LinkedImage:
        """Link `inputs` by `script`. Raises `InputError` with every diagnostic that was found."""
        from orobuild.linker.phases import link_objects

        if self._limit is not None and self._cache.size > self._limit:
            # Most names are of states long gone: begin anew, at the price of a clean link.
            self._cache, self._limit = ObjectCache(), None
        linked = link_objects(inputs, script, options, self._cache)
        self._limit = self._limit or 4 * self._cache.size + _SPARE_NAMES
        return linked


__all__ = ["Linker", "ObjectCache"]
