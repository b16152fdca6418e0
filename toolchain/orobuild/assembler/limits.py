"""What is looked at when an instruction has been encoded: does the processor have it, is it SSE
where AVX is wanted, and do flags want bits of it otherwise.

Only units that ask for it come here; others never look at an encoding again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.assembler import adjustment
from orobuild.diagnostics import error, warning

if TYPE_CHECKING:
    from orobuild.assembler.encoder.types import Dialect, Slot
    from orobuild.assembler.instructions import Instructions
    from orobuild.assembler.processor import Processor
    from orobuild.assembler.symbol import Place


def check(unit: Instructions, found: list[tuple[Slot, Place, Dialect, Processor]]) -> None:
    """Report instructions that are not wanted, and adjust the rest."""
    from orobuild.assembler import processor_features as features

    flags = unit.options.flags
    for slot, place, dialect, processor in found:
        encoded = slot.encoded
        if encoded is None or not encoded.code:
            continue
        bits = dialect.bits
        if processor.features is not None:
            missing = features.lacks(encoded.code, bits, processor.features)
            if missing is not None:
                text = place[1].statements[place[2]]
                unit.report(
                    error(
                        f"'{processor.name}' has no such instruction: it needs {missing}",
                        unit.span_at(place, 0, len(text)),
                        hint="'.arch' or -march= limits what may be used",
                    ),
                    place,
                )
        if flags.sse_check != "none":
            group = features.group_of(encoded.code, bits) or ""
            if group.split("+")[0].startswith(("SSE", "SSSE", "AES", "PCLMULQDQ", "GFNI")):
                kind = error if flags.sse_check == "error" else warning
                unit.report(kind("an SSE instruction is used", unit.span_at(place)), place)
        if flags.changes_bytes and id(slot) not in unit.adjusted:
            unit.adjusted[id(slot)] = slot
            slot.encoded = adjustment.bits_of(encoded, flags, bits)
