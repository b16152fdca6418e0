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
from orobuild.assembler.directives.storage import DIRECTIVES as STORAGE
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
    **STORAGE,
    **SYMBOLS,
}

REFUSED: Final[dict[str, str]] = {
    name: f"'{name}' is not supported: {reason}"
    for name, reason in {
        ".bundle_align_mode": "instruction bundles are for sandboxes, not for kernels",
        ".bundle_lock": "instruction bundles are for sandboxes, not for kernels",
        ".bundle_unlock": "instruction bundles are for sandboxes, not for kernels",
        ".cfi_fde_data": "GNU as has it for other processors only",
        ".cfi_inline_lsda": "GNU as has it for other processors only",
        ".cfi_personality_id": "GNU as has it for other processors only",
        ".rva": "image-relative addresses exist in PE, not in ELF",
        ".intel_mnemonic": "only AT&T mnemonics are supported",
        ".stabs": "stabs debug information is not supported; use -g for DWARF",
        ".stabn": "stabs debug information is not supported; use -g for DWARF",
        ".stabd": "stabs debug information is not supported; use -g for DWARF",
        ".def": "COFF debug information is not supported",
        ".vtable_entry": "C++ vtable garbage collection of old linkers is not implemented",
        ".vtable_inherit": "C++ vtable garbage collection of old linkers is not implemented",
    }.items()
}
