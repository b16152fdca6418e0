"""Which addresses compilers wrote, by the units of an image's debugging information."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.reader import ElfFile

DW_LANG_MIPS_ASSEMBLER: Final = 0x8001  # what GNU as and clang write for assembly
DW_LANG_ASSEMBLY: Final = 0x0031


def compiled_ranges(elf: ElfFile) -> tuple[tuple[int, int], ...]:
    """(start, end) of the code of each unit in a language that is not assembly.

    Empty without debugging information; units that cannot be read end the list.
    """
    if elf.section(".debug_info") is None:
        return ()
    from elftools.elf.elffile import ELFFile

    result: list[tuple[int, int]] = []
    try:
        dwarf = ELFFile(io.BytesIO(elf.data)).get_dwarf_info(relocate_dwarf_sections=False)
        lists = dwarf.range_lists()
        for unit in dwarf.iter_CUs():
            top = unit.get_top_DIE()
            language = top.attributes.get("DW_AT_language")
            if language is None or language.value in (DW_LANG_MIPS_ASSEMBLER, DW_LANG_ASSEMBLY):
                continue
            result += _ranges(top, unit, lists)
    except Exception:  # noqa: S110 - damaged information makes pyelftools raise anything
        pass
    return tuple(result)


def _ranges(top: Any, unit: Any, lists: Any) -> Iterator[tuple[int, int]]:
    low = top.attributes.get("DW_AT_low_pc")
    high = top.attributes.get("DW_AT_high_pc")
    base = low.value if low else 0
    if low and high:
        is_address = high.form == "DW_FORM_addr"
        yield base, high.value if is_address else base + high.value
        return
    ranges = top.attributes.get("DW_AT_ranges")
    if ranges is None or lists is None:
        return
    for entry in lists.get_range_list_at_offset(ranges.value, cu=unit):
        if hasattr(entry, "base_address"):
            base = entry.base_address
        elif getattr(entry, "is_absolute", False):
            yield entry.begin_offset, entry.end_offset
        else:
            yield base + entry.begin_offset, base + entry.end_offset
