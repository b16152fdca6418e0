"""How an instruction uses a register or memory, as iced-x86 tells it."""

from __future__ import annotations

from typing import Final

from iced_x86 import OpAccess

WRITES: Final = frozenset(
    (OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE)
)
"""Those that may change it."""
