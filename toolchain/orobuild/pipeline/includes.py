"""Where a C preprocessor looked for headers in vain: files whose appearance changes a compilation.

A compiler says what it read, not what it would have read had it been there. A header that appears
earlier on the include path than the one that was found replaces it, and only the names in the
sources tell where that is. The answer errs on the side of too many: a conditional `#include` counts
whether or not it was taken.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_NAMED: Final = re.compile(
    rb"^[ \t]*#[ \t]*(?:include|import|embed)(?P<next>_next)?[ \t]*(?:\"(?P<quoted>[^\"\n]+)\"|<(?P<angled>[^>\n]+)>)"
    # A macro may be what an #include names, and a header may be asked for without being read.
    rb"|^[ \t]*#[ \t]*define[ \t]+\w+[ \t]+(?:\"(?P<macro>[^\"\n]+\.\w+)\"|<(?P<angled_macro>[^>\n]+)>)"
    rb"|__has_(?:include|embed)(?:_next)?[ \t]*\([ \t]*[\"<](?P<asked>[^\">\n]+)",
    re.MULTILINE,
)
_DATED: Final = re.compile(rb"__(?:DATE|TIME)__")
_PATH_FLAGS: Final = ("-iquote", "-I", "-isystem", "-idirafter")


def search_path(flags: Sequence[str]) -> list[str]:
    """The directories that `flags` name, in the order in which a compiler looks into them."""
    found: dict[str, list[str]] = {flag: [] for flag in _PATH_FLAGS}
    words = iter(flags)
    for word in words:
        for flag in _PATH_FLAGS:
            if word.startswith(flag):
                name = word[len(flag) :] or next(words, "")
                found[flag].append(name)
                break
    return [name for flag in _PATH_FLAGS for name in found[flag]]


def names_in(text: bytes) -> tuple[tuple[str, bool, bool], ...]:
    """The headers that a source names: each with whether the source's own directory is looked into
    first, and whether the search goes on behind the first that is found."""
    found: dict[tuple[str, bool, bool], None] = {}
    for match in _NAMED.finditer(text):
        quoted = match["quoted"] or match["macro"]
        name = quoted or match["angled"] or match["angled_macro"] or match["asked"]
        own = bool(quoted or match["asked"])
        found[os.fsdecode(name), own, bool(match["next"] or match["macro"])] = None
    return tuple(found)


def is_dated(text: bytes) -> bool:
    """Whether what a source compiles to may have the date in it."""
    return bool(_DATED.search(text))


def absent(
    sources: Sequence[str],
    directories: Sequence[str],
    *,
    names: Callable[[str], tuple[tuple[str, bool, bool], ...]],
    exists: Callable[[str], bool],
) -> Iterator[str]:
    """The files that, if they appeared, would be found by what `sources` include.

    `sources` are a compilation's files, by the names they were read by; `names` gives `names_in` of
    one, `exists` says whether a file is there.
    """
    for source in sources:
        own = os.path.dirname(source)
        for name, looks_beside, goes_on in names(source):
            if name.startswith("/"):
                continue
            places = [own, *directories] if looks_beside else directories
            for place in places:
                path = os.path.join(place, name)
                if not exists(path):
                    yield path
                elif not goes_on:
                    break
