"""Which sources are parts of others: a file that another includes gets its section there."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.lint import languages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_INCLUDED: Final = 4 << 20  # bytes of one file that includes, or is included
_MAX_NEIGHBOURS: Final = 2000  # files of a directory that are looked at
_INCLUDE: Final = re.compile(
    rb'^[ \t]*(?:#[ \t]*include|\.include)[ \t]*(["<])([^">\n\0]+)[">]', re.MULTILINE
)


class Includers:
    """The assembly sources of a run, and their neighbours, as far as they include others.

    Nothing is read before somebody asks: most sources choose their section themselves.
    """

    def __init__(self, checked: Sequence[str]) -> None:
        self._checked = checked
        self._neighbours: dict[Path, _Included] = {}

    def include(self, path: str) -> bool:
        """Whether a source of the run, or one beside `path`, includes it."""
        folder = Path(path).parent
        if folder not in self._neighbours:
            self._neighbours[folder] = _Included(_sources_in(folder))
        return path in self._neighbours[folder] or path in self._of_the_run

    @cached_property
    def _of_the_run(self) -> _Included:
        return _Included(self._checked)


class _Included:
    """The files that sources include, by (real path of the file, of the one that includes it)."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._files: dict[str, set[str]] = {}
        self._searched: dict[str, set[str]] = {}  # what `-I` finds: `<asm/entry.S>`
        for source in sources:
            if not languages.is_assembly(languages.of(source)):
                continue
            for opening, name in _included_by(source):
                if opening == b"<":
                    if "/" in name:
                        self._searched.setdefault(f"/{name}", set()).add(os.path.realpath(source))
                    continue
                file = os.path.realpath(Path(source).parent / name)
                self._files.setdefault(file, set()).add(os.path.realpath(source))

    def __contains__(self, path: str) -> bool:
        own = os.path.realpath(path)
        by = set(self._files.get(own, ()))
        for ending, sources in self._searched.items():
            if own.endswith(ending):
                by |= sources
        return bool(by - {own})


def _sources_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.path for e in entries if languages.is_assembly(languages.of(e.name)))
    except OSError:
        return []
    return names[:_MAX_NEIGHBOURS]


def _included_by(source: str) -> list[tuple[bytes, str]]:
    """(`"` or `<`, name) of every include in a file; none of one that cannot be read."""
    file = Path(source)
    try:
        if not file.is_file() or file.stat().st_size > MAX_INCLUDED:
            return []
        text = file.read_bytes()
    except (OSError, ValueError):
        return []
    return [(opening, os.fsdecode(name)) for opening, name in _INCLUDE.findall(text)]
