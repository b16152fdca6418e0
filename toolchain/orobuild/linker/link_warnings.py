"""Warnings that objects carry: `.gnu.warning` and `.gnu.warning.SYMBOL` sections.

The contents of the first is said whenever the object is linked, those of the others when another
object refers to SYMBOL (ld manual, "WARNING" in ldint; _bfd_elf_link_add_object_symbols and
ld/ldelf.c). Neither is part of the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orobuild.diagnostics import Diagnostic, Note, Span, warning
from orobuild.linker.tables import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.symbols import Symbols

_NAME: Final = ".gnu.warning"
_MAX_REFERRERS: Final = 3


def drop_warnings(inputs: Inputs, symbols: Symbols) -> list[int]:
    """Take the sections out of the link; their rows."""
    rows = [
        row
        for row in inputs.rows_beginning(_NAME)
        if inputs.names[row] == _NAME or inputs.names[row][len(_NAME)] == "."
    ]
    symbols.dropped[rows] = True
    return rows


def spoken_warnings(
    inputs: Inputs, symbols: Symbols, rows: list[int], relocations: NDArray[Any]
) -> list[Diagnostic]:
    """What the sections `rows` say about the references in `relocations`."""
    found = []
    for row in rows:
        text = bytes(inputs.section_data(row)).rstrip(b"\0").decode("utf-8", "replace")
        name = inputs.names[row][len(_NAME) + 1 :]
        if not name:
            found.append(_say(inputs.owner(row).label, text, []))
            continue
        number = symbols.numbers.get(name)
        if number is None:
            continue
        uses = relocations[symbols.of_row[relocations["symbol"]] == number]
        owners = inputs.sections["object"][uses["section"]]
        for owner in distinct(owners).tolist():
            if owner == int(inputs.sections["object"][row]):
                continue
            places = [
                Note(f"referred to by {inputs.section_label(int(use['section']))}"
                     f"+{int(use['offset']):#x}")
                for use in uses[owners == owner][:_MAX_REFERRERS]
            ]  # fmt: skip
            found.append(_say(inputs.objects[owner].label, text, places))
    return found


def _say(label: str, text: str, notes: list[Note]) -> Diagnostic:
    return warning(text, Span(label), rule="gnu-warning", notes=notes)
