"""Relocation: computes every field that a relocation changes, one type at a time, as arrays.

Works on the output file's bytes. A value that does not fit its field is an error that names the
symbol, the value and the limit; nothing is ever truncated silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Diagnostic, Note, Span, error
from orobuild.elf.descriptions import relocation_type
from orobuild.errors import InputError
from orobuild.linker.got import ENTRY_FORMULAS
from orobuild.linker.relocation_types import Formula, table
from orobuild.linker.tables import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.got import GlobalOffsetTable
    from orobuild.linker.relocation_types import RelocationType
    from orobuild.linker.resolution import Resolution

_MAX_REPORTS: Final = 20


def check_types(resolution: Resolution, relocations: NDArray[Any]) -> None:
    """Refuse relocation types that are not implemented and offsets outside their sections."""
    types = table(resolution.inputs.e_machine)
    kinds = relocations["type"]
    problems: list[Diagnostic] = []
    width = np.zeros(max(types) + 2, "u8")
    width[list(types)] = [kind.width for kind in types.values()]
    known = np.zeros(len(width), bool)
    known[list(types)] = True
    # One number stands for all that are larger than any known one.
    kinds = np.minimum(kinds, len(width) - 1)
    if not known[kinds].all():
        strange = relocations[~known[kinds]]
        for r_type in distinct(strange["type"]).tolist():
            rows = np.flatnonzero(strange["type"] == r_type)
            problems.append(_unsupported(resolution, strange[rows[0]], len(rows)))
    limit = resolution.inputs.sections["size"][relocations["section"]]
    needed = width[kinds]
    outside = (limit < needed) | (relocations["offset"] > limit - np.minimum(limit, needed))
    if outside.any():
        wrong = relocations[outside & known[kinds]]
        _, first = np.unique(wrong["type"], return_index=True)
        problems += [_outside(resolution, wrong[index]) for index in first.tolist()]
    if problems:
        raise InputError(problems)


def place_name(resolution: Resolution, entry: Any) -> str:
    """`object:(section+0x10)`, the function around it, and the source line where it is known."""
    section, offset = int(entry["section"]), int(entry["offset"])
    inputs = resolution.inputs
    owner = inputs.objects[inputs.sections["object"][section]]
    inside = resolution.enclosing(section, offset)
    tail = f" in {inside}" if inside else ""
    source = resolution.source_of(section, offset)
    line = f", {source}" if source else ""
    return f"{owner.label}:({inputs.names[section]}+{offset:#x}){tail}{line}"


def _owner_span(resolution: Resolution, section: int) -> Span:
    inputs = resolution.inputs
    return Span(inputs.objects[inputs.sections["object"][section]].label)


def _unsupported(resolution: Resolution, entry: Any, count: int) -> Diagnostic:
    r_type = int(entry["type"])
    name = relocation_type(resolution.inputs.e_machine, r_type)
    thread_local = name.startswith(("R_X86_64_TLS", "R_X86_64_DTP", "R_X86_64_GOTTP", "R_386_TLS"))
    hint = "compile with -ftls-model=local-exec" if thread_local else None
    symbol = resolution.inputs.symbol_name(int(entry["symbol"]))
    return error(
        f"relocation type {name} is not supported ({count} in the input, the first against "
        f"'{symbol}' at {place_name(resolution, entry)})",
        _owner_span(resolution, int(entry["section"])),
        hint=hint,
        rule="relocation",
    )


def _outside(resolution: Resolution, entry: Any) -> Diagnostic:
    section = int(entry["section"])
    return error(
        f"a relocation at offset {int(entry['offset']):#x} lies outside section "
        f"'{resolution.inputs.names[section]}' of "
        f"{int(resolution.inputs.sections['size'][section]):#x} bytes",
        _owner_span(resolution, section),
        rule="relocation",
    )


def apply_relocations(
    resolution: Resolution,
    relocations: NDArray[Any],
    image: NDArray[np.uint8],
    file_offset: NDArray[np.uint64],
    got: GlobalOffsetTable,
) -> None:
    """Write the value of every relocation into `image`.

    `file_offset[section row]` is where a section's bytes start in `image`. Relocations against
    discarded sections must be gone already, except in non-allocated sections, where they become
    0. Raises `InputError` with the values that do not fit.
    """
    types = table(resolution.inputs.e_machine)
    problems: list[Diagnostic] = []
    kinds = relocations["type"]
    counts = np.bincount(kinds)
    # Sorted by type, so that each type is a range; small numbers are sorted in linear time.
    order = np.argsort(kinds.astype("u2"), kind="stable")
    section, symbol = relocations["section"][order], relocations["symbol"][order]
    offset, addend = relocations["offset"][order], relocations["addend"][order].view("u8")
    place = resolution.section_address[section] + offset
    value = resolution.symbol_value[symbol] + addend
    position = (file_offset[section] + offset).astype("i8")
    dead = ~resolution.symbol_live[symbol]
    weak = resolution.symbol_weak_undefined[symbol]
    ends = np.cumsum(counts)
    for r_type in np.flatnonzero(counts).tolist():
        kind = types[r_type]
        if kind.formula is Formula.NOTHING:
            continue
        mine = slice(int(ends[r_type] - counts[r_type]), int(ends[r_type]))
        fields = _Fields(symbol[mine], addend[mine], place[mine], value[mine])
        if kind.formula in ENTRY_FORMULAS:
            lost = np.flatnonzero(~np.isin(fields.symbol, list(got.entry_of)))
            if len(lost):
                raise _without_entry(resolution, relocations[order[mine.start + int(lost[0])]])
        result = _values(resolution, fields, kind, got)
        result[dead[mine]] = 0
        unchecked = dead[mine] | (weak[mine] & (kind.formula is Formula.RELATIVE))
        wrong = _out_of_range(result, unchecked, kind)
        for index in np.flatnonzero(wrong)[:_MAX_REPORTS].tolist():
            entry = relocations[order[mine.start + index]]
            problems.append(_too_far(resolution, entry, int(result[index]), kind))
        _store(image, position[mine], result, kind.width)
    if problems:
        raise InputError(problems[:_MAX_REPORTS])


@dataclass(frozen=True, slots=True)
class _Fields:
    """Columns of relocations of one type: `place` is P, `value` S + A."""

    symbol: NDArray[np.int32]
    addend: NDArray[np.uint64]
    place: NDArray[np.uint64]
    value: NDArray[np.uint64]


def _store(
    image: NDArray[np.uint8], position: NDArray[np.int64], value: NDArray[np.uint64], width: int
) -> None:
    """Write the low `width` bytes of each value, little-endian, at its position."""
    # A view of the image as overlapping words, one at every byte.
    words: NDArray[Any] = np.ndarray((len(image) - width + 1,), f"<u{width}", image, strides=(1,))
    words[position] = value.astype(words.dtype)


def _values(
    resolution: Resolution, fields: _Fields, kind: RelocationType, got: GlobalOffsetTable
) -> NDArray[np.uint64]:
    symbol, addend, place, value = fields.symbol, fields.addend, fields.place, fields.value
    formula = kind.formula
    if formula is Formula.ABSOLUTE:
        return value
    if formula is Formula.RELATIVE:
        return value - place
    if formula is Formula.SIZE:
        size: NDArray[np.uint64] = resolution.symbol_size[symbol] + addend
        return size
    if formula is Formula.GOT_OFFSET:
        return value - np.uint64(got.base)
    if formula is Formula.GOT_BASE:
        return np.uint64(got.base) + addend - place
    if formula is Formula.GOT_ENTRY:
        return got.entries_of(symbol) + addend - np.uint64(got.base)
    if formula is Formula.THREAD:
        return value - np.uint64(got.thread_end)
    if formula is Formula.THREAD_OFFSET:
        return value - np.uint64(got.thread_start)
    return got.entries_of(symbol) + addend - place


def _without_entry(resolution: Resolution, entry: Any) -> InputError:
    """An entry holds the address of a symbol; what merging has moved to a string has none."""
    return InputError(
        error(
            f"{place_name(resolution, entry)} wants an entry of the global offset table for "
            f"'{resolution.target_name(entry)}', which is in a merged section",
            _owner_span(resolution, int(entry["section"])),
            hint="refer to a symbol, not to the section",
            rule="relocation",
        )
    )


def _out_of_range(
    value: NDArray[np.uint64], unchecked: NDArray[np.bool_], kind: RelocationType
) -> NDArray[np.bool_]:
    """Which values do not fit their fields."""
    if kind.width == 8 or kind.low < -(1 << 63):
        return np.zeros(len(value), bool)
    if kind.low >= 0:
        return (value > np.uint64(kind.high)) & ~unchecked
    signed = value.view("i8")
    return ((signed < kind.low) | (signed > kind.high)) & ~unchecked


def _too_far(resolution: Resolution, entry: Any, value: int, kind: RelocationType) -> Diagnostic:
    number = value - (1 << 64) if kind.low < 0 and value >> 63 else value
    shown = f"-{-number:#x}" if number < 0 else f"{number:#x}"
    low = f"-{-kind.low:#x}" if kind.low < 0 else "0"
    name = resolution.target_name(entry)
    r_type = relocation_type(resolution.inputs.e_machine, int(entry["type"]))
    address = int(resolution.symbol_value[entry["symbol"]])
    symbol = resolution.inputs.symbol_name(int(entry["symbol"]))
    return error(
        f"relocation {r_type} against '{name}' is out of range: {shown} is not in "
        f"{low}…{kind.high:#x}",
        _owner_span(resolution, int(entry["section"])),
        hint=kind.hint,
        rule="relocation-range",
        notes=[
            Note(f"at {place_name(resolution, entry)}"),
            Note(f"'{symbol}' is at {address:#x}"),
        ],
    )


__all__ = ["apply_relocations", "check_types", "place_name"]
