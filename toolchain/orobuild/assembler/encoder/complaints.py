"""What to say about a statement that has no encoding: the likeliest mistake, at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.mnemonics import VECTOR_SIZED
from orobuild.assembler.encoder.operands import Immediate, Memory, RegisterOperand
from orobuild.assembler.encoder.registers import RegisterClass
from orobuild.diagnostics import Diagnostic, did_you_mean, error

if TYPE_CHECKING:
    from orobuild.assembler.encoder.shaping import Statement
    from orobuild.assembler.encoder.types import Locate


UNKNOWN_INSTRUCTION: Final = "unknown-instruction"
"""The rule of a diagnostic whose place is a word that is no mnemonic; it may be a macro's."""


_PREFIX_REASONS = {
    "not lockable": "'lock' stands only before an instruction that changes memory and is lockable",
    "not a string instruction": "'rep' stands only before a string instruction",
    "a prefix that the instruction does not take": "it does not take the prefix before it",
    "a REX prefix whose bits the instruction sets itself": "it sets bits of the REX prefix itself",
    "more than 15 bytes": "with its prefixes it has more than 15 bytes, which no processor runs",
    "a prefix that makes it another instruction": "the prefix before it makes it another instruction",
}


def explain(statement: Statement, reason: str, locate: Locate) -> Diagnostic:
    """The diagnostic for a statement; `reason` is what the encoder or the decoder said."""
    from orobuild.assembler.encoder import meaning
    from orobuild.assembler.encoder.compilation import HIGH_BYTE

    mnemonic, operands = statement.mnemonic, statement.operands
    place = locate(*statement.mnemonic_place)
    if reason == "unknown mnemonic":
        return error(
            f"unknown instruction '{mnemonic}'",
            place,
            hint=did_you_mean(mnemonic, sorted(meaning.known_mnemonics())),
            rule=UNKNOWN_INSTRUCTION,
        )
    if reason in _PREFIX_REASONS:
        return error(f"'{mnemonic}': {_PREFIX_REASONS[reason]}", place)
    if reason == HIGH_BYTE:
        return error(f"cannot encode '{mnemonic}': {reason}", place)
    general = [
        (o, i)
        for i, o in enumerate(operands)
        if isinstance(o, RegisterOperand) and o.register.kind is RegisterClass.GENERAL
    ]
    sizes = {o.register.size for o, _ in general}
    if len(sizes) > 1 and len(operands) == 2 and len(general) == 2:
        start, length = statement.places[general[-1][1]]
        first, second = (o.register for o, _ in general)
        return error(
            f"operand size mismatch for '{mnemonic}'",
            locate(start, length),
            hint=f"%{first.name} has {first.size * 8} bits, %{second.name} has {second.size * 8}",
        )
    if VECTOR_SIZED.fullmatch(mnemonic) and any(isinstance(o, Memory) for o in operands):
        return error(
            f"no suffix tells how long the memory operand of '{mnemonic}' is",
            place,
            hint=f"write {mnemonic}x, {mnemonic}y or {mnemonic}z for 16, 32 or 64 bytes",
        )
    registers = [o for o in operands if isinstance(o, RegisterOperand)]
    if not registers and any(isinstance(o, Memory) for o in operands) and len(operands) <= 2:
        from orobuild.assembler.encoder.mnemonics import SUFFIX_SIZE

        if mnemonic[-1] not in SUFFIX_SIZE or meaning.is_known(mnemonic + "l"):
            return error(
                "no instruction mnemonic suffix given and no register operands; "
                f"cannot size '{mnemonic}'",
                place,
                hint=f"write {mnemonic}b, {mnemonic}w, {mnemonic}l or {mnemonic}q",
            )
    if statement.values and any(isinstance(o, Immediate) for o in operands):
        kind = "immediate out of range or operands of a kind"
    else:
        kind = "operands of a number, kind or size"
    return error(
        f"cannot encode '{statement.text.strip()}': {kind} that '{mnemonic}' "
        f"does not take in {statement.dialect.bits}-bit code",
        place,
    )
