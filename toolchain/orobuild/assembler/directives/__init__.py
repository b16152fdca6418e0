"""Directives: one table from name to what the directive does.

Each module of this package owns the directives of one subject and says so in a dict; `TABLE`
joins them. `REFUSED` lists what GNU as knows and we refuse, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.directives.conditionals import DIRECTIVES as CONDITIONALS
from orobuild.assembler.directives.data import DIRECTIVES as DATA
from orobuild.assembler.directives.debug import DIRECTIVES as DEBUG
from orobuild.assembler.directives.frames import DIRECTIVES as FRAMES
from orobuild.assembler.directives.location import DIRECTIVES as LOCATION
from orobuild.assembler.directives.rare import DIRECTIVES as RARE
from orobuild.assembler.directives.reading import DIRECTIVES as READING
from orobuild.assembler.directives.sections import DIRECTIVES as SECTIONS
from orobuild.assembler.directives.symbols import DIRECTIVES as SYMBOLS
from orobuild.assembler.directives.symbols import assign

if TYPE_CHECKING:
    from orobuild.assembler.directives.table import Directive

__all__ = ["REFUSED", "TABLE", "assign"]

TABLE: Final[dict[str, Directive]] = {
    **CONDITIONALS,
    **DATA,
    **DEBUG,
    **FRAMES,
    **LOCATION,
    **RARE,
    **READING,
    **SECTIONS,
    **SYMBOLS,
}

REFUSED: Final[dict[str, str]] = {
    name: f"'{name}' is not supported: {reason}"
    for name, reason in {
        ".bundle_align_mode": "instruction bundles are for sandboxes, not for kernels",
        ".bundle_lock": "instruction bundles are for sandboxes, not for kernels",
        ".bundle_unlock": "instruction bundles are for sandboxes, not for kernels",
        ".linkonce": "use '.section' with a group, comdat",
        ".attach_to_group": "name the group in '.section'",
        ".cfi_window_save": "x86 has no register windows",
        ".cfi_label": "labels inside .eh_frame are not supported",
        ".intel_mnemonic": "only AT&T mnemonics are supported",
        ".largecomm": "the large model's common symbols are not supported",
        ".stabs": "stabs debug information is not supported; use -g for DWARF",
        ".stabn": "stabs debug information is not supported; use -g for DWARF",
        ".stabd": "stabs debug information is not supported; use -g for DWARF",
        ".def": "COFF debug information is not supported",
        ".tfloat": "80-bit floating point data is not implemented",
        ".ldouble": "80-bit floating point data is not implemented",
        ".bfloat16": "bfloat16 data is not implemented",
        ".vtable_entry": "C++ vtable garbage collection of old linkers is not implemented",
        ".vtable_inherit": "C++ vtable garbage collection of old linkers is not implemented",
        ".gnu_attribute": "object attributes do not exist for x86",
    }.items()
}
