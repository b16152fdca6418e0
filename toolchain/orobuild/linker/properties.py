"""Program properties: the `.note.gnu.property` sections of all objects made into one.

What an object needs is needed by the image, what an object supports only if all objects do (x86-64
psABI 1.0, "Program Property"; Linux gABI extensions, "Program Property"; bfd/elf-properties.c and
bfd/elfxx-x86.c of binutils 2.40).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.errors import InputError

if TYPE_CHECKING:
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.symbols import Symbols

NAME: Final = ".note.gnu.property"
X86_FEATURE_1_AND: Final = 0xC0000002
X86_ISA_1_NEEDED: Final = 0xC0008002
_NT_GNU_PROPERTY_TYPE_0: Final = 5
_STACK_SIZE: Final = 1
_NO_COPY_ON_PROTECTED: Final = 2
_HEADER: Final = struct.Struct("<III4s")
_OWNER: Final = b"GNU\0"
# pr_type ranges and how values of several objects are joined
_AND: Final = ((0xB0000000, 0xB0007FFF), (0xC0000002, 0xC0007FFF))
_OR: Final = ((0xB0008000, 0xB000FFFF), (0xC0008000, 0xC000FFFF))
_OR_AND: Final = ((0xC0010000, 0xC0017FFF),)


def merge_properties(
    inputs: Inputs, symbols: Symbols, forced: tuple[tuple[int, int], ...] = ()
) -> None:
    """Put the properties of all objects into the first note and drop the others.

    `forced` are (pr_type, bits) that the image has whatever the objects say. Raises `InputError`.
    """
    rows = [
        row
        for row in inputs.rows_called(NAME).tolist()
        if inputs.sections["type"][row] == c.SHT_NOTE and not symbols.dropped[row]
    ]
    if not rows and not forced:
        return
    word = 8 if inputs.ei_class == c.ELFCLASS64 else 4
    by_object: dict[int, dict[int, int]] = {number: {} for number in range(len(inputs.objects))}
    for row in rows:
        by_object[int(inputs.sections["object"][row])] |= _read(inputs, row, word)
    merged = _join(list(by_object.values()))
    for kind, bits in forced:
        merged[kind] = merged.get(kind, 0) | bits
    merged = {kind: value for kind, value in merged.items() if value or kind <= _STACK_SIZE + 1}
    symbols.dropped[rows] = True
    if not merged:
        return
    data = _write(merged, word)
    if rows:
        first = rows[0]
        symbols.dropped[first] = False
    else:
        import numpy as np

        first = inputs.add_section(0, NAME, type=c.SHT_NOTE, flags=c.SHF_ALLOC, align=word)
        symbols.dropped = np.append(symbols.dropped, False)
    inputs.contents[first] = data
    inputs.sections["size"][first] = len(data)
    inputs.sections["align"][first] = word


def _read(inputs: Inputs, row: int, word: int) -> dict[int, int]:
    """The properties of one section, by pr_type."""
    data = bytes(inputs.section_data(row))
    found: dict[int, int] = {}
    at = 0
    while at < len(data):
        if len(data) - at < _HEADER.size:
            raise _damaged(inputs, row, "ends inside a note's header")
        name_size, size, kind, owner = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        if name_size != len(_OWNER) or owner != _OWNER or kind != _NT_GNU_PROPERTY_TYPE_0:
            raise _damaged(inputs, row, "holds a note that is not NT_GNU_PROPERTY_TYPE_0")
        if size > len(data) - at or size % word:
            raise _damaged(inputs, row, f"has a note of {size} bytes")
        end = at + size
        while at < end:
            if end - at < 8:
                raise _damaged(inputs, row, "ends inside a property")
            pr_type, pr_datasz = struct.unpack_from("<II", data, at)
            at += 8
            if pr_datasz > end - at or pr_datasz not in (0, 4, 8):
                raise _damaged(inputs, row, f"has a property {pr_type:#x} of {pr_datasz} bytes")
            value = int.from_bytes(data[at : at + pr_datasz], "little")
            at += -(-pr_datasz // word) * word
            if pr_type <= _NO_COPY_ON_PROTECTED or _is_in(pr_type, (*_AND, *_OR, *_OR_AND)):
                found[pr_type] = found.get(pr_type, 0) | value
    return found


def _damaged(inputs: Inputs, row: int, what: str) -> InputError:
    return InputError(
        error(
            f"section '{NAME}' {what}",
            Span(inputs.owner(row).label),
            rule="elf",
            hint="the object is damaged, or made by something that is not a compiler",
        )
    )


def _is_in(kind: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= kind <= high for low, high in ranges)


def _join(objects: list[dict[int, int]]) -> dict[int, int]:
    """The properties of the image; an object without a note has none."""
    merged: dict[int, int] = {}
    for kind in sorted({kind for found in objects for kind in found}):
        values = [found[kind] for found in objects if kind in found]
        everywhere = len(values) == len(objects)
        if _is_in(kind, _AND):
            value = 0xFFFFFFFF if everywhere else 0
            for other in values:
                value &= other
        elif _is_in(kind, _OR_AND) and not everywhere:
            value = 0
        elif kind == _STACK_SIZE:
            value = max(values)
        else:
            value = 0
            for other in values:
                value |= other
        if value or kind == _NO_COPY_ON_PROTECTED:
            merged[kind] = value
    return merged


def _write(merged: dict[int, int], word: int) -> bytes:
    body = b""
    for kind, value in sorted(merged.items()):
        size = {_STACK_SIZE: word, _NO_COPY_ON_PROTECTED: 0}.get(kind, 4)
        content = value.to_bytes(size, "little") if size else b""
        body += struct.pack("<II", kind, size) + content + bytes(-size % word)
    return _HEADER.pack(len(_OWNER), len(body), _NT_GNU_PROPERTY_TYPE_0, _OWNER) + body
