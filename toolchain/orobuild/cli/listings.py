"""Listings on the command line: the letters of `-a`, where the listing goes, the columns' widths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.cli import files
from orobuild.errors import UsageError
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orobuild.assembler.record import Record

_LETTERS: Final = "cdghlmns"
WIDTHS: Final = ("left", "left_more", "right", "continuations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What was asked for: letters, file (`-` for standard output), and widths by their name in
    `orobuild.assembler.listing.Layout`."""

    letters: str
    file: str
    widths: Mapping[str, int]


def requests(values: Sequence[str], widths: Sequence[str | None] = ()) -> Requests:
    """`values` are those of every `-a`, such as ``ln=out.lst``; their letters add up.

    `widths` are in the order of `WIDTHS`. Raises `UsageError`.
    """
    letters, file = "", "-"
    for value in values:
        asked, equals, name = value.partition("=")
        if equals:
            if not name:
                raise UsageError(f"-a{value}: no file is named behind '='")
            file = name
        for letter in asked:
            if letter not in _LETTERS:
                raise UsageError(
                    f"-a{value}: '{letter}' is no kind of listing",
                    hint=f"the letters are {', '.join(_LETTERS)}",
                )
        letters += asked or "hls"
    found: dict[str, int] = {}
    for name, text in zip(WIDTHS, widths, strict=False):
        if text is not None:
            if not text.isdigit():
                raise UsageError(f"'{text}' is not the width of a listing")
            found[name] = int(text)
    # gas/as.c: lines that continue one are at least as wide
    found["left_more"] = max(found.get("left_more", 1), found.get("left", 1))
    return Requests(letters=letters, file=file, widths=found)


def write(
    record: Record, path: str, wanted: Requests, general: str, *, joined: bool = False
) -> None:
    """Write the listing of an assembly whose first input was `path`; `joined` if not the only."""
    from orobuild.assembler import listing

    layout = listing.Layout(letters=wanted.letters, general=general, joined=joined, **wanted.widths)
    files.write(wanted.file, listing.render(record, path, layout, _read))


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
