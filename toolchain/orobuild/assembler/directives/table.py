"""The shape of a directive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive. `run` gets the unit and the operands; it raises `InputError`.

    `conditional`: also looked at in the skipped part of an `.if`. `note` is what the status
    table in the documentation says about it.
    """

    run: Callable[[Unit, Operands], None]
    note: str = ""
    conditional: bool = False
