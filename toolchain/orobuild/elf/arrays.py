"""Symbol and relocation tables as numpy arrays, in the names of the specification.

Zero-copy views on an `ElfFile`'s bytes. Kept apart from `reader` because importing numpy costs
more than reading a small file: only the linker and the image rules of lint import this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.elf.constants import ELFCLASS32, ELFCLASS64, SHT_RELA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import SectionHeader

SYM: Final = {
    ELFCLASS32: np.dtype(
        [
            ("st_name", "<u4"),
            ("st_value", "<u4"),
            ("st_size", "<u4"),
            ("st_info", "u1"),
            ("st_other", "u1"),
            ("st_shndx", "<u2"),
        ]
    ),
    ELFCLASS64: np.dtype(
        [
            ("st_name", "<u4"),
            ("st_info", "u1"),
            ("st_other", "u1"),
            ("st_shndx", "<u2"),
            ("st_value", "<u8"),
            ("st_size", "<u8"),
        ]
    ),
}
RELOCATION: Final = np.dtype(
    [("r_offset", "<u8"), ("r_sym", "<u4"), ("r_type", "<u4"), ("r_addend", "<i8")]
)


def symbols(elf: ElfFile, table: SectionHeader) -> NDArray[Any]:
    """The symbol table as one row a symbol, dtype `SYM[ei_class]`; a view, not a copy."""
    return np.frombuffer(elf.section_data(table), dtype=SYM[elf.ei_class])


def relocations(elf: ElfFile, section: SectionHeader) -> NDArray[Any]:
    """One row a relocation, dtype `RELOCATION`; `r_addend` is 0 for SHT_REL entries."""
    data = elf.section_data(section)
    rela = section.sh_type == SHT_RELA
    if elf.ei_class == ELFCLASS64:
        fields = [("r_offset", "<u8"), ("r_type", "<u4"), ("r_sym", "<u4")]
        raw = np.frombuffer(data, np.dtype(fields + ([("r_addend", "<i8")] if rela else [])))
        sym, kind = raw["r_sym"], raw["r_type"]
    else:
        fields = [("r_offset", "<u4"), ("r_info", "<u4")]
        raw = np.frombuffer(data, np.dtype(fields + ([("r_addend", "<i4")] if rela else [])))
        sym, kind = raw["r_info"] >> 8, raw["r_info"] & 0xFF
    rows = np.zeros(len(raw), RELOCATION)
    rows["r_offset"], rows["r_sym"], rows["r_type"] = raw["r_offset"], sym, kind
    if rela:
        rows["r_addend"] = raw["r_addend"]
    return rows
